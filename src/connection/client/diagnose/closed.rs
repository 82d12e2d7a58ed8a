//! Hints for connections that were open, by the Close that ended them.

use crate::connection::Closed;

/// What to try next after the peer's Close; `None` where its code tells nothing of that.
pub fn of_close(closed: &Closed) -> Option<&'static str> {
    if !closed.by_peer {
        return None;
    }
    // Codes from 4000 are an application's own; these are those of GraphQL over
    // WebSocket, which others have taken over.
    Some(match closed.code() {
        1008 | 4001 | 4003 | 4401 | 4403 => {
            "the server does not let this client in: it may want credentials (--bearer TOKEN, -u USER, -b COOKIES, or a token in the URL), a first message that holds them (--setup), or another --origin"
        }
        1003 => "the server takes no messages of this kind: text, or binary with --binary",
        1009 => "the message is too large for the server",
        1012 | 1013 => "the server takes this client back later; --reconnect tries again",
        4400 => {
            "the server does not understand a message: it may want another form, or a first message before it (--setup)"
        }
        4406 => "the server does not take the subprotocol; -s offers one",
        4408 => {
            "the server has waited for a first message; --setup sends one as soon as the connection is open"
        }
        4429 => "the server has had that first message already, or too many requests",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::CloseFrame;

    #[test]
    fn a_close_of_the_peer_has_the_hint_of_its_code() {
        for (by_peer, code, part) in [
            (true, Some(4401), Some("--bearer")),
            (true, Some(1008), Some("credentials")),
            (true, Some(4408), Some("--setup")),
            (true, Some(4406), Some("-s offers")),
            (true, Some(1013), Some("--reconnect")),
            (false, Some(4401), None),
            (true, Some(1000), None),
            (true, Some(4999), None),
            (true, None, None),
        ] {
            let closed = Closed {
                received: Some(CloseFrame {
                    code,
                    reason: String::new(),
                }),
                sent: None,
                by_peer,
                error: None,
            };
            let hint = of_close(&closed);
            assert_eq!(hint.is_some(), part.is_some(), "{code:?}");
            assert!(hint.unwrap_or_default().contains(part.unwrap_or_default()));
        }
    }
}
