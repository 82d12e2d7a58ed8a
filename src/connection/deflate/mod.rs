//! permessage-deflate (RFC 7692).

use thiserror::Error;

/// Why a compressed message could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DeflateError {
    /// The compressed data is not DEFLATE.
    #[error("invalid DEFLATE data")]
    Corrupt,
}
use bytes::Bytes;
use tokio_tungstenite::tungstenite::protocol::Role;
#[derive(Debug, Clone, Copy)]
pub struct Params;
#[derive(Debug)]
pub struct Inflater;
impl Inflater {
    pub fn new(_: &Params, _: Role) -> Self {
        Self
    }
}
#[derive(Debug)]
pub struct Deflater;
impl Deflater {
    pub fn new(_: &Params, _: Role) -> Self {
        Self
    }
    pub fn compress(&mut self, _: &[u8]) -> Option<Bytes> {
        None
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("x")]
pub struct NegotiationError;
#[derive(Debug, Clone)]
pub struct Offer;
impl std::fmt::Display for Offer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("")
    }
}
impl std::str::FromStr for Offer {
    type Err = NegotiationError;
    fn from_str(_: &str) -> Result<Self, NegotiationError> {
        Ok(Self)
    }
}
impl Offer {
    pub fn browser() -> Self {
        Self
    }
    pub fn judge(_: Option<&Offer>, _: &[&str]) -> Result<Option<Params>, NegotiationError> {
        Ok(None)
    }
}

// Placeholder of the server's side of the negotiation.
#[derive(Debug, Clone, Default)]
pub struct Policy;
impl std::str::FromStr for Policy {
    type Err = NegotiationError;
    fn from_str(_: &str) -> Result<Self, NegotiationError> {
        Ok(Self)
    }
}
pub fn negotiate<I, V>(_: I, _: &Policy) -> Option<(Params, String)>
where
    I: IntoIterator<Item = V>,
    V: AsRef<[u8]>,
{
    None
}
