//! The ends that the lab gives a connection.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::wire::{Incoming, Wire};
use crate::connection::{CloseCode, CloseFrame, Closed, SocketError};
use crate::server::faults::Ending;

/// How long a client is read from after a half-close.
const MAX_HALF_CLOSED: Duration = Duration::from_secs(60);

/// How long nothing is said.
const MAX_SILENCE: Duration = Duration::from_secs(600);

/// The first byte of a Close frame.
const CLOSE: u8 = 0x88;
/// That of a compressed message.
const COMPRESSED_BINARY: u8 = 0xc2;

/// Why a line ends.
pub(super) enum Reason {
    /// As planned, or by chaos.
    Planned(Ending),
    /// The client's Close frame.
    Closed(Bytes),
    /// The client's Close frame, which gets no answer.
    Unanswered(Bytes),
    /// The server goes away, or the client is silent.
    GoingAway(CloseFrame),
    /// The client has to be told of this.
    Failed(SocketError),
    /// The client broke a rule.
    Violation(u16, &'static str),
    /// The transport failed, or ended without a Close.
    Lost(SocketError),
}

/// Ends a connection for this reason; each wait takes `limit` at most.
pub(super) async fn end(mut wire: Wire, reason: Reason, limit: Duration) -> Closed {
    let mut closed = Closed {
        received: None,
        sent: None,
        by_peer: false,
        error: None,
    };
    if !matches!(reason, Reason::Lost(_))
        && let Err(error) = wire.flush().await
    {
        closed.error = Some(error);
        return closed;
    }
    match reason {
        Reason::Lost(error) => {
            closed.error = Some(error);
            return closed;
        }
        Reason::Planned(Ending::Reset) => {
            wire.reset();
            return closed;
        }
        Reason::Planned(Ending::Drop) => {}
        Reason::Planned(Ending::HalfClose) => {
            wire.finish().await;
            let _ = timeout(MAX_HALF_CLOSED, wire.drain()).await;
            return closed;
        }
        Reason::Planned(Ending::BlackHole) => {
            // Neither side hears of the other, not even of its end.
            let _ = timeout(MAX_SILENCE, std::future::pending::<()>()).await;
        }
        Reason::Planned(Ending::Frame(bad)) => {
            for piece in bad.pieces() {
                wire.push_shared(piece);
            }
            if wire.flush().await.is_ok() && !bad.ends() {
                closed.received = answer(&mut wire, limit).await;
            }
        }
        Reason::Planned(Ending::Deflate(bad)) => {
            wire.push_frame(COMPRESSED_BINARY, bad.payload().into());
            if wire.flush().await.is_ok() {
                closed.received = answer(&mut wire, limit).await;
            }
        }
        Reason::Unanswered(payload) => {
            closed.by_peer = true;
            closed.received = content(&payload);
            let _ = timeout(MAX_SILENCE, wire.drain()).await;
        }
        Reason::Planned(Ending::Close(code, reason)) => {
            start_close(&mut wire, &mut closed, code, &reason, limit).await;
        }
        Reason::GoingAway(frame) => {
            let code = frame.code_or_1005();
            start_close(&mut wire, &mut closed, code, &frame.reason, limit).await;
        }
        Reason::Failed(error) => {
            if let Some(frame) = error.close_frame() {
                let code = frame.code_or_1005();
                write_close(&mut wire, &mut closed, code, &frame.reason).await;
            }
            closed.error = Some(error);
        }
        Reason::Violation(code, reason) => {
            write_close(&mut wire, &mut closed, code, reason).await;
        }
        Reason::Closed(payload) => answer_close(&mut wire, &mut closed, &payload).await,
    }
    wire.finish().await;
    let _ = timeout(limit, wire.drain()).await;
    closed
}

async fn write_close(wire: &mut Wire, closed: &mut Closed, code: u16, reason: &str) {
    let payload = [&code.to_be_bytes(), reason.as_bytes()].concat();
    wire.push_frame(CLOSE, payload.into());
    match wire.flush().await {
        Ok(()) => {
            closed.sent = Some(CloseFrame {
                code: Some(code),
                reason: reason.to_owned(),
            });
        }
        Err(error) => closed.error = Some(error),
    }
}

/// Sends a Close and waits for its answer.
async fn start_close(
    wire: &mut Wire,
    closed: &mut Closed,
    code: u16,
    reason: &str,
    limit: Duration,
) {
    write_close(wire, closed, code, reason).await;
    if closed.error.is_none() {
        closed.received = answer(wire, limit).await;
    }
    if closed.received.is_none() && closed.error.is_none() {
        closed.error = Some(SocketError::CloseTimeout(limit));
    }
}

/// Waits for the client's Close frame.
async fn answer(wire: &mut Wire, limit: Duration) -> Option<CloseFrame> {
    let payload = timeout(limit, async {
        loop {
            match wire.next().await {
                Ok(Incoming::Close(payload)) => return Some(payload),
                Ok(Incoming::End | Incoming::Violation(..) | Incoming::Failed(_)) | Err(_) => {
                    return None;
                }
                Ok(_) => {}
            }
        }
    });
    content(&payload.await.ok()??)
}

/// Answers a Close with itself (RFC 6455 §5.5.1), or with 1002.
async fn answer_close(wire: &mut Wire, closed: &mut Closed, payload: &Bytes) {
    closed.by_peer = true;
    let Some(received) = content(payload) else {
        return write_close(wire, closed, 1002, "malformed close frame").await;
    };
    wire.push_frame(CLOSE, payload.clone());
    if wire.flush().await.is_ok() {
        closed.sent = Some(received.clone());
    }
    closed.received = Some(received);
}

/// What a Close frame says, if it may say so.
fn content(payload: &[u8]) -> Option<CloseFrame> {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return payload.is_empty().then(CloseFrame::default);
    };
    let code = CloseCode::try_from(u16::from_be_bytes(*code)).ok()?;
    Some(CloseFrame {
        code: Some(code.get()),
        reason: str::from_utf8(reason).ok()?.to_owned(),
    })
}
