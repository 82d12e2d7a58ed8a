//! The echo: every message goes back as it came, type and boundaries kept.
//!
//! The messages that are there already are answered together, with one write.
//! A client that does not read its echoes is not read from either: the wait is
//! in [`SinkExt::feed`], so memory stays bounded by one message.

use std::pin::pin;

use futures_util::SinkExt;

use super::events::{Outcome, Traffic};
use super::stop::Stop;
use crate::connection::{CloseCode, CloseFrame, Closed, Event, Message, Socket};

/// Answers are written out after this many events even when more are waiting,
/// so that the first of them is not held back for long.
const MAX_BATCH_EVENTS: usize = 256;

/// Echoes until the socket is closed, by the client or by `stop`.
pub(super) async fn run(mut socket: Socket, stop: &Stop) -> (Outcome, Traffic) {
    let mut traffic = Traffic::default();
    // One registration for the whole life of the connection.
    let mut draining = pin!(stop.draining());
    while !stop.is_draining() {
        tokio::select! {
            biased;
            closed = answer(&mut socket, &mut traffic) => {
                if let Some(closed) = closed {
                    return (Outcome::Closed(closed), traffic);
                }
            }
            () = &mut draining => break,
        }
    }
    (close(socket, stop, &mut traffic).await, traffic)
}

/// Waits for messages, answers those that are there, and writes it all out.
async fn answer(socket: &mut Socket, traffic: &mut Traffic) -> Option<Closed> {
    let mut next = Some(socket.next().await?);
    let mut answered = 0;
    while let Some(event) = next {
        match event {
            Event::Message { message, .. } => echo(socket, message, traffic).await,
            Event::Closed(closed) => return Some(closed),
            Event::Ping(_) | Event::Pong { .. } | Event::Flushed => {}
        }
        answered += 1;
        next = (answered < MAX_BATCH_EVENTS)
            .then(|| socket.try_next())
            .flatten();
    }
    let _ = socket.flush().await;
    None
}

async fn echo(socket: &mut Socket, message: Message, traffic: &mut Traffic) {
    let bytes = message.len() as u64;
    traffic.received_messages += 1;
    traffic.received_bytes += bytes;
    // A socket that takes no more says why in its last event.
    if socket.feed(message).await.is_ok() {
        traffic.sent_messages += 1;
        traffic.sent_bytes += bytes;
    }
}

/// Tells the client that the server goes away, and waits for its answer.
async fn close(mut socket: Socket, stop: &Stop, traffic: &mut Traffic) -> Outcome {
    socket.start_close(CloseFrame::new(
        CloseCode::GOING_AWAY,
        "the server is shutting down",
    ));
    let mut aborting = pin!(stop.aborting());
    loop {
        tokio::select! {
            biased;
            event = socket.next() => match event {
                Some(Event::Closed(closed)) => return Outcome::Closed(closed),
                // After a Close nothing may be sent: there is no echo.
                Some(Event::Message { message, .. }) => {
                    traffic.received_messages += 1;
                    traffic.received_bytes += message.len() as u64;
                }
                Some(_) => {}
                None => return Outcome::Abandoned,
            },
            () = &mut aborting => return Outcome::Abandoned,
        }
    }
}
