//! What the commands of the prompt do, in a real terminal.

use super::server::{Behaviour, Server, wait_until};
use super::terminal::Terminal;

/// A terminal with an open connection, and these flags.
fn open(server: &Server, flags: &str) -> Terminal {
    let terminal = Terminal::run(&format!("exec $WSCLI connect {} {flags}", server.url()));
    terminal.sees("Connection opened");
    terminal
}

fn is_there(terminal: &Terminal, is_right: impl Fn(&str) -> bool) -> bool {
    terminal.history().iter().any(|row| is_right(row))
}

#[test]
#[ignore = "needs tmux"]
fn show_find_and_save_take_messages_by_their_numbers() {
    let server = Server::start(Behaviour::Echo);
    let terminal = open(&server, "");
    for (line, row) in [
        ("one apple", "#2 one apple"),
        ("two pears", "#4 two pears"),
        ("/text three\\x1eapples", "#6 three\\x1eapples"),
    ] {
        terminal.enters(line);
        terminal.sees(row);
    }
    terminal.enters("/find apple");
    terminal.sees("Found in 4 messages; /show N shows one");
    terminal.enters("/show 6");
    terminal.waits("the message again", |rows| {
        let shown = |row: &&String| row.starts_with("< ") && row.contains("three\\x1eapples");
        rows.iter().filter(shown).count() == 3
    });
    let path = terminal.dir().join("saved");
    terminal.enters(&format!("/save 6 {}", path.display()));
    terminal.sees("12 bytes saved in");
    terminal.enters(&format!("/save 6 {}", path.display()));
    terminal.sees("could not write");
    terminal.enters("/show 9");
    terminal.sees("there is no message #9; the last one is #6");
    assert_eq!(std::fs::read(path).unwrap(), b"three\x1eapples");
}

#[test]
#[ignore = "needs tmux"]
fn hex_rows_fit_80_columns() {
    let server = Server::start(Behaviour::Echo);
    let terminal = open(&server, "");
    let bytes: Vec<_> = (0..64).map(|n| format!("{n:02x}")).collect();
    terminal.enters(&format!("/hex {}", bytes.join("")));
    // The last row of sixteen, of what was sent and of what came.
    let last = format!("0030  {}", bytes[48..].join(" "));
    terminal.waits("all rows", |rows| {
        rows.iter().filter(|row| row.contains(&last)).count() == 2
    });
    let rows = terminal.history();
    for start in (0..64).step_by(16) {
        let row = format!("{start:04x}  {}", bytes[start..start + 16].join(" "));
        let shown = rows.iter().filter(|shown| shown.contains(&row));
        assert!(shown.clone().all(|row| row.chars().count() <= 80));
        assert_eq!(shown.count(), 2, "{row} in {rows:#?}");
    }
}

#[test]
#[ignore = "needs tmux"]
fn log_resume_shows_what_came_meanwhile() {
    let server = Server::start(Behaviour::Echo);
    let terminal = open(&server, "");
    terminal.enters("/log resume");
    terminal.sees("The log is not paused");
    terminal.enters("/log pause");
    terminal.sees("The log is paused");
    terminal.enters("unseen");
    wait_until("the message", || server.texts().len() == 1);
    terminal.enters("/log resume");
    terminal.sees("What came meanwhile:");
    terminal.sees("#2 unseen");
}

#[test]
#[ignore = "needs tmux"]
fn an_invalid_target_ends_with_2_before_the_prompt() {
    for url in ["ws://h:99999/", "ws://a b/", "ftp://h/"] {
        let terminal = Terminal::run(&format!(
            "$WSCLI connect \"{url}\"; echo ended $?; exec cat"
        ));
        terminal.sees("ended 2");
        assert!(
            is_there(&terminal, |row| row.starts_with("wscli: ")),
            "{url}"
        );
        assert!(!is_there(&terminal, |row| row.contains("Closed>")), "{url}");
    }
    // At the prompt it is said, and the prompt goes on.
    let terminal = Terminal::run("$WSCLI connect; echo ended $?; exec cat");
    terminal.sees("Ready to connect");
    terminal.enters("/connect ws://h:99999/");
    terminal.sees("is not a valid URL: invalid port number");
    terminal.presses(&["C-d"]);
    terminal.sees("ended 0");
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "needs tmux"]
fn a_log_with_events_missing_ends_the_prompt_with_12() {
    let server = Server::start(Behaviour::Echo);
    for (end, code) in [("/quit", 12), ("", 130)] {
        let terminal = Terminal::run(&format!(
            "trap : INT; $WSCLI connect {} --log /dev/full; echo ended $?; exec cat",
            server.url()
        ));
        terminal.sees("could not write the log");
        terminal.enters("hello");
        terminal.sees("#2 hello");
        match end {
            "" => terminal.presses(&["C-c"]),
            line => terminal.enters(line),
        }
        terminal.sees(&format!("ended {code}"));
        let told = |row: &str| row.ends_with("are missing from the log '/dev/full'");
        assert_eq!(is_there(&terminal, told), code == 12);
    }
}

#[test]
#[ignore = "needs tmux"]
fn a_narrower_terminal_has_no_ghost_of_the_prompt() {
    let server = Server::start(Behaviour::Echo);
    let terminal = open(&server, "");
    let line = "some words that are typed here and go on to some length";
    terminal.types(line);
    let is_whole = |columns: usize| {
        let rows = terminal.screen();
        let prompts = rows.iter().filter(|row| row.contains("Open> ")).count();
        let from = rows.iter().rposition(|row| row.contains("Open> "));
        let shown: String = rows[from.unwrap_or(rows.len())..]
            .iter()
            .map(|row| format!("{row:<columns$}"))
            .collect();
        prompts == 1 && shown.trim() == format!("Open> {line}")
    };
    wait_until("the line", || is_whole(80));
    for columns in [50, 25, 20] {
        terminal.resizes(columns);
        wait_until("one prompt alone", || is_whole(columns));
        assert!(is_there(&terminal, |row| row.ends_with("Connection opened")));
    }
    terminal.presses(&["Enter"]);
    wait_until("the message", || server.texts() == [line]);
}
