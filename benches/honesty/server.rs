//! The servers of the honesty cases: one thread a connection, std's sockets.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

const DELAY: Duration = Duration::from_millis(10);

/// The last stretch of the delay is spent spinning.
const SPIN: Duration = Duration::from_micros(300);

/// The server's own answer times, in nanoseconds.
static ANSWERS: Mutex<Vec<u64>> = Mutex::new(Vec::new());

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behaviour {
    Echo,
    Delay,
    Drop,
    Close,
    Reset,
    Stall,
    Push,
}

/// Listens, says where, and serves until stdin ends. Says then what the
/// median of its own answer time was, in nanoseconds.
#[allow(clippy::print_stdout)]
pub(crate) fn run(behaviour: &str) -> io::Result<()> {
    let behaviour = match behaviour {
        "echo" => Behaviour::Echo,
        "delay" => Behaviour::Delay,
        "drop" => Behaviour::Drop,
        "close" => Behaviour::Close,
        "reset" => Behaviour::Reset,
        "stall" => Behaviour::Stall,
        "push" => Behaviour::Push,
        _ => return Err(io::Error::other("no such behaviour")),
    };
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that goes away ends its thread, and nothing else.
            thread::spawn(move || serve(stream, behaviour));
        }
    });
    io::stdin().read_to_end(&mut Vec::new())?;
    let mut answers = ANSWERS.lock().map_err(|_| io::Error::other("poisoned"))?;
    answers.sort_unstable();
    println!("{}", answers.get(answers.len() / 2).copied().unwrap_or(0));
    Ok(())
}

fn serve(mut stream: TcpStream, behaviour: Behaviour) -> io::Result<()> {
    stream.set_nodelay(true)?;
    upgrade(&mut stream)?;
    let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC)?;
    let mut number = 0_u64;
    loop {
        let mut start = [0; 6];
        stream.read_exact(&mut start)?;
        let read_at = Instant::now();
        let mut payload = vec![0; usize::from(start[1] & 0x7f)];
        stream.read_exact(&mut payload)?;
        for (byte, key) in payload.iter_mut().zip(start[2..].iter().cycle()) {
            *byte ^= key;
        }
        let mut reply = [&[start[0], start[1] & 0x7f], &payload[..]].concat();
        if start[0] == 0x88 {
            return stream.write_all(&reply);
        }
        number += 1;
        match behaviour {
            Behaviour::Echo => {}
            Behaviour::Delay => wait_until(&timer, read_at + DELAY)?,
            Behaviour::Drop if number.is_multiple_of(100) => continue,
            Behaviour::Close if number == 10 => {
                return stream.write_all(&[0x88, 2, 0x03, 0xe9]);
            }
            Behaviour::Reset if number == 10 => {
                return rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO))
                    .map_err(io::Error::from);
            }
            Behaviour::Stall if number > 10 => continue,
            Behaviour::Push => reply.extend_from_slice(b"\x81\x04news"),
            _ => {}
        }
        stream.write_all(&reply)?;
        if behaviour == Behaviour::Delay
            && let Ok(mut answers) = ANSWERS.lock()
        {
            answers.push(u64::try_from(read_at.elapsed().as_nanos()).unwrap_or(u64::MAX));
        }
    }
}

/// Sleeps by timerfd, then spins.
fn wait_until(timer: &impl std::os::fd::AsFd, due: Instant) -> io::Result<()> {
    let sleep = due
        .saturating_duration_since(Instant::now())
        .saturating_sub(SPIN);
    if !sleep.is_zero() {
        let once = Itimerspec {
            it_interval: Timespec::default(),
            it_value: Timespec::try_from(sleep).map_err(io::Error::other)?,
        };
        timerfd_settime(timer, TimerfdTimerFlags::empty(), &once)?;
        rustix::io::read(timer, &mut [0; 8])?;
    }
    while Instant::now() < due {
        std::hint::spin_loop();
    }
    Ok(())
}

fn upgrade(stream: &mut TcpStream) -> io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let key = head
        .lines()
        .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "))
        .unwrap_or_default();
    let accept = derive_accept_key(key.as_bytes());
    stream.write_all(
        format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n").as_bytes(),
    )
}
