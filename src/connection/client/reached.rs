//! How far an opening has come: all that is known of it, whether it succeeds
//! or not. A leaf of its room.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::connection::http::upgrade::Exchange;
use crate::connection::micros;
use crate::connection::net::tls::{CertificateInfo, Seen, TlsInfo};

/// A phase of an opening. They come in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Name resolution: of the proxy's name, where there is one.
    #[default]
    Dns,
    /// The TCP (or Unix socket) connection, to the proxy where there is one.
    Tcp,
    /// The proxy connects through.
    Proxy,
    /// The TLS handshake with the target.
    Tls,
    /// The opening handshake.
    Upgrade,
}

/// How long each phase took; `None` for a phase that did not take place. As
/// JSON, in microseconds, and only of the phases that did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timings {
    /// Name resolution: of the proxy's name, where there is one.
    #[serde(
        rename = "dns_us",
        with = "micros::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub dns: Option<Duration>,
    /// The TCP (or Unix socket) connection, to the proxy where there is one.
    #[serde(
        rename = "tcp_us",
        with = "micros::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub tcp: Option<Duration>,
    /// What the proxy took to connect through: TLS with it, its answer, and
    /// the look-up of the target's name where that is ours to do.
    #[serde(
        rename = "proxy_us",
        with = "micros::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub proxy: Option<Duration>,
    /// The TLS handshake with the target.
    #[serde(
        rename = "tls_us",
        with = "micros::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub tls: Option<Duration>,
    /// The opening handshake.
    #[serde(
        rename = "upgrade_us",
        with = "micros::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub upgrade: Option<Duration>,
    /// All that came before the last redirect. The other times are of the
    /// connection that was opened.
    #[serde(
        rename = "redirects_us",
        with = "micros::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub redirects: Option<Duration>,
}

impl Timings {
    fn of(&mut self, phase: Phase) -> &mut Option<Duration> {
        match phase {
            Phase::Dns => &mut self.dns,
            Phase::Tcp => &mut self.tcp,
            Phase::Proxy => &mut self.proxy,
            Phase::Tls => &mut self.tls,
            Phase::Upgrade => &mut self.upgrade,
        }
    }
}

/// What is known of an opening. What has not come to pass is empty.
#[derive(Debug, Clone, Default)]
pub struct Reached {
    /// The phase that was the last to begin.
    pub phase: Phase,
    /// The addresses that were to be tried, the proxy's where there is one.
    pub tried: Vec<SocketAddr>,
    /// The peer's address, where it has one.
    pub peer: Option<SocketAddr>,
    /// The proxy that leads to the peer, without its credentials. The addresses
    /// above are then the proxy's.
    pub proxy: Option<String>,
    /// What TLS has agreed on with the target.
    pub tls: Option<TlsInfo>,
    /// How long the phases took. The one that failed has the time until then.
    pub timings: Timings,
    /// The opening handshake.
    pub exchange: Exchange,
    /// What TLS has shown, be it that it came to no agreement.
    pub(super) tls_seen: Option<Arc<Seen>>,
    /// When the phase began, until it ends.
    begun: Option<Instant>,
}

impl Reached {
    /// The next phase begins, and with that the one before it is done.
    pub(crate) fn begin(&mut self, phase: Phase) {
        self.stop();
        self.phase = phase;
        self.begun = Some(Instant::now());
    }

    /// The phase has ended, by success or failure.
    pub(crate) fn stop(&mut self) {
        if let Some(begun) = self.begun.take() {
            *self.timings.of(self.phase) = Some(begun.elapsed());
        }
    }

    /// The server's certificate, if it has come.
    pub fn certificate(&self) -> Option<CertificateInfo> {
        match &self.tls {
            Some(tls) => tls.certificate.clone(),
            None => self.tls_seen.as_ref()?.certificate(),
        }
    }

    /// Where it is stuck.
    pub(super) fn stuck(&self) -> Stuck {
        let heard = &self.exchange.heard;
        Stuck {
            phase: self.phase,
            proxy: self.proxy.clone(),
            received: Bytes::copy_from_slice(heard.unfinished()),
            received_bytes: match (self.phase, &self.tls_seen) {
                (Phase::Tls, Some(seen)) => seen.received_bytes(),
                _ => heard.unfinished().len(),
            },
            interim: heard.interim,
        }
    }
}

/// Where an opening was when its time was over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stuck {
    /// The phase that was not done.
    pub phase: Phase,
    /// The proxy, where one leads to the target.
    pub proxy: Option<String>,
    /// What had come of an HTTP answer.
    pub received: Bytes,
    /// How much had come in this phase, in bytes.
    pub received_bytes: usize,
    /// How many interim answers (1xx) had come.
    pub interim: u32,
}

impl From<Phase> for Stuck {
    fn from(phase: Phase) -> Self {
        Self {
            phase,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_phase_has_its_time_and_the_failed_one_too() {
        let mut reached = Reached::default();
        for (phase, millis) in [(Phase::Dns, 10), (Phase::Tcp, 20), (Phase::Tls, 30)] {
            reached.begin(phase);
            tokio::time::sleep(Duration::from_millis(millis)).await;
        }
        reached.stop();
        tokio::time::sleep(Duration::from_secs(1)).await;
        reached.stop();
        let timings = Timings {
            dns: Some(Duration::from_millis(10)),
            tcp: Some(Duration::from_millis(20)),
            tls: Some(Duration::from_millis(30)),
            ..Timings::default()
        };
        assert_eq!((reached.timings, reached.phase), (timings, Phase::Tls));
    }
}
