//! What a user sees and gets, in a real terminal.

use std::collections::BTreeSet;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use wscli::internal::prompt::SavedTerminal;

use super::server::{Behaviour, Server, wait_until};
use super::terminal::Terminal;

/// The events of a log.
fn events(log: &str) -> Vec<Value> {
    log.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The numbers of the ticks among these lines.
fn ticks<'a>(lines: impl IntoIterator<Item = &'a String>) -> Vec<u64> {
    lines
        .into_iter()
        .filter(|line| line.starts_with("< "))
        .filter_map(|line| {
            let (_, tick) = line.split_once(" tick ")?;
            let (number, xs) = tick.split_once(' ')?;
            let number: u64 = number.parse().ok()?;
            let whole = xs == format!("{}.", "x".repeat(number as usize % 90));
            assert!(whole, "a tick was cut: {line}");
            Some(number)
        })
        .collect()
}

/// Waits until the prompt stands at the bottom, with this typed.
fn wait_for_line(terminal: &Terminal, line: &str) {
    let expected = format!("      Open> {line}");
    wait_until("the line at the bottom of the screen, whole", || {
        let rows = terminal.screen();
        let end = rows.iter().rposition(|row| !row.is_empty()).unwrap_or(0);
        let from = (end + 1).saturating_sub(expected.trim_end().len().div_ceil(80));
        let bottom: String = rows[from..=end]
            .iter()
            .map(|row| format!("{row:<80}"))
            .collect();
        bottom.trim_end() == expected.trim_end()
    });
}

#[test]
#[ignore = "needs tmux"]
fn nothing_that_comes_in_touches_the_line_that_is_typed() {
    let server = Server::start(Behaviour::Ticks(200));
    let terminal = Terminal::run(&format!(
        "exec $WSCLI connect {} --log $HOME/log",
        server.url()
    ));
    terminal.sees("tick 20 ");
    let words: Vec<_> = (0..18).map(|n| format!("word-{n:04}")).collect();
    let mut line = String::new();
    for word in &words {
        terminal.types(&format!("{word} "));
        line.push_str(&format!("{word} "));
        // Whatever the burst, what was typed stands at the bottom.
        wait_for_line(&terminal, &line);
    }
    line.pop();
    terminal.presses(&["BSpace"]);
    terminal.presses(&["Left"; 100]);
    let middle = line.len() - 100;
    terminal.types("MIDDLE");
    line.insert_str(middle, "MIDDLE");
    terminal.presses(&["C-a", "C-d"]);
    line.remove(0);
    terminal.presses(&["M-f", "C-k", "C-y"]);
    let expected = format!("      Open> {line}");
    assert!(expected.len() > 2 * 80, "three rows");
    wait_for_line(&terminal, &line);
    terminal.presses(&["Enter"]);
    wait_until("the line at the server", || !server.texts().is_empty());
    assert_eq!(server.texts(), [line.clone()]);
    terminal.waits("the line as sent", |shown| {
        shown
            .iter()
            .any(|row| row.starts_with("> ") && row.ends_with(&line))
    });
    // Lines that come and go while messages come in.
    for n in 0..40 {
        terminal.enters(&format!("line {n}"));
    }
    wait_until("the lines at the server", || server.texts().len() == 41);
    terminal.enters("/log pause");
    terminal.sees("The log is paused");
    terminal.enters("/quit");
    terminal.ends();
    let shown = terminal.history();
    let entered = shown.iter().filter(|row| **row == expected).count();
    assert_eq!(entered, 1, "{shown:#?}");
    for n in 0..40 {
        let row = format!("      Open> line {n}");
        let rows = shown.iter().filter(|shown| **shown == row).count();
        assert_eq!(rows, 1, "{row} in {shown:#?}");
    }
    let numbers = ticks(&shown);
    let all: Vec<_> = (1..=numbers.len() as u64).collect();
    assert_eq!(numbers, all, "a tick was lost or doubled on the screen");

    let log = std::fs::read_to_string(terminal.dir().join("log")).unwrap();
    let events = events(&log);
    let seqs: Vec<_> = events.iter().map(|e| e["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=events.len() as u64).collect::<Vec<_>>());
    let logged = events
        .iter()
        .filter_map(|e| e["data"].as_str()?.strip_prefix("tick ")?.split(' ').next())
        .map(|number| number.parse().unwrap())
        .collect::<Vec<u64>>();
    assert!(logged.len() >= numbers.len());
    assert_eq!(logged, (1..=logged.len() as u64).collect::<Vec<_>>());
}

#[test]
#[ignore = "needs tmux"]
fn hostile_text_cannot_change_the_terminal() {
    let server = Server::start(Behaviour::Echo);
    let terminal = Terminal::run(&format!("exec $WSCLI connect {}", server.url()));
    terminal.sees("Connection opened");
    let names = [
        "pane_title",
        "alternate_on",
        "mouse_any_flag",
        "keypad_flag",
        "scroll_region_upper",
        "scroll_region_lower",
        "insert_flag",
        "wrap_flag",
        "cursor_flag",
    ];
    let values = || names.map(|name| terminal.value(name));
    let before = values();
    terminal.enters("hostile");
    terminal.sees("the end of it");
    terminal.enters("still here");
    terminal.sees("< ");
    wait_until("the echo", || server.texts().len() == 2);
    assert_eq!(server.texts(), ["hostile", "still here"]);
    assert_eq!(values(), before);
    assert!(!terminal.clipboard().contains("pwned"));
    let shown = terminal.history();
    for text in [
        r"\x1b]52;c;cHduZWQ=\x07",
        r"\x1b[?1049h\x1b[2J\x1b[H\x1b[31;5m",
        r"\x9b2J\x9d52;c;cHduZWQ=\x9c",
        r"\u{202e}desrever\u{2066}\u{200f}",
        r"over\rwritten",
        "10,477,568 more bytes",
    ] {
        assert!(shown.iter().any(|line| line.contains(text)), "{text}");
    }
    assert!(!shown.iter().any(|line| line.starts_with("! 00:00:00.000")));
    assert!(!shown.iter().any(|line| line.starts_with("> 00:00:00.000")));
}

#[test]
#[ignore = "needs tmux"]
fn a_kill_leaves_every_event_that_was_shown_in_the_log() {
    let server = Server::start(Behaviour::Ticks(2000));
    let terminal = Terminal::run(&format!(
        "exec $WSCLI connect {} --log $HOME/log",
        server.url()
    ));
    terminal.sees("tick 3000 ");
    let kill = Command::new("kill").args(["-9", &terminal.pid()]).status();
    assert!(kill.unwrap().success());
    terminal.ends();
    let path = terminal.dir().join("log");
    let log = std::fs::read(&path).unwrap();
    let whole = log.iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    let events = events(std::str::from_utf8(&log[..whole]).unwrap());
    let logged: BTreeSet<u64> = events
        .iter()
        .filter_map(|e| e["data"].as_str()?.strip_prefix("tick ")?.split(' ').next())
        .map(|number| number.parse().unwrap())
        .collect();
    let shown = ticks(&terminal.history());
    assert!(shown.len() >= 2000);
    assert!(shown.iter().all(|number| logged.contains(number)));

    // Torn by hand, since a kill between two system calls tears nothing.
    std::fs::write(&path, &log[..log.len() - 10]).unwrap();
    let again = Server::start(Behaviour::Echo);
    let terminal = Terminal::run(&format!(
        "exec $WSCLI connect {} --replay {}",
        again.url(),
        path.display()
    ));
    terminal.sees("is torn and passed over");
    terminal.sees("Connection opened");
}

#[test]
#[ignore = "needs tmux"]
fn the_terminal_is_put_back_on_every_way_out() {
    let server = Server::start(Behaviour::Ticks(50));
    let command = format!(
        "trap : INT; before=$(stty -g); \
         sh -c 'echo $$ > $HOME/pid; exec $WSCLI connect {}'; code=$?; \
         after=$(stty -g); test \"$before\" = \"$after\" && echo \"same $code\"; exec cat",
        server.url()
    );
    for (way, code) in [
        (Way::Line("/quit"), 0),
        (Way::Keys(&["C-d"]), 0),
        (Way::Keys(&["C-c"]), 130),
        (Way::Signal("-TERM"), 143),
        (Way::Signal("-INT"), 130),
        (Way::Signal("-HUP"), 129),
        (Way::Signal("-QUIT"), 143),
    ] {
        let terminal = Terminal::run(&command);
        terminal.sees("tick 5 ");
        terminal.presses(&["x", "C-c"]);
        terminal.waits("the line that Ctrl-C cleared, and an empty one", |shown| {
            let rows = |text: &str| shown.iter().filter(|row| *row == text).count();
            rows("      Open> x") == 1 && rows("      Open>") == 1
        });
        match way {
            Way::Line(line) => terminal.enters(line),
            Way::Keys(keys) => terminal.presses(keys),
            Way::Signal(signal) => {
                let pid = std::fs::read_to_string(terminal.dir().join("pid")).unwrap();
                let kill = Command::new("kill").args([signal, pid.trim()]).status();
                assert!(kill.unwrap().success());
            }
        }
        terminal.sees(&format!("same {code}"));
    }
}

enum Way {
    Line(&'static str),
    Keys(&'static [&'static str]),
    Signal(&'static str),
}

#[test]
#[ignore = "needs tmux"]
fn a_panic_puts_the_terminal_back_first() {
    let tests = std::env::current_exe().unwrap();
    let terminal = Terminal::run(&format!(
        "before=$(stty -g); WSCLI_TEST_PANIC=1 {} --ignored --exact --nocapture screen::panics_at_the_terminal; \
         after=$(stty -g); test \"$before\" = \"$after\" && echo \"same modes\"; exec cat",
        tests.display()
    ));
    terminal.sees("what a panic says");
    terminal.sees("same modes");
}

#[test]
#[ignore = "does nothing but for the test above"]
fn panics_at_the_terminal() {
    if std::env::var_os("WSCLI_TEST_PANIC").is_none() {
        return;
    }
    let saved = SavedTerminal::save();
    assert!(saved.is_none(), "what a panic says");
}

#[test]
#[ignore = "needs tmux"]
fn a_suspended_program_leaves_the_shell_its_terminal() {
    let server = Server::start(Behaviour::Ticks(50));
    // A shell that, unlike others, does not mend the terminal by itself.
    let terminal = Terminal::run("exec dash -i");
    terminal.enters("before=$(stty -g)");
    terminal.enters(&format!("$WSCLI connect {}", server.url()));
    terminal.sees("tick 5 ");
    terminal.types("half a ");
    terminal.presses(&["C-z"]);
    terminal.sees("Stopped");
    terminal.enters("test \"$before\" = \"$(stty -g)\" && echo sa''me modes");
    terminal.sees("same modes");
    terminal.enters("fg");
    terminal.waits("the line again", |shown| {
        let end = shown.iter().rev().find(|row| !row.is_empty());
        end.is_some_and(|row| row == "      Open> half a")
    });
    terminal.enters("line");
    wait_until("the line", || server.texts() == ["half a line"]);
}

#[test]
#[ignore = "needs tmux"]
fn editing_history_completion_and_several_lines() {
    let server = Server::start(Behaviour::Echo);
    let terminal = Terminal::run(&format!(
        "$WSCLI connect {0}; exec $WSCLI connect {0}",
        server.url()
    ));
    terminal.sees("Connection opened");
    terminal.types("/sta");
    terminal.presses(&["Tab", "Enter"]);
    terminal.sees("extensions: none");
    terminal.types("{\"several\":");
    terminal.presses(&["Enter"]);
    terminal.types("[1, 2]}");
    terminal.presses(&["Enter"]);
    terminal.sees("< ");
    terminal.enters("/connect ws://user:s3cret@127.0.0.1:1/");
    // Typed ahead, faster than it can be dealt with.
    terminal.types("first\rsecond\rthird\r");
    wait_until("what was typed ahead", || server.texts().len() == 4);
    terminal.enters("/quit");
    wait_until("the second run", || {
        let shown = terminal.history();
        shown
            .iter()
            .filter(|l| l.contains("Connection opened"))
            .count()
            == 2
    });
    // Up: /quit, third.
    terminal.presses(&["Up", "Up", "Enter"]);
    wait_until("the entry before the last", || server.texts().len() == 5);
    terminal.presses(&["C-r"]);
    terminal.types("sever");
    terminal.presses(&["Enter"]);
    wait_until("the entry that was searched for", || {
        server.texts().len() == 6
    });
    let json = "{\"several\":\n[1, 2]}";
    assert_eq!(
        server.texts(),
        [json, "first", "second", "third", "third", json]
    );
    let history = terminal.dir().join(".local/state/wscli/history");
    let kept = std::fs::read_to_string(&history).unwrap();
    assert!(kept.contains("/connect ws://127.0.0.1:1/"), "{kept}");
    assert!(!kept.contains("s3cret"));
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(&history).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
#[ignore = "needs tmux"]
fn memory_does_not_grow_with_the_talk() {
    let server = Server::start(Behaviour::Echo);
    let terminal = Terminal::run(&format!(
        "exec $WSCLI connect {} --log /dev/null --har $HOME/har",
        server.url()
    ));
    terminal.sees("Connection opened");
    let rss_kib = || -> i64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", terminal.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number.unwrap().parse().unwrap()
    };
    terminal.enters("flood 10000");
    terminal.sees("flooded");
    let early = rss_kib();
    terminal.enters("flood 990000");
    // The server reads on when it has sent all of them.
    terminal.enters("done");
    let deadline = Instant::now() + Duration::from_secs(300);
    let is_echo = |row: &String| row.starts_with("< ") && row.ends_with(" done");
    while !terminal.screen().iter().any(is_echo) {
        assert!(Instant::now() < deadline, "{:#?}", terminal.screen());
        thread::sleep(Duration::from_millis(200));
    }
    let late = rss_kib();
    assert!(late - early < 8 * 1024, "{early} KiB, then {late} KiB");
}

#[test]
#[ignore = "needs tmux"]
fn defaults_of_the_configuration_hold_at_the_prompt() {
    let server = Server::start(Behaviour::Echo);
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("wscli/config.toml");
    std::fs::create_dir(home.path().join("wscli")).unwrap();
    let text = format!(
        "[defaults]\npretty = true\ninclude = true\n[target.here]\nurl = '{}'\n",
        server.url()
    );
    std::fs::write(&file, text).unwrap();
    let command = format!(
        "export XDG_CONFIG_HOME={}; exec $WSCLI connect @here",
        home.path().display()
    );
    let terminal = Terminal::run(&command);
    terminal.sees("Connection opened");
    terminal.sees("Sec-WebSocket-Version: 13");
    terminal.enters("{\"first\":1,\"second\":2}");
    terminal.sees("  \"second\": 2");
    terminal.enters("/close");
    terminal.sees("Connection closed");
    terminal.enters("/connect @here");
    terminal.sees("is a saved target");
    // Broken, it is told and left alone.
    std::fs::write(&file, "[defaults]\nlog = 1\n").unwrap();
    let terminal = Terminal::run(&command.replace("@here", &server.url()));
    terminal.sees("its defaults are not used");
    terminal.sees("Connection opened");
}
