//! Faults, as data: what is to go wrong, and when. Pure.
//!
//! [`parse()`] makes a [`Plan`] of a path of the fault lab and its query. A plan is
//! around any behaviour, in stages: `opening` before the 101, then [`LinePlan`] for
//! messages and frames (`behaviour::faulty` carries it out). [`Chaos`] decides by
//! chance, message by message. `catalogue` has every name once, for the parser, for
//! `GET /lab` and for `docs/fault-lab.md`.

pub(crate) mod catalogue;
mod chaos;
mod opening;
mod parse;
mod plan;
mod values;

pub use chaos::{Chaos, ChaosError};
pub(crate) use chaos::{Effect, SplitMix64};
pub(crate) use opening::LabError;
pub(crate) use parse::parse;
pub(crate) use plan::{Ending, InvalidFrame, LinePlan, Plan, Sends, When};
