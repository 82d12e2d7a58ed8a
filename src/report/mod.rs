//! Results as text and JSON: a value in, text out.
//!
//! Everything here is pure. Who writes it where is the business of
//! `commands`; what a terminal must not see is sanitised by `terminal`.

pub(crate) mod bench;
pub(crate) mod connect;
pub(crate) mod failure;
pub(crate) mod opened;
pub(crate) mod probe;
pub(crate) mod serve;
