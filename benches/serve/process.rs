//! The processes of a measurement, and what Linux tells of them.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server under measurement, ended when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
}

impl Server {
    /// `wscli serve` with these flags.
    pub(crate) fn wscli(args: &[&str]) -> Self {
        // WSCLI_BIN compares another build.
        let program =
            std::env::var("WSCLI_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_wscli").into());
        let mut command = Command::new(program);
        command.args(["serve", "-p", "0", "-v"]).args(args);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("wscli starts");
        let mut errors = BufReader::new(child.stderr.take().expect("stderr is piped"));
        let mut line = String::new();
        errors.read_line(&mut line).expect("the address");
        // What else it says is read and forgotten, so that it does not wait.
        std::thread::spawn(move || std::io::copy(&mut errors, &mut std::io::sink()));
        let port = line
            .rsplit(':')
            .next()
            .and_then(|rest| rest.split('/').next());
        let port = port.and_then(|port| port.parse().ok());
        let port = port.unwrap_or_else(|| panic!("no port in: {line}"));
        Self { child, port }
    }

    /// This program's own echo.
    pub(crate) fn raw_echo() -> Self {
        let mut child = own(&["raw-echo"]);
        let port = first_line(&mut child).parse().expect("a port");
        Self { child, port }
    }

    /// The CPU time it has used.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/schedstat", self.child.id()));
        let mut total = parse_first(&stat.unwrap_or_default());
        // schedstat is of a thread; the server may have several.
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("it runs");
        let own = self.child.id().to_string();
        for task in tasks.flatten().filter(|task| task.file_name() != *own) {
            let stat = fs::read_to_string(task.path().join("schedstat"));
            total += parse_first(&stat.unwrap_or_default());
        }
        Duration::from_nanos(total)
    }

    /// Its resident memory.
    pub(crate) fn rss_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        parse_first(line.expect("VmRSS")) << 10
    }

    pub(crate) fn descriptors(&self) -> usize {
        let fds = fs::read_dir(format!("/proc/{}/fd", self.child.id()));
        fds.expect("it runs").count()
    }

    /// The most memory until only so many descriptors are left.
    pub(crate) fn most_rss_until(&self, descriptors: usize) -> u64 {
        let start = Instant::now();
        let mut most = 0;
        while start.elapsed() < Duration::from_secs(30) {
            most = most.max(self.rss_bytes());
            if self.descriptors() <= descriptors {
                return most;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the client is still there");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client in a process of its own.
pub(crate) struct Client(Child);

impl Client {
    fn start(args: &[&str]) -> (Self, String) {
        let mut child = own(&[&["client"], args].concat());
        let line = first_line(&mut child);
        (Self(child), line)
    }

    /// How many messages came back.
    pub(crate) fn load(
        kind: &str,
        port: u16,
        connections: usize,
        in_flight: usize,
        ms: u64,
    ) -> f64 {
        let (port, connections) = (port.to_string(), connections.to_string());
        let (in_flight, ms) = (in_flight.to_string(), ms.to_string());
        let (_client, line) = Self::start(&["load", kind, &port, &connections, &in_flight, &ms]);
        line.parse().expect("a count")
    }

    /// Opens so many connections and keeps them.
    pub(crate) fn hold(port: u16, connections: usize) -> Self {
        Self::start(&["hold", &port.to_string(), &connections.to_string()]).0
    }

    pub(crate) fn flood(port: u16) -> Self {
        Self::start(&["flood", &port.to_string()]).0
    }

    pub(crate) fn deaf(port: u16) -> Self {
        Self::start(&["deaf", &port.to_string()]).0
    }

    pub(crate) fn quiet(port: u16, time: Duration) -> String {
        let ms = time.as_millis().to_string();
        Self::start(&["quiet", &port.to_string(), &ms]).1
    }

    pub(crate) fn churn(port: u16, count: usize) -> Duration {
        let start = Instant::now();
        Self::start(&["churn", &port.to_string(), &count.to_string()]);
        start.elapsed()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn own(args: &[&str]) -> Child {
    let program = std::env::current_exe().expect("this program");
    let mut command = Command::new(program);
    command.args(args).stdout(Stdio::piped());
    command.spawn().expect("this program starts again")
}

fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    let stdout = child.stdout.as_mut().expect("stdout is piped");
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    line.trim().to_owned()
}

fn parse_first(text: &str) -> u64 {
    let first = text.split_whitespace().next();
    first
        .and_then(|first| first.parse().ok())
        .unwrap_or_default()
}
