//! Close codes and Close frames (RFC 6455 §7.4).

use std::fmt;

use thiserror::Error;
use tokio_tungstenite::tungstenite::protocol::frame;

/// A close code that an endpoint may put into a Close frame.
///
/// 1004, 1005, 1006 and 1015 are reserved or describe a state that no
/// frame carries, and are not representable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the purpose of the connection has been fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1001: the endpoint goes away (a server shuts down, a page is left).
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1007: the data does not fit its type (text that is not UTF-8, bad DEFLATE).
    pub const INVALID_DATA: Self = Self(1007);
    /// 1008: a policy was violated.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// 1009: a message is too big.
    pub const TOO_BIG: Self = Self(1009);
    /// 1011: the endpoint met a condition that keeps it from going on.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// 1013: the endpoint has no room at the moment.
    pub const TRY_AGAIN_LATER: Self = Self(1013);

    /// The code's number.
    pub const fn get(self) -> u16 {
        self.0
    }
}

/// A number that is no close code an endpoint may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("close code {0} cannot be sent; use 1000 to 1003, 1007 to 1014, or 3000 to 4999")]
pub struct InvalidCloseCode(u16);

impl InvalidCloseCode {
    /// The number.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for CloseCode {
    type Error = InvalidCloseCode;

    fn try_from(code: u16) -> Result<Self, InvalidCloseCode> {
        // RFC 6455 §7.4: "1000-2999 are reserved for definition by this
        // protocol", of which the registry lets endpoints send these.
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Ok(Self(code)),
            _ => Err(InvalidCloseCode(code)),
        }
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The content of a Close frame: a code, or none at all, and a reason.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CloseFrame {
    /// The code; `None` for an empty Close frame (shown as 1005).
    pub code: Option<u16>,
    /// The reason, at most 123 bytes; empty when the frame carries none.
    pub reason: String,
}

impl CloseFrame {
    /// RFC 6455 §5.5: a control frame holds at most 125 bytes, two of which
    /// are the code.
    pub const MAX_REASON_BYTES: usize = 123;

    /// The same as tungstenite has it; `None` without a code.
    pub(super) fn to_wire(&self) -> Option<frame::CloseFrame> {
        self.code.map(|code| frame::CloseFrame {
            code: code.into(),
            reason: self.reason.as_str().into(),
        })
    }

    /// A frame with `code` and as much of `reason` as a Close frame holds,
    /// cut between characters.
    pub fn new(code: CloseCode, reason: &str) -> Self {
        let end = reason.floor_char_boundary(Self::MAX_REASON_BYTES);
        Self {
            code: Some(code.get()),
            reason: reason[..end].to_owned(),
        }
    }

    /// The code as an application sees it: 1005 stands for "none given".
    pub fn code_or_1005(&self) -> u16 {
        self.code.unwrap_or(1005)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sendable_codes_are_codes() {
        for code in [1000, 1003, 1007, 1014, 3000, 4999] {
            assert_eq!(CloseCode::try_from(code).map(CloseCode::get), Ok(code));
        }
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, u16::MAX] {
            assert_eq!(CloseCode::try_from(code), Err(InvalidCloseCode(code)));
        }
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let reason = "é".repeat(80);
        let frame = CloseFrame::new(CloseCode::NORMAL, &reason);
        assert_eq!(frame.reason, "é".repeat(61));
    }
}
