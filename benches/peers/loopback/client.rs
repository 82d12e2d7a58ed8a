//! The clients that do no more than they must: the limit of all others.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use rustix::event::epoll::EventFlags;

use crate::poll::{BOTH, Done, Poll};
use crate::server::{begin, unmask};
use crate::{READ_BYTES, Result};

/// One message, as both sides put it on the wire.
pub(crate) struct Message {
    sent: Vec<u8>,
    upgrade: bool,
    answer_bytes: usize,
}

impl Message {
    pub(crate) fn raw(bytes: usize) -> Self {
        Self {
            sent: vec![b'x'; bytes],
            upgrade: false,
            answer_bytes: bytes,
        }
    }

    /// Binary, with a mask that is made once.
    pub(crate) fn websocket(bytes: usize) -> Self {
        let mask = [0x12, 0x34, 0x56, 0x78];
        let mut answer = Vec::new();
        begin(0x82, bytes, &mut answer);
        let mut sent = answer.clone();
        sent[1] |= 0x80;
        sent.extend_from_slice(&mask);
        let mut payload = vec![b'x'; bytes];
        unmask(&mut payload, mask);
        sent.append(&mut payload);
        Self {
            sent,
            upgrade: true,
            answer_bytes: answer.len() + bytes,
        }
    }
}

/// A connection of `ping`: bytes still to be written, and bytes read of the
/// answer under way.
struct Pinging {
    stream: TcpStream,
    to_write: usize,
    read: usize,
}

/// Keeps `in_flight` messages on their way on each connection.
pub(crate) fn ping(address: &str, conns: usize, in_flight: usize, message: &Message) -> Result<()> {
    let poll = Poll::new()?;
    let unit = message.sent.len();
    let mut all = Vec::new();
    for slot in 0..conns {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        if message.upgrade {
            stream.write_all(REQUEST)?;
            // The answer comes in one piece.
            let _ = stream.read(&mut [0; 1024])?;
        }
        stream.set_nonblocking(true)?;
        poll.add(&stream, slot as u64, BOTH)?;
        all.push(Pinging {
            stream,
            to_write: in_flight * unit,
            read: 0,
        });
    }
    let copies = (in_flight + 1).max(READ_BYTES.div_ceil(unit));
    let payload = message.sent.repeat(copies);
    let mut buffer = vec![0; READ_BYTES];
    let mut events = Vec::with_capacity(1024);
    let mut done = Done::default();
    loop {
        poll.wait(&mut events, done)?;
        for event in events.drain(..) {
            let conn = &mut all[usize::try_from(event.data.u64())?];
            loop {
                match conn.stream.read(&mut buffer) {
                    Ok(0) => return Err("the server closed".into()),
                    Ok(count) => {
                        conn.read += count;
                        let messages = conn.read / message.answer_bytes;
                        conn.read %= message.answer_bytes;
                        conn.to_write += messages * unit;
                        done.messages += messages as u64;
                        if count < buffer.len() {
                            break;
                        }
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error.into()),
                }
            }
            while conn.to_write > 0 {
                // What is left ends where a message ends.
                let from = (unit - conn.to_write % unit) % unit;
                let to = (from + conn.to_write).min(payload.len());
                match conn.stream.write(&payload[from..to]) {
                    Ok(count) => conn.to_write -= count,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }
}

const REQUEST: &[u8] = b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Close 1000, masked.
const CLOSE: &[u8] = &[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8];

/// Keeps `conns` opening handshakes on their way, each followed by a closing
/// one.
pub(crate) fn churn(address: &str, conns: usize) -> Result<()> {
    let poll = Poll::new()?;
    let open = |poll: &Poll, slot: usize| -> Result<(TcpStream, bool)> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nonblocking(true)?;
        poll.add(&stream, slot as u64, EventFlags::IN | EventFlags::ET)?;
        stream.write_all(REQUEST)?;
        Ok((stream, false))
    };
    let mut all = Vec::new();
    for slot in 0..conns {
        all.push(open(&poll, slot)?);
    }
    let mut buffer = [0; 1024];
    let mut events = Vec::with_capacity(1024);
    let mut done = Done::default();
    loop {
        poll.wait(&mut events, done)?;
        for event in events.drain(..) {
            let slot = usize::try_from(event.data.u64())?;
            let (stream, is_open) = &mut all[slot];
            match stream.read(&mut buffer) {
                Ok(0) => all[slot] = open(&poll, slot)?,
                // The answer comes in one piece; what comes later is the
                // server's Close.
                Ok(_) if !*is_open => {
                    done.handshakes += 1;
                    *is_open = true;
                    stream.write_all(CLOSE)?;
                }
                Ok(_) => {
                    // The end of the stream may have come with it.
                    if let Ok(0) = stream.read(&mut buffer) {
                        all[slot] = open(&poll, slot)?;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
