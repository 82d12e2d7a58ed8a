//! The header of the PROXY protocol, versions 1 and 2, in front of all else that a
//! proxy sends.
//!
//! Not a byte more than the header is read: what follows belongs to TLS or HTTP.

use std::net::SocketAddr;

use ppp::{v1, v2};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::server::context::ProxyHeaderError;

/// The longest line of version 1, its end included.
const MAX_LINE_BYTES: usize = 107;

/// How the binary header begins, up to its length.
const FIXED_BYTES: usize = 16;

/// The longest binary header: addresses, and what proxies tell of TLS.
const MAX_BINARY_BYTES: usize = 4096;

/// Reads the header: the client's address, or `None` where the proxy speaks for itself,
/// as it does to see whether the server is there.
pub(super) async fn read<S: AsyncRead + Unpin>(
    stream: &mut S,
) -> Result<Option<SocketAddr>, ProxyHeaderError> {
    let mut header = vec![0; v2::PROTOCOL_PREFIX.len()];
    let cut = |_| ProxyHeaderError::Cut;
    stream.read_exact(&mut header).await.map_err(cut)?;
    if header == v2::PROTOCOL_PREFIX {
        header.resize(FIXED_BYTES, 0);
        let rest = header.get_mut(v2::PROTOCOL_PREFIX.len()..);
        stream
            .read_exact(rest.unwrap_or_default())
            .await
            .map_err(cut)?;
        let length = match header.last_chunk() {
            Some(length) => usize::from(u16::from_be_bytes(*length)),
            None => 0,
        };
        if length > MAX_BINARY_BYTES {
            return Err(ProxyHeaderError::TooLong);
        }
        header.resize(FIXED_BYTES + length, 0);
        let rest = header.get_mut(FIXED_BYTES..);
        stream
            .read_exact(rest.unwrap_or_default())
            .await
            .map_err(cut)?;
        return binary(&header);
    }
    if !header.starts_with(b"PROXY ") {
        return Err(ProxyHeaderError::Missing);
    }
    while !header.ends_with(b"\n") {
        if header.len() >= MAX_LINE_BYTES {
            return Err(ProxyHeaderError::TooLong);
        }
        header.push(stream.read_u8().await.map_err(cut)?);
    }
    line(&header)
}

fn binary(header: &[u8]) -> Result<Option<SocketAddr>, ProxyHeaderError> {
    let header = v2::Header::try_from(header)
        .map_err(|error| ProxyHeaderError::Invalid(error.to_string()))?;
    Ok(match (header.command, header.addresses) {
        (v2::Command::Proxy, v2::Addresses::IPv4(found)) => {
            Some((found.source_address, found.source_port).into())
        }
        (v2::Command::Proxy, v2::Addresses::IPv6(found)) => {
            Some((found.source_address, found.source_port).into())
        }
        _ => None,
    })
}

fn line(header: &[u8]) -> Result<Option<SocketAddr>, ProxyHeaderError> {
    let header = v1::Header::try_from(header)
        .map_err(|error| ProxyHeaderError::Invalid(error.to_string()))?;
    Ok(match header.addresses {
        v1::Addresses::Tcp4(found) => Some((found.source_address, found.source_port).into()),
        v1::Addresses::Tcp6(found) => Some((found.source_address, found.source_port).into()),
        v1::Addresses::Unknown => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREFIX: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

    async fn read_all(mut bytes: &[u8]) -> (Result<Option<SocketAddr>, ProxyHeaderError>, usize) {
        let result = read(&mut bytes).await;
        (result, bytes.len())
    }

    #[tokio::test]
    async fn proxy_headers_of_both_versions_are_read_to_their_end() {
        let v4 = b"\x21\x11\x00\x0c\xc0\x00\x02\x01\x7f\x00\x00\x01\x12\x34\x00\x50";
        let local = b"\x20\x00\x00\x00";
        let with_more =
            b"\x21\x11\x00\x10\xc0\x00\x02\x01\x7f\x00\x00\x01\x12\x34\x00\x50\x04\x00\x01x";
        let v6 = [
            &b"\x21\x21\x00\x24"[..],
            &[0x20; 16],
            &[0x30; 16],
            b"\x00\x07\x00\x08",
        ]
        .concat();
        for (header, expected) in [
            (
                &b"PROXY TCP4 192.0.2.1 127.0.0.1 4660 80\r\n"[..],
                Some("192.0.2.1:4660"),
            ),
            (
                b"PROXY TCP6 2001:db8::1 ::1 4660 80\r\n",
                Some("[2001:db8::1]:4660"),
            ),
            (b"PROXY UNKNOWN\r\n", None),
            (&[PREFIX, v4].concat(), Some("192.0.2.1:4660")),
            (&[PREFIX, with_more].concat(), Some("192.0.2.1:4660")),
            (
                &[PREFIX, &v6].concat(),
                Some("[2020:2020:2020:2020:2020:2020:2020:2020]:7"),
            ),
            (&[PREFIX, local].concat(), None),
        ] {
            let (found, left) = read_all(&[header, b"GET /ws"].concat()).await;
            let expected = expected.map(|text| text.parse().unwrap());
            assert_eq!(found.unwrap(), expected, "{}", header.escape_ascii());
            assert_eq!(left, 7, "{}", header.escape_ascii());
        }
    }

    #[tokio::test]
    async fn proxy_headers_that_are_none_are_refused() {
        let long = [b"PROXY TCP4 ", &[b'1'; 200][..]].concat();
        for (bytes, sentence) in [
            (&b"GET /ws HTTP/1.1\r\n"[..], "sent no PROXY header"),
            (b"PROXY", "did not come"),
            (b"PROXY TCP4 192.0.2.1", "did not come"),
            (
                b"PROXY TCP4 192.0.2.1 127.0.0.1 99999 80\r\n",
                "is not valid",
            ),
            (&long, "is longer than"),
            (&[PREFIX, b"\x31\x11\x00\x00"].concat(), "is not valid"),
            (&[PREFIX, b"\x21\x11\x00\x02ab"].concat(), "is not valid"),
            (&[PREFIX, b"\x21\x11\xff\xff"].concat(), "is longer than"),
        ] {
            let error = read_all(bytes).await.0.unwrap_err().to_string();
            assert!(
                error.contains(sentence),
                "{}: {error}",
                bytes.escape_ascii()
            );
        }
    }
}
