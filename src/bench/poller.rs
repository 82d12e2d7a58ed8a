//! A thread's own wait for its sockets.
//!
//! Under load the runtime's bookkeeping for one readiness event (flags, two
//! locks, a waker) costs about as much as parsing the reply. So once all
//! connections of a thread are open and plain TCP, they leave the runtime's
//! reactor and are waited for here: an event is a slot, and nothing else.

use std::io;
use std::time::Duration;

use super::pacer::Pacer;

/// What a thread waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ready {
    /// Of the connection.
    pub(super) slot: usize,
    /// There is something to be read.
    pub(super) reads: bool,
    /// The peer has sent its last byte, or the connection has failed: it must
    /// be read to its end, since no other event tells of that.
    pub(super) ends: bool,
}

pub(super) use imp::Poller;

#[cfg(not(target_os = "linux"))]
mod imp {
    use std::net::TcpStream;

    use super::{Duration, Pacer, Ready, io};

    /// There is none: the runtime waits.
    #[derive(Debug)]
    pub(in super::super) enum Poller {}

    impl Poller {
        pub(in super::super) fn new(_: &Pacer) -> io::Result<Self> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(in super::super) fn add(&self, _: &TcpStream, _: usize) -> io::Result<()> {
            match *self {}
        }

        pub(in super::super) fn wait(
            &mut self,
            _: Duration,
            _: impl FnMut(Ready),
        ) -> io::Result<()> {
            match *self {}
        }
    }
}

#[cfg(target_os = "linux")]
mod imp {
    use std::net::TcpStream;
    use std::os::fd::OwnedFd;

    use rustix::buffer::spare_capacity;
    use rustix::event::Timespec;
    use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
    use rustix::io::Errno;

    use super::{Duration, Pacer, Ready, io};

    /// How many events are taken at once: the schedule waits no longer than these
    /// need.
    const EVENTS: usize = 64;

    /// Stands for the pacer's alarm.
    const ALARM: u64 = u64::MAX;

    /// An epoll of the thread's own.
    pub(in super::super) struct Poller {
        epoll: OwnedFd,
        events: Vec<Event>,
    }

    impl Poller {
        /// # Errors
        /// The operating system's, when it has no descriptor left.
        pub(in super::super) fn new(pacer: &Pacer) -> io::Result<Self> {
            let epoll = epoll::create(CreateFlags::CLOEXEC)?;
            let flags = EventFlags::IN | EventFlags::ET;
            epoll::add(&epoll, pacer.alarm(), EventData::new_u64(ALARM), flags)?;
            Ok(Self {
                epoll,
                events: Vec::with_capacity(EVENTS),
            })
        }

        /// Tells of `stream` as `slot` from now on, first of what is there.
        ///
        /// # Errors
        /// The operating system's.
        pub(in super::super) fn add(&self, stream: &TcpStream, slot: usize) -> io::Result<()> {
            let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
            epoll::add(&self.epoll, stream, EventData::new_u64(slot as u64), flags)?;
            Ok(())
        }

        /// Waits until something is ready, the pacer's alarm goes off, or
        /// `timeout` is over.
        pub(in super::super) fn wait(
            &mut self,
            timeout: Duration,
            mut on: impl FnMut(Ready),
        ) -> io::Result<()> {
            let timeout = Timespec::try_from(timeout).ok();
            self.events.clear();
            match epoll::wait(
                &self.epoll,
                spare_capacity(&mut self.events),
                timeout.as_ref(),
            ) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            for event in &self.events {
                let (data, flags) = (event.data.u64(), event.flags);
                if let Ok(slot) = usize::try_from(data)
                    && data != ALARM
                {
                    let ends = EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR;
                    on(Ready {
                        slot,
                        reads: flags.intersects(EventFlags::IN | ends),
                        ends: flags.intersects(ends),
                    });
                }
            }
            Ok(())
        }
    }

    impl std::fmt::Debug for Poller {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.debug_tuple("Poller").field(&self.epoll).finish()
        }
    }
}
