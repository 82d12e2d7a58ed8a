//! What a thread counts when its connections end, or the user ends the run, at
//! each moment that this can happen.

use bytes::Bytes;
use tokio::io::{DuplexStream, duplex};

use super::*;
use crate::bench::counters::Counters;
use crate::bench::frames::Parser;
use crate::bench::testing::config;
use crate::connection::Transport;

const CONNECTIONS: usize = 3;
const MESSAGES: u64 = 272;

/// A thread of a closed loop that is asked for a number of messages. All its
/// connections are open, to peers that say nothing.
struct Loop {
    driver: Driver,
    /// They stay open.
    _peers: Vec<DuplexStream>,
}

impl Loop {
    fn open() -> Self {
        let mut config = config(CONNECTIONS);
        config.messages = Some(MESSAGES);
        config.duration = None;
        let (control, _) = Control::new(Arc::new(config));
        let mut driver = Driver::new(0, Arc::new(control)).unwrap();
        driver.opening = None;
        let mut peers = Vec::new();
        for slot in 0..CONNECTIONS {
            let (ours, peer) = duplex(1 << 16);
            let parser = Parser::new(false, 1 << 20, 1 << 20);
            let link = Link::frames(Transport::other(ours), Bytes::new(), parser);
            driver.add(slot, link);
            peers.push(peer);
        }
        driver.phase = Phase::Ready;
        Self {
            driver,
            _peers: peers,
        }
    }

    /// The load begins, and was to begin then.
    fn start(&mut self, start_ns: u64) {
        self.driver.start(start_ns);
    }

    fn interrupt(&mut self) {
        self.driver.control.stop.store(true, Ordering::Relaxed);
        assert!(!self.driver.on_tick());
    }

    fn run(&mut self) {
        let cx = &mut Context::from_waker(Waker::noop());
        self.driver.poll_due(cx);
        while !self.driver.queue.is_empty() {
            self.driver.run_ready(cx);
        }
    }

    fn lose(&mut self, slot: usize) {
        self.driver.end(slot, &Ended::Lost);
    }

    /// What was counted when all has come to its end.
    fn counters(mut self) -> Counters {
        self.driver.phase = Phase::Draining { until_ns: 0 };
        self.driver.on_tick();
        let counters = self.driver.outcome().parts.total().counters;
        assert_eq!(counters.due, MESSAGES, "{counters:?}");
        assert!(counters.is_balanced(), "{counters:?}");
        counters
    }
}

#[tokio::test]
async fn a_connection_that_ends_after_the_user_has_ended_the_run_is_counted_once() {
    let mut run = Loop::open();
    run.start(1);
    run.interrupt();
    run.lose(0);
    assert_eq!(run.counters().unsent.interrupted, MESSAGES);
}

#[tokio::test]
async fn what_is_unsent_since_the_user_has_ended_the_run_is_not_sent_either() {
    let mut run = Loop::open();
    run.start(1);
    // Room for the first messages of each connection is known of after that.
    run.interrupt();
    run.run();
    let counters = run.counters();
    assert_eq!((counters.sent, counters.unsent.interrupted), (0, MESSAGES));
}

#[tokio::test]
async fn a_connection_that_ends_before_the_load_begins_is_counted_once() {
    for begins in [false, true] {
        let mut run = Loop::open();
        run.lose(0);
        if begins {
            run.start(1);
            run.run();
        }
        run.interrupt();
        let counters = run.counters();
        assert_eq!(counters.unsent.gone, MESSAGES / 3 + 1);
        assert_eq!(counters.sent, if begins { 2 } else { 0 });
    }
}

#[tokio::test]
async fn a_connection_that_the_poller_could_not_take_has_its_messages_unsent() {
    let mut run = Loop::open();
    let (_, conn) = run.driver.slots[0].conn.take().unwrap();
    run.driver.slots[0].quota = conn.quota;
    run.start(1);
    run.interrupt();
    assert_eq!(run.counters().unsent.gone, MESSAGES / 3 + 1);
}
