//! A line with a plan of faults around whatever is said on it.
//!
//! A peer that keeps the rules cannot be made to break them, so that this one reads
//! and writes frames itself. What is said passes these stages:
//!
//! ```text
//! feed(message) ─► plan, chance ─► queue (delay, order) ─► frames (deflate) ─► bytes (pace)
//! next()  ◄─ messages ◄─ the rules of RFC 6455, limits ◄─ frames ◄──────────── bytes
//! ```
//!
//! Keep-alive, the limits and compression hold as on a plain socket. `queue` is the
//! message stage, `wire` reads and writes frames, `ending` knows all ways to end.

mod ending;
mod queue;
mod wire;

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, Interval, sleep_until};

use self::ending::{Reason, end};
use self::queue::{Outgoing, Queue};
use self::wire::{Incoming, Wire, WireConfig};
use super::Line;
use super::feed::every;
use crate::connection::ws::deflate::Params;
use crate::connection::ws::keep_alive::{Due, Timer};
use crate::connection::{
    CloseFrame, Closed, Event, Message, MessageBudget, SocketError, Transport,
};
use crate::server::context::{ServerConfig, Traffic};
use crate::server::faults::{
    Chaos, CloseAnswer, Effect, Ending, LinePlan, MessageFault, Pongs, SplitMix64, When, corrupt,
    truncate,
};

/// How long a message is held back for another one to overtake it.
const MAX_HELD: Duration = Duration::from_secs(1);

/// First bytes of control frames.
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

/// What a [`FaultyLine`] is made for.
pub(crate) struct FaultyLineConfig<'a> {
    pub(crate) transport: Transport,
    /// What came behind the request.
    pub(crate) leftover: &'a [u8],
    pub(crate) deflate: Option<Params>,
    pub(crate) plan: LinePlan,
    /// The number of the connection, which chances depend on.
    pub(crate) number: u64,
    pub(crate) server: &'a ServerConfig,
    pub(crate) budget: &'a Arc<MessageBudget>,
}

/// A line on which things go wrong as planned, and by chance.
pub(crate) struct FaultyLine {
    /// Gone once the end has begun.
    wire: Option<Wire>,
    ending: Option<Pin<Box<dyn Future<Output = Closed> + Send>>>,
    plan: LinePlan,
    chances: Option<(Chaos, SplitMix64)>,
    queue: Queue,
    /// How many messages have been fed.
    fed: u64,
    /// A message that leaves behind the next one, or at this time.
    held: Option<(Instant, Message)>,
    /// Whether the client is still read.
    reads: bool,
    /// Whether messages are still sent.
    sends: bool,
    /// Whether a message was like the one that the end waits for.
    has_matched: bool,
    since: Instant,
    /// Whether all has been said that is said unasked.
    is_settled: bool,
    pings: Option<Interval>,
    keep_alive: Option<Timer>,
    keep_alive_pings: u64,
    close_timeout: Duration,
    traffic: Traffic,
}

/// What there is to do.
enum Turn {
    Received(std::io::Result<Incoming>),
    Written(Result<(), SocketError>),
    /// As many bytes have left as were to leave.
    Cut,
    /// The time of something in the queue, or of the end, has come.
    Due,
    Ping,
    KeepAlive(Due),
}

impl FaultyLine {
    pub(crate) fn new(config: FaultyLineConfig<'_>) -> Self {
        let server = config.server;
        let wire = WireConfig {
            deflate: config.deflate,
            max_message_bytes: server.max_message_bytes,
            write_timeout: server.write_timeout,
            message_timeout: server.message_timeout,
            budget: Arc::clone(config.budget),
            pace: config.plan.pace(),
            cut: config.plan.cut,
        };
        let wire = Wire::new(config.transport, config.leftover, wire);
        let chances = |chaos: &Chaos| (chaos.clone(), chaos.random(config.number));
        Self {
            wire: Some(wire),
            ending: None,
            chances: server.chaos.as_ref().map(chances),
            queue: Queue::default(),
            fed: 0,
            held: None,
            reads: true,
            sends: true,
            has_matched: false,
            since: Instant::now(),
            is_settled: false,
            pings: config.plan.ping.map(every),
            keep_alive: Timer::start(server.keep_alive),
            keep_alive_pings: 0,
            close_timeout: server.close_timeout.max(server.grace),
            traffic: Traffic::default(),
            plan: config.plan,
        }
    }

    fn begin_end(&mut self, reason: Reason) {
        if let Some(wire) = self.wire.take() {
            self.ending = Some(Box::pin(end(wire, reason, self.close_timeout)));
        }
    }

    /// The end, when it has come.
    fn planned_end(&self) -> Option<Ending> {
        let end = self.plan.end.as_ref()?;
        let has_come = if self.plan.when.on.is_some() {
            self.has_matched && self.is_empty()
        } else if let Some(at) = self.end_at() {
            // A time is kept, whatever waits.
            at <= Instant::now()
        } else {
            self.is_counted() && self.is_settled && self.is_empty()
        };
        has_come.then(|| end.clone())
    }

    /// When the end comes, where that is a matter of time alone.
    fn end_at(&self) -> Option<Instant> {
        let when = &self.plan.when;
        let is_awaited = self.plan.end.is_some() && when.on.is_none() && self.is_counted();
        (is_awaited && !when.time.is_zero()).then(|| self.since + when.time)
    }

    /// Whether nothing waits to leave.
    fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.held.is_none()
    }

    /// Whether as many messages have come as the plan waits for.
    fn is_counted(&self) -> bool {
        self.traffic.received_messages >= self.plan.when.messages
    }

    /// Notes whether this is the message that the end waits for.
    fn matches(&mut self, message: &Message) -> bool {
        let when = &self.plan.when;
        let Some(on) = &when.on else {
            return false;
        };
        let is_late = self.since.elapsed() >= when.time && self.is_counted();
        let matches = is_late && on.pattern.matches(message.as_bytes());
        self.has_matched |= matches;
        matches
    }

    /// Waits for something to do. Dropping the future loses nothing.
    async fn turn(&mut self, reads: bool) -> Turn {
        let held = self.held.as_ref().map(|(at, _)| *at);
        let times = [self.queue.due(), self.end_at(), held];
        let due = times.into_iter().flatten().min();
        let Some(wire) = &mut self.wire else {
            return std::future::pending().await;
        };
        let (pings, keep_alive) = (&mut self.pings, &mut self.keep_alive);
        tokio::select! {
            biased;
            turn = poll_fn(|cx| poll_wire(wire, cx, reads)) => turn,
            () = at(due) => Turn::Due,
            () = tick(pings) => Turn::Ping,
            due = due_of(keep_alive) => Turn::KeepAlive(due),
        }
    }

    /// Does what there is to do; returns what a behaviour is to be told of it.
    fn take(&mut self, turn: Turn) -> Option<Event> {
        match turn {
            Turn::Received(incoming) => return self.receive(incoming),
            Turn::Written(Ok(())) => return Some(Event::Flushed),
            Turn::Written(Err(error)) => self.begin_end(Reason::Lost(error)),
            Turn::Cut => self.begin_end(Reason::Planned(Ending::Drop)),
            Turn::Due => {
                if self
                    .held
                    .as_ref()
                    .is_some_and(|(at, _)| *at <= Instant::now())
                {
                    self.let_go();
                }
                self.release();
            }
            Turn::Ping => self.control(PING, Bytes::from_static(b"lab")),
            Turn::KeepAlive(Due::Ping) => {
                self.keep_alive_pings += 1;
                let payload = Bytes::copy_from_slice(&self.keep_alive_pings.to_be_bytes());
                self.control(PING, payload);
            }
            Turn::KeepAlive(Due::Pong) => self.control(PONG, Bytes::new()),
            Turn::KeepAlive(Due::Dead(after)) => {
                self.begin_end(Reason::Failed(SocketError::KeepAliveTimeout(after)));
            }
        }
        None
    }

    /// Queues a control frame.
    fn control(&mut self, first: u8, payload: Bytes) {
        let later = self.plan.delay;
        self.queue.push(Outgoing::Control(first, payload), later);
        self.release();
    }

    /// Writes what is due.
    fn release(&mut self) {
        while let Some(wire) = &mut self.wire {
            match self.queue.pop() {
                None => return,
                Some(Outgoing::Message(message)) => {
                    self.traffic.sent(message.len());
                    wire.push_message(message, self.plan.fragments);
                }
                Some(Outgoing::Control(first, payload)) => wire.push_frame(first, payload),
                Some(Outgoing::CloseAnswer(payload)) => {
                    self.begin_end(match self.plan.close_answer {
                        CloseAnswer::Never => Reason::Unanswered(payload),
                        CloseAnswer::AtOnce | CloseAnswer::Late(_) => Reason::Closed(payload),
                    });
                }
            }
        }
    }

    fn receive(&mut self, incoming: std::io::Result<Incoming>) -> Option<Event> {
        if let (Some(timer), Ok(_)) = (&mut self.keep_alive, &incoming) {
            timer.received();
        }
        match incoming {
            Ok(Incoming::Message(message)) => {
                self.traffic.received(message.len());
                self.matches(&message);
                return Some(Event::Message {
                    message,
                    wire_bytes: None,
                });
            }
            Ok(Incoming::Ping(payload)) => {
                match self.plan.pongs {
                    Pongs::Right => self.control(PONG, payload.clone()),
                    Pongs::Wrong => self.control(PONG, Bytes::from_static(b"wrong")),
                    Pongs::Never => {}
                }
                return Some(Event::Ping(payload));
            }
            Ok(Incoming::Pong(payload)) => {
                if let Some(timer) = &mut self.keep_alive {
                    timer.pong_received();
                }
                return Some(Event::Pong {
                    payload,
                    round_trip: None,
                });
            }
            Ok(Incoming::Close(payload)) => {
                // Answers leave before it.
                self.reads = false;
                self.sends = false;
                self.let_go();
                let late = match self.plan.close_answer {
                    CloseAnswer::Late(late) => late,
                    CloseAnswer::AtOnce | CloseAnswer::Never => Duration::ZERO,
                };
                let later = self.plan.delay + late;
                self.queue.push(Outgoing::CloseAnswer(payload), later);
                self.release();
            }
            Ok(Incoming::Violation(code, reason)) => {
                self.begin_end(Reason::Violation(code, reason));
            }
            Ok(Incoming::Failed(error)) => self.begin_end(Reason::Failed(error)),
            Ok(Incoming::End) => self.begin_end(Reason::Lost(SocketError::Lost)),
            Err(error) => self.begin_end(Reason::Lost(SocketError::Io(error))),
        }
        None
    }

    /// Reads no more; the end comes when what waits has left.
    fn end_by_chance(&mut self, end: Ending) {
        self.plan.end = Some(end);
        self.plan.when = When::default();
        self.is_settled = true;
        self.reads = false;
        self.sends = false;
        self.chances = None;
    }

    /// A message has found room: what becomes of it?
    fn stage(&mut self, message: Message) {
        let (effect, later) = match &mut self.chances {
            Some((chaos, random)) => chaos.effect(random),
            None => (None, Duration::ZERO),
        };
        let fault = match effect {
            None => self.planned_fault(&message),
            Some(Effect::Message(fault)) => Some(fault),
            Some(Effect::Drop) => return self.end_by_chance(Ending::Drop),
            Some(Effect::Reset) => return self.end_by_chance(Ending::Reset),
            Some(Effect::Close) => {
                return self.end_by_chance(Ending::Close(1012, "chaos".to_owned()));
            }
        };
        self.fed += 1;
        // One that is sent unasked is the last.
        self.sends &= !(self.matches(&message) && self.plan.end.is_some());
        let later = self.plan.delay + later;
        match fault {
            Some(MessageFault::Lose) => return,
            Some(MessageFault::Reorder) if self.held.is_none() => {
                self.held = Some((Instant::now() + later + MAX_HELD, message));
                return;
            }
            Some(MessageFault::Duplicate) => {
                self.queue.push(Outgoing::Message(message.clone()), later);
                self.queue.push(Outgoing::Message(message), later);
            }
            Some(MessageFault::Corrupt) => {
                self.queue.push(Outgoing::Message(corrupt(&message)), later);
            }
            Some(MessageFault::Truncate) => {
                self.queue
                    .push(Outgoing::Message(truncate(&message)), later);
            }
            Some(MessageFault::Reorder) | None => {
                self.queue.push(Outgoing::Message(message), later);
            }
        }
        self.let_go();
        self.release();
    }

    /// What the plan does with this message.
    fn planned_fault(&self, message: &Message) -> Option<MessageFault> {
        let fault = self.plan.message?;
        let when = &self.plan.when;
        let on = when.on.as_ref();
        let concerns = self.fed >= when.messages
            && self.since.elapsed() >= when.time
            && on.is_none_or(|on| on.pattern.matches(message.as_bytes()));
        concerns.then_some(fault)
    }

    /// What was held back leaves behind what is queued.
    fn let_go(&mut self) {
        if let Some((_, message)) = self.held.take() {
            self.queue.push(Outgoing::Message(message), self.plan.delay);
        }
    }

    fn is_full(&self) -> bool {
        self.queue.is_full() || self.wire.as_ref().is_some_and(Wire::is_full)
    }
}

impl Line for FaultyLine {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(ending) = &mut self.ending {
                let closed = ending.await;
                self.ending = None;
                return Some(Event::Closed(closed));
            }
            self.wire.as_ref()?;
            if let Some(end) = self.planned_end() {
                self.begin_end(Reason::Planned(end));
                continue;
            }
            let reads = self.reads && !self.is_full();
            let turn = self.turn(reads).await;
            if let Some(event) = self.take(turn) {
                return Some(event);
            }
        }
    }

    async fn feed(&mut self, message: Message) {
        while self.is_full() {
            let turn = self.turn(false).await;
            let _ = self.take(turn);
        }
        if self.wire.is_some() && self.sends {
            self.stage(message);
        }
    }

    fn settled(&mut self, close: Option<CloseFrame>) {
        self.is_settled = true;
        if let (None, Some(frame)) = (&self.plan.end, close) {
            let code = frame.code_or_1005();
            self.plan.end = Some(Ending::Close(code, frame.reason));
        }
    }

    fn start_close(&mut self, frame: CloseFrame) {
        self.begin_end(Reason::GoingAway(frame));
    }

    fn abort(self) -> Closed {
        Closed {
            received: None,
            sent: None,
            by_peer: false,
            error: Some(SocketError::Lost),
        }
    }

    fn traffic(&self) -> Traffic {
        self.traffic
    }
}

/// Writes what is queued, and reads as long as that is wanted.
fn poll_wire(wire: &mut Wire, cx: &mut Context<'_>, reads: bool) -> Poll<Turn> {
    if wire.has_output()
        && let Poll::Ready(result) = wire.poll_write_out(cx)
    {
        return Poll::Ready(match wire.is_cut() {
            true => Turn::Cut,
            false => Turn::Written(result),
        });
    }
    if reads {
        return wire.poll_next(cx).map(Turn::Received);
    }
    Poll::Pending
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

async fn due_of(timer: &mut Option<Timer>) -> Due {
    match timer {
        Some(timer) => poll_fn(|cx| timer.poll_due(cx)).await,
        None => std::future::pending().await,
    }
}
