//! The alarm of an open loop.
//!
//! tokio's timer has a resolution of a millisecond and slips by about 650 µs;
//! on Linux a timerfd slips by tens of microseconds. Under
//! [`Pacing::Precise`] the last stretch is spent spinning.

use std::io;
#[cfg(target_os = "linux")]
use std::os::fd::AsFd;
use std::task::{Context, Poll};
use std::time::Duration;

use super::clock::Clock;

/// How the schedule is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pacing {
    /// Sleep until a message is due.
    #[default]
    Timer,
    /// Sleep until shortly before, then spin: more exact, at a thread's cost.
    Precise,
}

/// How long before the due time a precise pacer wakes up: above what a timerfd
/// slips by, so that the spinning nearly always begins in time.
const SPIN_NS: u64 = 80_000;

/// Below this the pacer spins where it stands instead of looking for replies.
const HARD_SPIN_NS: u64 = 3_000;

/// An alarm clock that a future polls.
#[derive(Debug)]
pub(super) struct Pacer {
    pacing: Pacing,
    alarm: imp::Alarm,
    armed_for_ns: Option<u64>,
    spins: bool,
}

impl Pacer {
    /// # Errors
    /// The operating system's, when it has no timer left.
    pub(super) fn new(pacing: Pacing) -> io::Result<Self> {
        Ok(Self {
            pacing,
            alarm: imp::Alarm::new()?,
            armed_for_ns: None,
            spins: false,
        })
    }

    /// Whether the last poll was pending without an alarm that goes off: it
    /// is to be repeated at once.
    pub(super) fn spins(&self) -> bool {
        self.spins
    }

    /// What becomes readable when the alarm goes off.
    #[cfg(target_os = "linux")]
    pub(super) fn alarm(&self) -> std::os::fd::BorrowedFd<'_> {
        self.alarm.as_fd()
    }

    /// Ready when `due_ns` has come. Pending means that the task will be
    /// woken for it.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, clock: &Clock, due_ns: u64) -> Poll<()> {
        self.spins = false;
        loop {
            let left_ns = due_ns.saturating_sub(clock.now_ns());
            if left_ns == 0 {
                return Poll::Ready(());
            }
            let lead_ns = match self.pacing {
                Pacing::Timer => 0,
                Pacing::Precise => SPIN_NS,
            };
            if left_ns < HARD_SPIN_NS && lead_ns > 0 {
                std::hint::spin_loop();
                continue;
            }
            if left_ns <= lead_ns {
                self.spins = true;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if self.armed_for_ns != Some(due_ns) {
                if self
                    .alarm
                    .set(Duration::from_nanos(left_ns - lead_ns))
                    .is_err()
                {
                    // Without an alarm the schedule is still to be kept.
                    self.spins = true;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                self.armed_for_ns = Some(due_ns);
            }
            match self.alarm.poll(cx) {
                Poll::Ready(()) => self.armed_for_ns = None,
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

#[cfg(target_os = "linux")]
mod imp {
    use std::io;
    use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
    use std::task::{Context, Poll, ready};
    use std::time::Duration;

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    /// A timerfd.
    #[derive(Debug)]
    pub(super) struct Alarm(AsyncFd<OwnedFd>);

    impl AsFd for Alarm {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.get_ref().as_fd()
        }
    }

    impl Alarm {
        // Deprecated for types whose descriptor can change under the reactor,
        // in favour of an unsafe function; an `OwnedFd` keeps its descriptor.
        #[expect(deprecated, reason = "an OwnedFd never changes its descriptor")]
        pub(super) fn new() -> io::Result<Self> {
            let fd = timerfd_create(
                TimerfdClockId::Monotonic,
                TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC,
            )?;
            AsyncFd::with_interest(fd, Interest::READABLE).map(Self)
        }

        pub(super) fn set(&mut self, after: Duration) -> io::Result<()> {
            let value = Timespec::try_from(after).map_err(io::Error::other)?;
            let once = Itimerspec {
                it_interval: Timespec::default(),
                it_value: value,
            };
            timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::empty(), &once)?;
            Ok(())
        }

        pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
            loop {
                let Ok(mut guard) = ready!(self.0.poll_read_ready(cx)) else {
                    return Poll::Ready(());
                };
                let mut expirations = [0; 8];
                match rustix::io::read(self.0.get_ref(), &mut expirations) {
                    Err(rustix::io::Errno::AGAIN) => guard.clear_ready(),
                    _ => return Poll::Ready(()),
                }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use std::time::Duration;

    use tokio::time::{Instant, Sleep, sleep};

    /// tokio's timer.
    #[derive(Debug)]
    pub(super) struct Alarm(Pin<Box<Sleep>>);

    impl Alarm {
        pub(super) fn new() -> io::Result<Self> {
            Ok(Self(Box::pin(sleep(Duration::ZERO))))
        }

        pub(super) fn set(&mut self, after: Duration) -> io::Result<()> {
            self.0.as_mut().reset(Instant::now() + after);
            Ok(())
        }

        pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
            self.0.as_mut().poll(cx)
        }
    }
}
