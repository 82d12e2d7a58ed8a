//! Web origins, what a server thinks of them, and how to find out.
//!
//! Boundary: [`web_origin`] and [`policy`] are pure values and functions,
//! which `serve` shares. The rest is the origin-enforcement test, in the order
//! of its work: [`catalogue`] and [`plan`] say what to send, [`runner`] sends
//! it through the connection core, [`profile`] compares the answers with those
//! to the allowed origin, and [`verdict`] sums them up. Nothing here prints.

pub mod beside;
pub mod catalogue;
pub mod observe;
pub mod plan;
pub mod policy;
pub mod profile;
pub mod rating;
pub mod remedy;
pub mod runner;
pub mod secret;
pub mod verdict;
pub mod web_origin;

pub use policy::{AllowOrigin, AllowOriginError, OriginPolicy, OriginRefusal};
pub use web_origin::{OriginError, WebOrigin};
