//! `--chaos`: what goes wrong on its own, by chance that can be repeated.

use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use crate::value::{duration, share};

/// The longest delay.
const MAX_DELAY: Duration = Duration::from_secs(60);

/// What goes wrong, and how often: a share of the messages sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Chaos {
    delay: Option<RangeInclusive<Duration>>,
    lose: f64,
    drop: f64,
    reset: f64,
    close: f64,
    /// Where the chances start: the same seed makes the same choices, for each
    /// connection by its number.
    pub seed: u64,
}

/// Why a text does not describe chaos.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ChaosError {
    /// Not a kind of chaos.
    #[error("'{0}' is not a kind of chaos; use delay, lose, drop, reset or close")]
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

/// What becomes of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It leaves, this much later.
    Answered(Duration),
    /// It does not leave.
    Lost,
    /// The connection ends by FIN.
    Dropped,
    /// The connection ends by RST.
    Reset,
    /// The connection is closed with 1012.
    Closed,
}

impl FromStr for Chaos {
    type Err = ChaosError;

    fn from_str(text: &str) -> Result<Self, ChaosError> {
        let mut chaos = Self {
            delay: None,
            lose: 0.0,
            drop: 0.0,
            reset: 0.0,
            close: 0.0,
            seed: 0,
        };
        for part in text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let share = match name {
                "delay" => {
                    chaos.delay = Some(delay(value)?);
                    continue;
                }
                "lose" => &mut chaos.lose,
                "drop" => &mut chaos.drop,
                "reset" => &mut chaos.reset,
                "close" => &mut chaos.close,
                _ => return Err(ChaosError::Name(name.to_owned())),
            };
            *share = parse_share(name, value)?;
        }
        if chaos.lose + chaos.drop + chaos.reset + chaos.close > 1.0 {
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

    /// What becomes of the next message.
    pub(crate) fn effect(&self, random: &mut SplitMix64) -> Effect {
        let mut chance = random.next_share();
        for (share, effect) in [
            (self.lose, Effect::Lost),
            (self.drop, Effect::Dropped),
            (self.reset, Effect::Reset),
            (self.close, Effect::Closed),
        ] {
            if chance < share {
                return effect;
            }
            chance -= share;
        }
        let delay = self.delay.as_ref().map_or(Duration::ZERO, |range| {
            *range.start() + (*range.end() - *range.start()).mul_f64(random.next_share())
        });
        Effect::Answered(delay)
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
        assert!((chaos.drop - 0.01).abs() < 1e-12 && (chaos.close - 0.001).abs() < 1e-12);
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
            effects(3)
                .into_iter()
                .filter(|effect| *effect == wanted)
                .count()
        };
        assert!((900..1100).contains(&count(Effect::Dropped)));
        assert!((1850..2150).contains(&count(Effect::Lost)));
        assert!(effects(3).iter().all(|effect| match effect {
            Effect::Answered(delay) => (1..=5).contains(&delay.as_millis()),
            _ => true,
        }));
    }
}
