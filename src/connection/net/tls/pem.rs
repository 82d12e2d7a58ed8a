//! PEM files as people have them: text around the blocks, several kinds of
//! blocks in one file, encrypted keys.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// One block of a PEM file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// What stands behind `BEGIN`.
    pub(super) label: String,
    /// Whether OpenSSL's old encryption is on it (`Proc-Type: 4,ENCRYPTED`).
    pub(super) legacy_encrypted: bool,
    /// The content.
    pub(super) der: Vec<u8>,
}

/// Whether a file is to be read as PEM.
pub(super) fn is_pem(file: &[u8]) -> bool {
    memchr::memmem::find(file, b"-----BEGIN ").is_some()
}

/// The blocks of a file. What stands around them is passed over.
///
/// # Errors
/// The label of a block that does not end or is not base64.
pub(super) fn blocks(file: &[u8]) -> Result<Vec<Block>, String> {
    let text = String::from_utf8_lossy(file);
    let mut lines = text.lines().map(str::trim);
    let mut blocks = Vec::new();
    while let Some(line) = lines.next() {
        let Some(label) = boundary(line, "-----BEGIN ") else {
            continue;
        };
        let mut legacy_encrypted = false;
        let mut base64 = String::new();
        loop {
            let line = lines.next().ok_or(label)?;
            if boundary(line, "-----END ") == Some(label) {
                break;
            }
            if line.contains(':') {
                legacy_encrypted |= line.starts_with("Proc-Type:") && line.ends_with("ENCRYPTED");
            } else {
                base64.push_str(line);
            }
        }
        blocks.push(Block {
            label: label.to_owned(),
            legacy_encrypted,
            der: STANDARD.decode(base64).map_err(|_| label)?,
        });
    }
    Ok(blocks)
}

fn boundary<'a>(line: &'a str, start: &str) -> Option<&'a str> {
    line.strip_prefix(start)?.strip_suffix("-----")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_among_other_text() {
        let file = "Bag Attributes\r\n    localKeyID: 01\r\n-----BEGIN A B-----\r\nAAEC\r\nAw==\r\n-----END A B-----\r\n\
             -----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAEC\n-----END RSA PRIVATE KEY-----\n";
        let found = blocks(file.as_bytes()).unwrap();
        assert_eq!(
            (found[0].label.as_str(), &found[0].der[..]),
            ("A B", &[0, 1, 2, 3][..])
        );
        assert!(!found[0].legacy_encrypted && found[1].legacy_encrypted);
        assert_eq!(blocks(b"no block"), Ok(vec![]));
    }

    #[test]
    fn a_broken_block_is_named() {
        for file in [
            "-----BEGIN X-----\nAAEC\n",
            "-----BEGIN X-----\n%\n-----END X-----",
        ] {
            assert_eq!(blocks(file.as_bytes()), Err("X".to_owned()), "{file}");
        }
    }
}
