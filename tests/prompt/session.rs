//! Whole sessions: scripted lines in, printed lines out.

use std::io;
use std::path::Path;
use std::sync::Arc;

use jiff::tz::TimeZone;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use wscli::connection::{CloseCode, CloseFrame, Message, OpenConfig, Role, SocketConfig};
use wscli::internal::net::RetryPolicy;
use wscli::internal::prompt::{
    self, End, Gate, Input, Outcome, Prompt, SessionConfig, Source, Style, Typed, Verbosity,
};
use wscli::internal::talk::{
    HarFile, LineConfig, LogFile, Look, MAX_SHOWN_BYTES, Stop, Transcript, replay, system_clock,
};
use wscli::server::{self, ServerConfig};

use super::server::{Behaviour, PATIENCE, Server};

/// A running session.
struct Talk {
    lines: mpsc::Sender<Input>,
    screen: watch::Sender<String>,
    prompt: Prompt,
    end: JoinHandle<Outcome>,
    stop: Option<oneshot::Sender<Stop>>,
}

fn config(url: Option<&str>, transcript: Transcript) -> SessionConfig {
    let dialer = |url: &str| {
        let target = url.parse().map_err(|error| format!("{error}"))?;
        Ok((target, OpenConfig::default()))
    };
    SessionConfig {
        line: LineConfig {
            target: url.map(|url| dialer(url).unwrap()),
            socket: SocketConfig::new(Role::Client),
            transcript,
            log_secrets: false,
            setup: Vec::new(),
            reconnect: None,
            reconnect_on: Default::default(),
        },
        dialer: Box::new(dialer),
        look: Look {
            style: Style::plain(),
            zone: TimeZone::UTC,
            raw: false,
            pretty: false,
            filter: None,
            shown_bytes: MAX_SHOWN_BYTES,
            heads: false,
            verbosity: Verbosity::Normal,
        },
        replay: Vec::new(),
        close: CloseFrame::new(CloseCode::NORMAL, ""),
        rules: None,
        prompt: Prompt::default(),
    }
}

fn without_times(screen: &str) -> Vec<String> {
    let line = |line: &str| match line.split_at_checked(15) {
        Some((mark, text)) if !mark.starts_with('|') => {
            // And without the numbers of messages.
            let numbered = text.strip_prefix('#').and_then(|text| text.split_once(' '));
            let text = numbered.map_or(text, |(_, text)| text);
            format!("{}{text}", &mark[..2])
        }
        Some((mark, _)) if mark.trim() != "|" => line.to_owned(),
        Some((_, text)) => format!("| {text}"),
        None => line.to_owned(),
    };
    screen.lines().map(line).collect()
}

fn transcript() -> Transcript {
    Transcript::new(system_clock()).keeping(1 << 20)
}

impl Talk {
    fn start(config: SessionConfig) -> Self {
        let (lines, inputs) = mpsc::channel(1);
        let screen = watch::Sender::new(String::new());
        let shown = screen.clone();
        let gate = Gate::new();
        gate.open();
        let source = Source {
            inputs,
            sink: Box::new(move |text: String| {
                shown.send_modify(|screen| screen.push_str(&text));
                io::Result::Ok(())
            }),
            gate,
            fence: None,
            trouble: None,
        };
        let (stop, stopped) = oneshot::channel();
        let prompt = config.prompt.clone();
        let stopped = async { stopped.await.unwrap() };
        let end = tokio::spawn(prompt::run(config, source, stopped));
        Self {
            lines,
            screen,
            prompt,
            end,
            stop: Some(stop),
        }
    }

    async fn types(&self, line: &str) {
        self.does(Typed::Line(line.to_owned())).await;
    }

    async fn does(&self, typed: Typed) {
        let (done, wait) = oneshot::channel();
        self.lines.send(Input { typed, done }).await.unwrap();
        let _ = wait.await;
    }

    /// What has been printed, without the times.
    fn shown(&self) -> Vec<String> {
        without_times(&self.screen.borrow())
    }

    /// Waits until a line like this has been printed so many times.
    async fn sees(&self, text: &str, times: usize) {
        let is_there = |screen: &String| {
            let lines = without_times(screen).into_iter();
            lines.filter(|line| line.contains(text)).count() >= times
        };
        let mut screen = self.screen.subscribe();
        let result = timeout(PATIENCE, screen.wait_for(is_there)).await.map(drop);
        assert!(result.is_ok(), "no '{text}' in {:#?}", self.shown());
    }

    async fn end(self) -> (End, Vec<String>) {
        let (outcome, shown) = self.outcome().await;
        assert_eq!(outcome.log_misses, None);
        (outcome.end, shown)
    }

    async fn outcome(self) -> (Outcome, Vec<String>) {
        let end = timeout(PATIENCE, self.end);
        let outcome = end.await.expect("the session ends").unwrap();
        (outcome, without_times(&self.screen.borrow()))
    }
}

#[tokio::test]
async fn the_words_of_the_sample_page() {
    let server = Server::start(Behaviour::Echo);
    let talk = Talk::start(config(None, transcript()));
    talk.sees("Ready to connect...", 1).await;
    assert!(talk.prompt.text().contains("Ready"));
    talk.types("too early").await;
    talk.types(&format!("/connect {}", server.url())).await;
    talk.sees("Connection opened", 1).await;
    assert!(talk.prompt.text().contains("Open"));
    talk.types("hello").await;
    talk.sees("< hello", 1).await;
    talk.types("//slash").await;
    talk.sees("< /slash", 1).await;
    talk.types("/resend 2").await;
    talk.sees("< hello", 2).await;
    talk.types("/nope").await;
    talk.types("bye").await;
    talk.sees("Connection closed", 1).await;
    assert!(talk.prompt.text().contains("Closed"));
    talk.types("too late").await;
    talk.types("/connect").await;
    talk.sees("Connection opened", 2).await;
    talk.types("/close 4000 enough").await;
    talk.sees("Connection closed", 2).await;
    talk.types("/quit").await;
    let (end, shown) = talk.end().await;
    assert_eq!(end, End::Quit);
    let connecting = format!("* Connecting to {}", server.url());
    assert_eq!(
        shown,
        [
            "* Ready to connect... (/connect URL; /help shows what else there is)",
            "! not sent: there is no connection; write /connect URL",
            &connecting,
            "* Connection opened",
            "> hello",
            "< hello",
            "> /slash",
            "< /slash",
            "> hello",
            "< hello",
            "! there is no command '/nope'; /help lists them, and //nope sends it as a message",
            "> bye",
            "* Connection closed. Code: 4001. Reason: see you",
            "! not sent: the connection is closed; /connect opens it again",
            &connecting,
            "* Connection opened",
            "* Closing. Code: 4000. Reason: enough",
            "* Connection closed. Code: 4000. Reason: enough",
        ]
    );
}

#[tokio::test]
async fn the_ways_out_and_their_ends() {
    let server = Server::start(Behaviour::Echo);
    let url = server.url();
    for (way, expected) in [
        (Typed::End, End::Quit),
        (Typed::Interrupt, End::Interrupted),
        (Typed::Line("/quit".into()), End::Quit),
    ] {
        let talk = Talk::start(config(Some(&url), transcript()));
        talk.sees("Connection opened", 1).await;
        talk.does(Typed::Cleared).await;
        talk.does(way).await;
        let (end, shown) = talk.end().await;
        assert_eq!(end, expected);
        let last = shown.last().unwrap();
        assert_eq!(last, "* Connection closed. Code: 1000. Reason:");
    }
    let mut talk = Talk::start(config(Some(&url), transcript()));
    talk.sees("Connection opened", 1).await;
    talk.stop.take().unwrap().send(Stop::Terminate).unwrap();
    assert_eq!(talk.end().await.0, End::Stopped(Stop::Terminate));
}

#[tokio::test]
async fn a_refusal_is_explained_and_its_heads_are_redacted() {
    let server = Server::start(Behaviour::Refuse);
    let mut config = config(Some(&server.url()), transcript());
    if let Some((_, open)) = &mut config.line.target {
        let edit = "Authorization: Bearer s3cret".parse().unwrap();
        open.request.edits.push(edit);
    }
    let talk = Talk::start(config);
    talk.sees("! the server answered HTTP/1.1 403 Forbidden", 1)
        .await;
    talk.types("/headers").await;
    talk.sees("Authorization: Bearer [redacted]", 1).await;
    talk.sees("HTTP/1.1 403 Forbidden", 2).await;
    talk.types("/quit").await;
    assert!(!talk.end().await.1.concat().contains("s3cret"));
}

/// The address of a server with the fault lab, which ends with the test.
async fn lab() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let config = ServerConfig {
        lab: true,
        ..ServerConfig::default()
    };
    let observer: server::Observer = Arc::new(|_| {});
    tokio::spawn(server::run(
        listener,
        config.into(),
        observer,
        std::future::pending(),
    ));
    format!("ws://{address}")
}

#[tokio::test]
async fn faults_are_told_and_the_prompt_goes_on() {
    let lab = lab().await;
    let lost = "! the peer ended the connection without a close frame";
    let broke = "! the peer broke the WebSocket protocol:";
    for (resource, told) in [
        (
            "/status/503",
            "! the server answered HTTP/1.1 503 Service Unavailable (/headers shows its answer)",
        ),
        (
            "/redirect",
            "! the server answered HTTP/1.1 302 Found (/headers shows its answer)",
        ),
        (
            "/close/4001?reason=see%20you",
            "* Connection closed. Code: 4001. Reason: see you",
        ),
        ("/count/2", "* Connection closed. Code: 1000. Reason:"),
        ("/drop", lost),
        ("/half-close", lost),
        ("/bad-length", lost),
        ("/drop", "* Connection closed. Code: 1006. Reason:"),
        (
            "/reset",
            "! the connection failed: Connection reset by peer (os error 104)",
        ),
        (
            "/bad-utf8",
            "! the peer sent text that is not UTF-8: invalid utf-8 sequence of 1 bytes from index 2",
        ),
        (
            "/bad-rsv",
            &format!("{broke} a frame has reserved bits set that no agreed extension uses"),
        ),
        ("/bad-mask", &format!("{broke} a server's frame is masked")),
    ] {
        let talk = Talk::start(config(Some(&format!("{lab}{resource}")), transcript()));
        talk.sees(told, 1).await;
        let opened = |line: &&String| line.contains("Connection opened");
        let before = talk.shown().iter().filter(opened).count();
        talk.types(&format!("/connect {lab}/fragment/3?ping=1"))
            .await;
        talk.sees("Connection opened", before + 1).await;
        talk.types("abc").await;
        talk.sees("< abc", 1).await;
        talk.types("/quit").await;
        assert_eq!(talk.end().await.0, End::Quit, "{resource}");
    }
}

#[tokio::test]
async fn a_lost_connection_comes_back_with_the_setup_and_the_queue() {
    let server = Server::start(Behaviour::Echo);
    let mut config = config(Some(&server.url()), transcript());
    config.line.setup = vec![Message::text("setup")];
    config.line.reconnect = Some(RetryPolicy::RECONNECT.with_max_attempts(None));
    let talk = Talk::start(config);
    talk.sees("< setup", 1).await;
    talk.types("drop").await;
    talk.sees("Connecting again in", 1).await;
    talk.types("meanwhile").await;
    talk.sees("Queued until the connection is open again (1 waiting)", 1)
        .await;
    talk.sees("< setup", 2).await;
    talk.sees("< meanwhile", 1).await;
    talk.types("/close").await;
    talk.sees("Connection closed. Code: 1000", 1).await;
    talk.types("/quit").await;
    let (_, shown) = talk.end().await;
    // The user's own close is not undone.
    let again = shown.iter().filter(|l| l.contains("Connecting again"));
    assert_eq!(again.count(), 1);
    assert_eq!(server.texts(), ["setup", "drop", "setup", "meanwhile"]);
}

#[tokio::test]
async fn reconnects_end_where_the_user_says() {
    // A port that was free a moment ago: nobody listens there.
    let address = Server::start(Behaviour::Echo).address;
    let mut config = config(Some(&format!("ws://{address}")), transcript());
    config.line.reconnect = Some(RetryPolicy::RECONNECT.with_max_attempts(Some(1)));
    let talk = Talk::start(config);
    talk.sees("no attempt to connect is left", 1).await;
    talk.types("x").await;
    talk.sees("! not sent: the connection is closed", 1).await;
    talk.types("/quit").await;
    talk.end().await;
}

fn log_to(path: &Path) -> Transcript {
    transcript().with_log(Some(LogFile::open(path).unwrap()))
}

#[tokio::test]
async fn a_replay_says_what_the_log_says_the_user_said() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.jsonl");
    let server = Server::start(Behaviour::Echo);
    let talk = Talk::start(config(Some(&server.url()), log_to(&path)));
    talk.sees("Connection opened", 1).await;
    for line in ["one", "/hex 00 ff", "{\"a\":\n1}", "bye"] {
        talk.types(line).await;
    }
    talk.sees("Connection closed", 1).await;
    talk.types("/connect").await;
    talk.sees("Connection opened", 2).await;
    talk.types("/ping hi").await;
    talk.sees("pong \"hi\", round trip", 1).await;
    talk.types("two").await;
    talk.sees("< two", 1).await;
    talk.types("/quit").await;
    talk.end().await;

    let recording = replay::read(&std::fs::read(&path).unwrap()).unwrap();
    let again = Server::start(Behaviour::Echo);
    let mut config = config(Some(&again.url()), transcript());
    config.replay = recording.at(replay::Pace::Times(10.0));
    let talk = Talk::start(config);
    // The recorded close is the last step.
    talk.sees("The replay is done: 8 steps", 1).await;
    talk.sees("Connection closed", 2).await;
    talk.types("/quit").await;
    talk.end().await;
    assert_eq!(again.texts(), server.texts());
}

/// A log in which the peer closed, and another connection followed.
async fn recording_with_a_reconnect() -> Vec<replay::Step> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.jsonl");
    let server = Server::start(Behaviour::Echo);
    let talk = Talk::start(config(Some(&server.url()), log_to(&path)));
    talk.sees("Connection opened", 1).await;
    talk.types("bye").await;
    talk.sees("Connection closed", 1).await;
    talk.types("/connect").await;
    talk.sees("Connection opened", 2).await;
    talk.types("two").await;
    talk.sees("< two", 1).await;
    talk.types("/quit").await;
    talk.end().await;
    let recording = replay::read(&std::fs::read(&path).unwrap()).unwrap();
    recording.at(replay::Pace::AtOnce)
}

#[tokio::test]
async fn a_replay_waits_for_a_server_that_is_slower_to_close() {
    let mut config = config(None, transcript());
    config.replay = recording_with_a_reconnect().await;
    let bye = Arc::new(Semaphore::new(0));
    let server = Server::start(Behaviour::HoldsBye(Arc::clone(&bye)));
    config.line.target = Some((server.url().parse().unwrap(), OpenConfig::default()));
    let talk = Talk::start(config);
    // The recorded open is due before the server has closed.
    talk.sees("> bye", 1).await;
    bye.add_permits(1);
    talk.sees("The replay is done: 4 steps", 1).await;
    talk.sees("Connection closed", 2).await;
    talk.types("/quit").await;
    talk.end().await;
    assert_eq!(server.texts(), ["bye", "two"]);
}

#[tokio::test]
async fn a_replay_goes_on_where_the_peer_does_not_close_at_all() {
    let mut config = config(None, transcript());
    config.replay = recording_with_a_reconnect().await;
    let server = Server::start(Behaviour::HoldsBye(Arc::new(Semaphore::new(0))));
    config.line.target = Some((server.url().parse().unwrap(), OpenConfig::default()));
    let talk = Talk::start(config);
    talk.sees("> bye", 1).await;
    talk.sees("! the peer closed here in the recording", 1)
        .await;
    talk.sees("> two", 1).await;
    talk.types("/quit").await;
    talk.types("/quit").await;
    talk.end().await;
}

#[tokio::test]
async fn the_log_can_be_paused_filtered_saved_and_cleared() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("saved log.jsonl");
    let server = Server::start(Behaviour::Echo);
    let talk = Talk::start(config(Some(&server.url()), transcript()));
    talk.sees("Connection opened", 1).await;
    talk.types("/log filter $.price").await;
    talk.types("{\"price\": 3, \"x\": 1}").await;
    talk.sees("< 3", 1).await;
    talk.types("/log filter off").await;
    talk.types("/log filter price").await;
    talk.sees("! 'price' is not a JSONPath", 1).await;
    talk.types("/log pause").await;
    talk.types("unseen").await;
    server.has_received(2).await;
    talk.types("/log resume").await;
    talk.sees("* What came meanwhile:", 1).await;
    talk.sees("< unseen", 1).await;
    talk.types("seen").await;
    talk.sees("< seen", 1).await;
    let save = format!("/log save {}", path.display());
    talk.types(&save).await;
    talk.sees("events saved in", 1).await;
    talk.types(&save).await;
    talk.sees("! could not write", 1).await;
    let saved = std::fs::read_to_string(&path).unwrap();
    assert!(saved.contains("\"unseen\"") && saved.contains("\"seen\""));
    assert_eq!(replay::read(saved.as_bytes()).unwrap().steps.len(), 3);
    talk.types("/log clear").await;
    talk.types("/status").await;
    talk.sees("sent: 3 messages", 1).await;
    talk.types("/help").await;
    talk.sees("/resend [N]", 1).await;
    talk.types("/quit").await;
    talk.end().await;
}

#[tokio::test]
async fn messages_are_numbered_shown_found_and_saved() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(Behaviour::Echo);
    let talk = Talk::start(config(Some(&server.url()), transcript()));
    talk.sees("Connection opened", 1).await;
    talk.types("/show").await;
    talk.sees("! there has been no message yet", 1).await;
    talk.types("/text one\\x1e\\\\x1e").await;
    talk.sees("< one\\x1e\\\\x1e", 1).await;
    assert!(talk.screen.borrow().contains(" #2 one\\x1e"));
    let long = "y".repeat(20_000);
    talk.types(&long).await;
    talk.sees("/show 4 shows more, /save 4 FILE keeps all", 1)
        .await;
    assert!(!talk.screen.borrow().contains(&long));
    talk.types("/show 4").await;
    talk.sees(&long, 1).await;
    talk.types("/find /^o.e/").await;
    talk.sees("Found in 2 messages", 1).await;
    talk.sees("one\\x1e", 4).await;
    talk.types("/find nothing like it").await;
    talk.sees("Nothing like it is in the messages", 1).await;
    let path = dir.path().join("saved message");
    let save = format!("/save #2 {}", path.display());
    talk.types(&save).await;
    talk.sees("8 bytes saved in", 1).await;
    assert_eq!(std::fs::read(&path).unwrap(), b"one\x1e\\x1e");
    talk.types(&save).await;
    talk.sees("! could not write", 1).await;
    talk.types("/show 9").await;
    talk.sees("! there is no message #9; the last one is #4", 1)
        .await;
    talk.types("{\"a\":1}").await;
    talk.sees("< {\"a\":1}", 1).await;
    talk.types("/pretty").await;
    talk.types("{\"a\":2}").await;
    talk.sees("|   \"a\": 2", 2).await;
    talk.types("/pretty off").await;
    talk.types("/decode record-separator").await;
    talk.types("/text {\"b\":1}\\x1e{\"b\":2}\\x1e").await;
    talk.sees("< {\"b\":2}", 1).await;
    talk.types("/send").await;
    talk.sees("< (empty)", 1).await;
    talk.types("/exit").await;
    assert_eq!(talk.end().await.0, End::Quit);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_said_once_and_the_talk_goes_on() {
    let server = Server::start(Behaviour::Echo);
    let talk = Talk::start(config(Some(&server.url()), log_to(Path::new("/dev/full"))));
    for line in ["a", "b", "c"] {
        talk.sees("Connection opened", 1).await;
        talk.types(line).await;
        talk.sees(&format!("< {line}"), 1).await;
    }
    talk.types("/quit").await;
    let (outcome, shown) = talk.outcome().await;
    let said = shown
        .iter()
        .filter(|l| l.contains("could not write the log"));
    assert_eq!(said.count(), 1, "{shown:#?}");
    let misses = outcome.log_misses.expect("what is missing");
    assert!(misses.ends_with("events are missing from the log '/dev/full'"));
}

#[tokio::test]
#[ignore = "needs node: har-validator in the node_modules at $NODE_PATH"]
async fn the_har_file_is_valid() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.har");
    let server = Server::start(Behaviour::Echo);
    let har = HarFile::create(&path).unwrap();
    let url = format!("{}?a=b&token=s3cret", server.url());
    let talk = Talk::start(config(Some(&url), transcript().with_har(Some(har))));
    talk.sees("Connection opened", 1).await;
    talk.types("text \"quoted\" ü").await;
    talk.types("/hex 00 ff").await;
    talk.types("bye").await;
    talk.sees("Connection closed", 1).await;
    talk.types("/connect").await;
    talk.sees("Connection opened", 2).await;
    talk.types("/quit").await;
    talk.end().await;
    let script = "const har = JSON.parse(require('fs').readFileSync(process.argv[1], 'utf8'));
        require('har-validator').har(har).then(
            har => console.log(har.log.entries.map(e => e._webSocketMessages.length).join()),
            error => { console.error(error); process.exit(1); });";
    let node = std::process::Command::new("node")
        .args(["-e", script])
        .arg(&path)
        .output()
        .unwrap();
    assert!(
        node.status.success(),
        "{}",
        String::from_utf8_lossy(&node.stderr)
    );
    assert_eq!(String::from_utf8_lossy(&node.stdout).trim(), "5,0");
    assert!(!std::fs::read_to_string(&path).unwrap().contains("s3cret"));
}
