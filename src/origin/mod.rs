//! Web origins, what a server thinks of them, and how to find out.
//!
//! Boundary: [`web_origin`] and [`policy`] are pure values and functions,
//! which `serve` shares. The rest is the origin-enforcement test, in the order
//! of its work: [`catalogue`] and [`plan`] say what to send, [`runner`] sends
//! it through the connection core, [`profile`] compares the answers with those
//! to the allowed origin, and [`verdict`] sums them up. Nothing here prints.

pub(crate) mod beside;
pub(crate) mod catalogue;
pub(crate) mod observe;
pub(crate) mod plan;
pub(crate) mod policy;
pub(crate) mod profile;
pub(crate) mod rating;
pub(crate) mod remedy;
pub(crate) mod runner;
pub(crate) mod secret;
pub(crate) mod verdict;
pub(crate) mod web_origin;

pub(crate) use policy::{AllowOrigin, AllowOriginError, OriginPolicy, OriginRefusal};
pub(crate) use web_origin::{OriginError, WebOrigin};
