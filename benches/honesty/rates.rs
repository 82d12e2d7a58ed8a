//! Whether the latency of an open loop is the server's at every rate: beside
//! `--precise`, which never sleeps, and beside a client of another make that
//! asks a hundred times a second meanwhile.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Result, Row, at};

/// How far from the others the median may be, and how far the 99th percentile:
/// a thread that is told at the wrong moment is wrong by hundreds of times.
const P50_TIMES: f64 = 3.0;
const P99_TIMES: f64 = 10.0;

/// Below this, in microseconds, what a wake-up of an idle processor costs is
/// more than what is measured.
const FLOOR_US: f64 = 50.0;

/// A server of the program's own make on the first processor.
struct Peer {
    child: Child,
    address: String,
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn on_processor(number: &str) -> Command {
    let mut command = Command::new("taskset");
    command
        .args(["-c", number, env!("CARGO_BIN_EXE_wscli")])
        .env_clear()
        .env("PATH", "/usr/bin:/bin");
    command
}

impl Peer {
    fn start() -> Result<Self> {
        let mut child = on_processor("0")
            .args(["serve", "--port", "0", "--workers", "1", "--jsonl"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let stdout = child.stdout.take().ok_or("no stdout")?;
        let mut reader = BufReader::new(stdout);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        // What it tells from now on is read, so that it never waits.
        thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
        let address = line
            .split("127.0.0.1:")
            .nth(1)
            .and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next())
            .ok_or("the server has not said where it listens")?;
        let address = format!("127.0.0.1:{address}");
        Ok(Self { child, address })
    }

    fn bench(&self, connections: u32, args: &[&str]) -> Result<Value> {
        let output = on_processor("1")
            .args(["bench", "-q", "--json", "-", "--threads", "1", "-c"])
            .arg(connections.to_string())
            .arg(format!("ws://{}/ws", self.address))
            .args(args)
            .output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

/// Asks a hundred times a second until it is stopped; the median of the answer
/// times and the 99th percentile, in microseconds.
fn ask(address: &str, stop: &AtomicBool) -> Result<[f64; 2]> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    write!(
        stream,
        "GET /ws HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )?;
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let mut times = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(10));
        let begin = Instant::now();
        stream.write_all(&[0x81, 0x84, 0, 0, 0, 0, b'p', b'i', b'n', b'g'])?;
        stream.read_exact(&mut [0; 6])?;
        times.push(begin.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    match [times.len() / 2, times.len() * 99 / 100].map(|at| times.get(at).copied()) {
        [Some(p50), Some(p99)] => Ok([p50, p99]),
        _ => Err("nothing was asked".into()),
    }
}

/// One rate over so many connections; what is wrong with it, and its figures.
fn one(peer: &Peer, connections: u32, rate: f64) -> Result<Row> {
    let rate_text = format!("{rate:.0}");
    let open = ["-r", rate_text.as_str(), "-d", "2"];
    let precise = peer.bench(connections, &[&open[..], &["--precise"]].concat())?;
    let stop = Arc::new(AtomicBool::new(false));
    let asking = {
        let (stop, address) = (Arc::clone(&stop), peer.address.clone());
        thread::spawn(move || ask(&address, &stop).map_err(|error| error.to_string()))
    };
    let report = peer.bench(connections, &open);
    stop.store(true, Ordering::Relaxed);
    let [other_us, other_p99_us] = asking.join().map_err(|_| "the asker failed")??;
    let report = report?;
    let p50 = |report: &Value| at(report, "/latency/from_send/p50_us");
    let p99 = |report: &Value| at(report, "/latency/from_send/p99_us");
    // What stops the server or the whole machine for some milliseconds meets the other
    // client at the same time, and --precise at another one or not at all.
    let truth = p50(&precise).max(other_us).max(FLOOR_US);
    let ok = p50(&report) <= truth * P50_TIMES
        && p99(&report) <= p99(&precise).max(other_p99_us).max(FLOOR_US) * P99_TIMES;
    Ok(Row {
        ok,
        text: format!(
            "{connections}×{rate_text}/s p50 {:.0} µs (precise {:.0}, another client {other_us:.0}), p99 {:.0} (precise {:.0}, the other {other_p99_us:.0})",
            p50(&report),
            p50(&precise),
            p99(&report),
            p99(&precise)
        ),
    })
}

fn over_connections(rate: impl Fn(&Peer, u32) -> Result<f64>) -> Result<Row> {
    let peer = Peer::start()?;
    let mut all = Row {
        ok: true,
        text: String::new(),
    };
    for connections in [10, 100, 1000] {
        let row = one(&peer, connections, rate(&peer, connections)?)?;
        all.ok &= row.ok;
        all.text.push_str("\n          ");
        all.text.push_str(if row.ok { "" } else { "wrong: " });
        all.text.push_str(&row.text);
    }
    Ok(all)
}

/// Rates that are asked for.
pub(crate) fn rates() -> Result<Row> {
    let mut all = Row {
        ok: true,
        text: String::new(),
    };
    for rate in [1e3, 1e4, 5e4, 1e5] {
        let row = over_connections(|_, _| Ok(rate))?;
        all.ok &= row.ok;
        all.text.push_str(&row.text);
    }
    Ok(all)
}

/// Four fifths of what a closed loop reaches.
pub(crate) fn most() -> Result<Row> {
    over_connections(|peer, connections| {
        let closed = peer.bench(connections, &["-d", "1"])?;
        Ok(at(&closed, "/messages_per_second") * 0.8)
    })
}
