//! wscli: the WebSocket tool as a library.
//!
//! The modules, in reading order: [`connection`] is the core that everything
//! else stands on (from a URL to an open socket), [`server`] answers, [`bench`]
//! puts load on one and measures, [`report`] makes documents of results, and
//! [`commands`] turn arguments ([`cli`]) into engines and their results into
//! an [`exit`] status. [`terminal`] alone writes to the standard streams.

pub mod bench;
pub mod cli;
pub mod commands;
pub mod connection;
pub mod exit;
pub mod report;
pub mod server;
pub mod terminal;
