//! Changes that a user makes to the headers of the opening handshake.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// One change to the request's headers, in curl's spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderEdit {
    /// `Name: value`, or `Name;` for an empty value: takes the place of a
    /// default header of that name, or is added.
    Set {
        /// The name, spelled as it is sent.
        name: String,
        /// The value, as it is sent.
        value: String,
    },
    /// `Name:`: a default header of that name is left out.
    Remove { name: String },
}

/// Why a string is no change to the headers.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// Neither `Name: value` nor `Name:` nor `Name;`.
    #[error(
        "header '{0}' has no colon; write 'Name: value', 'Name:' to leave it out, or 'Name;' to send it empty"
    )]
    NoColon(String),
    /// The name is no HTTP token (RFC 9110 §5.6.2).
    #[error("header name '{0}' is not valid; use letters, digits and !#$%&'*+-.^_`|~")]
    Name(String),
    /// The value holds a line break or NUL, which would end the header.
    #[error("the value of header '{0}' holds a line break or NUL; remove it")]
    Value(String),
}

impl HeaderEdit {
    /// A header that is sent.
    ///
    /// # Errors
    /// A name that is no token, or a value that would end the header.
    pub fn set(name: &str, value: &str) -> Result<Self, HeaderError> {
        check_name(name)?;
        if value.contains(['\r', '\n', '\0']) {
            return Err(HeaderError::Value(name.into()));
        }
        Ok(Self::Set {
            name: name.into(),
            value: value.into(),
        })
    }

    /// The name of the header that is changed.
    pub fn name(&self) -> &str {
        match self {
            Self::Set { name, .. } | Self::Remove { name } => name,
        }
    }
}

impl FromStr for HeaderEdit {
    type Err = HeaderError;

    fn from_str(text: &str) -> Result<Self, HeaderError> {
        if let Some((name, value)) = text.split_once(':') {
            let value = value.trim_matches([' ', '\t']);
            if value.is_empty() {
                check_name(name)?;
                return Ok(Self::Remove { name: name.into() });
            }
            return Self::set(name, value);
        }
        match text.strip_suffix(';') {
            Some(name) => Self::set(name, ""),
            None => Err(HeaderError::NoColon(text.into())),
        }
    }
}

/// The name of a subprotocol (RFC 6455 §1.9): a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subprotocol(String);

/// A string that is no name of a subprotocol.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("'{0}' is no name of a subprotocol; use letters, digits and !#$%&'*+-.^_`|~")]
pub struct InvalidSubprotocol(String);

impl FromStr for Subprotocol {
    type Err = InvalidSubprotocol;

    fn from_str(name: &str) -> Result<Self, InvalidSubprotocol> {
        if is_token(name) {
            Ok(Self(name.into()))
        } else {
            Err(InvalidSubprotocol(name.into()))
        }
    }
}

impl fmt::Display for Subprotocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether `text` is a token (RFC 9110 §5.6.2), as names of headers and
/// subprotocols are.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

fn check_name(name: &str) -> Result<(), HeaderError> {
    if is_token(name) {
        Ok(())
    } else {
        Err(HeaderError::Name(name.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curls_three_spellings() {
        let set = |name: &str, value: &str| HeaderEdit::Set {
            name: name.into(),
            value: value.into(),
        };
        for (text, expected) in [
            ("X-A: b: c ", set("X-A", "b: c")),
            ("x-a:b", set("x-a", "b")),
            ("X-A;", set("X-A", "")),
            (
                "Host:",
                HeaderEdit::Remove {
                    name: "Host".into(),
                },
            ),
            (
                "Host: ",
                HeaderEdit::Remove {
                    name: "Host".into(),
                },
            ),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_would_break_the_request_is_refused() {
        for (text, expected) in [
            ("no colon", HeaderError::NoColon("no colon".into())),
            (": x", HeaderError::Name(String::new())),
            ("a b: x", HeaderError::Name("a b".into())),
            ("A: x\r\nB: y", HeaderError::Value("A".into())),
        ] {
            assert_eq!(text.parse::<HeaderEdit>(), Err(expected), "{text}");
        }
    }
}
