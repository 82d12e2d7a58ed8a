//! `--chaos`: what goes wrong on its own, by chance that can be repeated.

use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use super::message::MessageFault;
use crate::value::{duration, share};

/// The longest delay.
const MAX_DELAY: Duration = Duration::from_secs(60);

/// What goes wrong, and how often: a share of the messages sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Chaos {
    delay: Option<RangeInclusive<Duration>>,
    /// In the order of [`EFFECTS`].
    shares: [f64; EFFECTS.len()],
    /// Of the opening handshakes.
    refuse: f64,
    /// Where the chances start: the same seed makes the same choices, for each
    /// connection by its number.
    pub seed: u64,
}

/// What becomes of one message, besides its delay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It goes wrong.
    Message(MessageFault),
    /// The connection ends by FIN.
    Drop,
    /// The connection ends by RST.
    Reset,
    /// The connection is closed with 1012.
    Close,
}

/// Each by its name. New ones stand last, so that a seed keeps its chances.
const EFFECTS: [(&str, Effect); 8] = [
    ("lose", Effect::Message(MessageFault::Lose)),
    ("drop", Effect::Drop),
    ("reset", Effect::Reset),
    ("close", Effect::Close),
    ("duplicate", Effect::Message(MessageFault::Duplicate)),
    ("reorder", Effect::Message(MessageFault::Reorder)),
    ("corrupt", Effect::Message(MessageFault::Corrupt)),
    ("truncate", Effect::Message(MessageFault::Truncate)),
];

/// Why a text does not describe chaos.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ChaosError {
    /// Not a kind of chaos.
    #[error(
        "'{0}' is not a kind of chaos; use delay, lose, duplicate, reorder, corrupt, truncate, drop, reset, close or refuse"
    )]
    Name(String),
    /// Not a share.
    #[error("{0} '{1}' is not a share; write it as 1% or 0.01")]
    Share(String, String),
    /// Not a delay.
    #[error("delay '{0}' is not a time; write 100ms, or 10ms..200ms, 60s at most")]
    Delay(String),
    /// The shares leave nothing.
    #[error("the shares come to more than 100%")]
    TooMuch,
}

impl FromStr for Chaos {
    type Err = ChaosError;

    fn from_str(text: &str) -> Result<Self, ChaosError> {
        let mut chaos = Self {
            delay: None,
            shares: [0.0; EFFECTS.len()],
            refuse: 0.0,
            seed: 0,
        };
        for part in text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let effect = EFFECTS.iter().position(|(effect, _)| *effect == name);
            let share = effect.and_then(|index| chaos.shares.get_mut(index));
            match (name, share) {
                ("delay", _) => chaos.delay = Some(delay(value)?),
                ("refuse", _) => chaos.refuse = parse_share(name, value)?,
                (_, Some(share)) => *share = parse_share(name, value)?,
                (_, None) => return Err(ChaosError::Name(name.to_owned())),
            }
        }
        if chaos.shares.iter().sum::<f64>() > 1.0 {
            return Err(ChaosError::TooMuch);
        }
        Ok(chaos)
    }
}

fn parse_share(name: &str, text: &str) -> Result<f64, ChaosError> {
    match share(text) {
        Ok(share) if share <= 1.0 => Ok(share),
        _ => Err(ChaosError::Share(name.to_owned(), text.to_owned())),
    }
}

fn delay(text: &str) -> Result<RangeInclusive<Duration>, ChaosError> {
    let (least, most) = text.split_once("..").unwrap_or((text, text));
    match (duration(least), duration(most)) {
        (Ok(least), Ok(most)) if least <= most && most <= MAX_DELAY => Ok(least..=most),
        _ => Err(ChaosError::Delay(text.to_owned())),
    }
}

impl Chaos {
    /// The chances of one connection.
    pub(crate) fn random(&self, connection: u64) -> SplitMix64 {
        SplitMix64(self.seed ^ connection.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// Whether the opening handshake of a connection is refused.
    pub(crate) fn refuses(&self, connection: u64) -> bool {
        // Another sequence than that of its messages.
        self.refuse > 0.0 && self.random(!connection).next_share() < self.refuse
    }

    /// What becomes of the next message, and how much later it leaves.
    pub(crate) fn effect(&self, random: &mut SplitMix64) -> (Option<Effect>, Duration) {
        let mut chance = random.next_share();
        let mut found = None;
        for (share, (_, effect)) in self.shares.iter().zip(EFFECTS) {
            if chance < *share {
                found = Some(effect);
                break;
            }
            chance -= share;
        }
        let delay = self.delay.as_ref().map_or(Duration::ZERO, |range| {
            *range.start() + (*range.end() - *range.start()).mul_f64(random.next_share())
        });
        (found, delay)
    }
}

/// Pseudorandom numbers: SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number
/// generators", 2014): small, and the same everywhere. Guards no secret.
#[derive(Debug, Clone)]
pub(crate) struct SplitMix64(u64);

impl SplitMix64 {
    /// From 0 to less than 1.
    fn next_share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        // The 53 bits that an f64 holds exactly.
        #[allow(clippy::cast_precision_loss, reason = "53 bits fit")]
        let fraction = (z >> 11) as f64 / (1_u64 << 53) as f64;
        fraction
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chaos_is_parsed_or_refused() {
        let chaos: Chaos = "delay=10ms..200ms, drop=1%,close=0.1%".parse().unwrap();
        assert_eq!(
            chaos.delay,
            Some(Duration::from_millis(10)..=Duration::from_millis(200))
        );
        assert_eq!(chaos.shares[1..4], [0.01, 0.0, 0.001]);
        assert!("reorder=1%,corrupt=1%,refuse=100%".parse::<Chaos>().is_ok());
        for text in [
            "fire=1%",
            "drop",
            "drop=101%",
            "drop=-1",
            "drop=nan",
            "delay=",
            "delay=2s..1s",
            "delay=61s",
            "drop=60%,close=60%",
            "drop=60%,truncate=60%",
            "refuse=101%",
        ] {
            assert!(text.parse::<Chaos>().is_err(), "{text}");
        }
    }

    #[test]
    fn chaos_seed_repeats_its_choices_and_keeps_the_shares() {
        let mut chaos: Chaos = "delay=1ms..5ms,drop=10%,lose=20%".parse().unwrap();
        chaos.seed = 7;
        let effects = |connection| -> Vec<_> {
            let mut random = chaos.random(connection);
            (0..10_000).map(|_| chaos.effect(&mut random)).collect()
        };
        assert_eq!(effects(1), effects(1));
        assert_ne!(effects(1), effects(2));
        let count = |wanted| {
            let effects = effects(3).into_iter();
            effects
                .filter(|(effect, _)| *effect == Some(wanted))
                .count()
        };
        assert!((900..1100).contains(&count(Effect::Drop)));
        let lost = count(Effect::Message(MessageFault::Lose));
        assert!((1850..2150).contains(&lost));
        let delays = effects(3).into_iter().map(|(_, delay)| delay.as_millis());
        assert!(delays.into_iter().all(|delay| (1..=5).contains(&delay)));
    }

    #[test]
    fn chaos_refuses_its_share_of_handshakes() {
        let mut chaos: Chaos = "refuse=10%".parse().unwrap();
        chaos.seed = 7;
        let refused = (0..10_000).filter(|id| chaos.refuses(*id)).count();
        assert!((900..1100).contains(&refused), "{refused}");
    }
}
