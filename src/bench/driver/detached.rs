//! A thread whose connections have left the runtime's reactor for a poller of
//! its own.

use std::io;
use std::sync::atomic::Ordering;
use std::task::{Context, Waker};
use std::time::Duration;

use super::{Driver, TICK, WRITES};
use crate::bench::clock::to_ns;
use crate::bench::ended::Ended;
use crate::bench::messages::FromWorker;
use crate::bench::poller::Poller;

impl Driver {
    /// Takes all connections to a poller of the thread's own, where that can
    /// be: when they are all plain TCP.
    pub(super) fn detach(&mut self) {
        let mut conns = self.slots.iter().filter_map(|slot| slot.conn.as_ref());
        if !conns.all(|(_, conn)| conn.link.is_plain_tcp()) {
            return;
        }
        let Ok(poller) = Poller::new(&self.pacer) else {
            return;
        };
        for slot in &mut self.slots {
            let Some((waker, conn)) = slot.conn.take() else {
                continue;
            };
            let quota = conn.quota;
            match conn.detach(&poller) {
                Ok(conn) => slot.conn = Some((waker, conn)),
                Err(error) => {
                    slot.quota = quota;
                    self.live -= 1;
                    self.control.open.fetch_sub(1, Ordering::Relaxed);
                    self.control.note_gone(self.shared.clock.now_ns());
                    let url = self.shared.config.url_of(slot.index);
                    let cause = Ended::Io(error).cause(&self.shared.config.secrets(url));
                    self.shared.parts.at(url, 0).errors.add(cause);
                }
            }
        }
        self.poller = Some(poller);
        self.batch = WRITES;
    }

    /// One poll of a thread with a poller of its own, which takes a tick;
    /// whether the run is over.
    pub(super) fn poll_detached(&mut self, cx: &mut Context<'_>, mut poller: Poller) -> bool {
        let waited = self.run_until_tick(&mut poller);
        self.poller = Some(poller);
        if let Err(error) = waited {
            self.control.tell(FromWorker::Failed(error));
            return true;
        }
        // Then the rest of the runtime has its turn.
        cx.waker().wake_by_ref();
        self.on_tick()
    }

    /// Waits for the connections and for the schedule, and runs what is ready.
    fn run_until_tick(&mut self, poller: &mut Poller) -> io::Result<()> {
        // Wakers would be for the runtime; the pacer's alarm is the poller's.
        let cx = &mut Context::from_waker(Waker::noop());
        let until_ns = self.shared.clock.now_ns() + to_ns(TICK);
        loop {
            self.run_ready(cx);
            let spins = self.poll_due(cx);
            let left_ns = until_ns.saturating_sub(self.shared.clock.now_ns());
            if left_ns == 0 {
                return Ok(());
            }
            let timeout = if spins || !self.queue.is_empty() {
                Duration::ZERO
            } else {
                // A whole number of them is the older system call's.
                Duration::from_millis(left_ns.div_ceil(1_000_000))
            };
            poller.wait(timeout, |ready| {
                let slot = self.slots.get_mut(ready.slot);
                let Some((_, conn)) = slot.and_then(|slot| slot.conn.as_mut()) else {
                    return;
                };
                conn.link.note(&ready);
                self.ready.push(ready.slot);
            })?;
        }
    }
}
