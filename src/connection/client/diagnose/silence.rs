//! Hints for who took the connection, or not even that, and let the time pass.

use super::facts::Facts;
use crate::connection::client::reached::{Phase, Stuck};
use crate::connection::net::target::Endpoint;

pub(super) fn hint(stuck: &Stuck, facts: &Facts<'_>) -> String {
    match stuck.phase {
        Phase::Dns => "no name server answers; check the network, or give the address with --resolve HOST:PORT:ADDRESS".to_owned(),
        Phase::Tcp => unreached(facts).to_owned(),
        Phase::Proxy => through(stuck),
        Phase::Tls if stuck.received_bytes == 0 => {
            "the port takes connections, but does not answer in TLS: it may speak none (try ws://), or be too busy to".to_owned()
        }
        Phase::Tls => {
            "the server began to answer in TLS and stopped, or is very slow (--connect-timeout waits longer); a network that drops large packets looks like this too".to_owned()
        }
        Phase::Upgrade if stuck.received_bytes > 0 => {
            "the server began to answer and stopped, or sends very slowly; --connect-timeout waits longer".to_owned()
        }
        Phase::Upgrade if stuck.interim > 0 => {
            "the server has taken the request and still works on it; --connect-timeout waits longer".to_owned()
        }
        Phase::Upgrade => silent(facts),
    }
}

fn unreached(facts: &Facts<'_>) -> &'static str {
    match (facts.proxy(), &facts.target.endpoint) {
        (Some(_), _) => {
            "no machine answers at the proxy's address, or a firewall drops the packets; --noproxy '*' goes without"
        }
        (None, Endpoint::Unix(_)) => "the server on that socket does not accept connections",
        (None, Endpoint::Tcp { .. }) => {
            "no machine answers at that address, or a firewall drops the packets"
        }
    }
}

/// A proxy that says nothing waits for another protocol, or for the server.
fn through(stuck: &Stuck) -> String {
    let scheme = stuck
        .proxy
        .as_deref()
        .and_then(|url| url.split("://").next());
    let other = match scheme {
        _ if stuck.received_bytes > 0 => {
            return "the proxy began to answer and stopped, or sends very slowly; --connect-timeout waits longer".to_owned();
        }
        Some("https") => "it may speak no TLS (try http://)",
        Some("http") => "it may want TLS (try https://) or speak SOCKS (try socks5h://)",
        _ => "it may be an HTTP proxy (try http://)",
    };
    format!(
        "the proxy took the connection and is silent: {other}, or it still tries to reach the server; --noproxy '*' goes without"
    )
}

fn silent(facts: &Facts<'_>) -> String {
    // Some development servers leave requests alone that do not offer theirs.
    let waits = match facts.config.request.subprotocols.is_empty() {
        true => ", it may wait for a subprotocol (-s vite-hmr, for example)",
        false => "",
    };
    match facts.target.secure {
        true => format!(
            "the server took the connection and is silent: it may be slow (--connect-timeout waits longer){waits}"
        ),
        false => format!(
            "the server took the connection and is silent: it may wait for TLS (try wss://){waits}, or not speak HTTP at all"
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::connection::client::failure::OpenError;
    use crate::connection::client::open::OpenConfig;
    use crate::connection::client::reached::Reached;

    /// The error and the hint of an opening that is stuck there.
    fn told(url: &str, stuck: Stuck) -> String {
        let config = OpenConfig::default();
        let facts = Facts {
            target: &url.parse().unwrap(),
            config: &config,
            reached: &Reached::default(),
        };
        let hint = hint(&stuck, &facts);
        let error = OpenError::Timeout {
            after: Duration::from_secs(2),
            stuck: Box::new(stuck),
        };
        format!("{error}; {hint}")
    }

    #[test]
    fn silence_and_drips_are_told_by_phase() {
        let proxied = |url: &str, received_bytes| Stuck {
            proxy: Some(url.to_owned()),
            received_bytes,
            ..Phase::Proxy.into()
        };
        let upgrade = |received: &'static str, interim| Stuck {
            received: Bytes::from_static(received.as_bytes()),
            received_bytes: received.len(),
            interim,
            ..Phase::Upgrade.into()
        };
        let tls = |received_bytes| Stuck {
            received_bytes,
            ..Phase::Tls.into()
        };
        for (url, stuck, parts) in [
            (
                "ws://h/",
                Phase::Dns.into(),
                ["not resolved within 2s", "--resolve"],
            ),
            (
                "ws://h/",
                Phase::Tcp.into(),
                [
                    "no connection to the server within 2s",
                    "no machine answers",
                ],
            ),
            (
                "ws+unix:///s",
                Phase::Tcp.into(),
                ["no connection to the server", "on that socket"],
            ),
            (
                "wss://h/",
                tls(0),
                ["no answer to the TLS handshake within 2s", "try ws://"],
            ),
            (
                "wss://h/",
                tls(1),
                [
                    "within 2s; 1 byte of the server's part came",
                    "began to answer in TLS",
                ],
            ),
            (
                "ws://h/",
                proxied("http://p:1", 0),
                ["the proxy http://p:1 did not connect through", "socks5h://"],
            ),
            (
                "ws://h/",
                proxied("https://p:1", 0),
                ["did not connect through", "try http://"],
            ),
            (
                "ws://h/",
                proxied("socks5://p:1", 0),
                ["did not connect through", "may be an HTTP proxy"],
            ),
            (
                "ws://h/",
                proxied("http://p:1", 3),
                ["did not connect through", "began to answer"],
            ),
            (
                "ws://h/",
                upgrade("", 0),
                ["no answer to the opening handshake within 2s", "is silent"],
            ),
            (
                "ws://h/",
                upgrade("HTTP/1.1 2", 0),
                [
                    "10 bytes of it came: \"HTTP/1.1 2\"",
                    "began to answer and stopped",
                ],
            ),
            (
                "ws://h/",
                upgrade("\x1b[31m", 2),
                ["\"\\x1b[31m\"", "began to answer"],
            ),
            (
                "ws://h/",
                upgrade("", 7),
                ["but 7 interim (1xx)", "still works on it"],
            ),
        ] {
            let told = told(url, stuck);
            for part in parts {
                assert!(told.contains(part), "{told}");
            }
        }
    }
}
