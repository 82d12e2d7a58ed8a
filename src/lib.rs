//! wscli: the WebSocket tool as a library.
//!
//! The modules, in reading order: [`connection`] is the core that everything
//! else stands on (from a URL to an open socket), [`server`] answers, and
//! [`commands`] turn arguments ([`cli`]) into engines and their results into
//! an [`exit`] status. [`terminal`] alone writes to the standard streams.

pub mod cli;
pub mod commands;
pub mod connection;
pub mod exit;
pub mod origin;
pub mod report;
pub mod server;
pub mod terminal;
