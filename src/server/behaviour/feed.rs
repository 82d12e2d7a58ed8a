//! Messages that are sent unasked, with an echo beside them: what the routes of
//! the lab say, whatever else they do wrong.

use std::pin::pin;
use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::idle::{Idle, expired};
use super::{Behaviour, IDLE_TIMEOUT, Line, SHUTTING_DOWN};
use crate::connection::{CloseCode, CloseFrame, Event, Message};
use crate::server::context::{Context, Outcome, Room, Stop, Traffic};
use crate::server::faults::Sends;

/// What is sent at once, so that reading goes on in between.
const MAX_BATCH: u64 = 256;

/// The largest message of `/big`. One for all connections, and never written to:
/// the system gives its zeros no memory.
static ZEROS: LazyLock<Bytes> = LazyLock::new(|| vec![0; 64 << 20].into());

/// Sends what it is told to, and every message back.
pub(crate) struct Feed {
    pub(crate) sends: Sends,
    /// What the request looked like, for the route that sends it.
    pub(crate) request_json: Option<String>,
}

impl Behaviour for Feed {
    async fn run<L: Line>(self, mut line: L, context: &Context, stop: &Stop) -> (Outcome, Traffic) {
        let mut room = match &self.sends {
            Sends::Broadcast(room) => Some(context.rooms.enter(room)),
            _ => None,
        };
        let mut unasked = Unasked::new(self);
        unasked.settle(&mut line);
        let mut idle = context.config.idle_timeout.map(Idle::new);
        let mut counted = Traffic::default();
        let mut draining = pin!(stop.draining());
        let why = loop {
            if stop.is_draining() {
                break SHUTTING_DOWN;
            }
            let turn = tokio::select! {
                biased;
                turn = turn(&mut line, &mut room, &mut unasked) => turn,
                () = &mut draining => continue,
                () = expired(&mut idle) => break IDLE_TIMEOUT,
            };
            count(&line, room.as_ref(), context, &mut counted);
            match (turn, &mut idle) {
                (Turn::Closed(outcome), _) => return (outcome, counted),
                (Turn::Received, Some(idle)) => idle.reset(),
                (Turn::Received | Turn::Sent, _) => {}
            }
        };
        let frame = CloseFrame::new(CloseCode::GOING_AWAY, why);
        let outcome = close(&mut line, frame, stop).await;
        count(&line, room.as_ref(), context, &mut counted);
        let outcome = outcome.unwrap_or_else(|| abandon(line));
        (outcome, counted)
    }
}

/// What a turn came to.
enum Turn {
    /// The client has sent something.
    Received,
    /// Something has been sent.
    Sent,
    Closed(Outcome),
}

/// Waits for something to answer or to send, and does so.
async fn turn<L: Line>(line: &mut L, room: &mut Option<Room>, unasked: &mut Unasked) -> Turn {
    tokio::select! {
        biased;
        event = line.next() => match event {
            Some(Event::Message { message, .. }) => {
                match room {
                    Some(room) => room.send(message),
                    None => line.feed(message).await,
                }
                Turn::Received
            }
            Some(Event::Ping(_) | Event::Pong { .. }) => Turn::Received,
            Some(Event::Flushed) => Turn::Sent,
            Some(Event::Closed(closed)) => Turn::Closed(Outcome::Closed(closed)),
            // The end has been told before.
            None => Turn::Closed(Outcome::Abandoned),
        },
        message = next_in(room) => {
            line.feed(message).await;
            Turn::Sent
        }
        () = unasked.due() => {
            for message in unasked.take() {
                line.feed(message).await;
            }
            unasked.settle(line);
            Turn::Sent
        }
    }
}

/// Adds what has been carried since the last time.
fn count<L: Line>(line: &L, room: Option<&Room>, context: &Context, counted: &mut Traffic) {
    let mut traffic = line.traffic();
    traffic.missed_messages = room.map_or(0, Room::missed);
    context.carried(traffic.since(counted));
    *counted = traffic;
}

/// Tells the client that the server goes away, and waits for its answer; `None`
/// when there is no more time for that.
async fn close<L: Line>(line: &mut L, frame: CloseFrame, stop: &Stop) -> Option<Outcome> {
    line.start_close(frame);
    let mut aborting = pin!(stop.aborting());
    loop {
        tokio::select! {
            biased;
            event = line.next() => match event {
                Some(Event::Closed(closed)) => return Some(Outcome::Closed(closed)),
                Some(_) => {}
                None => return None,
            },
            () = &mut aborting => return None,
        }
    }
}

fn abandon<L: Line>(line: L) -> Outcome {
    let closed = line.abort();
    // One that has answered, and is only slow to end its side, is at its end.
    if closed.received.is_some() {
        Outcome::Closed(closed)
    } else {
        Outcome::Abandoned
    }
}

/// What is to be sent unasked.
enum Unasked {
    Nothing,
    /// What has been said is told to the line.
    Said,
    Once(Message),
    Numbers {
        next: u64,
        last: u64,
    },
    Rate {
        per_second: u32,
        ticks: Interval,
        since: Instant,
        sent: u64,
    },
}

impl Unasked {
    fn new(feed: Feed) -> Self {
        match feed.sends {
            Sends::Echo | Sends::Broadcast(_) => Self::Said,
            Sends::Big(bytes) => Self::Once(Message::Binary(ZEROS.slice(..bytes))),
            Sends::Request => Self::Once(Message::text(feed.request_json.unwrap_or_default())),
            Sends::Count(last) => Self::Numbers { next: 1, last },
            Sends::Stream(per_second) => Self::Rate {
                per_second,
                ticks: every(tick_of(per_second)),
                since: Instant::now(),
                sent: 0,
            },
        }
    }

    /// Waits until [`take`](Self::take) gives something.
    async fn due(&mut self) {
        match self {
            Self::Nothing | Self::Said => std::future::pending().await,
            Self::Once(_) | Self::Numbers { .. } => {}
            Self::Rate { ticks, .. } => {
                ticks.tick().await;
            }
        }
    }

    /// What is to be sent now.
    fn take(&mut self) -> Vec<Message> {
        let (from, to) = match self {
            Self::Nothing | Self::Said => return Vec::new(),
            Self::Once(message) => {
                let message = message.clone();
                *self = Self::Said;
                return vec![message];
            }
            Self::Numbers { next, last } => {
                let from = *next;
                *next = (from + MAX_BATCH).min(*last + 1);
                (from, *next)
            }
            Self::Rate {
                per_second,
                since,
                sent,
                ..
            } => {
                let due = since.elapsed().as_nanos() * u128::from(*per_second) / 1_000_000_000;
                let due = u64::try_from(due).unwrap_or(u64::MAX);
                let from = *sent + 1;
                // A client that was away does not get all of it at once.
                *sent = due.max(*sent).min(*sent + 10 * MAX_BATCH);
                (from, *sent + 1)
            }
        };
        let numbers = from..to;
        numbers
            .map(|number| Message::text(number.to_string()))
            .collect()
    }

    /// Tells the line, once, when all has been said. A stream never ends, so that
    /// nothing waits for that.
    fn settle<L: Line>(&mut self, line: &mut L) {
        match self {
            Self::Numbers { next, last } if *next > *last => {
                line.settled(Some(CloseFrame::new(CloseCode::NORMAL, "")));
                *self = Self::Nothing;
            }
            Self::Said => {
                line.settled(None);
                *self = Self::Nothing;
            }
            Self::Rate { .. } => line.settled(None),
            Self::Nothing | Self::Once(_) | Self::Numbers { .. } => {}
        }
    }
}

pub(super) fn every(period: Duration) -> Interval {
    let mut interval = interval_at(Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// The timer's own resolution is a millisecond: above that, several at a time.
fn tick_of(per_second: u32) -> Duration {
    (Duration::from_secs(1) / per_second.max(1)).max(Duration::from_millis(1))
}

async fn next_in(room: &mut Option<Room>) -> Message {
    match room {
        Some(room) => room.next().await,
        None => std::future::pending().await,
    }
}
