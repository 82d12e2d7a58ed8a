//! The pipe: input becomes messages, messages become output, and the end of
//! the input is no reason to lose a reply.
//!
//! [`Pipe`] talks over a `Line`, from the first attempt to
//! connect to the end. What goes in is any stream of
//! `Outgoing`, such as a [`Source`] that
//! splits a reader by its [`Framing`]; what comes out goes to any writer.
//! When a talk is over without anybody saying so is decided by [`silence`].
//!
//! It knows no flags, signals or terminals, and prints nothing. Why a talk
//! ended is told by its [`Summary`].

pub mod config;
pub mod engine;
pub mod framing;
pub mod jsonl;
pub mod output;
pub mod run;
pub mod silence;
pub mod source;

pub use config::{End, Goal, PipeConfig, Rest, Summary, Waits};
pub use framing::{Framing, InputError};
pub use run::{Pipe, PipeEvent};
pub use silence::{Linger, Quiet};
pub use source::Source;
