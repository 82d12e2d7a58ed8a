//! The client's side of the negotiation (RFC 7692 §7.1): the offer, and what
//! the server's answer makes of it.

use std::fmt;
use std::str::FromStr;

use super::EXTENSION_NAME;
use super::extension::{Extension, NegotiationError, parse_extensions};

pub(super) const SERVER_NO_CONTEXT_TAKEOVER: &str = "server_no_context_takeover";
pub(super) const CLIENT_NO_CONTEXT_TAKEOVER: &str = "client_no_context_takeover";
pub(super) const SERVER_MAX_WINDOW_BITS: &str = "server_max_window_bits";
pub(super) const CLIENT_MAX_WINDOW_BITS: &str = "client_max_window_bits";

/// The window of DEFLATE where nothing else is agreed: 32 KiB.
pub(super) const MAX_WINDOW_BITS: u8 = 15;

/// The parameters in force on a connection, the same on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Params {
    /// Whether the server compresses each message on its own.
    pub server_no_context_takeover: bool,
    /// Whether the client compresses each message on its own.
    pub client_no_context_takeover: bool,
    /// The base-2 logarithm of the window the server compresses with, 8 to 15.
    pub server_max_window_bits: u8,
    /// The base-2 logarithm of the window the client compresses with, 8 to 15.
    pub client_max_window_bits: u8,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: MAX_WINDOW_BITS,
            client_max_window_bits: MAX_WINDOW_BITS,
        }
    }
}

/// What a client asks for. Its `Display` is the header value.
///
/// A server's answer is written the same way and shares the type inside this
/// module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Offer {
    /// Asks the server to compress each message on its own.
    pub server_no_context_takeover: bool,
    /// Tells that the client will compress each message on its own.
    pub client_no_context_takeover: bool,
    /// Asks the server for a window of at most this base-2 logarithm.
    pub server_max_window_bits: Option<u8>,
    /// Allows the server to limit the client's window; with a value, tells
    /// that the client will use no larger one anyway.
    pub client_max_window_bits: Option<Option<u8>>,
}

impl Offer {
    /// What browsers send: `permessage-deflate; client_max_window_bits`.
    pub const fn browser() -> Self {
        Self {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: None,
            client_max_window_bits: Some(None),
        }
    }

    /// Validates the server's answer, the values of all its
    /// `Sec-WebSocket-Extensions` header lines, against this offer as the only
    /// one made. `None` when the server did not take it.
    ///
    /// # Errors
    ///
    /// RFC 7692 §5.1 has the client fail the connection on each of these: an
    /// extension or a parameter that was not offered, a value that is wrong or
    /// larger than offered, and a demand of the offer left unconfirmed.
    pub fn accept<I, V>(&self, header_values: I) -> Result<Option<Params>, NegotiationError>
    where
        I: IntoIterator<Item = V>,
        V: AsRef<[u8]>,
    {
        let mut params = None;
        for extension in parse_extensions(header_values)? {
            if extension.name != EXTENSION_NAME {
                return Err(NegotiationError::NotOffered(extension.name));
            }
            if params.is_some() {
                return Err(NegotiationError::Repeated);
            }
            params = Some(self.accept_answer(&Self::from_extension(&extension)?)?);
        }
        Ok(params)
    }

    fn accept_answer(&self, answer: &Self) -> Result<Params, NegotiationError> {
        // RFC 7692 §7.1.1.1: "A server accepts an extension negotiation offer
        // that includes the server_no_context_takeover extension parameter by
        // including" it in the answer. §7.1.2.1 says the same of the window.
        if self.server_no_context_takeover && !answer.server_no_context_takeover {
            return Err(NegotiationError::NotConfirmed(SERVER_NO_CONTEXT_TAKEOVER));
        }
        match (self.server_max_window_bits, answer.server_max_window_bits) {
            (Some(_), None) => {
                return Err(NegotiationError::NotConfirmed(SERVER_MAX_WINDOW_BITS));
            }
            (offered, Some(answered)) => {
                check_window(SERVER_MAX_WINDOW_BITS, answered, offered)?;
            }
            (None, None) => {}
        }
        // RFC 7692 §7.1.2.2: without the parameter in the offer, the answer
        // "MUST NOT include" it; in the answer it always has a value.
        let client_window = match (self.client_max_window_bits, answer.client_max_window_bits) {
            (None, Some(_)) => return Err(NegotiationError::NotAllowed(CLIENT_MAX_WINDOW_BITS)),
            (_, Some(None)) => return Err(NegotiationError::MissingValue(CLIENT_MAX_WINDOW_BITS)),
            (Some(offered), Some(Some(answered))) => {
                check_window(CLIENT_MAX_WINDOW_BITS, answered, offered)?;
                answered
            }
            // §7.1.2.2: a hint binds the client even when the server ignores it.
            (offered, None) => offered.flatten().unwrap_or(MAX_WINDOW_BITS),
        };
        Ok(Params {
            server_no_context_takeover: answer.server_no_context_takeover,
            // §7.1.1.2: likewise a promise, whatever the server answers.
            client_no_context_takeover: self.client_no_context_takeover
                || answer.client_no_context_takeover,
            server_max_window_bits: answer.server_max_window_bits.unwrap_or(MAX_WINDOW_BITS),
            client_max_window_bits: client_window,
        })
    }

    /// Reads the parameters of one list element.
    pub(super) fn from_extension(extension: &Extension) -> Result<Self, NegotiationError> {
        let mut offer = Self::default();
        for (name, value) in &extension.params {
            let value = value.as_deref();
            match name.as_str() {
                SERVER_NO_CONTEXT_TAKEOVER => set_flag(
                    &mut offer.server_no_context_takeover,
                    SERVER_NO_CONTEXT_TAKEOVER,
                    value,
                )?,
                CLIENT_NO_CONTEXT_TAKEOVER => set_flag(
                    &mut offer.client_no_context_takeover,
                    CLIENT_NO_CONTEXT_TAKEOVER,
                    value,
                )?,
                SERVER_MAX_WINDOW_BITS => {
                    let bits = window_bits(SERVER_MAX_WINDOW_BITS, value)?
                        .ok_or(NegotiationError::MissingValue(SERVER_MAX_WINDOW_BITS))?;
                    set_once(
                        &mut offer.server_max_window_bits,
                        SERVER_MAX_WINDOW_BITS,
                        bits,
                    )?;
                }
                CLIENT_MAX_WINDOW_BITS => {
                    let bits = window_bits(CLIENT_MAX_WINDOW_BITS, value)?;
                    set_once(
                        &mut offer.client_max_window_bits,
                        CLIENT_MAX_WINDOW_BITS,
                        bits,
                    )?;
                }
                _ => return Err(NegotiationError::UnknownParameter(name.clone())),
            }
        }
        Ok(offer)
    }
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXTENSION_NAME)?;
        if self.server_no_context_takeover {
            write!(f, "; {SERVER_NO_CONTEXT_TAKEOVER}")?;
        }
        if self.client_no_context_takeover {
            write!(f, "; {CLIENT_NO_CONTEXT_TAKEOVER}")?;
        }
        if let Some(bits) = self.server_max_window_bits {
            write!(f, "; {SERVER_MAX_WINDOW_BITS}={bits}")?;
        }
        match self.client_max_window_bits {
            Some(Some(bits)) => write!(f, "; {CLIENT_MAX_WINDOW_BITS}={bits}"),
            Some(None) => write!(f, "; {CLIENT_MAX_WINDOW_BITS}"),
            None => Ok(()),
        }
    }
}

/// Reads the parameters as on a command line: separated by `;` or `,`, with or
/// without the extension's name before them.
impl FromStr for Offer {
    type Err = NegotiationError;

    fn from_str(value: &str) -> Result<Self, NegotiationError> {
        let list = value.trim().replace(',', ";");
        let line = if list.is_empty() {
            EXTENSION_NAME.to_owned()
        } else if list.split(';').next().map(str::trim) == Some(EXTENSION_NAME) {
            list
        } else {
            format!("{EXTENSION_NAME}; {list}")
        };
        let extensions =
            parse_extensions([line]).map_err(|_| NegotiationError::Malformed(value.to_owned()))?;
        let offer = match extensions.as_slice() {
            [extension] => Self::from_extension(extension)?,
            _ => return Err(NegotiationError::Malformed(value.to_owned())),
        };
        if offer.server_max_window_bits == Some(8) {
            return Err(NegotiationError::WindowTooSmall(SERVER_MAX_WINDOW_BITS));
        }
        if offer.client_max_window_bits == Some(Some(8)) {
            return Err(NegotiationError::WindowTooSmall(CLIENT_MAX_WINDOW_BITS));
        }
        Ok(offer)
    }
}

fn check_window(
    name: &'static str,
    answered: u8,
    offered: Option<u8>,
) -> Result<(), NegotiationError> {
    match offered {
        Some(offered) if answered > offered => Err(NegotiationError::WindowTooLarge {
            name,
            answered,
            offered,
        }),
        _ => Ok(()),
    }
}

fn set_flag(
    flag: &mut bool,
    name: &'static str,
    value: Option<&str>,
) -> Result<(), NegotiationError> {
    if let Some(value) = value {
        return Err(NegotiationError::UnexpectedValue {
            name,
            value: value.to_owned(),
        });
    }
    if std::mem::replace(flag, true) {
        return Err(NegotiationError::DuplicateParameter(name));
    }
    Ok(())
}

fn set_once<T>(slot: &mut Option<T>, name: &'static str, value: T) -> Result<(), NegotiationError> {
    match slot.replace(value) {
        Some(_) => Err(NegotiationError::DuplicateParameter(name)),
        None => Ok(()),
    }
}

/// RFC 7692 §7.1.2.1: "a decimal integer value without leading zeroes between
/// 8 to 15, inclusive".
fn window_bits(name: &'static str, value: Option<&str>) -> Result<Option<u8>, NegotiationError> {
    let Some(value) = value else { return Ok(None) };
    match value {
        "8" => Ok(Some(8)),
        "9" => Ok(Some(9)),
        "10" => Ok(Some(10)),
        "11" => Ok(Some(11)),
        "12" => Ok(Some(12)),
        "13" => Ok(Some(13)),
        "14" => Ok(Some(14)),
        "15" => Ok(Some(15)),
        _ => Err(NegotiationError::BadWindowBits {
            name,
            value: value.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests;
