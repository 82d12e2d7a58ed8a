//! An opened connection in words, for `-v`.

use std::time::Duration;

use crate::talk::Opening;
use crate::value;

/// What was connected to and how, a line each.
pub(crate) fn lines(opening: &Opening) -> Vec<String> {
    let mut lines: Vec<_> = opening
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
    let at = opening.peer.as_ref().map(|peer| format!(" at {peer}"));
    let at = match &opening.proxy {
        Some(proxy) => format!(" through the proxy {proxy}{}", at.unwrap_or_default()),
        None => at.unwrap_or_default(),
    };
    lines.push(format!("connected to {}{at}", opening.url));
    lines.push(timings(opening));
    if let Some(subprotocol) = &opening.subprotocol {
        lines.push(format!("subprotocol {subprotocol}"));
    }
    if let Some(extensions) = &opening.extensions {
        lines.push(format!("extensions {extensions}"));
    }
    lines
}

/// The phases that took place, and their sum.
fn timings(opening: &Opening) -> String {
    let shown: Vec<_> = opening
        .phases()
        .map(|(name, time)| format!("{name} {}", value::time(time, 3)))
        .collect();
    let total: Duration = opening.phases().map(|(_, time)| time).sum();
    format!("{}; {} in all", shown.join(", "), value::time(total, 3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::client::reached::Timings;

    #[test]
    fn phases_that_did_not_take_place_are_left_out() {
        let given = Opening {
            timings: Timings {
                tcp: Some(Duration::from_micros(250)),
                upgrade: Some(Duration::from_millis(12)),
                ..Timings::default()
            },
            ..Opening::default()
        };
        assert_eq!(
            timings(&given),
            "tcp 250 µs, upgrade 12.0 ms; 12.2 ms in all"
        );
    }
}
