//! Web origins and what a server thinks of them: pure values and functions.
//!
//! Boundary: nothing here touches a socket or a header map. [`WebOrigin`] is
//! the value of an `Origin` header, [`OriginPolicy`] the rule that judges it.

pub mod policy;
pub mod web_origin;

pub use policy::{AllowOrigin, AllowOriginError, OriginPolicy, OriginRefusal};
pub use web_origin::{OriginError, WebOrigin};
