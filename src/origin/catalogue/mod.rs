//! The catalogue of probes, as data: what is sent, which server bug it
//! reveals, who can send it, how bad that is, and what to do about it.
//!
//! A probe is a [`Rule`]; [`plan`](super::plan) applies the rules to one
//! allowed origin, one target and one attacker domain. Nothing here dials.

mod address;
mod beside;
mod client_only;
mod foothold;
mod likeness;
mod rule;
mod scene;
mod web;

pub(crate) use beside::{EVENTS, POLLING};
pub(crate) use rule::{Fix, Group, Rule, Severity};
use rule::{RFC6454, RFC6455};
pub(crate) use scene::registrable_at;
pub(crate) use scene::{Request, Scene, Site};

/// Every probe, in the order of reports: the groups one after the other.
pub(crate) fn rules() -> impl Iterator<Item = &'static Rule> {
    web::RULES
        .iter()
        .chain(likeness::RULES)
        .chain(address::WEB)
        .chain(foothold::RULES)
        .chain(address::FOOTHOLD)
        .chain(client_only::RULES)
}

/// What is asked for beside the socket, where the server is known to have it.
pub(crate) fn beside() -> impl Iterator<Item = &'static Rule> {
    [&POLLING, &EVENTS].into_iter()
}

/// The probe of this name, or what is asked for beside the socket.
pub(crate) fn find(id: &str) -> Option<&'static Rule> {
    rules().chain(beside()).find(|rule| rule.id == id)
}

/// The probe that stands for an origin of the user's own that must be refused.
pub(crate) fn denied() -> &'static Rule {
    &web::DENIED
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_every_text_says_something() {
        let mut seen = BTreeSet::new();
        for rule in rules() {
            assert!(seen.insert(rule.id), "{} twice", rule.id);
            assert!(!rule.sends.is_empty(), "{}", rule.id);
            for text in [rule.reveals, rule.exploit, rule.reference] {
                assert!(!text.is_empty(), "{}", rule.id);
                assert!(!text.ends_with('.'), "{}: {text}", rule.id);
            }
            let of_a_script = rule.group == Group::ClientOnly;
            assert!(!rule.exotic || of_a_script, "{}", rule.id);
            assert!(
                !of_a_script || rule.severity <= Severity::Low,
                "{}",
                rule.id
            );
        }
        assert_eq!(
            find("foreign").map(|rule| rule.severity),
            Some(Severity::Critical)
        );
        assert!(find("no-such-probe").is_none());
    }
}
