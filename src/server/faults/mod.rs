//! Faults, as data: what is to go wrong, and when. Pure.
//!
//! [`parse()`] makes a [`Plan`] of a path of the fault lab and its query. A plan is
//! around any behaviour, in stages: [`Opening`] before the 101 or in its place, then
//! [`LinePlan`] for messages, frames and bytes (`behaviour::faulty` carries it out).
//! [`Chaos`] decides by chance, message by message. `catalogue` has every name once,
//! for the parser, for `GET /lab` and for `docs/fault-lab.md`.

pub(crate) mod catalogue;
mod chaos;
mod deflate;
mod error;
mod frames;
mod message;
mod opening;
mod pace;
mod parse;
mod plan;
mod rows;
mod values;

pub use chaos::{Chaos, ChaosError};
pub(crate) use chaos::{Effect, SplitMix64};
pub(crate) use error::LabError;
pub(crate) use message::{MessageFault, corrupt, truncate};
pub(crate) use opening::{After, Compression, Failure, Opening, RawAnswer};
pub(crate) use pace::Pace;
pub(crate) use parse::parse;
pub(crate) use plan::{CloseAnswer, Ending, LinePlan, Plan, Pongs, Sends, When};
