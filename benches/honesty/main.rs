//! Whether `wscli bench` tells the truth: servers that stop, delay, drop,
//! close, reset, stall or push in a known way, and what it reports of them.
//!
//! `cargo bench --bench honesty` prints a row for each and fails when one is
//! not as it must be; with `-- --counting`, only for those whose truth is a count
//! and no time, which hold on a busy machine too. The program is its own server:
//! each one runs in a process of its own, which the first argument makes it.

mod rates;
mod server;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    if let [_, flag, behaviour] = args.as_slice()
        && flag == "--server"
    {
        return match server::run(behaviour) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                tell(&format!("the server failed: {error}"));
                ExitCode::FAILURE
            }
        };
    }
    let timed: [(&str, Case); 4] = [
        ("stopped for 1 s", stopped),
        ("precise 10 ms", precise),
        ("every rate", rates::rates),
        ("four fifths of all", rates::most),
    ];
    let counted: [(&str, Case); 7] = [
        ("all closed early", all_closed),
        ("half of them closed", half_closed),
        ("every 100th dropped", dropped),
        ("closes", closes),
        ("resets", resets),
        ("stalls", stalls),
        ("pushes", pushes),
    ];
    let is_timed = !args.iter().any(|arg| arg == "--counting");
    let mut failed = false;
    for (name, row) in timed.into_iter().filter(|_| is_timed).chain(counted) {
        let (ok, text) = match row() {
            Ok(Row { ok, text }) => (ok, text),
            Err(error) => (false, error.to_string()),
        };
        failed |= !ok;
        let word = if ok { "ok    " } else { "FAILED" };
        tell(&format!("{word}  {name:<20}  {text}"));
    }
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

#[allow(clippy::print_stdout)]
fn tell(text: &str) {
    println!("{text}");
}

type Case = fn() -> Result<Row>;

/// What a case has shown.
struct Row {
    ok: bool,
    text: String,
}

/// A server in a process of its own.
struct Server {
    child: Child,
    /// The server ends when this is closed.
    stdin: Option<ChildStdin>,
    url: String,
}

impl Server {
    fn start(behaviour: &str) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--server", behaviour])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let stdout = child.stdout.as_mut().ok_or("no stdout")?;
        BufReader::with_capacity(1, stdout).read_line(&mut line)?;
        Ok(Self {
            stdin: child.stdin.take(),
            url: format!("ws://{}/", line.trim()),
            child,
        })
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Ends the server; what it says of itself.
    fn finish(mut self) -> Result<String> {
        drop(self.stdin.take());
        let mut said = String::new();
        if let Some(stdout) = &mut self.child.stdout {
            stdout.read_to_string(&mut said)?;
        }
        self.child.wait()?;
        Ok(said)
    }
}

/// The report of a run, and how long it took.
fn bench(url: &str, args: &[&str]) -> Result<(Value, Duration)> {
    bench_ending_with(0, url, args)
}

/// The same of a run that has to end with this exit code.
fn bench_ending_with(code: i32, url: &str, args: &[&str]) -> Result<(Value, Duration)> {
    let begin = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_wscli"))
        .args(["bench", "-q", url, "--json", "-"])
        .args(args)
        .env_clear()
        .output()?;
    let took = begin.elapsed();
    if output.status.code() != Some(code) {
        let told = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{}, not {code}: {told}", output.status).into());
    }
    Ok((serde_json::from_slice(&output.stdout)?, took))
}

fn at(report: &Value, pointer: &str) -> f64 {
    report
        .pointer(pointer)
        .and_then(Value::as_f64)
        .unwrap_or(f64::NAN)
}

/// 1,000 messages a second over 10 connections for 10 s, and the server stops
/// for one second in their middle: of 10,000 messages 1,000 wait, the longest
/// 1 s, so the 99th percentile is about 900 ms.
fn stopped() -> Result<Row> {
    let server = Server::start("echo")?;
    let pid = server.pid();
    let stop = thread::spawn(move || -> std::result::Result<(), rustix::io::Errno> {
        thread::sleep(Duration::from_secs(5));
        kill_process(pid, Signal::STOP)?;
        thread::sleep(Duration::from_secs(1));
        kill_process(pid, Signal::CONT)
    });
    let open = ["-c", "10", "-r", "1000", "-d", "10"];
    let (report, _) = bench(&server.url, &open)?;
    stop.join().map_err(|_| "the stopper failed")??;
    server.finish()?;
    let p99_ms = at(&report, "/latency/from_intended/p99_us") / 1e3;
    let sent = at(&report, "/sent");
    let received = at(&report, "/received");
    Ok(Row {
        ok: (800.0..=1000.0).contains(&p99_ms) && sent == 10_000.0 && received == sent,
        text: format!(
            "p99 from intended {p99_ms:.1} ms (800 to 1000), {received} of {sent} replies"
        ),
    })
}

/// The server answers 10 ms after it has read a message, by timerfd and
/// spinning, and measures its own answer time.
fn precise() -> Result<Row> {
    let server = Server::start("delay")?;
    let (report, _) = bench(
        &server.url,
        &["-c", "1", "-r", "50", "-d", "5", "--precise"],
    )?;
    let own: f64 = server.finish()?.trim().parse()?;
    let own_ms = own / 1e6;
    let p50_ms = at(&report, "/latency/from_intended/p50_us") / 1e3;
    Ok(Row {
        ok: (p50_ms - own_ms).abs() <= 0.5 && (own_ms - 10.0).abs() < 1.0,
        text: format!("p50 {p50_ms:.3} ms; the server says {own_ms:.3} ms"),
    })
}

/// All connections end after their tenth message: what the schedule still had
/// is not sent, and each message is in one count.
fn all_closed() -> Result<Row> {
    let server = Server::start("close")?;
    let mut row = unsent(&[&server.url], &["-c", "4", "-r", "400", "-d", "300"])?;
    server.finish()?;
    row.ok &= row.text.starts_with("120000 due, 4");
    Ok(row)
}

/// One of two URLs ends its connections: half of the schedule is not sent,
/// over however many threads the connections are spread.
fn half_closed() -> Result<Row> {
    let (dying, alive) = (Server::start("close")?, Server::start("echo")?);
    let urls = [dying.url.as_str(), alive.url.as_str()];
    let mut all = Row {
        ok: true,
        text: String::new(),
    };
    for threads in ["1", "2"] {
        let args = ["-c", "4", "-r", "400", "-d", "3", "--threads", threads];
        let row = unsent(&urls, &args)?;
        // Two connections of ten messages each, and two that go on.
        all.ok &= row.ok && row.text.starts_with("1200 due, 62");
        all.text = row.text;
    }
    dying.finish()?;
    alive.finish()?;
    Ok(all)
}

fn unsent(urls: &[&str], args: &[&str]) -> Result<Row> {
    let json = std::env::temp_dir().join(format!("wscli-honesty-{}.json", std::process::id()));
    // Whatever its exit status: connections that are gone are no success.
    Command::new(env!("CARGO_BIN_EXE_wscli"))
        .args(["bench", "-q", "--warmup", "0", "--json"])
        .arg(&json)
        .args(urls)
        .args(args)
        .env_clear()
        .output()?;
    let report: Value = serde_json::from_slice(&std::fs::read(&json)?)?;
    std::fs::remove_file(&json)?;
    let (sent, unsent) = (at(&report, "/sent"), at(&report, "/unsent"));
    let (answered, lost) = (at(&report, "/received"), at(&report, "/lost"));
    Ok(Row {
        ok: sent == answered + lost,
        text: format!(
            "{} due, {sent} sent, {unsent} not sent, {lost} lost",
            sent + unsent
        ),
    })
}

fn dropped() -> Result<Row> {
    let server = Server::start("drop")?;
    let args = [
        "-c",
        "1",
        "-r",
        "2000",
        "-d",
        "5",
        "--warmup",
        "1",
        "--reply-timeout",
        "5",
    ];
    let (report, _) = bench(&server.url, &args)?;
    server.finish()?;
    let (sent, lost) = (at(&report, "/sent"), at(&report, "/lost"));
    let p99_ms = at(&report, "/latency/from_intended/p99_us") / 1e3;
    Ok(Row {
        ok: sent == 10_000.0 && lost == 100.0,
        text: format!("{lost} of {sent} lost, p99 of the others {p99_ms:.2} ms"),
    })
}

/// A cause, how often it must be counted, and that the run ends with its last
/// connection, long before its time.
fn errors(behaviour: &str, cause: &str) -> Result<Row> {
    let server = Server::start(behaviour)?;
    let args = ["-c", "4", "--warmup", "0", "-d", "300"];
    let (report, took) = bench_ending_with(11, &server.url, &args)?;
    server.finish()?;
    let count = at(&report, &format!("/errors/{cause}"));
    let secs = took.as_secs_f64();
    Ok(Row {
        ok: count == 4.0 && secs < 150.0,
        text: format!("{count} × '{cause}', ended after {secs:.1} s"),
    })
}

fn closes() -> Result<Row> {
    errors("close", "closed by the server with 1001")
}

fn resets() -> Result<Row> {
    errors("reset", "connection reset")
}

fn stalls() -> Result<Row> {
    let server = Server::start("stall")?;
    let args = [
        "-c",
        "4",
        "--warmup",
        "0",
        "-r",
        "100",
        "-d",
        "3",
        "--reply-timeout",
        "5",
    ];
    let (report, took) = bench(&server.url, &args)?;
    server.finish()?;
    let (sent, received, lost) = (
        at(&report, "/sent"),
        at(&report, "/received"),
        at(&report, "/lost"),
    );
    let secs = took.as_secs_f64();
    Ok(Row {
        // Ten messages of each connection are answered.
        ok: sent == 300.0 && received == 40.0 && lost == 260.0,
        text: format!("{received} of {sent} answered, {lost} lost, ended after {secs:.1} s"),
    })
}

fn pushes() -> Result<Row> {
    let server = Server::start("push")?;
    let args = ["-c", "4", "--warmup", "0", "-r", "400", "-d", "2"];
    let (report, _) = bench(&server.url, &args)?;
    server.finish()?;
    let (received, unsolicited) = (at(&report, "/received"), at(&report, "/unsolicited"));
    Ok(Row {
        ok: received == 800.0 && (796.0..=800.0).contains(&unsolicited),
        text: format!("{received} replies, {unsolicited} unsolicited"),
    })
}
