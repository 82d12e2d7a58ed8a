//! Where a prompt is easily wrong: its end, several lines, small and simple terminals.

use super::server::{Behaviour, Server, wait_until};
use super::terminal::Terminal;

/// A reserved port (tcpmux): nobody listens there, and no other test can.
const NOBODY: &str = "ws://127.0.0.1:1/";

/// The last rows that are not empty.
fn bottom(terminal: &Terminal, count: usize) -> Vec<String> {
    let mut rows = terminal.screen();
    rows.retain(|row| !row.is_empty());
    rows.split_off(rows.len().saturating_sub(count))
}

#[test]
#[ignore = "needs tmux"]
fn no_stray_prompt_is_left_before_that_of_the_shell() {
    let server = Server::start(Behaviour::Ticks(20));
    let terminal = Terminal::run("PS1='shell$ ' exec dash -i");
    for round in 0..12 {
        let (url, seen) = match round % 3 {
            0 => (NOBODY.to_owned(), "could not connect"),
            _ => (server.url(), "tick 2 "),
        };
        terminal.enters("clear");
        wait_until("the empty screen", || bottom(&terminal, 9) == ["shell$"]);
        terminal.enters(&format!("$WSCLI connect {url}; echo en''ded-{round} $?"));
        let is_there = || terminal.screen().iter().any(|row| row.contains(seen));
        wait_until(seen, is_there);
        match round % 2 {
            0 => terminal.presses(&["C-d"]),
            _ => terminal.enters("/quit"),
        }
        let ended = format!("ended-{round} 0");
        terminal.sees(&ended);
        wait_until("the shell", || bottom(&terminal, 1) == ["shell$"]);
        assert_eq!(bottom(&terminal, 2), [&ended, "shell$"]);
    }
}

#[test]
#[ignore = "needs tmux"]
fn a_line_that_goes_on_says_so_and_is_sent_by_nobodys_mistake() {
    let server = Server::start(Behaviour::Echo);
    let terminal = Terminal::run(&format!("exec $WSCLI connect {}", server.url()));
    terminal.sees("Connection opened");
    // No JSON: nothing to go on with.
    terminal.enters("{ not json");
    terminal.sees("#1 { not json");
    terminal.enters("{\"a\":");
    terminal.sees("(goes on; an empty line sends it, Ctrl-C drops it)");
    terminal.enters("/status");
    terminal.sees("! not sent, since it is not JSON");
    assert_eq!(server.texts(), ["{ not json"]);
    terminal.presses(&["C-c"]);
    terminal.enters("{\"a\":");
    terminal.enters("1}");
    wait_until("JSON of two lines", || server.texts().len() == 2);
    assert_eq!(server.texts()[1], "{\"a\":\n1}");
    terminal.enters("/status");
    terminal.sees("sent: 2 messages");
}

#[test]
#[ignore = "needs tmux"]
fn a_pasted_line_end_is_not_sent() {
    let server = Server::start(Behaviour::Echo);
    let terminal = Terminal::run(&format!("exec $WSCLI connect {}", server.url()));
    terminal.sees("Connection opened");
    terminal.pastes("pasted\n");
    terminal.presses(&["Enter"]);
    wait_until("the line", || !server.texts().is_empty());
    terminal.pastes("two\nlines\n");
    terminal.presses(&["Enter"]);
    wait_until("the lines", || server.texts().len() == 2);
    assert_eq!(server.texts(), ["pasted", "two\nlines"]);
}

#[test]
#[ignore = "needs tmux"]
fn tab_lists_the_commands() {
    let server = Server::start(Behaviour::Echo);
    let terminal = Terminal::run(&format!("exec $WSCLI connect {}", server.url()));
    terminal.sees("Connection opened");
    terminal.types("/");
    terminal.presses(&["Tab"]);
    for command in ["/connect", "/show", "/quit"] {
        terminal.sees(command);
    }
    terminal.types("he");
    terminal.presses(&["Tab"]);
    // Two begin so: one more letter decides.
    terminal.types("l");
    terminal.presses(&["Tab", "Enter"]);
    terminal.sees("Unfinished JSON goes on in the next line");
    let wide = |row: &String| row.chars().count() > 80;
    assert!(!terminal.history().iter().any(wide));
}

#[test]
#[ignore = "needs tmux"]
fn a_dumb_terminal_has_a_prompt_too() {
    let server = Server::start(Behaviour::Echo);
    let terminal = Terminal::run(&format!(
        "TERM=dumb; export TERM; exec $WSCLI connect {}",
        server.url()
    ));
    terminal.sees("Connection opened");
    terminal.waits("the prompt", |rows| {
        rows.iter().any(|row| row == "      Open>")
    });
    terminal.enters("hello");
    terminal.waits("what was typed", |rows| {
        rows.iter().any(|row| row == "      Open> hello")
    });
    terminal.sees("#2 hello");
    assert!(!terminal.history().iter().any(|row| row.contains('\u{1b}')));
    terminal.enters("/exit");
    terminal.ends();
}

#[test]
#[ignore = "needs tmux"]
fn quiet_shows_messages_and_errors_alone() {
    let server = Server::start(Behaviour::Echo);
    let terminal = Terminal::run(&format!("exec $WSCLI connect -q {}", server.url()));
    terminal.sees("      Open>");
    terminal.enters("hello");
    terminal.sees("#2 hello");
    terminal.enters("/nope");
    terminal.sees("! ");
    terminal.enters("/close");
    terminal.sees("    Closed>");
    terminal.enters("/quit");
    terminal.ends();
    let told: Vec<_> = terminal.history();
    assert!(!told.iter().any(|row| row.starts_with("* ")), "{told:#?}");
}

#[test]
#[ignore = "needs tmux"]
fn what_failed_has_its_hint_at_the_prompt() {
    let refused = Server::start(Behaviour::Refuse);
    for url in [refused.url(), NOBODY.to_owned()] {
        let terminal = Terminal::run(&format!("exec $WSCLI connect {url}"));
        terminal.sees("    Closed>");
        terminal.sees(" hint: ");
    }
}

#[test]
#[ignore = "needs tmux"]
fn clicolor_0_turns_colours_off() {
    let server = Server::start(Behaviour::Echo);
    for (setting, is_colored) in [("CLICOLOR=0", false), ("CLICOLOR=1", true)] {
        let terminal = Terminal::run(&format!("{setting} exec $WSCLI connect {}", server.url()));
        terminal.sees("Connection opened");
        terminal.enters("{\"a\":1}");
        terminal.sees("#2 {\"a\":1}");
        let colored = terminal.colors().iter().any(|row| row.contains("\u{1b}["));
        assert_eq!(colored, is_colored, "{setting}: {:#?}", terminal.colors());
    }
}
