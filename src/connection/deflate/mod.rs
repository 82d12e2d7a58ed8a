//! permessage-deflate (RFC 7692).

use thiserror::Error;

/// Why a compressed message could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DeflateError {
    /// The compressed data is not DEFLATE.
    #[error("invalid DEFLATE data")]
    Corrupt,
}
