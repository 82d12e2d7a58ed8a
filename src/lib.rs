//! wscli: the WebSocket tool as a library.
//!
//! The modules, in reading order: [`connection`] is the core that everything
//! else stands on (from a URL to an open socket), [`origin`] judges where a
//! request comes from, [`server`] answers, [`pipe`] connects a socket with the
//! standard streams, [`talk`] is the conversation and its log, [`repl`] the
//! prompt, [`bench`](mod@bench) puts load on a server and measures, and [`commands`] turn
//! arguments ([`cli`]) into engines and their results ([`report`]) into an
//! [`exit`] status. [`terminal`] alone writes to the standard streams.

#![warn(clippy::disallowed_methods)]

pub mod bench;
pub mod cli;
pub mod commands;
pub mod connection;
pub mod exit;
pub mod origin;
pub mod pipe;
pub mod repl;
pub mod report;
pub mod server;
pub mod talk;
#[expect(
    clippy::disallowed_methods,
    reason = "the one module that writes to the standard streams"
)]
pub mod terminal;
pub mod value;
