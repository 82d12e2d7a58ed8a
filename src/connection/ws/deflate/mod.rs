//! permessage-deflate (RFC 7692): negotiation and the two codecs.
//!
//! Boundary: pure functions and state machines over header values and
//! payloads. No I/O and no frames here; [`frame_io`](super::frame_io) applies
//! the [`Inflater`] to what arrives, the owner of a socket the [`Deflater`] to
//! what it sends.

mod codec;
mod extension;
mod offer;
mod policy;

use thiserror::Error;

pub use codec::{Deflater, Inflater, MIN_COMPRESSED_BYTES};
pub use extension::{Extension, NegotiationError, parse_extensions};
pub use offer::{Offer, Params};
pub use policy::{Policy, negotiate};

/// The extension's name in `Sec-WebSocket-Extensions` (RFC 7692 §7).
pub const EXTENSION_NAME: &str = "permessage-deflate";

/// Why a compressed message could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DeflateError {
    /// The compressed data is not DEFLATE.
    #[error("invalid DEFLATE data")]
    Corrupt,
}
