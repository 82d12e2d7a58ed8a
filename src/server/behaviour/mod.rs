//! What is done on an open WebSocket: a [`Behaviour`] is chosen by its route and
//! runs the connection to its end.

mod echo;
mod idle;
mod lab;

use bytes::Bytes;

pub(crate) use self::echo::Echo;
pub(crate) use self::lab::Lab;
use crate::connection::Transport;
use crate::server::context::{Context, Outcome, Stop, Traffic};

/// Why a connection is closed when the server goes away.
const SHUTTING_DOWN: &str = "the server is shutting down";

/// Why a connection is closed whose client is silent.
const IDLE_TIMEOUT: &str = "idle timeout";

/// What is done on an open WebSocket.
pub(crate) trait Behaviour {
    /// What it runs over: a `Socket`, which keeps the rules, or [`Upgraded`].
    type Connection;

    /// Runs the connection to its end, which `stop` can ask for. Counts what it
    /// carries as it goes, in `context`, and returns the sum.
    fn run(
        self,
        connection: Self::Connection,
        context: &Context,
        stop: &Stop,
    ) -> impl Future<Output = (Outcome, Traffic)> + Send;
}

/// The byte stream of an accepted opening handshake.
pub(crate) struct Upgraded {
    pub(crate) transport: Transport,
    /// What came behind the request.
    pub(crate) leftover: Bytes,
}
