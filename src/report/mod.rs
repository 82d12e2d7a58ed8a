//! Results as text and JSON: a value in, text out.
//!
//! Everything here is pure. Who writes it where is the business of
//! `commands`; what a terminal must not see is sanitised by `terminal`.

pub mod bench;
pub mod connect;
pub mod failure;
pub mod opened;
pub mod probe;
pub mod serve;
