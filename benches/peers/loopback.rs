//! The physical limit, and the server that all clients are measured against.
//!
//! ```text
//! loopback tcp-echo PORT                     sends back what it reads
//! loopback ws-echo PORT                      the same for WebSocket messages
//! loopback tcp-ping ADDR CONNS K BYTES SECS  raw TCP ping-pong: K writes of
//!                                            BYTES in flight on each of CONNS
//! loopback tcp-churn ADDR CONNS SECS         opens and closes CONNS at a time
//!                                            on a ws-echo, with bytes made once
//! ```
//!
//! One thread and one epoll, std's sockets, one read and one write an event,
//! no bookkeeping that a protocol would need: nothing that speaks WebSocket
//! can be faster than `tcp-ping` and `tcp-churn`.

use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::epoll;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

const READ_BYTES: usize = 256 << 10;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["tcp-echo", port] => serve(port.parse()?, false),
        ["ws-echo", port] => serve(port.parse()?, true),
        ["tcp-ping", address, conns, in_flight, bytes, secs] => ping(
            address,
            conns.parse()?,
            in_flight.parse()?,
            bytes.parse()?,
            Duration::from_secs_f64(secs.parse()?),
        ),
        ["tcp-churn", address, conns, secs] => churn(
            address,
            conns.parse()?,
            Duration::from_secs_f64(secs.parse()?),
        ),
        _ => Err("see the head of benches/peers/loopback.rs".into()),
    }
}

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

fn serve(port: u16, websocket: bool) -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    // The backlog of std is 128; ten thousand clients come at once.
    rustix::net::listen(&listener, 4096)?;
    listener.set_nonblocking(true)?;
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let all = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::ET;
    epoll::add(
        &poll,
        &listener,
        epoll::EventData::new_u64(u64::MAX),
        epoll::EventFlags::IN,
    )?;
    let mut conns: Vec<Option<Conn>> = Vec::new();
    let mut free: Vec<usize> = Vec::new();
    let mut events = Vec::with_capacity(1024);
    let mut buffer = vec![0; READ_BYTES];
    let mut out = Vec::new();
    loop {
        epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), None)?;
        for event in events.drain(..) {
            if event.data.u64() == u64::MAX {
                while let Ok((stream, _)) = listener.accept() {
                    stream.set_nonblocking(true)?;
                    stream.set_nodelay(true)?;
                    let slot = free.pop().unwrap_or(conns.len());
                    epoll::add(&poll, &stream, epoll::EventData::new_u64(slot as u64), all)?;
                    let conn = Conn {
                        stream,
                        upgraded: !websocket,
                        partial: Vec::new(),
                        frame: Frame::default(),
                        unsent: Vec::new(),
                    };
                    if slot == conns.len() {
                        conns.push(Some(conn));
                    } else {
                        conns[slot] = Some(conn);
                    }
                }
                continue;
            }
            let slot = usize::try_from(event.data.u64())?;
            if let Some(conn) = &mut conns[slot]
                && echo(conn, &mut buffer, &mut out, websocket).is_err()
            {
                conns[slot] = None;
                free.push(slot);
            }
        }
    }
}

/// Reads all there is and answers each read with one write.
fn echo(conn: &mut Conn, buffer: &mut [u8], out: &mut Vec<u8>, websocket: bool) -> io::Result<()> {
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
        let done = if websocket {
            out.clear();
            let closed = answer(conn, &mut buffer[..count], out);
            let done = write_some(conn, out)?;
            if closed {
                return Err(ErrorKind::ConnectionAborted.into());
            }
            done
        } else {
            write_some(conn, &buffer[..count])?
        };
        // A short read has drained the socket; the next event is an edge.
        if !done || count < buffer.len() {
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
fn answer(conn: &mut Conn, bytes: &mut [u8], out: &mut Vec<u8>) -> bool {
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
fn begin(first: u8, length: usize, out: &mut Vec<u8>) {
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

fn unmask(payload: &mut [u8], mask: [u8; 4]) {
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

/// Prints the round trips a second.
fn ping(address: &str, conns: usize, in_flight: usize, bytes: usize, time: Duration) -> Result<()> {
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let flags = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::ET;
    let mut all = Vec::new();
    for slot in 0..conns {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        epoll::add(
            &poll,
            &stream,
            epoll::EventData::new_u64(slot as u64),
            flags,
        )?;
        // Bytes still to be written, and read of the message under way.
        all.push((stream, in_flight * bytes, 0_usize));
    }
    let payload = vec![b'x'; (in_flight * bytes).max(READ_BYTES)];
    let mut buffer = vec![0; READ_BYTES];
    let mut events = Vec::with_capacity(1024);
    let mut done = 0;
    let mut window = Window::new(time);
    loop {
        epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), None)?;
        for event in events.drain(..) {
            let (stream, to_write, read) = &mut all[usize::try_from(event.data.u64())?];
            loop {
                match stream.read(&mut buffer) {
                    Ok(0) => return Err("the server closed".into()),
                    Ok(count) => {
                        *read += count;
                        let messages = *read / bytes;
                        *read %= bytes;
                        *to_write += messages * bytes;
                        done += messages as u64;
                        if count < buffer.len() {
                            break;
                        }
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error.into()),
                }
            }
            while *to_write > 0 {
                match stream.write(&payload[..(*to_write).min(payload.len())]) {
                    Ok(count) => *to_write -= count,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        if window.is_over(done) {
            return Ok(());
        }
    }
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Close 1000, masked.
const CLOSE: &[u8] = &[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8];

/// Prints the opening handshakes a second, each followed by a closing one.
fn churn(address: &str, conns: usize, time: Duration) -> Result<()> {
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let open = |slot: usize| -> Result<(TcpStream, bool)> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nonblocking(true)?;
        let flags = epoll::EventFlags::IN | epoll::EventFlags::ET;
        epoll::add(
            &poll,
            &stream,
            epoll::EventData::new_u64(slot as u64),
            flags,
        )?;
        stream.write_all(REQUEST)?;
        Ok((stream, false))
    };
    let mut all = (0..conns).map(open).collect::<Result<Vec<_>>>()?;
    let mut buffer = [0; 1024];
    let mut events = Vec::with_capacity(1024);
    let mut done = 0;
    let mut window = Window::new(time);
    while !window.is_over(done) {
        epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), None)?;
        for event in events.drain(..) {
            let slot = usize::try_from(event.data.u64())?;
            let (stream, is_open) = &mut all[slot];
            match stream.read(&mut buffer) {
                Ok(0) => all[slot] = open(slot)?,
                // The answer comes in one piece; what comes later is the
                // server's Close.
                Ok(_) if !*is_open => {
                    done += 1;
                    *is_open = true;
                    stream.write_all(CLOSE)?;
                }
                Ok(_) => {
                    // The end of the stream may have come with it.
                    if let Ok(0) = stream.read(&mut buffer) {
                        all[slot] = open(slot)?;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

/// Half a second of warm-up, and then the time that is measured.
struct Window {
    begin: Instant,
    time: Duration,
    from: Option<(Duration, u64)>,
}

impl Window {
    const WARMUP: Duration = Duration::from_millis(500);

    fn new(time: Duration) -> Self {
        Self {
            begin: Instant::now(),
            time,
            from: None,
        }
    }

    /// Whether the time is over; then prints how many were done a second.
    #[allow(clippy::print_stdout)]
    fn is_over(&mut self, done: u64) -> bool {
        let elapsed = self.begin.elapsed();
        match self.from {
            None if elapsed >= Self::WARMUP => self.from = Some((elapsed, done)),
            Some((from, before)) if elapsed - from >= self.time => {
                println!(
                    "{:.1}",
                    (done - before) as f64 / (elapsed - from).as_secs_f64()
                );
                return true;
            }
            _ => {}
        }
        false
    }
}
