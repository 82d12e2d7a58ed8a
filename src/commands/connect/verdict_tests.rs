//! Whatever the peers do: a talk ends within its bounds, its exit status is 0
//! only when what was asked for has been done, nothing is sent twice, and
//! every message that came is in the output once.
//!
//! The peers are sockets over memory streams, and the clock jumps.

use std::collections::HashSet;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, stream};
use proptest::prelude::*;
use tokio::io::duplex;
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep, timeout};

use super::end;
use crate::connection::client::dial::DialError;
use crate::connection::client::retry::RetryPolicy;
use crate::connection::net::tcp::TcpError;
use crate::connection::{
    CloseCode, CloseFrame, Event, Message, OpenConfig, OpenError, OpenFailure, Role, Socket,
    SocketConfig, Transport,
};
use crate::exit::{ExitStatus, status_of};
use crate::pipe::{End, Goal, Linger, Pipe, PipeConfig, PipeEvent};
use crate::talk::line::OpenFuture;
use crate::talk::{
    Direction, Kind, Line, LineConfig, LineEvent, Opening, Outgoing, Source, Stop, Transcript,
    system_clock,
};

/// How one connection goes.
#[derive(Debug, Clone)]
enum Plan {
    Refuse,
    Talk {
        answers: Answers,
        /// Sends by itself, so often.
        talks: Option<Duration>,
        ends: Ends,
    },
}

impl Plan {
    fn is_stuck(&self) -> bool {
        matches!(self, Self::Talk { ends, .. } if matches!(ends.how, How::Stuck))
    }
}

#[derive(Debug, Clone, Copy)]
enum Answers {
    AtOnce,
    Late(Duration),
    Twice,
    Never,
    /// Every other message.
    Half,
}

/// When a connection ends, by messages received or by time, and how.
#[derive(Debug, Clone, Copy)]
struct Ends {
    after: usize,
    at: Option<Duration>,
    how: How,
}

#[derive(Debug, Clone, Copy)]
enum How {
    Close(u16),
    Lost,
    /// It reads no more, and says nothing.
    Stuck,
    /// Not by itself.
    Stays,
}

/// What is asked for.
#[derive(Debug, Clone)]
struct Asked {
    /// The lengths of the messages, each with the time before it.
    input: Vec<(usize, Duration)>,
    /// Whether the input never ends.
    is_open: bool,
    goal: Option<Wanted>,
    linger: Option<Duration>,
    reconnects: bool,
    has_setup: bool,
    max_time: Option<Duration>,
}

#[derive(Debug, Clone, Copy)]
enum Wanted {
    Count(u64),
    /// What the peer sends as its third message.
    Third,
}

/// What the peers have seen and said.
#[derive(Debug, Default)]
struct Book {
    got: Vec<String>,
    connections: usize,
}

const MINUTES: Duration = Duration::from_secs(600);

fn millis(range: std::ops::Range<u64>) -> impl Strategy<Value = Duration> {
    range.prop_map(Duration::from_millis)
}

fn plans() -> impl Strategy<Value = Plan> {
    let answers = prop_oneof![
        3 => Just(Answers::AtOnce),
        2 => millis(1..9000).prop_map(Answers::Late),
        1 => Just(Answers::Twice),
        1 => Just(Answers::Never),
        1 => Just(Answers::Half),
    ];
    let how = prop_oneof![
        3 => prop_oneof![Just(1000), Just(1001), Just(1011), 3000..5000_u16].prop_map(How::Close),
        2 => Just(How::Lost),
        1 => Just(How::Stuck),
        4 => Just(How::Stays),
    ];
    let ends = (0..12_usize, proptest::option::of(millis(0..30_000)), how)
        .prop_map(|(after, at, how)| Ends { after, at, how });
    let talks = prop_oneof![3 => Just(None), 1 => millis(50..4000).prop_map(Some)];
    prop_oneof![
        1 => Just(Plan::Refuse),
        8 => (answers, talks, ends).prop_map(|(answers, talks, ends)| Plan::Talk {
            answers,
            talks,
            ends
        }),
    ]
}

fn asked() -> impl Strategy<Value = Asked> {
    let message = (
        prop_oneof![9 => 0..100_usize, 1 => 10_000..200_000_usize],
        prop_oneof![4 => Just(Duration::ZERO), 1 => millis(0..3000)],
    );
    let goal = prop_oneof![
        4 => Just(None),
        2 => (1..8_u64).prop_map(|n| Some(Wanted::Count(n))),
        1 => Just(Some(Wanted::Third)),
    ];
    (
        proptest::collection::vec(message, 0..12),
        prop::bool::weighted(0.1),
        goal,
        prop_oneof![3 => Just(None), 1 => millis(0..20_000).prop_map(Some)],
        any::<bool>(),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.2),
        millis(100..20_000),
    )
        .prop_map(
            |(input, is_open, goal, linger, reconnects, has_setup, is_short, limit)| {
                // Without a limit, only who waits for no one in particular ends.
                let limit = match is_short {
                    true => Some(limit),
                    false if is_open || goal.is_some() || reconnects => Some(MINUTES),
                    false => None,
                };
                Asked {
                    input,
                    is_open,
                    goal,
                    linger,
                    reconnects,
                    has_setup,
                    max_time: limit,
                }
            },
        )
}

async fn peer(mut socket: Socket, number: usize, plan: Plan, book: Arc<Mutex<Book>>) {
    let Plan::Talk {
        answers,
        talks,
        ends,
    } = plan
    else {
        return;
    };
    let (mut sent, mut received) = (0, 0);
    let mut talk_at = talks.map(|every| Instant::now() + every);
    let end_at = ends.at.map(|at| Instant::now() + at);
    let mut is_ending = false;
    loop {
        let tick = async {
            match talk_at {
                Some(at) => tokio::time::sleep_until(at).await,
                None => pending().await,
            }
        };
        let end = async {
            match end_at {
                Some(at) if !is_ending => tokio::time::sleep_until(at).await,
                _ => pending().await,
            }
        };
        let mut replies = 0;
        let mut is_due = false;
        tokio::select! {
            event = socket.next() => match event {
                Some(Event::Message { message, .. }) => {
                    let text = String::from_utf8_lossy(message.as_bytes()).into_owned();
                    let id = text.split(' ').next().unwrap_or_default().to_owned();
                    book.lock().unwrap().got.push(id);
                    received += 1;
                    is_due = received == ends.after;
                    replies = match answers {
                        Answers::AtOnce => 1,
                        Answers::Late(time) => {
                            sleep(time).await;
                            1
                        }
                        Answers::Twice => 2,
                        Answers::Never => 0,
                        Answers::Half => received % 2,
                    };
                }
                Some(Event::Closed(_)) | None => return,
                Some(_) => {}
            },
            () = tick => {
                talk_at = talks.map(|every| Instant::now() + every);
                replies = 1;
            }
            () = end => is_due = true,
        }
        for _ in 0..replies {
            sent += 1;
            let said = Message::text(format!("{number} {sent}"));
            let _ = socket.send(said).await;
        }
        if is_due && !is_ending {
            is_ending = true;
            match ends.how {
                How::Close(code) => {
                    let code = CloseCode::try_from(code).unwrap();
                    socket.start_close(CloseFrame::new(code, "done"));
                }
                How::Lost => return,
                How::Stuck => pending().await,
                How::Stays => {}
            }
        }
    }
}

fn opener(plans: Vec<Plan>, book: Arc<Mutex<Book>>) -> impl FnMut() -> OpenFuture + Send + 'static {
    let mut attempts = 0;
    move || {
        let plan = plans[attempts % plans.len()].clone();
        attempts += 1;
        let book = Arc::clone(&book);
        Box::pin(async move {
            sleep(Duration::from_millis(10)).await;
            if matches!(plan, Plan::Refuse) {
                return Err(OpenFailure::from(OpenError::from(DialError::Tcp(
                    TcpError::Connect {
                        address: "127.0.0.1:1".into(),
                        source: std::io::ErrorKind::ConnectionRefused.into(),
                    },
                ))));
            }
            let number = {
                let mut book = book.lock().unwrap();
                book.connections += 1;
                book.connections
            };
            let (near, far) = duplex(4096);
            let near = Transport::other(near);
            let far = Transport::other(far);
            let client = SocketConfig::new(Role::Client);
            let server = SocketConfig::new(Role::Server);
            let client = Socket::new(near, Bytes::new(), &client).await;
            let server = Socket::new(far, Bytes::new(), &server).await;
            tokio::spawn(peer(server, number, plan, book));
            Ok((Opening::default(), client))
        })
    }
}

/// What came of a talk.
#[derive(Debug)]
struct Outcome {
    status: ExitStatus,
    /// Messages that came, in order, and those that are in the output.
    came: Vec<String>,
    output: Vec<String>,
    /// The input that has left.
    left: Vec<String>,
    /// When the last of it did.
    last_left: Instant,
    has_met_goal: bool,
    /// Whether a connection was lost while replies were owed.
    lost_replies: bool,
    start: Instant,
    end: Instant,
}

async fn talk(asked: &Asked, plans: Vec<Plan>, book: Arc<Mutex<Book>>) -> Outcome {
    let mut open = opener(plans, book);
    let line = Line::new(LineConfig {
        target: Some(("ws://peer.test".parse().unwrap(), OpenConfig::default())),
        socket: SocketConfig::new(Role::Client),
        setup: match asked.has_setup {
            true => vec![Message::text("setup")],
            false => Vec::new(),
        },
        reconnect: asked
            .reconnects
            .then(|| RetryPolicy::RECONNECT.with_max_attempts(Some(3))),
        reconnect_on: Default::default(),
        log_secrets: false,
        transcript: Transcript::new(system_clock()).keeping(1),
    })
    .with_opener(Box::new(move |_, _, _| open()));
    let input = stream::iter(asked.input.clone().into_iter().enumerate())
        .then(|(n, (length, wait))| async move {
            sleep(wait).await;
            let text = format!("i{n} {}", "x".repeat(length));
            Ok(Outgoing::Message(Message::text(text)))
        })
        .boxed_local();
    let input = match asked.is_open {
        true => input.chain(stream::pending()).boxed_local(),
        false => input,
    };
    let limit = asked.max_time;
    let goal = asked.goal.map(|goal| match goal {
        Wanted::Count(count) => Goal::Count(count),
        Wanted::Third => Goal::Until("/ 3$/".parse().unwrap()),
    });
    let start = Instant::now();
    let (mut came, mut left, mut lost_replies) = (Vec::new(), Vec::new(), false);
    let mut last_left = start;
    let mut output = Vec::new();
    let summary = Pipe {
        line,
        input: input.peekable(),
        output: &mut output,
        view: &|_, _| None,
        stop: Box::pin(async move {
            match limit {
                Some(limit) => sleep(limit).await,
                None => pending().await,
            }
            Stop::MaxTime
        }),
        observe: &mut |event| match event {
            PipeEvent::Line(LineEvent::Entry(entry)) => {
                if let Kind::Text { data, .. } = &entry.kind {
                    let id = data.to_string();
                    match (entry.direction, entry.source) {
                        (Direction::In, _) => came.push(id),
                        (Direction::Out, Source::User) => {
                            last_left = Instant::now();
                            left.push(id.split(' ').next().unwrap().to_owned());
                        }
                        _ => {}
                    }
                }
            }
            PipeEvent::Ended {
                again: true,
                summary,
            } => lost_replies |= summary.open.is_some() && left.len() > came.len(),
            _ => {}
        },
    }
    .run(PipeConfig {
        goal: goal.clone(),
        linger: asked.linger.map(Linger::For),
        ..PipeConfig::default()
    })
    .await;
    let end = Instant::now();
    let has_met_goal = matches!(summary.end, End::Goal);
    let status = end::judge(summary, goal.as_ref(), limit).unwrap_or_else(|e| status_of(&e));
    let output = String::from_utf8(output).unwrap();
    Outcome {
        status,
        came,
        output: output.lines().map(ToOwned::to_owned).collect(),
        left,
        last_left,
        has_met_goal,
        lost_replies,
        start,
        end,
    }
}

/// The longest that a talk may take: to open, to hand the input over, to wait for
/// each reply, and to close.
fn bound(asked: &Asked) -> Duration {
    if let Some(limit) = asked.max_time {
        return limit + Duration::from_millis(200);
    }
    let waits: Duration = asked.input.iter().map(|(_, wait)| *wait).sum();
    let replies = u32::try_from(asked.input.len()).unwrap() + 2;
    // A peer that is late with one answer is late with those before it too.
    waits
        + (Duration::from_secs(10) + Duration::from_secs(9)) * replies
        + asked.linger.unwrap_or_default()
        + Duration::from_secs(20)
}

fn check(asked: &Asked, found: &Outcome, book: &Book) -> Result<(), TestCaseError> {
    let took = found.end - found.start;
    prop_assert!(took <= bound(asked), "{took:?} {found:?}");
    // Nothing is sent twice.
    let inputs: Vec<_> = book.got.iter().filter(|id| id.starts_with('i')).collect();
    let unique: HashSet<_> = inputs.iter().collect();
    prop_assert_eq!(inputs.len(), unique.len(), "{:?}", inputs);
    // Every message that came is in the output once, in its order.
    match found.has_met_goal {
        true => prop_assert!(found.came.starts_with(&found.output), "{found:?}"),
        false => prop_assert_eq!(&found.came, &found.output),
    }
    let unique: HashSet<_> = found.output.iter().collect();
    prop_assert_eq!(found.output.len(), unique.len());
    if found.status != ExitStatus::Success {
        return Ok(());
    }
    match asked.goal {
        Some(Wanted::Count(count)) => {
            prop_assert!(found.output.len() as u64 >= count, "{found:?}");
            return Ok(());
        }
        Some(Wanted::Third) => {
            let last = found.output.last();
            prop_assert!(last.is_some_and(|last| last.ends_with(" 3")), "{found:?}");
            return Ok(());
        }
        None => {}
    }
    // An input that has not said anything yet has a listener at its other end.
    let is_silent = asked.input.first().is_some_and(|(_, wait)| !wait.is_zero());
    prop_assert!(
        found.left.len() == asked.input.len() || is_silent && found.left.is_empty(),
        "{found:?}"
    );
    if let Some(stay) = asked.linger {
        let stayed = found.end - found.last_left;
        prop_assert!(asked.is_open || stayed >= stay, "{found:?}");
    } else if found.lost_replies {
        prop_assert!(found.output.len() >= found.left.len(), "{found:?}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn exit_0_is_only_for_what_was_done_whatever_the_peers_do(
        asked in asked(),
        plans in proptest::collection::vec(plans(), 1..4),
    ) {
        let mut asked = asked;
        // What a peer that reads nothing keeps waiting has no other limit.
        asked.max_time = asked.max_time.or(plans.iter().any(Plan::is_stuck).then_some(MINUTES));
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let book = Arc::new(Mutex::new(Book::default()));
            let talk = talk(&asked, plans, Arc::clone(&book));
            let Ok(found) = timeout(Duration::from_secs(24 * 3600), talk).await else {
                return Err(TestCaseError::fail("it does not end"));
            };
            let book = book.lock().unwrap();
            check(&asked, &found, &book)
        })?;
    }
}
