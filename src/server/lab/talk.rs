//! A connection of the lab from its first frame to its last.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until};

use super::chaos::{Dice, Fate};
use super::rooms::Said;
use super::wire::{Incoming, Wire, frame, message};
use super::{End, Says, Seen, TalkPlan};
use crate::connection::{SocketError, Transport};
use crate::server::accept::Shared;
use crate::server::echo::{Idle, expired};
use crate::server::events::{ConnectionId, Outcome, Traffic};
use crate::server::stop::Stop;

/// Answers that wait for their time; no more is read until there are fewer.
const MAX_WAITING: usize = 1024;
/// The same, in bytes.
const MAX_WAITING_BYTES: usize = 16 << 20;
/// What is produced at once, so that reading goes on in between.
const MAX_BATCH: u64 = 256;

/// The talk over one connection.
pub(in crate::server) struct Talk<'a> {
    pub(super) shared: &'a Shared,
    plan: TalkPlan,
    dice: Option<Dice>,
    /// Answers in order, and when they are due.
    waiting: VecDeque<(Instant, Said)>,
    waiting_bytes: usize,
    /// Whether the client is still listened to.
    reads: bool,
    /// What is still to be said unasked.
    produced: Produced,
    room: Option<(Sender<Said>, Receiver<Said>)>,
    pub(super) traffic: Traffic,
    counted: Traffic,
}

/// What is said unasked.
enum Produced {
    Nothing,
    Once(Said),
    Numbers {
        next: u64,
        last: u64,
    },
    Rate {
        per_second: u32,
        since: Instant,
        said: u64,
    },
}

/// Why a talk is over.
pub(super) enum Why {
    /// As planned, or by chaos.
    Planned(End),
    /// The client's Close frame.
    Closed(Bytes),
    /// The server goes away, or the client is silent.
    Going(&'static str),
    /// The client broke a rule.
    Violation(u16, &'static str),
    /// The transport failed, or ended without a Close.
    Lost(SocketError),
}

impl<'a> Talk<'a> {
    pub(in crate::server) fn new(
        shared: &'a Shared,
        connection: ConnectionId,
        plan: TalkPlan,
        seen: Option<Box<Seen>>,
    ) -> Self {
        let produced = match &plan.says {
            Says::Echo | Says::Broadcast(_) => Produced::Nothing,
            Says::Big(bytes) => Produced::Once((false, vec![0; *bytes].into())),
            Says::Seen => {
                let json = seen.map(|seen| seen.to_json()).unwrap_or_default();
                Produced::Once((true, json.into()))
            }
            Says::Count(last) => Produced::Numbers {
                next: 1,
                last: *last,
            },
            Says::Stream(per_second) => Produced::Rate {
                per_second: *per_second,
                since: Instant::now(),
                said: 0,
            },
        };
        let room = match &plan.says {
            Says::Broadcast(room) => Some(shared.rooms.enter(room)),
            _ => None,
        };
        Self {
            shared,
            dice: shared
                .config
                .chaos
                .as_ref()
                .map(|chaos| chaos.dice(connection.id)),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            reads: true,
            produced,
            room,
            traffic: Traffic::default(),
            counted: Traffic::default(),
            plan,
        }
    }

    /// Runs the connection to its end.
    pub(in crate::server) async fn run(
        mut self,
        transport: Transport,
        leftover: Bytes,
        stop: &Stop,
    ) -> (Outcome, Traffic) {
        let config = &self.shared.config;
        let mut wire = Wire::new(
            transport,
            &leftover,
            config.max_message_bytes,
            config.write_timeout,
        );
        drop(leftover);
        let why = tokio::select! {
            biased;
            why = self.talk(&mut wire) => why,
            () = stop.draining() => Why::Going("the server is shutting down"),
        };
        self.count();
        let limit = self.shared.config.close_timeout;
        let outcome = tokio::select! {
            biased;
            closed = super::ending::end(wire, why, limit) => Outcome::Closed(closed),
            () = stop.aborting() => Outcome::Abandoned,
        };
        (outcome, self.traffic)
    }

    /// Talks until it is over.
    async fn talk(&mut self, wire: &mut Wire) -> Why {
        let mut idle = self.shared.config.idle_timeout.map(Idle::new);
        let mut pings = self.plan.ping.map(every);
        let mut ticks = match self.produced {
            Produced::Rate { per_second, .. } => Some(every(tick_of(per_second))),
            _ => None,
        };
        loop {
            if let Some(end) = self.planned_end() {
                return Why::Planned(end);
            }
            let due = self.waiting.front().map(|(due, _)| *due);
            let result = tokio::select! {
                biased;
                () = at(due) => self.answer(wire).await,
                incoming = wire.next(), if self.has_room() => {
                    if let Some(idle) = &mut idle {
                        idle.reset();
                    }
                    self.receive(wire, incoming).await
                }
                said = heard(&mut self.room) => self.say(wire, said).await,
                () = tick(&mut pings) => self.ping(wire).await,
                () = tick(&mut ticks) => self.produce(wire).await,
                () = std::future::ready(()), if self.has_more_to_say() => self.produce(wire).await,
                () = expired(&mut idle) => Err(Why::Going("idle timeout")),
            };
            self.count();
            if let Err(why) = result {
                return why;
            }
        }
    }

    /// The end, when it has come.
    fn planned_end(&self) -> Option<End> {
        if self.has_more_to_say() || !self.waiting.is_empty() {
            return None;
        }
        match &self.plan.end {
            Some((end, after)) => (self.traffic.received_messages >= *after).then(|| end.clone()),
            None if matches!(self.plan.says, Says::Count(_)) => {
                Some(End::Close(1000, String::new()))
            }
            None => None,
        }
    }

    fn has_room(&self) -> bool {
        self.reads && self.waiting.len() < MAX_WAITING && self.waiting_bytes < MAX_WAITING_BYTES
    }

    /// Whether something is to be said that waits for nothing.
    fn has_more_to_say(&self) -> bool {
        match &self.produced {
            Produced::Once(_) => true,
            Produced::Numbers { next, last } => next <= last,
            Produced::Nothing | Produced::Rate { .. } => false,
        }
    }

    async fn receive(
        &mut self,
        wire: &mut Wire,
        incoming: std::io::Result<Incoming>,
    ) -> Result<(), Why> {
        match incoming {
            Ok(Incoming::Message(is_text, payload)) => {
                self.take(is_text, payload);
                Ok(())
            }
            Ok(Incoming::Ping(payload)) if self.plan.pongs => {
                let mut bytes = Vec::new();
                frame(0x8a, &payload, &mut bytes);
                wire.write(&bytes).await.map_err(Why::Lost)
            }
            Ok(Incoming::Ping(_) | Incoming::Pong) => Ok(()),
            Ok(Incoming::Close(payload)) => Err(Why::Closed(payload)),
            Ok(Incoming::Violation(code, reason)) => Err(Why::Violation(code, reason)),
            Ok(Incoming::End) => Err(Why::Lost(SocketError::Lost)),
            Err(error) => Err(Why::Lost(SocketError::Io(error))),
        }
    }

    /// Reads no more; the end comes when what waits has left.
    fn end_by_chance(&mut self, end: End) {
        self.plan.end = Some((end, 0));
        self.reads = false;
    }

    /// A message has come: what becomes of it?
    fn take(&mut self, is_text: bool, payload: Bytes) {
        self.traffic.received_messages += 1;
        self.traffic.received_bytes += payload.len() as u64;
        let fate = match (&self.shared.config.chaos, &mut self.dice) {
            (Some(chaos), Some(dice)) => chaos.fate(dice),
            _ => Fate::Answered(Duration::ZERO),
        };
        let later = match fate {
            Fate::Answered(later) => later,
            Fate::Lost => return,
            Fate::Dropped => return self.end_by_chance(End::Drop),
            Fate::Reset => return self.end_by_chance(End::Reset),
            Fate::Closed => return self.end_by_chance(End::Close(1012, "chaos".to_owned())),
        };
        if let Some((room, _)) = &self.room {
            // We listen ourselves, so somebody does.
            let _ = room.send((is_text, payload));
            return;
        }
        let due = Instant::now() + self.plan.delay + later;
        // Chaos delays; it does not reorder.
        let due = self.waiting.back().map_or(due, |(last, _)| due.max(*last));
        self.waiting_bytes += payload.len();
        self.waiting.push_back((due, (is_text, payload)));
    }

    /// Sends the answers that are due, together.
    async fn answer(&mut self, wire: &mut Wire) -> Result<(), Why> {
        let now = Instant::now();
        let mut bytes = Vec::new();
        while self.waiting.front().is_some_and(|(due, _)| *due <= now) {
            let Some((_, said)) = self.waiting.pop_front() else {
                break;
            };
            self.waiting_bytes -= said.1.len();
            self.frame(&said, &mut bytes);
        }
        wire.write(&bytes).await.map_err(Why::Lost)
    }

    async fn say(&mut self, wire: &mut Wire, said: Said) -> Result<(), Why> {
        let mut bytes = Vec::new();
        self.frame(&said, &mut bytes);
        wire.write(&bytes).await.map_err(Why::Lost)
    }

    async fn ping(&mut self, wire: &mut Wire) -> Result<(), Why> {
        wire.write(b"\x89\x03lab").await.map_err(Why::Lost)
    }

    /// Says what is to be said unasked, as much as goes at once.
    async fn produce(&mut self, wire: &mut Wire) -> Result<(), Why> {
        let (from, to) = match &mut self.produced {
            Produced::Nothing => return Ok(()),
            Produced::Once(said) => {
                let said = std::mem::take(said);
                self.produced = Produced::Nothing;
                return self.say(wire, said).await;
            }
            Produced::Numbers { next, last } => {
                let from = *next;
                *next = (from + MAX_BATCH).min(*last + 1);
                (from, *next)
            }
            Produced::Rate {
                per_second,
                since,
                said,
            } => {
                let due = since.elapsed().as_nanos() * u128::from(*per_second) / 1_000_000_000;
                let due = u64::try_from(due).unwrap_or(u64::MAX);
                let from = *said + 1;
                // A client that was away does not get all of it at once.
                *said = due.max(*said).min(*said + 10 * MAX_BATCH);
                (from, *said + 1)
            }
        };
        let mut bytes = Vec::new();
        for number in from..to {
            self.frame(&(true, number.to_string().into()), &mut bytes);
        }
        wire.write(&bytes).await.map_err(Why::Lost)
    }

    fn frame(&mut self, (is_text, payload): &Said, bytes: &mut Vec<u8>) {
        self.traffic.sent_messages += 1;
        self.traffic.sent_bytes += payload.len() as u64;
        bytes.extend(message(*is_text, payload, self.plan.fragments));
    }

    fn count(&mut self) {
        self.shared.carried(self.traffic.since(&self.counted));
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

/// What is said in the room; what was missed is passed over.
async fn heard(room: &mut Option<(Sender<Said>, Receiver<Said>)>) -> Said {
    let Some((_, receiver)) = room else {
        return std::future::pending().await;
    };
    loop {
        match receiver.recv().await {
            Ok(said) => return said,
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return std::future::pending().await,
        }
    }
}
