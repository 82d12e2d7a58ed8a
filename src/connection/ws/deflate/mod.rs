//! permessage-deflate (RFC 7692): negotiation and the two codecs.
//!
//! Boundary: pure functions and state machines over header values and
//! payloads. No I/O and no frames here; [`frame_io`](super::frame_io) applies
//! the [`Inflater`] to what arrives, the owner of a socket the [`Deflater`] to
//! what it sends.

mod codec;
mod extension;
mod offer;
pub(crate) mod policy;

use thiserror::Error;

pub(crate) use codec::{Deflater, Inflater};
pub(crate) use extension::{NegotiationError, parse_extensions};
pub(crate) use offer::{Offer, Params};
pub(crate) use policy::{Policy, negotiate};

/// The extension's name in `Sec-WebSocket-Extensions` (RFC 7692 §7).
pub(crate) const EXTENSION_NAME: &str = "permessage-deflate";

/// Why a compressed message could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DeflateError {
    /// The compressed data is not DEFLATE.
    #[error("invalid DEFLATE data")]
    Corrupt,
    /// The message ends where a block of it does not.
    #[error("it ends in the middle of a DEFLATE block")]
    Cut,
}
