//! An opened connection in words, for `-v`.

use std::time::Duration;

use crate::connection::Opened;
use crate::connection::client::dial::Timings;

/// What was connected to and how, a line each.
pub fn lines(opened: &Opened) -> Vec<String> {
    let mut lines: Vec<_> = opened
        .redirects
        .iter()
        .map(|hop| {
            let without = match hop.dropped_credentials {
                true => ", without the credentials",
                false => "",
            };
            format!("redirected by {} to {}{without}", hop.status, hop.to)
        })
        .collect();
    let at = opened.peer.map(|peer| format!(" at {peer}"));
    let at = match &opened.proxy {
        Some(proxy) => format!(" through the proxy {proxy}{}", at.unwrap_or_default()),
        None => at.unwrap_or_default(),
    };
    lines.push(format!("connected to {}{at}", opened.target));
    lines.push(timings(&opened.timings));
    if let Some(subprotocol) = &opened.subprotocol {
        lines.push(format!("subprotocol {subprotocol}"));
    }
    let extensions: Vec<_> = opened.response.header("sec-websocket-extensions").collect();
    if !extensions.is_empty() {
        lines.push(format!("extensions {}", extensions.join(", ")));
    }
    lines
}

/// The phases that took place, and their sum.
pub fn timings(timings: &Timings) -> String {
    let phases = [
        ("redirects", timings.redirects),
        ("dns", timings.dns),
        ("tcp", timings.tcp),
        ("proxy", timings.proxy),
        ("tls", timings.tls),
        ("upgrade", timings.upgrade),
    ];
    let taken = phases
        .iter()
        .filter_map(|(name, time)| Some((*name, (*time)?)));
    let shown: Vec<_> = taken
        .clone()
        .map(|(name, time)| format!("{name} {}", milliseconds(time)))
        .collect();
    let total: Duration = taken.map(|(_, time)| time).sum();
    format!("{}; {} in all", shown.join(", "), milliseconds(total))
}

/// A time as people compare them: `12.3 ms`.
pub fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_that_did_not_take_place_are_left_out() {
        let given = Timings {
            tcp: Some(Duration::from_micros(250)),
            upgrade: Some(Duration::from_millis(12)),
            ..Timings::default()
        };
        assert_eq!(
            timings(&given),
            "tcp 0.2 ms, upgrade 12.0 ms; 12.2 ms in all"
        );
    }
}
