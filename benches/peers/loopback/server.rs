//! The servers that all clients are measured against.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

use rustix::event::epoll::EventFlags;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::poll::{BOTH, Done, Poll};
use crate::{READ_BYTES, Result};

/// Stands for the listener.
const LISTENER: u64 = u64::MAX - 1;

/// The frame whose payload is under way.
#[derive(Default)]
struct Frame {
    remaining: usize,
    mask: [u8; 4],
}

struct Conn {
    stream: TcpStream,
    upgraded: bool,
    /// Bytes read that do not make a frame header, or a request head, yet.
    partial: Vec<u8>,
    frame: Frame,
    unsent: Vec<u8>,
}

impl Conn {
    fn new(stream: TcpStream, upgraded: bool) -> Self {
        Self {
            stream,
            upgraded,
            partial: Vec::new(),
            frame: Frame::default(),
            unsent: Vec::new(),
        }
    }
}

/// Echoes on `port`, for ever.
pub(crate) fn serve(port: u16, websocket: bool) -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    // The backlog of std is 128; ten thousand clients come at once.
    rustix::net::listen(&listener, 4096)?;
    listener.set_nonblocking(true)?;
    let poll = Poll::new()?;
    poll.add(&listener, LISTENER, EventFlags::IN)?;
    let mut conns: Vec<Option<Conn>> = Vec::new();
    let mut free: Vec<usize> = Vec::new();
    let mut events = Vec::with_capacity(1024);
    let mut buffer = vec![0; READ_BYTES];
    let mut out = Vec::new();
    let mut done = Done::default();
    loop {
        poll.wait(&mut events, done)?;
        for event in events.drain(..) {
            if event.data.u64() == LISTENER {
                while let Ok((stream, _)) = listener.accept() {
                    stream.set_nonblocking(true)?;
                    stream.set_nodelay(true)?;
                    let slot = free.pop().unwrap_or(conns.len());
                    poll.add(&stream, slot as u64, BOTH)?;
                    conns.resize_with(conns.len().max(slot + 1), || None);
                    conns[slot] = Some(Conn::new(stream, !websocket));
                }
                continue;
            }
            let slot = usize::try_from(event.data.u64())?;
            if let Some(conn) = &mut conns[slot]
                && echo(conn, &mut buffer, &mut out, websocket, &mut done).is_err()
            {
                conns[slot] = None;
                free.push(slot);
            }
        }
    }
}

/// Reads all there is and answers each read with one write.
fn echo(
    conn: &mut Conn,
    buffer: &mut [u8],
    out: &mut Vec<u8>,
    websocket: bool,
    done: &mut Done,
) -> io::Result<()> {
    loop {
        if !conn.unsent.is_empty() {
            let pending = std::mem::take(&mut conn.unsent);
            if !write_some(conn, &pending)? {
                return Ok(());
            }
        }
        let count = match conn.stream.read(buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        let is_written = if websocket {
            out.clear();
            let closed = answer(conn, &mut buffer[..count], out, done);
            let is_written = write_some(conn, out)?;
            if closed {
                return Err(ErrorKind::ConnectionAborted.into());
            }
            is_written
        } else {
            write_some(conn, &buffer[..count])?
        };
        // A short read has drained the socket; the next event is an edge.
        if !is_written || count < buffer.len() {
            return Ok(());
        }
    }
}

/// Writes, and keeps what is not taken; whether all of it was.
fn write_some(conn: &mut Conn, mut bytes: &[u8]) -> io::Result<bool> {
    while !bytes.is_empty() {
        match conn.stream.write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                conn.unsent.extend_from_slice(bytes);
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// Appends the answers to what came in; whether the client has closed. A
/// payload is unmasked and passed on as it comes: nothing is put together.
fn answer(conn: &mut Conn, bytes: &mut [u8], out: &mut Vec<u8>, done: &mut Done) -> bool {
    let mut joined;
    let mut rest = if conn.partial.is_empty() {
        bytes
    } else {
        joined = std::mem::take(&mut conn.partial);
        joined.extend_from_slice(bytes);
        &mut joined[..]
    };
    if !conn.upgraded {
        let Some(end) = rest.windows(4).position(|w| w == b"\r\n\r\n") else {
            conn.partial = rest.to_vec();
            return false;
        };
        upgrade(&rest[..end], out);
        conn.upgraded = true;
        done.handshakes += 1;
        rest = &mut rest[end + 4..];
    }
    loop {
        if conn.frame.remaining == 0 {
            let Some((header, length)) = frame_size(rest) else {
                conn.partial = rest.to_vec();
                return false;
            };
            let (head, behind) = rest.split_at_mut(header);
            begin(head[0], length, out);
            if head[0] & 0x0f == 8 {
                return true;
            }
            done.messages += 1;
            conn.frame = Frame {
                remaining: length,
                mask: [
                    head[header - 4],
                    head[header - 3],
                    head[header - 2],
                    head[header - 1],
                ],
            };
            rest = behind;
        }
        let take = conn.frame.remaining.min(rest.len());
        let (payload, behind) = rest.split_at_mut(take);
        unmask(payload, conn.frame.mask);
        out.extend_from_slice(payload);
        conn.frame.remaining -= take;
        conn.frame.mask.rotate_left(take % 4);
        rest = behind;
        if conn.frame.remaining > 0 {
            return false;
        }
    }
}

fn upgrade(head: &[u8], out: &mut Vec<u8>) {
    let head = String::from_utf8_lossy(head).into_owned();
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-key")
            .then(|| value.trim().to_owned())
    });
    let accept = derive_accept_key(key.unwrap_or_default().as_bytes());
    out.extend_from_slice(
        format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n").as_bytes(),
    );
}

/// The header of the answer. A Close is answered empty, a ping by a pong.
pub(crate) fn begin(first: u8, length: usize, out: &mut Vec<u8>) {
    match (first & 0x0f, length) {
        (8, _) => return out.extend_from_slice(&[0x88, 0]),
        (9, _) => out.push(0x8a),
        _ => out.push(first),
    }
    match length {
        0..126 => out.push(length as u8),
        126..65536 => {
            out.push(126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

pub(crate) fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let wide = u32::from_ne_bytes(mask);
    let mut words = payload.chunks_exact_mut(4);
    for word in &mut words {
        let value = u32::from_ne_bytes([word[0], word[1], word[2], word[3]]) ^ wide;
        word.copy_from_slice(&value.to_ne_bytes());
    }
    for (byte, key) in words.into_remainder().iter_mut().zip(mask) {
        *byte ^= key;
    }
}

/// The length of a client frame's header and of its payload.
fn frame_size(bytes: &[u8]) -> Option<(usize, usize)> {
    let (header, length) = match bytes.get(1)? & 0x7f {
        126 => (
            8,
            usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)),
        ),
        127 => (
            14,
            usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?,
        ),
        short => (6, usize::from(short)),
    };
    (bytes.len() >= header).then_some((header, length))
}
