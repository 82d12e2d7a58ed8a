//! The load generator: puts messages on a server and measures what comes of
//! it.
//!
//! A run is a [`BenchConfig`] that [`run`] turns into a [`Summary`]. The
//! connections are spread over threads that share nothing while messages fly;
//! each thread is one future (`driver`) that owns its connections, a frame
//! engine ([`frames`]), the [`schedule`] and its histograms ([`stats`]), which
//! it hands over once a second.
//!
//! Latency is measured from when a message was *meant* to leave, so that a
//! server that stops for a while cannot hide it, and from when it left.
//!
//! Boundary: this module formats nothing, prints nothing, and knows no flags.

#[cfg(test)]
mod accounting_tests;
pub(crate) mod bottleneck;
mod churn;
pub mod clock;
pub mod config;
mod conn;
mod coordinator;
mod counted;
pub mod counters;
mod driver;
mod ended;
mod engine;
pub mod frames;
mod inbox;
mod ledger;
pub mod limits;
mod link;
pub mod matching;
mod messages;
mod opener;
mod opening;
mod pacer;
pub mod payload;
mod poller;
mod progress;
mod queue;
pub mod schedule;
pub mod stats;
mod stream;
pub mod summary;
mod tag;
pub mod template;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub mod threshold;
mod usage;
mod utf8;

pub use config::{BenchConfig, Load, Mode};
pub use engine::run;
pub use messages::{BenchError, Live, Part};
pub use pacer::Pacing;
pub use summary::Summary;
