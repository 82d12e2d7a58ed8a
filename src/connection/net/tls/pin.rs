//! Pins: digests of the public keys that a server may have.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};
use thiserror::Error;

const PREFIX: &str = "sha256//";

/// The SHA-256 digest of a public key (its `SubjectPublicKeyInfo`, as RFC 7469
/// §2.4 takes it), in curl's spelling `sha256//BASE64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin([u8; 32]);

impl Pin {
    /// The pin of a public key, given as the DER of its
    /// `SubjectPublicKeyInfo`.
    pub fn of_spki(spki: &[u8]) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, spki);
        let mut pin = [0; 32];
        pin.copy_from_slice(digest.as_ref());
        Self(pin)
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", STANDARD.encode(self.0))
    }
}

impl Serialize for Pin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The pins that a server's key may have: `sha256//…[;sha256//…]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pins(Vec<Pin>);

impl Pins {
    /// Whether there is a pin to be met.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a key may be used: by one of the pins, or because there is
    /// none.
    pub fn allow(&self, pin: &Pin) -> bool {
        self.is_empty() || self.0.contains(pin)
    }
}

impl From<Pin> for Pins {
    fn from(pin: Pin) -> Self {
        Self(vec![pin])
    }
}

/// Why a text holds no pins.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "'{given}' is not the pin of a public key; write sha256//BASE64 of its SHA-256 digest, several separated by ';'"
)]
pub struct PinError {
    given: String,
}

impl fmt::Display for Pins {
    /// As `--pinnedpubkey` takes them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pins: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&pins.join(";"))
    }
}

impl FromStr for Pins {
    type Err = PinError;

    fn from_str(text: &str) -> Result<Self, PinError> {
        let pin = |given: &str| {
            let digest = given.strip_prefix(PREFIX).and_then(|base64| {
                let bytes = STANDARD.decode(base64).ok()?;
                <[u8; 32]>::try_from(bytes).ok()
            });
            digest.map(Pin).ok_or_else(|| PinError {
                given: given.to_owned(),
            })
        };
        text.split(';')
            .map(|part| pin(part.trim()))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curls_syntax() {
        let a = Pin::of_spki(b"a");
        let b = Pin::of_spki(b"b");
        let pins: Pins = format!("{a};{b}").parse().unwrap();
        assert!(pins.allow(&a) && pins.allow(&b) && !pins.allow(&Pin::of_spki(b"c")));
        assert!(Pins::default().allow(&a));
        // `printf a | openssl dgst -sha256 -binary | base64`
        assert_eq!(
            a.to_string(),
            "sha256//ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs="
        );
        for text in [
            "",
            "sha256//",
            "sha256//AAAA",
            "ypeB",
            "sha1//AAAA",
            "key.pem",
        ] {
            assert!(text.parse::<Pins>().is_err(), "{text}");
        }
    }
}
