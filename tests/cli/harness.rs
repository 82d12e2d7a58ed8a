//! Running the program: a clean environment, a limit for every wait, and
//! nothing left behind.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use serde_json::Value;
use wait_timeout::ChildExt as _;

pub(crate) use crate::ended::{Ends, PATIENCE};

/// The program with these arguments and nothing of this process's environment
/// or streams.
pub(crate) fn wscli(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wscli"));
    command
        .args(args)
        .env_clear()
        .env("SSL_CERT_FILE", trusted_root())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A trust store that trusts no server of the tests: a bare machine has none.
fn trusted_root() -> &'static Path {
    static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let root = rcgen::generate_simple_self_signed(vec!["nobody.test".into()]).unwrap();
        let name = folder.join(format!("root-{}.pem", std::process::id()));
        std::fs::write(&name, root.cert.pem()).unwrap();
        // In one step: another process of the tests may read it.
        let file = folder.join("root.pem");
        std::fs::rename(name, &file).unwrap();
        file
    });
    &FILE
}

/// Whether SIGHUP is ignored here, as below `nohup`: then the program ignores it too,
/// and tests of it have nothing to see.
#[cfg(unix)]
pub(crate) fn ignores_hangups() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & 1 == 1)
}

/// A running program, ended when dropped.
pub(crate) struct Running {
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("the program can be started");
        Self {
            stdout: lines(child.stdout.take().expect("stdout is piped")),
            stderr: lines(child.stderr.take().expect("stderr is piped")),
            child,
        }
    }

    /// The next line of stdout; `None` at its end.
    pub(crate) fn line(&self) -> Option<String> {
        receive(&self.stdout)
    }

    /// The next line of stderr; `None` at its end.
    pub(crate) fn error_line(&self) -> Option<String> {
        receive(&self.stderr)
    }

    /// Everything that is still to come on stderr.
    pub(crate) fn errors(&self) -> Vec<String> {
        std::iter::from_fn(|| self.error_line()).collect()
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let id = i32::try_from(self.child.id()).expect("a process id");
        let pid = rustix::process::Pid::from_raw(id).expect("a process id is not 0");
        rustix::process::kill_process(pid, signal).expect("the program runs");
    }

    /// Waits for the program's end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let ended = self.child.wait_timeout(PATIENCE);
        let ended = ended.expect("the program is ours");
        ended.expect("the program ends")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server on a free port that tells its events.
pub(crate) struct Server {
    pub(crate) running: Running,
    pub(crate) ready: Value,
}

impl Server {
    /// `wscli serve -p 0 --jsonl` and `args`.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::run(&[&["serve", "-p", "0", "--jsonl"], args].concat())
    }

    /// The program with these arguments, which include `--jsonl`.
    pub(crate) fn run(args: &[&str]) -> Self {
        let running = Running::start(&mut wscli(args));
        let Some(line) = running.line() else {
            panic!("no ready line: {}", running.errors().join("\n"));
        };
        let ready: Value = serde_json::from_str(&line).expect("the ready line is JSON");
        assert_eq!(ready["type"], "ready");
        Self { running, ready }
    }

    pub(crate) fn port(&self) -> u16 {
        let port = self.ready["port"].as_u64().expect("a port");
        u16::try_from(port).expect("a port")
    }

    /// The address of a resource, over plain TCP.
    pub(crate) fn url(&self, resource: &str) -> String {
        format!("ws://127.0.0.1:{}{resource}", self.port())
    }

    /// The next event of this name; others are passed over.
    pub(crate) fn event(&self, name: &str) -> Value {
        loop {
            let line = self.running.line();
            let line = line.unwrap_or_else(|| panic!("no event '{name}' came"));
            let event: Value = serde_json::from_str(&line).expect("each line is JSON");
            if event["type"] == name {
                return event;
            }
        }
    }
}

/// Reads lines on a thread of its own, so that a wait for one can end.
fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

fn receive(lines: &Receiver<String>) -> Option<String> {
    match lines.recv_timeout(PATIENCE) {
        Ok(line) => Some(line),
        Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => None,
        Err(std::sync::mpsc::RecvTimeoutError::Timeout) => panic!("no line came"),
    }
}
