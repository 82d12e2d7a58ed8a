//! Scripts: steps that are taken one after the other over a connection, beside rules
//! that answer what comes at any time.
//!
//! ```text
//! messages ──▶ records ──▶ rules ──▶ inbox ──▶ the step that waits
//!                            │                         │
//!                            └──▶ answers     what is sent next, or the verdict
//! ```
//!
//! [`Run`] is a machine without a socket or a clock: its owner tells it what came and
//! when, and asks it what to do next. A record stands in the inbox until a step has
//! taken it or passed it over, so that a reply that came before its step began is not
//! lost.
//!
//! It prints nothing and reads no environment.

mod expr;
mod inbox;
mod pattern;
mod run;
mod tree;
mod unmet;

pub use expr::{Expressions, Template};
pub use inbox::Closing;
pub use pattern::Pattern;
pub use run::{Act, Run, RunConfig};
pub use tree::{Action, Payload, Rule, Selector, Step, Then, duplicate, unset};
pub use unmet::Unmet;
