//! Answers that are no HTTP, or that are written at a pace of their own.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use super::linger::linger;
use super::write_timeout::WriteTimeout;
use crate::connection::Transport;
use crate::server::context::Stop;
use crate::server::faults::{After, RawAnswer};

/// How long nothing is said.
const MAX_SILENCE: Duration = Duration::from_secs(600);

/// Writes an answer; returns the stream when the WebSocket follows.
pub(super) async fn write_raw<S>(
    mut stream: WriteTimeout<S>,
    raw: &RawAnswer,
    stop: &Stop,
) -> Option<WriteTimeout<S>>
where
    S: AsyncRead + AsyncWrite + Into<Transport> + Unpin,
{
    let written = tokio::select! {
        biased;
        written = write(&mut stream, raw) => written,
        () = stop.aborting() => return None,
    };
    // One that is gone has its end already.
    written.ok()?;
    match raw.then {
        After::Open => return Some(stream),
        After::Fin => linger(stream).await,
        After::Reset => {
            if let Some(stream) = stream.into_inner().into().as_tcp() {
                // RFC 1122 §4.2.2.13 calls it an abortive close.
                let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
            }
        }
        After::Silence => {
            let mut sink = tokio::io::sink();
            let leaves = timeout(MAX_SILENCE, tokio::io::copy(&mut stream, &mut sink));
            tokio::select! {
                biased;
                _ = leaves => {}
                () = stop.draining() => {}
            }
        }
    }
    None
}

/// Writes the bytes at their pace.
async fn write<S: AsyncWrite + Unpin>(stream: &mut S, raw: &RawAnswer) -> std::io::Result<()> {
    let chunk_bytes = raw.pace.map_or(usize::MAX, |pace| pace.chunk_bytes);
    for chunk in raw.bytes.chunks(chunk_bytes) {
        stream.write_all(chunk).await?;
        stream.flush().await?;
        if let Some(pace) = raw.pace {
            sleep(pace.pause).await;
        }
    }
    Ok(())
}
