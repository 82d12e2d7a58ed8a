//! The run of a script: which step is next, whether it is met, and what the rules
//! answer.

mod storm;
#[cfg(test)]
mod tests;
mod wait;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use self::storm::Storm;
use self::wait::Wait;
use super::expr::{Expressions, Scope};
use super::inbox::{Closing, Inbox, Item, Record, records};
use super::pattern::Found;
use super::tree::{Action, Payload, Rule, Step, Then};
use super::unmet::{Fate, Seen, Unmet, Why};
use crate::connection::Message;
use crate::decode::{Decode, Exact};

/// How many of the last records are told of.
const LAST: usize = 10;

/// What a run is given.
#[derive(Debug, Clone)]
pub struct RunConfig {
    /// What is done in order. Without any, the rules alone run, until the owner ends.
    pub steps: Vec<Step>,
    /// What answers at any time, in order.
    pub rules: Vec<Rule>,
    /// Names and their values.
    pub vars: Vec<(String, Exact)>,
    /// What templates are worked out by.
    pub expressions: Expressions,
    /// What messages are taken apart by.
    pub decode: Decode,
    /// How much may wait to be looked at before reading stops.
    pub inbox_bytes: usize,
}

/// What is to be done next.
#[derive(Debug)]
pub enum Act {
    /// Send this.
    Send {
        /// The message.
        message: Message,
        /// Whether a rule says it, and no step.
        by_rule: bool,
    },
    /// Wait for what comes; at this time, tell the run.
    Wait(Option<Instant>),
    /// All steps are done.
    Done,
    /// A step is not met, or a rule has ended the run.
    Failed(Box<Unmet>),
}

/// A run of a script over one connection.
#[derive(Debug)]
pub struct Run {
    steps: Arc<[Step]>,
    rules: Arc<[Rule]>,
    scope: Scope,
    expressions: Expressions,
    decode: Decode,
    /// The step in progress.
    at: usize,
    wait: Option<Wait>,
    inbox: Inbox,
    closing: Option<Closing>,
    is_close_met: bool,
    answers: VecDeque<Message>,
    /// Whether all that the steps have sent has left, and when that was so. What the
    /// rules send is not waited for: heartbeats would keep a deadline away for ever.
    is_flushed: bool,
    flushed_at: Option<Instant>,
    start: Instant,
    came: u64,
    last: VecDeque<Seen>,
    storm: Storm,
    failed: Option<Box<Unmet>>,
}

/// What came of a step.
enum Progress {
    Met,
    Send(Message),
    Waits(Option<Instant>),
    Failed(Why),
}

impl Run {
    /// A run that has not begun.
    pub fn new(config: RunConfig, now: Instant) -> Self {
        let mut scope = Scope::default();
        for (name, value) in config.vars {
            scope.set(&name, value);
        }
        Self {
            steps: config.steps.into(),
            rules: config.rules.into(),
            scope,
            expressions: config.expressions,
            decode: config.decode,
            at: 0,
            wait: None,
            inbox: Inbox::new(config.inbox_bytes),
            closing: None,
            is_close_met: false,
            answers: VecDeque::new(),
            is_flushed: true,
            flushed_at: None,
            start: now,
            came: 0,
            last: VecDeque::new(),
            storm: Storm::default(),
            failed: None,
        }
    }

    /// Whether it has steps, and so says what is sent and when it is over.
    pub fn has_steps(&self) -> bool {
        !self.steps.is_empty()
    }

    /// Whether a step has awaited the end of the connection, which is met.
    pub fn is_close_met(&self) -> bool {
        self.is_close_met
    }

    /// The step in progress: its number, that of all, and how the user wrote it.
    pub fn progress(&self) -> Option<(usize, usize, &str)> {
        let step = self.steps.get(self.at)?;
        Some((self.at + 1, self.steps.len(), &step.label))
    }

    /// Whether another message may be read.
    pub fn has_room(&self) -> bool {
        self.inbox.has_room()
    }

    /// A connection is open: what came over an earlier one is gone.
    pub fn opened(&mut self, now: Instant) {
        if self.at == 0 && self.wait.is_none() {
            self.start = now;
        }
        self.closing = None;
        self.is_flushed = true;
        self.answers.clear();
    }

    /// A message has come, after this moment and until now. The rules see its records
    /// first.
    pub fn arrived(&mut self, message: &Bytes, after: Instant, now: Instant) {
        if self.failed.is_some() {
            return;
        }
        for bytes in records(message, self.decode) {
            self.came += 1;
            let offset = now.saturating_duration_since(self.start);
            let record = Record::new(bytes, after, self.came);
            if self.last.len() == LAST {
                self.last.pop_front();
            }
            self.last
                .push_back(Seen::new(self.came, offset, record.bytes()));
            if !self.is_ruled(&record, now) && self.at < self.steps.len() {
                self.inbox.push(Item::Record(record));
            }
        }
    }

    /// The connection has come to its end, for which `closing` stands.
    pub fn closed(&mut self, closing: Closing, now: Instant) {
        self.answers.clear();
        self.is_flushed = true;
        self.inbox.push(Item::Close(closing.clone(), now));
        self.closing = Some(closing);
    }

    /// All that was handed over has left.
    pub fn flushed(&mut self, now: Instant) {
        if !std::mem::replace(&mut self.is_flushed, true) {
            self.flushed_at = Some(now);
        }
    }

    /// Nothing could be read between these two moments, for a reason of ours.
    pub fn excused(&mut self, from: Instant, to: Instant) {
        let lost = to.saturating_duration_since(from);
        if let Some(wait) = &mut self.wait {
            wait.since += lost;
        }
    }

    /// Nothing more is to be read that came before this moment.
    pub fn passed(&mut self, now: Instant) {
        let deadline = self.deadline();
        if let Some(wait) = &mut self.wait
            && deadline.is_some_and(|at| at <= now)
        {
            wait.is_over = true;
        }
    }

    /// What is to be done now; `can_send`: the connection takes a message.
    pub fn next(&mut self, now: Instant, can_send: bool) -> Act {
        if let Some(unmet) = self.failed.take() {
            return Act::Failed(unmet);
        }
        if can_send && let Some(message) = self.answers.pop_front() {
            return Act::Send {
                message,
                by_rule: true,
            };
        }
        let steps = Arc::clone(&self.steps);
        while let Some(step) = steps.get(self.at) {
            match self.take(step, now, can_send) {
                Progress::Met => self.advance(),
                Progress::Send(message) => {
                    self.advance();
                    self.is_flushed = false;
                    return Act::Send {
                        message,
                        by_rule: false,
                    };
                }
                Progress::Waits(until) => return Act::Wait(until),
                Progress::Failed(why) => {
                    let place = Some((self.at + 1, steps.len()));
                    return Act::Failed(Box::new(self.unmet(place, &step.label, why)));
                }
            }
        }
        match steps.is_empty() || !self.answers.is_empty() {
            true => Act::Wait(None),
            false => Act::Done,
        }
    }

    fn advance(&mut self) {
        self.at += 1;
        self.wait = None;
        self.storm = Storm::default();
    }

    fn unmet(&mut self, step: Option<(usize, usize)>, label: &str, why: Why) -> Unmet {
        Unmet {
            step,
            label: label.to_owned(),
            why,
            last: self.last.drain(..).collect(),
            came: self.came,
        }
    }

    /// Whether a rule took the record.
    fn is_ruled(&mut self, record: &Record, now: Instant) -> bool {
        let rules = Arc::clone(&self.rules);
        for (index, rule) in rules.iter().enumerate() {
            let Some(groups) = self.rule_matches(rule, record) else {
                continue;
            };
            self.tell(record.number, Fate::Rule(rule.label.clone()));
            let why = match &rule.then {
                _ if self.storm.is_one(index, now) => Why::Storm,
                Then::Fail => {
                    self.tell(record.number, Fate::Here);
                    Why::Unwanted
                }
                Then::Send(payload) => {
                    let mut scope = self.scope.clone();
                    scope.set("msg", record.value());
                    for (name, text) in groups {
                        scope.set(&name, Exact::String(text));
                    }
                    match made(payload, &scope, &self.expressions) {
                        Ok(message) => {
                            self.answers.push_back(message);
                            return true;
                        }
                        Err(why) => Why::NotMade(why),
                    }
                }
            };
            self.failed = Some(Box::new(self.unmet(None, &rule.label, why)));
            return true;
        }
        self.storm = Storm::default();
        false
    }

    /// A rule that waits for a value that is not there yet takes nothing.
    fn rule_matches(&self, rule: &Rule, record: &Record) -> Option<Vec<(String, String)>> {
        let found = match rule.pattern.has_templates() {
            false => rule.pattern.find(record),
            true => {
                let pattern = rule.pattern.resolve(&self.scope, &self.expressions);
                pattern.ok()?.find(record)
            }
        };
        match found {
            Found::Match(groups) => Some(groups),
            Found::Differs => None,
        }
    }

    fn tell(&mut self, number: u64, fate: Fate) {
        if let Some(seen) = self.last.iter_mut().rfind(|seen| seen.number == number) {
            seen.fate = fate;
        }
    }

    /// When the step in progress is over; not while what was sent has not left.
    fn deadline(&self) -> Option<Instant> {
        let (wait, step) = (self.wait.as_ref()?, self.steps.get(self.at)?);
        let from = match self.flushed_at {
            _ if !self.is_flushed => return None,
            Some(flushed) => wait.since.max(flushed),
            None => wait.since,
        };
        from.checked_add(step.within)
    }

    /// Does what a step says, as far as that is possible now.
    fn take(&mut self, step: &Step, now: Instant, can_send: bool) -> Progress {
        if let Action::Send(payload) = &step.action {
            return match &self.closing {
                Some(closing) => Progress::Failed(Why::Closed(closing.clone())),
                None if !can_send => Progress::Waits(None),
                None => match made(payload, &self.scope, &self.expressions) {
                    Ok(message) => Progress::Send(message),
                    Err(why) => Progress::Failed(Why::NotMade(why)),
                },
            };
        }
        if self.wait.is_none() {
            match self.begin(&step.action, now) {
                Ok(wait) => self.wait = Some(wait),
                Err(why) => return Progress::Failed(Why::NotMade(why)),
            }
        }
        let deadline = self.deadline();
        while let Some(item) = self.inbox.first() {
            let came = match item {
                Item::Record(record) => record.after,
                Item::Close(_, at) => *at,
            };
            if deadline.is_some_and(|deadline| came > deadline) {
                return self.time_is_over(step);
            }
            let progress = match item {
                Item::Record(_) => self.look(step),
                Item::Close(..) => Some(self.close(step)),
            };
            if let Some(progress) = progress {
                return progress;
            }
        }
        match &self.wait {
            Some(Wait { is_over: true, .. }) => self.time_is_over(step),
            _ => Progress::Waits(deadline),
        }
    }

    fn begin(&self, action: &Action, now: Instant) -> Result<Wait, String> {
        let pattern = match action {
            Action::Expect(pattern) | Action::ExpectNext(pattern) | Action::ExpectNone(pattern) => {
                let resolved = pattern.resolve(&self.scope, &self.expressions);
                Some(resolved.map_err(|error| error.to_string())?)
            }
            Action::Send(_) | Action::ExpectClose(_) => None,
        };
        Ok(Wait {
            since: now,
            pattern,
            passed: 0,
            nearest: None,
            is_over: false,
        })
    }

    fn time_is_over(&mut self, step: &Step) -> Progress {
        match step.action {
            Action::ExpectNone(_) => return Progress::Met,
            Action::ExpectClose(_) => return Progress::Failed(Why::StillOpen(step.within)),
            _ => {}
        }
        let (passed, nearest) = match &mut self.wait {
            Some(wait) => (wait.passed, wait.nearest.take()),
            None => (0, None),
        };
        Progress::Failed(Why::TimedOut {
            within: step.within,
            passed,
            nearest: nearest.unwrap_or_default(),
        })
    }

    /// Looks at the record that comes next; `None` where it is passed over.
    fn look(&mut self, step: &Step) -> Option<Progress> {
        let Some(Item::Record(record)) = self.inbox.take() else {
            return None;
        };
        let wait = self.wait.as_mut()?;
        let found = match &wait.pattern {
            Some(pattern) => pattern.find(&record),
            None => Found::Differs,
        };
        match (&step.action, found) {
            (Action::ExpectNone(_), Found::Match(_)) => {
                self.tell(record.number, Fate::Here);
                Some(Progress::Failed(Why::Unwanted))
            }
            (_, Found::Match(groups)) => {
                self.tell(record.number, Fate::Matched(self.at + 1));
                Some(self.capture(step, &record, groups))
            }
            (Action::ExpectNext(_), Found::Differs) => {
                let pattern = wait.pattern.as_ref();
                let differences = pattern.and_then(|pattern| pattern.differences(&record));
                self.tell(record.number, Fate::Here);
                Some(Progress::Failed(Why::Next(differences.unwrap_or_default())))
            }
            (_, Found::Differs) => {
                wait.pass_over(&record);
                self.tell(record.number, Fate::Skipped);
                None
            }
        }
    }

    fn capture(&mut self, step: &Step, record: &Record, groups: Vec<(String, String)>) -> Progress {
        for (name, text) in groups {
            self.scope.set(&name, Exact::String(text));
        }
        for (name, selector) in &step.captures {
            match selector.of_record(record) {
                Some(value) => self.scope.set(name, value),
                None => return Progress::Failed(Why::NotCaptured(name.clone())),
            }
        }
        Progress::Met
    }

    /// The end of the connection comes next. Only a step that awaits it takes it.
    fn close(&mut self, step: &Step) -> Progress {
        let Some(closing) = self.closing.clone() else {
            return Progress::Waits(None);
        };
        let Action::ExpectClose(code) = step.action else {
            return Progress::Failed(Why::Closed(closing));
        };
        if closing.code != code {
            return Progress::Failed(Why::OtherClose(closing));
        }
        self.inbox.take();
        self.is_close_met = true;
        for (name, selector) in &step.captures {
            match selector.of_close(&closing) {
                Some(value) => self.scope.set(name, value),
                None => return Progress::Failed(Why::NotCaptured(name.clone())),
            }
        }
        Progress::Met
    }
}

fn made(payload: &Payload, scope: &Scope, by: &Expressions) -> Result<Message, String> {
    match payload {
        Payload::Whole(message) => Ok(message.clone()),
        Payload::Template { text, is_binary } => {
            let text = text.text(scope, by).map_err(|error| error.to_string())?;
            Ok(match is_binary {
                true => Message::binary(text),
                false => Message::text(text),
            })
        }
    }
}
