//! Why a run failed: which step, what differed, and what came last.

use std::fmt;
use std::time::Duration;

use super::inbox::Closing;

/// How much of a record is told.
const TOLD_CHARS: usize = 160;

/// Why a run failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmet {
    /// The number of the step and of all; `None` for a rule.
    pub step: Option<(usize, usize)>,
    /// How the user wrote it.
    pub label: String,
    /// What happened.
    pub why: Why,
    /// The last records that came, the latest at the end.
    pub last: Vec<Seen>,
    /// How many came in all.
    pub came: u64,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// Nothing matched in time.
    TimedOut {
        /// How long it had.
        within: Duration,
        /// How many records it passed over.
        passed: u64,
        /// In what the nearest of them differs.
        nearest: Vec<String>,
    },
    /// The connection was not closed in time.
    StillOpen(Duration),
    /// The next record does not match.
    Next(Vec<String>),
    /// A record matched that must not.
    Unwanted,
    /// The connection came to its end before.
    Closed(Closing),
    /// It came to its end in another way.
    OtherClose(Closing),
    /// What matched does not have what is to be captured.
    NotCaptured(String),
    /// What is to be sent or expected could not be made.
    NotMade(String),
    /// A rule answers its own answers.
    Storm,
}

/// A record that came, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Which one of its connection it is, from 1.
    pub number: u64,
    /// When it was read, from the beginning of the run.
    pub offset: Duration,
    /// The beginning of its text.
    pub text: String,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// No step has looked at it.
    Unread,
    /// A step passed over it.
    Skipped,
    /// A step took it.
    Matched(usize),
    /// A rule took it.
    Rule(String),
    /// The run failed by it.
    Here,
}

impl Seen {
    /// A record that has just come.
    pub(super) fn new(number: u64, offset: Duration, bytes: &[u8]) -> Self {
        Self {
            number,
            offset,
            text: beginning(bytes),
            fate: Fate::Unread,
        }
    }
}

/// The beginning of a record on one line.
fn beginning(bytes: &[u8]) -> String {
    // A character has four bytes at most.
    let cut = bytes.get(..4 * TOLD_CHARS).unwrap_or(bytes);
    let text = String::from_utf8_lossy(cut);
    let mut told: String = text.chars().take(TOLD_CHARS).collect();
    if told.len() < bytes.len() {
        told.push('…');
    }
    told.replace('\n', "\\n")
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.offset.as_secs_f64();
        write!(f, "+{seconds:.3} < {}", self.text)?;
        match &self.fate {
            Fate::Unread => Ok(()),
            Fate::Skipped => f.write_str("  skipped"),
            Fate::Matched(step) => write!(f, "  matched, step {step}"),
            Fate::Rule(label) => write!(f, "  {label}"),
            Fate::Here => f.write_str("  ← here"),
        }
    }
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((step, of)) = self.step {
            write!(f, "step {step} of {of}, ")?;
        }
        write!(f, "{}: ", self.label)?;
        match &self.why {
            Why::TimedOut {
                within,
                passed,
                nearest,
            } => {
                match passed {
                    0 => write!(f, "no record came within {within:?}")?,
                    1 => {
                        write!(f, "the one record within {within:?} did not match")?;
                        return differences(f, ": ", nearest);
                    }
                    passed => write!(f, "none of {passed} records within {within:?} matched")?,
                }
                differences(f, "; in the nearest, ", nearest)
            }
            Why::StillOpen(within) => write!(f, "the connection is still open after {within:?}"),
            Why::Next(nearest) => {
                f.write_str("the next record does not match")?;
                differences(f, ": ", nearest)
            }
            Why::Unwanted => {
                f.write_str("a record came that matches")?;
                let here = self.last.iter().rfind(|seen| seen.fate == Fate::Here);
                here.map_or(Ok(()), |seen| write!(f, ": {}", seen.text))
            }
            Why::Closed(closing) => write!(f, "{closing} before it was met"),
            Why::OtherClose(closing) => write!(f, "{closing}"),
            Why::NotCaptured(name) => {
                write!(f, "it was met by a record that holds nothing for '{name}'")
            }
            Why::NotMade(why) => f.write_str(why),
            Why::Storm => f.write_str(
                "it took 1000 records in a row within 1 s; its answer seems to provoke the next",
            ),
        }
    }
}

fn differences(f: &mut fmt::Formatter<'_>, before: &str, all: &[String]) -> fmt::Result {
    const TOLD: usize = 4;
    if all.is_empty() {
        return Ok(());
    }
    let told: Vec<_> = all.iter().take(TOLD).map(String::as_str).collect();
    write!(f, "{before}{}", told.join(", "))?;
    match all.len() - told.len() {
        0 => Ok(()),
        more => write!(f, " and {more} more"),
    }
}

impl Unmet {
    /// Whether more came than is told of.
    pub fn is_cut(&self) -> bool {
        usize::try_from(self.came).is_ok_and(|came| came > self.last.len())
    }

    /// What to try next, where there is something.
    pub fn hint(&self) -> Option<String> {
        let skips = |seen: &Seen| seen.fate == Fate::Skipped;
        match &self.why {
            Why::Next(_) => Some("--expect instead of --expect-next passes over others".to_owned()),
            Why::TimedOut { passed: 0, within, .. } => Some(match self.came {
                0 => format!("nothing came at all; --within over {within:?} waits longer"),
                _ => "all that came had been taken or passed over by earlier steps and rules; the order of the steps is the order of the records".to_owned(),
            }),
            Why::TimedOut { .. } if self.is_cut() && self.last.iter().any(skips) => {
                Some("--log FILE keeps all that came".to_owned())
            }
            Why::NotCaptured(_) => Some(
                "--capture NAME=SELECTOR takes a JSONPath such as $.id, /regex/ or text".to_owned(),
            ),
            _ => None,
        }
    }
}
