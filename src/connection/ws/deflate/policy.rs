//! The server's side of the negotiation (RFC 7692 §7.1): which offer it takes,
//! and what it answers.

use std::str::FromStr;

use super::EXTENSION_NAME;
use super::extension::{NegotiationError, parse_extensions};
use super::offer::{MAX_WINDOW_BITS, Offer, Params};

/// What a server demands of every connection that it compresses.
///
/// It is read from the same text as the offer of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The server compresses each message on its own, asked or not.
    pub server_no_context_takeover: bool,
    /// The client has to compress each message on its own.
    pub client_no_context_takeover: bool,
    /// The base-2 logarithm of the server's largest window, 9 to 15.
    pub server_max_window_bits: u8,
    /// The base-2 logarithm of the client's largest window, 8 to 15; below 15,
    /// offers that do not allow a limit are declined.
    pub client_max_window_bits: u8,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: MAX_WINDOW_BITS,
            client_max_window_bits: MAX_WINDOW_BITS,
        }
    }
}

impl FromStr for Policy {
    type Err = NegotiationError;

    fn from_str(value: &str) -> Result<Self, NegotiationError> {
        let demands: Offer = value.parse()?;
        Ok(Self {
            server_no_context_takeover: demands.server_no_context_takeover,
            client_no_context_takeover: demands.client_no_context_takeover,
            server_max_window_bits: demands.server_max_window_bits.unwrap_or(MAX_WINDOW_BITS),
            client_max_window_bits: demands
                .client_max_window_bits
                .flatten()
                .unwrap_or(MAX_WINDOW_BITS),
        })
    }
}

/// Chooses among the client's offers, the values of all its
/// `Sec-WebSocket-Extensions` header lines: the first that is acceptable wins.
/// Returns the parameters in force and the header value of the answer.
///
/// `None` leaves the connection uncompressed: no acceptable offer, or a header
/// that breaks the grammar (a server that wants to refuse the handshake for
/// the latter, as RFC 6455 §9.1 has it, asks [`parse_extensions`]).
pub(crate) fn negotiate<I, V>(header_values: I, policy: &Policy) -> Option<(Params, String)>
where
    I: IntoIterator<Item = V>,
    V: AsRef<[u8]>,
{
    // RFC 7692 §7: "A server MUST decline an extension negotiation offer" with
    // an unknown parameter, a wrong value, or a parameter given twice.
    let answer = parse_extensions(header_values)
        .ok()?
        .iter()
        .filter(|extension| extension.name == EXTENSION_NAME)
        .filter_map(|extension| Offer::from_extension(extension).ok())
        .find_map(|offer| policy.answer(&offer))?;
    let params = Params {
        server_no_context_takeover: answer.server_no_context_takeover,
        client_no_context_takeover: answer.client_no_context_takeover,
        server_max_window_bits: answer.server_max_window_bits.unwrap_or(MAX_WINDOW_BITS),
        client_max_window_bits: answer
            .client_max_window_bits
            .flatten()
            .unwrap_or(MAX_WINDOW_BITS),
    };
    Some((params, answer.to_string()))
}

impl Policy {
    /// The answer to one offer, or `None` to decline it.
    fn answer(&self, offer: &Offer) -> Option<Offer> {
        // zlib cannot compress with a window of 8, and a larger one would
        // break the promise. A client's window of 8 is fine: it is only
        // inflated here, which any window can.
        let server_window = offer
            .server_max_window_bits
            .unwrap_or(MAX_WINDOW_BITS)
            .min(self.server_max_window_bits);
        if server_window < 9 {
            return None;
        }
        let client_window = match offer.client_max_window_bits {
            Some(hint) => hint
                .unwrap_or(MAX_WINDOW_BITS)
                .min(self.client_max_window_bits),
            // RFC 7692 §7.1.2.2: without the parameter in the offer, the
            // answer cannot demand it.
            None if self.client_max_window_bits < MAX_WINDOW_BITS => return None,
            None => MAX_WINDOW_BITS,
        };
        let server_asked = offer.server_max_window_bits.is_some();
        Some(Offer {
            server_no_context_takeover: offer.server_no_context_takeover
                || self.server_no_context_takeover,
            client_no_context_takeover: offer.client_no_context_takeover
                || self.client_no_context_takeover,
            server_max_window_bits: (server_asked || server_window < MAX_WINDOW_BITS)
                .then_some(server_window),
            client_max_window_bits: (client_window < MAX_WINDOW_BITS)
                .then_some(Some(client_window)),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(offer: &str, policy: &str) -> Option<String> {
        let policy = policy.parse().expect("the test's policy is valid");
        negotiate([offer], &policy).map(|(_, header)| {
            header
                .strip_prefix("permessage-deflate")
                .expect("the answer names the extension")
                .trim_start_matches("; ")
                .to_owned()
        })
    }

    #[test]
    fn only_offered_parameters_are_answered() {
        for (offer, expected) in [
            ("permessage-deflate", ""),
            ("permessage-deflate; client_max_window_bits", ""),
            (
                "permessage-deflate; client_max_window_bits=10",
                "client_max_window_bits=10",
            ),
            (
                "permessage-deflate; client_max_window_bits=8",
                "client_max_window_bits=8",
            ),
            (
                "permessage-deflate; server_max_window_bits=9",
                "server_max_window_bits=9",
            ),
            (
                "permessage-deflate; server_max_window_bits=15",
                "server_max_window_bits=15",
            ),
            (
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
                "server_no_context_takeover; client_no_context_takeover",
            ),
        ] {
            assert_eq!(answer(offer, "").as_deref(), Some(expected), "{offer}");
        }
    }

    #[test]
    fn a_policy_adds_its_demands() {
        let policy = "server_no_context_takeover; client_no_context_takeover; \
                      server_max_window_bits=11; client_max_window_bits=12";
        for (offer, expected) in [
            ("permessage-deflate", None),
            (
                "permessage-deflate; client_max_window_bits",
                Some(
                    "server_no_context_takeover; client_no_context_takeover; \
                     server_max_window_bits=11; client_max_window_bits=12",
                ),
            ),
            (
                "permessage-deflate; client_max_window_bits=10; server_max_window_bits=9",
                Some(
                    "server_no_context_takeover; client_no_context_takeover; \
                     server_max_window_bits=9; client_max_window_bits=10",
                ),
            ),
        ] {
            assert_eq!(answer(offer, policy).as_deref(), expected, "{offer}");
        }
    }

    #[test]
    fn an_offer_that_cannot_be_taken_is_declined() {
        for offer in [
            "",
            "x-webkit-deflate-frame",
            "permessage-deflate; server_max_window_bits=8",
            "permessage-deflate; server_max_window_bits",
            "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; server_max_window_bits=09",
            "permessage-deflate; client_max_window_bits=7",
            "permessage-deflate; client_no_context_takeover=1",
            "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
            "permessage-deflate; foo",
            "permessage-deflate;",
        ] {
            assert_eq!(answer(offer, ""), None, "{offer}");
        }
    }

    #[test]
    fn the_first_acceptable_offer_wins_across_header_lines() {
        let lines = [
            "permessage-foo, permessage-deflate; server_max_window_bits=8",
            "permessage-deflate; server_max_window_bits=10, permessage-deflate",
        ];
        let (params, header) = negotiate(lines, &Policy::default()).expect("one is acceptable");
        assert_eq!(header, "permessage-deflate; server_max_window_bits=10");
        assert_eq!(params.server_max_window_bits, 10);
    }

    prop_compose! {
        fn offers()(
            server_no_context_takeover: bool,
            client_no_context_takeover: bool,
            server_max_window_bits in proptest::option::of(9u8..=15),
            client_max_window_bits in proptest::option::of(proptest::option::of(9u8..=15)),
        ) -> Offer {
            Offer {
                server_no_context_takeover,
                client_no_context_takeover,
                server_max_window_bits,
                client_max_window_bits,
            }
        }
    }

    proptest! {
        #[test]
        fn both_sides_agree_on_the_parameters(offer in offers(), demands in offers()) {
            let policy: Policy = demands.to_string().parse().expect("offers read back");
            match negotiate([offer.to_string()], &policy) {
                Some((params, header)) => {
                    prop_assert_eq!(offer.accept([header]), Ok(Some(params)));
                    let kept = params.client_max_window_bits <= policy.client_max_window_bits
                        && params.server_max_window_bits <= policy.server_max_window_bits
                        && (params.server_no_context_takeover || !policy.server_no_context_takeover)
                        && (params.client_no_context_takeover || !policy.client_no_context_takeover);
                    prop_assert!(kept);
                }
                None => prop_assert!(
                    policy.client_max_window_bits < 15 && offer.client_max_window_bits.is_none()
                ),
            }
        }
    }
}
