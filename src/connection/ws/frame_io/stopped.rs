//! Where the stream ends for tungstenite, because it would judge what comes too
//! late or wrongly. Pure.

use thiserror::Error;

use super::judge::FrameError;
use crate::connection::ws::mask;
use crate::connection::{CloseCode, CloseFrame};

/// Why nothing more is passed on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Stopped {
    /// A frame's header breaks the protocol.
    #[error(transparent)]
    Fault(#[from] FrameError),
    /// A Close frame came with a code that tungstenite takes for none: 1014,
    /// or one that no frame may carry.
    #[error("a close frame with code {}", .0.code_or_1005())]
    Close(CloseFrame),
    /// There is no room for the rest of a message.
    #[error("no room for the rest of a message")]
    NoRoom,
}

/// A Close frame's content, where tungstenite would answer its code with 1002 and
/// lose its reason. One whose reason is not UTF-8 it judges rightly.
pub(super) fn misjudged_close(payload: &[u8], mask: Option<[u8; 4]>) -> Option<CloseFrame> {
    let mut payload = payload.to_vec();
    mask::apply(&mut payload, mask.unwrap_or_default());
    let (code, reason) = payload.split_first_chunk::<2>()?;
    let code = u16::from_be_bytes(*code);
    let is_known = code != 1014 && CloseCode::try_from(code).is_ok();
    let reason = std::str::from_utf8(reason).ok()?;
    (!is_known).then(|| CloseFrame {
        code: Some(code),
        reason: reason.to_owned(),
    })
}
