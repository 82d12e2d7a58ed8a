//! What an operator puts around a server: a terminal, proxies, a reader of metrics.

use crate::harness::Ends as _;
use crate::wire::{Wire, close};

#[test]
#[ignore = "needs python"]
fn a_server_whose_terminal_is_closed_drains_and_ends() {
    if crate::harness::ignores_hangups() {
        return;
    }
    // A terminal of its own, closed when the client has its connection.
    const AT_A_TERMINAL: &str = r#"
import os, pty, sys, time
program, log, done = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0:
    os.execv(program, [program, "serve", "-p", "0", "--access-log", log])
while not os.path.exists(done):
    time.sleep(0.01)
os.close(terminal)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;
    let directory = tempfile::tempdir().unwrap();
    let (log, done) = (
        directory.path().join("access.jsonl"),
        directory.path().join("done"),
    );
    let child = std::process::Command::new("python3")
        .args(["-c", AT_A_TERMINAL, env!("CARGO_BIN_EXE_wscli")])
        .args([&log, &done])
        .spawn()
        .unwrap();
    let events = || {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        let lines = text.lines().map(serde_json::from_str);
        lines
            .map_while(Result::ok)
            .collect::<Vec<serde_json::Value>>()
    };
    let start = std::time::Instant::now();
    let ready = loop {
        assert!(start.elapsed() < crate::harness::PATIENCE);
        if let Some(ready) = events().first() {
            break ready.clone();
        }
    };
    let mut wire = Wire::open(u16::try_from(ready["port"].as_u64().unwrap()).unwrap());
    std::fs::write(&done, "").unwrap();
    assert_eq!(wire.close_code(), 1001);
    wire.send(close(1001, ""));
    wire.end();
    assert_eq!(child.ends().status.code(), Some(0));
    assert_eq!(events().last().unwrap()["type"], "stopped");
}
