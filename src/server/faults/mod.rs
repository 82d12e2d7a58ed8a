//! Faults, as data: what is to go wrong, and when. Pure.
//!
//! [`parse()`] makes a [`Plan`] of a path of the fault lab and its query;
//! `opening` is its part in the opening handshake, [`SessionPlan`] that on the
//! open WebSocket. [`Chaos`] decides by chance, message by message. The lab
//! carries them out today (`behaviour::lab`), and only by itself: it sends plain
//! echoes of its own. A plan of faults around any behaviour belongs here, in three
//! stages: the opening handshake, messages, frames.
//! `docs/fault-lab.md` is the table for users.

mod chaos;
mod opening;
mod parse;
mod plan;

pub use chaos::{Chaos, ChaosError};
pub(crate) use chaos::{Effect, SplitMix64};
pub(crate) use opening::LabError;
pub(crate) use parse::parse;
pub(crate) use plan::{Ending, InvalidFrame, Plan, Sends, SessionPlan};
