//! What is done on an open WebSocket: a [`Behaviour`] is chosen by its route and
//! runs the connection to its end, over a [`Line`] of any kind.
//!
//! A line is a plain socket, or a [`FaultyLine`] with a plan of faults around
//! whatever is said on it. [`echo()`] is the behaviour of `/ws` for plain sockets
//! alone, since it answers from the buffer that it reads.

mod echo;
mod faulty;
mod feed;
mod idle;
mod line;

pub(crate) use self::echo::echo;
pub(crate) use self::faulty::{FaultyLine, FaultyLineConfig};
pub(crate) use self::feed::Feed;
pub(crate) use self::line::{Line, PlainLine};
use crate::server::context::{Context, Outcome, Stop, Traffic};

/// Why a connection is closed when the server goes away.
const SHUTTING_DOWN: &str = "the server is shutting down";

/// Why a connection is closed whose client is silent.
const IDLE_TIMEOUT: &str = "idle timeout";

/// What is done on an open WebSocket.
pub(crate) trait Behaviour {
    /// Runs the connection to its end, which `stop` can ask for. Counts what it
    /// carries as it goes, in `context`, and returns the sum.
    fn run<L: Line>(
        self,
        line: L,
        context: &Context,
        stop: &Stop,
    ) -> impl Future<Output = (Outcome, Traffic)> + Send;
}
