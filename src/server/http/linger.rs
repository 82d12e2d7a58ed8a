//! The end of a connection that got an answer of HTTP. A leaf.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// How much of what follows a refusal is read, and for how long, before the
/// connection is closed: closing with unread data would send a reset, which
/// can destroy the answer on its way.
const LINGER_BYTES: u64 = 256 << 10;
pub(super) const LINGER: Duration = Duration::from_secs(1);

/// Closes a connection in the order that loses nothing: FIN, then drain.
pub(super) async fn linger<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    let _ = timeout(LINGER, async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(LINGER_BYTES), &mut tokio::io::sink()).await
    })
    .await;
}
