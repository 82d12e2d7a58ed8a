//! A connection of the lab from its first frame to its last: what is sent, and when.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until};

use super::ending::{Reason, end};
use super::wire::{Incoming, Wire, append_frame, append_message};
use crate::connection::{Message, SocketError};
use crate::server::behaviour::idle::{Idle, expired};
use crate::server::behaviour::{IDLE_TIMEOUT, SHUTTING_DOWN, Upgraded};
use crate::server::context::{Context, Outcome, Room, Stop, Traffic};
use crate::server::faults::{Effect, Ending, Sends, SessionPlan, SplitMix64};

/// Answers that wait for their time; no more is read until there are fewer.
const MAX_WAITING: usize = 1024;
/// The same, in bytes.
const MAX_WAITING_BYTES: usize = 16 << 20;
/// What is unasked at once, so that reading goes on in between.
const MAX_BATCH: u64 = 256;

/// The state of one connection.
pub(super) struct Session<'a> {
    context: &'a Context,
    plan: SessionPlan,
    random: Option<SplitMix64>,
    /// Answers in order, and when they are due.
    waiting: VecDeque<(Instant, Message)>,
    waiting_bytes: usize,
    /// Whether messages of the client are still read.
    reads: bool,
    /// What is still to be sent unasked.
    unasked: Unasked,
    room: Option<Room>,
    traffic: Traffic,
    counted: Traffic,
}

/// What is sent unasked.
enum Unasked {
    Nothing,
    Once(Message),
    Numbers {
        next: u64,
        last: u64,
    },
    Rate {
        per_second: u32,
        since: Instant,
        sent: u64,
    },
}

impl<'a> Session<'a> {
    /// A connection with this number. `request_json` is what the request looked
    /// like, for the plans that send it.
    pub(super) fn new(
        context: &'a Context,
        number: u64,
        plan: SessionPlan,
        request_json: Option<String>,
    ) -> Self {
        let unasked = match &plan.sends {
            Sends::Echo | Sends::Broadcast(_) => Unasked::Nothing,
            Sends::Big(bytes) => Unasked::Once(Message::binary(vec![0; *bytes])),
            Sends::Request => Unasked::Once(Message::text(request_json.unwrap_or_default())),
            Sends::Count(last) => Unasked::Numbers {
                next: 1,
                last: *last,
            },
            Sends::Stream(per_second) => Unasked::Rate {
                per_second: *per_second,
                since: Instant::now(),
                sent: 0,
            },
        };
        let room = match &plan.sends {
            Sends::Broadcast(room) => Some(context.rooms.enter(room)),
            _ => None,
        };
        let chaos = context.config.chaos.as_ref();
        Self {
            context,
            random: chaos.map(|chaos| chaos.random(number)),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            reads: true,
            unasked,
            room,
            traffic: Traffic::default(),
            counted: Traffic::default(),
            plan,
        }
    }

    /// Runs the connection to its end.
    pub(super) async fn run(mut self, upgraded: Upgraded, stop: &Stop) -> (Outcome, Traffic) {
        let config = &self.context.config;
        let limit = config.close_timeout;
        let mut wire = Wire::new(upgraded, config.max_message_bytes, config.write_timeout);
        let reason = tokio::select! {
            biased;
            reason = self.exchange(&mut wire) => reason,
            () = stop.draining() => Reason::GoingAway(SHUTTING_DOWN),
        };
        self.count();
        let outcome = tokio::select! {
            biased;
            closed = end(wire, reason, limit) => Outcome::Closed(closed),
            () = stop.aborting() => Outcome::Abandoned,
        };
        (outcome, self.traffic)
    }

    /// Sends and receives until there is a reason to end.
    async fn exchange(&mut self, wire: &mut Wire) -> Reason {
        let mut idle = self.context.config.idle_timeout.map(Idle::new);
        let mut pings = self.plan.ping.map(every);
        let mut ticks = match self.unasked {
            Unasked::Rate { per_second, .. } => Some(every(tick_of(per_second))),
            _ => None,
        };
        loop {
            if let Some(end) = self.planned_end() {
                return Reason::Planned(end);
            }
            let due = self.waiting.front().map(|(due, _)| *due);
            let result = tokio::select! {
                biased;
                () = at(due) => self.answer(wire).await,
                incoming = wire.next(), if self.can_read() => {
                    if let Some(idle) = &mut idle {
                        idle.reset();
                    }
                    self.receive(wire, incoming).await
                }
                message = next_in(&mut self.room) => self.send(wire, &message).await,
                () = tick(&mut pings) => self.ping(wire).await,
                () = tick(&mut ticks) => self.send_unasked(wire).await,
                () = std::future::ready(()), if self.has_more_to_send() => self.send_unasked(wire).await,
                () = expired(&mut idle) => Err(Reason::GoingAway(IDLE_TIMEOUT)),
            };
            self.count();
            if let Err(reason) = result {
                return reason;
            }
        }
    }

    /// The end, when it has come.
    fn planned_end(&self) -> Option<Ending> {
        if self.has_more_to_send() || !self.waiting.is_empty() {
            return None;
        }
        match &self.plan.end {
            Some((end, after)) => (self.traffic.received_messages >= *after).then(|| end.clone()),
            None if matches!(self.plan.sends, Sends::Count(_)) => {
                Some(Ending::Close(1000, String::new()))
            }
            None => None,
        }
    }

    fn can_read(&self) -> bool {
        self.reads && self.waiting.len() < MAX_WAITING && self.waiting_bytes < MAX_WAITING_BYTES
    }

    /// Whether something is to be sent that waits for nothing.
    fn has_more_to_send(&self) -> bool {
        match &self.unasked {
            Unasked::Once(_) => true,
            Unasked::Numbers { next, last } => next <= last,
            Unasked::Nothing | Unasked::Rate { .. } => false,
        }
    }

    async fn receive(
        &mut self,
        wire: &mut Wire,
        incoming: std::io::Result<Incoming>,
    ) -> Result<(), Reason> {
        match incoming {
            Ok(Incoming::Message(message)) => {
                self.take(message);
                Ok(())
            }
            Ok(Incoming::Ping(payload)) if self.plan.pongs => {
                let mut bytes = Vec::new();
                append_frame(0x8a, &payload, &mut bytes);
                wire.write(&bytes).await.map_err(Reason::Lost)
            }
            Ok(Incoming::Ping(_) | Incoming::Pong) => Ok(()),
            Ok(Incoming::Close(payload)) => Err(Reason::Closed(payload)),
            Ok(Incoming::Violation(code, reason)) => Err(Reason::Violation(code, reason)),
            Ok(Incoming::End) => Err(Reason::Lost(SocketError::Lost)),
            Err(error) => Err(Reason::Lost(SocketError::Io(error))),
        }
    }

    /// Reads no more; the end comes when what waits has left.
    fn end_by_chance(&mut self, end: Ending) {
        self.plan.end = Some((end, 0));
        self.reads = false;
    }

    /// A message has come: what becomes of it?
    fn take(&mut self, message: Message) {
        self.traffic.received_messages += 1;
        self.traffic.received_bytes += message.len() as u64;
        let effect = match (&self.context.config.chaos, &mut self.random) {
            (Some(chaos), Some(random)) => chaos.effect(random),
            _ => Effect::Answered(Duration::ZERO),
        };
        let later = match effect {
            Effect::Answered(later) => later,
            Effect::Lost => return,
            Effect::Dropped => return self.end_by_chance(Ending::Drop),
            Effect::Reset => return self.end_by_chance(Ending::Reset),
            Effect::Closed => return self.end_by_chance(Ending::Close(1012, "chaos".to_owned())),
        };
        if let Some(room) = &self.room {
            return room.send(message);
        }
        let due = Instant::now() + self.plan.delay + later;
        // Chaos delays; it does not reorder.
        let due = self.waiting.back().map_or(due, |(last, _)| due.max(*last));
        self.waiting_bytes += message.len();
        self.waiting.push_back((due, message));
    }

    /// Sends the answers that are due, together.
    async fn answer(&mut self, wire: &mut Wire) -> Result<(), Reason> {
        let now = Instant::now();
        let mut bytes = Vec::new();
        while self.waiting.front().is_some_and(|(due, _)| *due <= now) {
            let Some((_, message)) = self.waiting.pop_front() else {
                break;
            };
            self.waiting_bytes -= message.len();
            self.append(&message, &mut bytes);
        }
        wire.write(&bytes).await.map_err(Reason::Lost)
    }

    async fn send(&mut self, wire: &mut Wire, message: &Message) -> Result<(), Reason> {
        let mut bytes = Vec::new();
        self.append(message, &mut bytes);
        wire.write(&bytes).await.map_err(Reason::Lost)
    }

    async fn ping(&mut self, wire: &mut Wire) -> Result<(), Reason> {
        wire.write(b"\x89\x03lab").await.map_err(Reason::Lost)
    }

    /// Sends what is to be sent unasked, as much as goes at once.
    async fn send_unasked(&mut self, wire: &mut Wire) -> Result<(), Reason> {
        let (from, to) = match &mut self.unasked {
            Unasked::Nothing => return Ok(()),
            Unasked::Once(message) => {
                let message = message.clone();
                self.unasked = Unasked::Nothing;
                return self.send(wire, &message).await;
            }
            Unasked::Numbers { next, last } => {
                let from = *next;
                *next = (from + MAX_BATCH).min(*last + 1);
                (from, *next)
            }
            Unasked::Rate {
                per_second,
                since,
                sent,
            } => {
                let due = since.elapsed().as_nanos() * u128::from(*per_second) / 1_000_000_000;
                let due = u64::try_from(due).unwrap_or(u64::MAX);
                let from = *sent + 1;
                // A client that was away does not get all of it at once.
                *sent = due.max(*sent).min(*sent + 10 * MAX_BATCH);
                (from, *sent + 1)
            }
        };
        let mut bytes = Vec::new();
        for number in from..to {
            self.append(&Message::text(number.to_string()), &mut bytes);
        }
        wire.write(&bytes).await.map_err(Reason::Lost)
    }

    fn append(&mut self, message: &Message, bytes: &mut Vec<u8>) {
        self.traffic.sent_messages += 1;
        self.traffic.sent_bytes += message.len() as u64;
        append_message(message, self.plan.fragments, bytes);
    }

    fn count(&mut self) {
        self.context.carried(self.traffic.since(&self.counted));
        self.counted = self.traffic;
    }
}

fn every(period: Duration) -> Interval {
    let mut interval = interval_at(Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// The timer's own resolution is a millisecond: above that, several at a time.
fn tick_of(per_second: u32) -> Duration {
    (Duration::from_secs(1) / per_second.max(1)).max(Duration::from_millis(1))
}

async fn tick(interval: &mut Option<Interval>) {
    match interval {
        Some(interval) => {
            interval.tick().await;
        }
        None => std::future::pending().await,
    }
}

async fn at(due: Option<Instant>) {
    match due {
        Some(due) if due <= Instant::now() => {}
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

async fn next_in(room: &mut Option<Room>) -> Message {
    match room {
        Some(room) => room.next().await,
        None => std::future::pending().await,
    }
}
