//! Clients that cost little: frames made once, one write for all that are in
//! flight, replies counted by their length.

use std::future::pending;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::PAYLOAD_BYTES;

const HANDSHAKE: &[u8] = b"GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// An echo of bytes, as plain as tokio has it. Prints its port.
pub(crate) fn raw_echo() {
    block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        println!("{}", listener.local_addr().expect("an address").port());
        loop {
            let (mut stream, _) = listener.accept().await.expect("a client");
            stream.set_nodelay(true).expect("TCP");
            tokio::spawn(async move {
                let mut buffer = vec![0; 16 << 10];
                while let Ok(length @ 1..) = stream.read(&mut buffer).await {
                    if stream.write_all(&buffer[..length]).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
}

/// The client that `args` name. Prints one line, its result.
pub(crate) fn run(args: &[&str]) {
    let number = |index: usize| -> usize {
        args.get(index)
            .and_then(|text| text.parse().ok())
            .expect("a number")
    };
    let port = |index| u16::try_from(number(index)).expect("a port");
    match args.first().copied() {
        Some("load") => {
            let time = Duration::from_millis(number(5) as u64);
            let count = block_on(load(args[1] == "ws", port(2), number(3), number(4), time));
            println!("{count}");
        }
        Some("hold") => block_on(hold(port(1), number(2))),
        Some("flood") => block_on(flood(port(1), true)),
        Some("deaf") => block_on(flood(port(1), false)),
        Some("quiet") => {
            let time = Duration::from_millis(number(2) as u64);
            println!("{}", block_on(quiet(port(1), time)));
        }
        Some("churn") => {
            block_on(churn(port(1), number(2)));
            println!("done");
        }
        other => panic!("no client {other:?}"),
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}

/// A masked frame; the key is 0, so that making it costs nothing here.
fn frame(payload: &[u8]) -> Vec<u8> {
    let length = payload.len();
    let mut frame = vec![0x82];
    match u16::try_from(length) {
        Ok(length) if length < 126 => frame.push(0x80 | u8::try_from(length).expect("below 126")),
        Ok(length) => {
            frame.push(0x80 | 126);
            frame.extend(length.to_be_bytes());
        }
        Err(_) => {
            frame.push(0x80 | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend([0x11, 0x22, 0x33, 0x44]);
    frame.extend(payload);
    frame
}

async fn open(port: u16, source: u8) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("an option");
    let source = std::net::SocketAddr::from(([127, 0, 0, source], 0));
    socket.bind(source).expect("a loopback address");
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    let mut stream = socket.connect(address).await.expect("the server listens");
    stream.set_nodelay(true).expect("TCP");
    stream.write_all(HANDSHAKE).await.expect("the server reads");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let read = stream.read_buf(&mut head).await.expect("an answer");
        assert!(read > 0, "no answer");
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    stream
}

/// Keeps so many messages in flight on each connection; counts the replies.
async fn load(ws: bool, port: u16, connections: usize, in_flight: usize, time: Duration) -> u64 {
    let payload = [0x55; PAYLOAD_BYTES];
    let (one, reply) = match ws {
        true => (frame(&payload), PAYLOAD_BYTES + 2),
        false => (payload.to_vec(), PAYLOAD_BYTES),
    };
    let batch = one.repeat(in_flight);
    let mut streams = Vec::new();
    for _ in 0..connections {
        streams.push(match ws {
            true => open(port, 1).await,
            false => {
                let stream = TcpStream::connect(("127.0.0.1", port))
                    .await
                    .expect("it listens");
                stream.set_nodelay(true).expect("TCP");
                stream
            }
        });
    }
    let end = Instant::now() + time;
    let mut tasks = JoinSet::new();
    for mut stream in streams {
        let batch = batch.clone();
        tasks.spawn(async move {
            let mut buffer = vec![0; in_flight * reply];
            let mut count = 0;
            while Instant::now() < end {
                stream.write_all(&batch).await.expect("the server reads");
                stream.read_exact(&mut buffer).await.expect("a reply");
                count += in_flight as u64;
            }
            count
        });
    }
    tasks.join_all().await.into_iter().sum()
}

async fn hold(port: u16, connections: usize) {
    let mut streams = Vec::new();
    for _ in 0..connections {
        let mut stream = open(port, 1).await;
        // Each has carried a message: memory that comes with the first counts.
        stream
            .write_all(&frame(b"hello"))
            .await
            .expect("the server reads");
        stream.read_exact(&mut [0; 7]).await.expect("a reply");
        streams.push(stream);
    }
    println!("ready");
    pending::<()>().await;
}

/// Sends as fast as it goes; reads only when that is wanted.
async fn flood(port: u16, reads: bool) {
    let (mut read, mut write) = open(port, 1).await.into_split();
    let batch = frame(&vec![0x55; if reads { 64 } else { 64 << 10 }]).repeat(256);
    println!("ready");
    if reads {
        tokio::spawn(async move { tokio::io::copy(&mut read, &mut tokio::io::sink()).await });
        while write.write_all(&batch).await.is_ok() {}
    } else {
        while write.write_all(&batch).await.is_ok() {}
        drop(read);
    }
    pending::<()>().await;
}

/// Round trips, one a millisecond.
async fn quiet(port: u16, time: Duration) -> String {
    let mut stream = open(port, 1).await;
    let message = frame(b"quiet");
    let end = Instant::now() + time;
    let mut times = Vec::new();
    while Instant::now() < end {
        let start = Instant::now();
        stream.write_all(&message).await.expect("the server reads");
        let reply = timeout(Duration::from_secs(5), stream.read_exact(&mut [0; 7])).await;
        reply.expect("in time").expect("a reply");
        times.push(start.elapsed());
        sleep(Duration::from_millis(1)).await;
    }
    times.sort();
    let at = |share: f64| {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index"
        )]
        let index = ((times.len() - 1) as f64 * share) as usize;
        times[index].as_secs_f64() * 1e3
    };
    format!(
        "p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms",
        at(0.5),
        at(0.99),
        at(1.0)
    )
}

/// Opens and closes, 50 at a time.
async fn churn(port: u16, count: usize) {
    const AT_ONCE: usize = 50;
    let close = [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8];
    let mut tasks = JoinSet::new();
    for worker in 0..AT_ONCE {
        let source = u8::try_from(worker + 2).expect("below 256");
        tasks.spawn(async move {
            for _ in 0..count / AT_ONCE {
                let mut stream = open(port, source).await;
                stream.write_all(&close).await.expect("the server reads");
                let mut answer = Vec::new();
                stream.read_to_end(&mut answer).await.expect("an end");
                assert_eq!(answer, [0x88, 2, 0x03, 0xe8]);
            }
        });
    }
    tasks.join_all().await;
}
