//! The grammar of `Sec-WebSocket-Extensions` (RFC 6455 §9.1), and what can be
//! wrong with one.
//!
//! Knows nothing of any one extension.

use thiserror::Error;

/// One element of an extension list: a name and its parameters, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Extension {
    /// The extension's name, a token.
    pub name: String,
    /// Parameter names with their values, unquoted; `None` is a parameter
    /// without a value.
    pub params: Vec<(String, Option<String>)>,
}

/// Why extensions could not be agreed on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NegotiationError {
    /// A header value does not follow the grammar of RFC 6455 §9.1.
    #[error("`{0}` is not a list of extensions")]
    Malformed(String),
    /// The server answered with an extension that was not asked for.
    #[error("the server answered with the extension `{0}`, which was not offered")]
    NotOffered(String),
    /// The server accepted permessage-deflate more than once.
    #[error("the server accepted permessage-deflate more than once")]
    Repeated,
    /// A parameter that RFC 7692 does not know.
    #[error("permessage-deflate has no parameter `{0}`")]
    UnknownParameter(String),
    /// A parameter that occurs twice in one element.
    #[error("the parameter `{0}` occurs twice")]
    DuplicateParameter(&'static str),
    /// A value where RFC 7692 allows none.
    #[error("the parameter `{name}` takes no value, but has `{value}`")]
    UnexpectedValue {
        /// The parameter.
        name: &'static str,
        value: String,
    },
    /// No value where RFC 7692 demands one.
    #[error("the parameter `{0}` needs a value, 8 to 15")]
    MissingValue(&'static str),
    /// A value that is no window size of RFC 7692.
    #[error("`{value}` is no value for `{name}`, which takes 8 to 15")]
    BadWindowBits {
        /// The parameter.
        name: &'static str,
        value: String,
    },
    /// A window size that RFC 7692 allows but zlib cannot compress with.
    #[error("`{0}=8` is not supported, since zlib has no window that small; use 9 to 15")]
    WindowTooSmall(&'static str),
    /// The server set a parameter that the offer did not allow.
    #[error("the server set `{0}`, which the offer does not allow")]
    NotAllowed(&'static str),
    /// The server answered with a larger window than was asked for.
    #[error("the server answered with `{name}={answered}`, more than the {offered} of the offer")]
    WindowTooLarge {
        /// The parameter.
        name: &'static str,
        /// The base-2 logarithm of the window in the answer.
        answered: u8,
        /// The base-2 logarithm of the window in the offer.
        offered: u8,
    },
    /// The server accepted the offer without a parameter that it must confirm.
    #[error("the server accepted the offer without confirming its `{0}`")]
    NotConfirmed(&'static str),
}

/// Parses the values of all `Sec-WebSocket-Extensions` header lines, in order,
/// as one list.
///
/// # Errors
///
/// [`NegotiationError::Malformed`] with the offending line; RFC 6455 §9.1 has
/// the recipient fail the connection.
pub(crate) fn parse_extensions<I, V>(header_values: I) -> Result<Vec<Extension>, NegotiationError>
where
    I: IntoIterator<Item = V>,
    V: AsRef<[u8]>,
{
    let mut extensions = Vec::new();
    for value in header_values {
        let value = value.as_ref();
        parse_line(value, &mut extensions).ok_or_else(|| {
            NegotiationError::Malformed(String::from_utf8_lossy(value).into_owned())
        })?;
    }
    Ok(extensions)
}

/// Reads one header line: `1#( token *( ";" token [ "=" value ] ) )`, where
/// the list rule of RFC 2616 §2.1 allows empty elements and space around
/// delimiters.
fn parse_line(line: &[u8], extensions: &mut Vec<Extension>) -> Option<()> {
    let mut input = Input { rest: line };
    loop {
        while input.take(b',') {}
        if input.is_empty() {
            return Some(());
        }
        extensions.push(input.extension()?);
        if !input.is_empty() && !input.take(b',') {
            return None;
        }
    }
}

/// What is left of a header line.
struct Input<'a> {
    rest: &'a [u8],
}

impl Input<'_> {
    fn skip_space(&mut self) {
        while let [b' ' | b'\t', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    fn is_empty(&mut self) -> bool {
        self.skip_space();
        self.rest.is_empty()
    }

    /// Takes `delimiter` and the space before it, if it comes next.
    fn take(&mut self, delimiter: u8) -> bool {
        self.skip_space();
        match self.rest {
            [first, rest @ ..] if *first == delimiter => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn extension(&mut self) -> Option<Extension> {
        let name = self.token()?;
        let mut params = Vec::new();
        while self.take(b';') {
            let param = self.token()?;
            let value = if self.take(b'=') {
                Some(self.value()?)
            } else {
                None
            };
            params.push((param, value));
        }
        Some(Extension { name, params })
    }

    fn token(&mut self) -> Option<String> {
        self.skip_space();
        let end = self.rest.iter().take_while(|&&byte| is_token(byte)).count();
        let (token, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        let token = String::from_utf8(token.to_vec()).ok()?;
        (!token.is_empty()).then_some(token)
    }

    fn value(&mut self) -> Option<String> {
        if !self.take(b'"') {
            return self.token();
        }
        let mut value = String::new();
        loop {
            let (byte, rest) = match self.rest {
                [b'"', rest @ ..] => {
                    self.rest = rest;
                    return (!value.is_empty()).then_some(value);
                }
                [b'\\', byte, rest @ ..] | [byte, rest @ ..] => (*byte, rest),
                [] => return None,
            };
            // RFC 6455 §9.1: "the value after quoted-string unescaping MUST
            // conform to the 'token' ABNF".
            if !is_token(byte) {
                return None;
            }
            value.push(char::from(byte));
            self.rest = rest;
        }
    }
}

/// RFC 2616 §2.2: any character but controls and separators.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(lines: &[&str]) -> Option<String> {
        let list = parse_extensions(lines).ok()?;
        let elements = list.iter().map(|extension| {
            let params = extension.params.iter().map(|(name, value)| match value {
                Some(value) => format!("; {name}={value}"),
                None => format!("; {name}"),
            });
            extension.name.clone() + &params.collect::<String>()
        });
        Some(elements.collect::<Vec<_>>().join(" | "))
    }

    #[test]
    fn the_grammar_is_followed() {
        for (lines, expected) in [
            (&["a"][..], "a"),
            (&["a;b;c=d"], "a; b; c=d"),
            (&[" a ; b\t; c = d , e"], "a; b; c=d | e"),
            (&["a; b=\"10\""], "a; b=10"),
            (&["a; b=\"1\\0\""], "a; b=10"),
            (&["a", "b; c", "d"], "a | b; c | d"),
            (&[", a,, b ,"], "a | b"),
            (&[""], ""),
            (&[], ""),
        ] {
            assert_eq!(shown(lines).as_deref(), Some(expected), "{lines:?}");
        }
    }

    #[test]
    fn what_breaks_the_grammar_is_refused() {
        for line in [
            "a b",
            "a;",
            "a;;b",
            "a; =1",
            "a; b=",
            "a; b=\"",
            "a; b=\"\"",
            "a; b=\"1 0\"",
            "a; b=\"1\\",
            "a; b=\"10\"c",
            "a=1",
            "a; b=c=d",
            "a/b",
            "é",
            ";",
            "\"a\"",
        ] {
            assert_eq!(
                parse_extensions([line]),
                Err(NegotiationError::Malformed(line.to_owned()))
            );
        }
    }
}
