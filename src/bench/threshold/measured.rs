//! What was measured for a threshold, and how it is shown.

use std::fmt;
use std::time::Duration;

use crate::value;

/// What was measured for a threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Measured {
    /// Nothing.
    Nothing,
    /// A time in nanoseconds.
    Time(f64),
    /// A share, 1 being all, and what it is a share of.
    Share(f64, Whole),
    /// Something a second.
    Rate(f64),
    /// Not to be known: of this share of the messages there is no time.
    Unknown {
        /// Those that were sent.
        lost: f64,
        /// Those that were not.
        unsent: f64,
    },
}

/// What a share is a share of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whole {
    /// The messages, or handshakes in mode handshake.
    Messages,
    /// The connections.
    Connections,
    /// The opening handshakes.
    Handshakes,
}

impl Measured {
    /// The value in its own unit: nanoseconds, share, a second.
    pub fn number(self) -> Option<f64> {
        match self {
            Self::Time(value) | Self::Share(value, _) | Self::Rate(value) => Some(value),
            Self::Nothing | Self::Unknown { .. } => None,
        }
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing was measured"),
            Self::Time(ns) => f.write_str(&value::time(Duration::from_secs_f64(ns / 1e9), 4)),
            Self::Share(share, Whole::Messages) => f.write_str(&value::percent(*share)),
            Self::Share(share, whole) => write!(f, "{} of {whole}", value::percent(*share)),
            Self::Rate(rate) => write!(f, "{rate:.1}/s"),
            Self::Unknown { lost, unsent } => {
                let parts = [(lost, "lost"), (unsent, "not sent")];
                let parts = parts.iter().filter(|(share, _)| **share > 0.0);
                let parts: Vec<_> = parts
                    .map(|(share, what)| format!("{} {what}", value::percent(**share)))
                    .collect();
                write!(f, "unknown: {}", parts.join(", "))
            }
        }
    }
}

impl fmt::Display for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Messages => "messages",
            Self::Connections => "connections",
            Self::Handshakes => "handshakes",
        })
    }
}
