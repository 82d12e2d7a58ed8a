//! What a talk is made of, and what it tells as it goes.

use std::collections::VecDeque;
use std::fmt;

use futures_util::Stream;
use futures_util::stream::Peekable;
use tokio::io::AsyncWrite;

use super::config::{PipeConfig, Stop, Summary};
use super::engine;
use super::framing::InputError;
use crate::connection::{Event, Message, Socket};
use crate::talk::Outgoing;

/// What a talk tells, as it happens.
#[derive(Debug)]
pub enum Told<'a> {
    /// The socket has taken this; it has not left yet.
    Queued(&'a Outgoing, Origin),
    /// All that was queued has left, without an [`Event::Flushed`].
    Flushed,
    /// An event of the socket, before it is acted on.
    Event(&'a Event),
}

/// On whose account something is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// [`Pipe::setup`].
    Setup,
    /// [`Pipe::input`].
    Input,
    /// The answer to a message.
    Echo,
    /// The end of the talk.
    End,
}

/// Makes what is written of a message: any number of texts, each of which is
/// ended as a message is, or `None` for the message as it is. For [`Framing::Lines`](super::Framing::Lines) and
/// [`Framing::Nul`](super::Framing::Nul); the other framings write all there
/// is.
pub type View<'a> = &'a dyn Fn(&Message) -> Option<Vec<String>>;

/// A talk over an open socket. What it borrows can go on in another talk,
/// over another socket: nothing of the input is lost in between.
pub struct Pipe<'a, I: Stream, W, S> {
    /// The connection.
    pub socket: Socket,
    /// What to send first.
    pub setup: Vec<Message>,
    /// What to send then.
    pub input: &'a mut Peekable<I>,
    /// Where the messages go.
    pub output: W,
    /// What to write before the first message.
    pub preamble: Vec<u8>,
    /// What is written of a message.
    pub view: View<'a>,
    /// Ends the talk from outside.
    pub stop: S,
    /// Is told what happens.
    pub observe: &'a mut dyn FnMut(Told<'_>),
}

impl<I: Stream, W, S> fmt::Debug for Pipe<'_, I, W, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipe")
            .field("socket", &self.socket)
            .finish_non_exhaustive()
    }
}

impl<I, W, S> Pipe<'_, I, W, S>
where
    I: Stream<Item = Result<Outgoing, InputError>> + Unpin,
    W: AsyncWrite + Unpin,
    S: Future<Output = Stop> + Unpin,
{
    /// Talks until the end, and closes.
    pub async fn run(mut self, config: PipeConfig) -> Summary {
        let setup = VecDeque::from(std::mem::take(&mut self.setup));
        engine::run(self, setup, config).await
    }
}
