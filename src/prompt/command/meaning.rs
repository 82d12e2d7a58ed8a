//! What a line can mean, and why it means nothing.

use std::path::PathBuf;

use bytes::Bytes;
use thiserror::Error;

use crate::connection::ws::close::InvalidCloseCode;
use crate::connection::{CloseFrame, Message};
use crate::decode::Decode;
use crate::talk::escape::InvalidEscape;

/// What the user wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Open a connection: to this address, or to the last one.
    Connect(Option<String>),
    /// Send a message.
    Send(Message),
    /// Send a file's bytes as a binary message.
    SendFile(PathBuf),
    /// Send the n-th last message again, counted from 1.
    Resend(usize),
    /// Show a message whole; `None` is the last one.
    Show(Option<u64>),
    /// Show which messages hold this.
    Find(String),
    /// Write the payload of a message to a file.
    Save(u64, PathBuf),
    /// Lay JSON out, or not; `None` changes it.
    Pretty(Option<bool>),
    /// Take messages apart by this; `None` tells by what they are.
    Decode(Option<Decode>),
    /// Send a ping.
    Ping(Bytes),
    /// Send an unsolicited pong.
    Pong(Bytes),
    /// Close the connection.
    Close(CloseFrame),
    /// Do something with the log.
    Log(LogCommand),
    /// Show the state of the connection.
    Status,
    /// Show both heads of the opening handshake.
    Headers,
    /// Show what can be typed.
    Help,
    /// Close and leave.
    Quit,
    /// Nothing was typed.
    Nothing,
}

/// What `/log` does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogCommand {
    /// Show of received JSON only what this JSONPath selects; `None` shows
    /// everything again.
    Filter(Option<String>),
    /// Show nothing for now.
    Pause,
    /// Show again.
    Resume,
    /// Write the log to a file.
    Save(PathBuf),
    /// Forget the log, and clear the screen.
    Clear,
}

/// Why a line means nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CommandError {
    /// No such command.
    #[error("there is no command '/{0}'; /help lists them, and //{0} sends it as a message")]
    Unknown(String),
    /// Arguments where none are taken, or none where they are needed.
    #[error("write /{name}{}{usage}", if usage.is_empty() { "" } else { " " })]
    Usage {
        /// The command.
        name: &'static str,
        /// Its arguments.
        usage: &'static str,
    },
    /// No close code.
    #[error("'{0}' is no close code; use 1000 to 1003, 1007 to 1014, or 3000 to 4999")]
    CloseCode(String),
    /// A number that no Close frame may carry.
    #[error(transparent)]
    InvalidCloseCode(#[from] InvalidCloseCode),
    /// A reason that is too long.
    #[error("the reason has {bytes} bytes; a close frame holds at most {limit_bytes}")]
    LongReason {
        /// Its length.
        bytes: usize,
        /// How much fits.
        limit_bytes: usize,
    },
    /// A payload that is too long.
    #[error("the data has {bytes} bytes; a ping or pong holds at most {limit_bytes}")]
    LongControl {
        /// Its length.
        bytes: usize,
        /// How much fits.
        limit_bytes: usize,
    },
    /// No hexadecimal digits, or an odd number of them.
    #[error("{0}; write bytes as two hexadecimal digits each, such as 00 ff 7f or 00ff7f")]
    Hex(String),
    /// Not base64.
    #[error("that is not base64: {0}")]
    Base64(String),
    /// Not JSON.
    #[error("that is not JSON: {0}; /text sends it as it is")]
    Json(String),
    /// A backslash that means nothing.
    #[error("{0}; /send sends backslashes as they are")]
    Escape(#[from] InvalidEscape),
    /// No codec.
    #[error("{0}")]
    Decode(String),
    /// Not the number of a message.
    #[error("'{0}' is not the number of a message; it stands behind the time, such as #3")]
    Message(String),
    /// No count.
    #[error("'{0}' is no number of a message; 1 is the last one sent")]
    Number(String),
}
