//! What the clients and the servers wait with.

use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;

use crate::Result;

/// What was done so far.
#[derive(Clone, Copy, Default)]
pub(crate) struct Done {
    pub(crate) messages: u64,
    pub(crate) handshakes: u64,
}

pub(crate) const BOTH: EventFlags = EventFlags::IN.union(EventFlags::OUT).union(EventFlags::ET);

/// Stands for the standard input.
const ASKED: u64 = u64::MAX;

/// An epoll that also tells whoever asks, by a line on the standard input,
/// what was done so far. Where the input ends, so does the program.
pub(crate) struct Poll {
    epoll: OwnedFd,
}

impl Poll {
    pub(crate) fn new() -> Result<Self> {
        let this = Self {
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
        };
        this.add(&io::stdin(), ASKED, EventFlags::IN)?;
        Ok(this)
    }

    pub(crate) fn add(&self, source: &impl AsFd, token: u64, flags: EventFlags) -> Result<()> {
        epoll::add(&self.epoll, source, EventData::new_u64(token), flags)?;
        Ok(())
    }

    /// Waits for events and puts them into `events`, up to its capacity.
    pub(crate) fn wait(&self, events: &mut Vec<Event>, done: Done) -> Result<()> {
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(events), None) {
            // A process that was stopped goes on with this error.
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if let Some(at) = events.iter().position(|event| event.data.u64() == ASKED) {
            events.swap_remove(at);
            tell(done)?;
        }
        Ok(())
    }
}

#[allow(clippy::print_stdout)]
fn tell(done: Done) -> Result<()> {
    let mut question = [0; 64];
    if rustix::io::read(io::stdin(), &mut question)? == 0 {
        return Err("the input has ended".into());
    }
    println!("{} {}", done.messages, done.handshakes);
    Ok(io::stdout().flush()?)
}
