//! What both ends of TLS stand on. A leaf.

use rustls::crypto::CryptoProvider;

/// The application protocol offered (RFC 7301): the opening handshake is
/// HTTP/1.1.
pub(super) const ALPN: &[u8] = b"http/1.1";

/// The cryptography of every connection.
pub(super) fn provider() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}
