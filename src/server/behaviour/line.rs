//! What a behaviour talks over.

use futures_util::SinkExt;

use crate::connection::{CloseFrame, Closed, Event, Message, Socket};
use crate::server::context::Traffic;

/// An open WebSocket as a behaviour sees it, whatever may go wrong on it.
pub(crate) trait Line: Send {
    /// The next event; `None` after [`Event::Closed`]. Writes out what has been
    /// fed. Dropping the future loses nothing.
    fn next(&mut self) -> impl Future<Output = Option<Event>> + Send;

    /// Queues a message; waits while there is no room for it. A line that is
    /// closing says why in its last event.
    fn feed(&mut self, message: Message) -> impl Future<Output = ()> + Send;

    /// All that is said unasked has been said. With a `close`, the line ends by it,
    /// unless its plan has another end.
    fn settled(&mut self, close: Option<CloseFrame>);

    /// Starts the closing handshake; events go on until [`Event::Closed`].
    fn start_close(&mut self, frame: CloseFrame);

    /// Drops the connection where it is.
    fn abort(self) -> Closed;

    /// What it has carried so far.
    fn traffic(&self) -> Traffic;
}

/// A line on which nothing goes wrong.
pub(crate) struct PlainLine {
    socket: Socket,
    traffic: Traffic,
}

impl PlainLine {
    pub(crate) fn new(socket: Socket) -> Self {
        Self {
            socket,
            traffic: Traffic::default(),
        }
    }
}

impl Line for PlainLine {
    async fn next(&mut self) -> Option<Event> {
        let event = self.socket.next().await;
        if let Some(Event::Message { message, .. }) = &event {
            self.traffic.received(message.len());
        }
        event
    }

    async fn feed(&mut self, message: Message) {
        let bytes = message.len();
        if self.socket.feed(message).await.is_ok() {
            self.traffic.sent(bytes);
        }
    }

    fn settled(&mut self, close: Option<CloseFrame>) {
        if let Some(frame) = close {
            self.socket.start_close(frame);
        }
    }

    fn start_close(&mut self, frame: CloseFrame) {
        self.socket.start_close(frame);
    }

    fn abort(self) -> Closed {
        self.socket.abort()
    }

    fn traffic(&self) -> Traffic {
        self.traffic
    }
}
