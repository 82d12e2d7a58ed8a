//! What a script is made of, as types: the command line and files make the same.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;

use regex::bytes::Regex;
use serde_json_path::JsonPath;
use thiserror::Error;

use super::expr::{Expressions, NAMES, Template};
use super::inbox::{Closing, Record};
use super::pattern::Pattern;
use crate::connection::Message;
use crate::decode::{self, Exact};

/// A step: what is to be done, and what it is called when it is told of.
#[derive(Debug, Clone)]
pub struct Step {
    /// How the user wrote it.
    pub label: String,
    /// What is to be done.
    pub action: Action,
    /// How long what it waits for may take.
    pub within: Duration,
    /// What is taken of what it waited for.
    pub captures: Vec<(String, Selector)>,
}

/// What is to be done.
#[derive(Debug, Clone)]
pub enum Action {
    /// Hand a message over.
    Send(Payload),
    /// Wait for a record that matches; pass over others.
    Expect(Pattern),
    /// The next record has to match.
    ExpectNext(Pattern),
    /// For so long as the step's time, no record may match.
    ExpectNone(Pattern),
    /// Wait for the end of the connection with this code.
    ExpectClose(u16),
}

impl Action {
    fn pattern(&self) -> Option<&Pattern> {
        match self {
            Self::Expect(pattern) | Self::ExpectNext(pattern) | Self::ExpectNone(pattern) => {
                Some(pattern)
            }
            Self::Send(_) | Self::ExpectClose(_) => None,
        }
    }
}

/// A message to send.
#[derive(Debug, Clone)]
pub enum Payload {
    /// As it is.
    Whole(Message),
    /// Made when it is sent.
    Template {
        /// Its text.
        text: Template,
        /// Whether it is sent as a binary message.
        is_binary: bool,
    },
}

/// What answers a record that comes at any time.
#[derive(Debug, Clone)]
pub struct Rule {
    /// How the user wrote it.
    pub label: String,
    /// The records that it takes.
    pub pattern: Pattern,
    /// What it does with one.
    pub then: Then,
}

/// What a rule does.
#[derive(Debug, Clone)]
pub enum Then {
    /// Send a message, in which `msg` is the record.
    Send(Payload),
    /// End the run: the record must not come.
    Fail,
}

/// What is taken of a record, or of the end of a connection.
#[derive(Debug, Clone)]
pub enum Selector {
    /// The first hit, with its type and digits.
    Path(JsonPath),
    /// The first group, else all that it finds.
    Regex(Regex),
    /// All of it, as text.
    Text,
    /// The code of the Close.
    CloseCode,
    /// The reason of the Close.
    CloseReason,
}

/// Why a text selects nothing.
#[derive(Debug, Error)]
pub enum SelectorError {
    /// Not a JSONPath.
    #[error(transparent)]
    Path(#[from] serde_json_path::ParseError),
    /// Not a regular expression.
    #[error("not a regular expression: {0}")]
    Regex(String),
    /// Nothing of the kind.
    #[error(
        "'{0}' selects nothing; write a JSONPath such as $.id, /regex/, text, close.code or close.reason"
    )]
    Unknown(String),
}

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        if text.starts_with('$') {
            return Ok(Self::Path(JsonPath::parse(text)?));
        }
        let regex = text
            .strip_prefix('/')
            .and_then(|text| text.strip_suffix('/'));
        match (regex, text) {
            (Some(regex), _) => Ok(Self::Regex(Regex::new(regex).map_err(|error| {
                let error = error.to_string();
                let why = error.lines().last().unwrap_or_default();
                SelectorError::Regex(why.trim_start_matches("error: ").to_owned())
            })?)),
            (None, "text") => Ok(Self::Text),
            (None, "close.code") => Ok(Self::CloseCode),
            (None, "close.reason") => Ok(Self::CloseReason),
            (None, _) => Err(SelectorError::Unknown(text.to_owned())),
        }
    }
}

impl Selector {
    /// Whether it is of the end of a connection, and of no record.
    pub fn is_of_close(&self) -> bool {
        matches!(self, Self::CloseCode | Self::CloseReason)
    }

    pub(super) fn of_record(&self, record: &Record) -> Option<Exact> {
        self.of_bytes(record.bytes())
    }

    pub(super) fn of_close(&self, closing: &Closing) -> Option<Exact> {
        match self {
            Self::CloseCode => Some(Exact::from(u64::from(closing.code))),
            Self::CloseReason => Some(Exact::String(closing.reason.clone())),
            _ => self.of_bytes(closing.reason.as_bytes()),
        }
    }

    fn of_bytes(&self, bytes: &[u8]) -> Option<Exact> {
        let text = |bytes: &[u8]| Exact::String(String::from_utf8_lossy(bytes).into_owned());
        match self {
            Self::Path(path) => {
                let found = decode::select(path, bytes);
                Exact::parse(found.hits.first()?)
            }
            Self::Regex(regex) => {
                let captures = regex.captures(bytes)?;
                let found = captures.get(1).or_else(|| captures.get(0))?;
                Some(text(found.as_bytes()))
            }
            Self::Text => Some(text(bytes)),
            Self::CloseCode | Self::CloseReason => None,
        }
    }
}

/// The first name that a step or rule uses and that nothing has set by then, with the
/// label of what uses it.
pub fn unset(
    steps: &[Step],
    rules: &[Rule],
    set: impl IntoIterator<Item = String>,
    by: &Expressions,
) -> Option<(String, String)> {
    let mut set: BTreeSet<String> = set.into_iter().collect();
    for step in steps {
        let mut needed = step
            .action
            .pattern()
            .map(|p| p.names(by))
            .unwrap_or_default();
        if let Action::Send(payload) = &step.action {
            needed.extend(payload.names(by));
        }
        if let Some(name) = needed.difference(&set).next() {
            return Some((name.clone(), step.label.clone()));
        }
        set.extend(step.captures.iter().map(|(name, _)| name.clone()));
        set.extend(
            step.action
                .pattern()
                .map(Pattern::captures)
                .unwrap_or_default(),
        );
    }
    for rule in rules {
        // Rules run at any time: what is captured somewhere may be there.
        let mut needed = rule.pattern.names(by);
        let mut here = set.clone();
        if let Then::Send(payload) = &rule.then {
            here.insert("msg".to_owned());
            here.extend(rule.pattern.captures());
            needed.extend(payload.names(by));
        }
        if let Some(name) = needed.difference(&here).next() {
            return Some((name.clone(), rule.label.clone()));
        }
    }
    None
}

/// A name that the language has itself, among these.
pub fn duplicate<'n>(names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    names.into_iter().find(|name| NAMES.contains(name))
}

impl Payload {
    fn names(&self, by: &Expressions) -> BTreeSet<String> {
        match self {
            Self::Whole(_) => BTreeSet::new(),
            Self::Template { text, .. } => text.names(by),
        }
    }
}
