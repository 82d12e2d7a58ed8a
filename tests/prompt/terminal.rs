//! A real terminal of 80×24, driven by keys: tmux.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::server::wait_until;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A terminal with a program in it; gone with its value.
pub(super) struct Terminal {
    socket: String,
    dir: tempfile::TempDir,
}

impl Terminal {
    /// Runs a shell command in a new terminal, as its only process where it
    /// is a single one. `$WSCLI` is the program.
    pub(super) fn run(command: &str) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let terminal = Self {
            socket: format!("wscli-test-{}-{number}", std::process::id()),
            dir: tempfile::tempdir().unwrap(),
        };
        let home = terminal.dir.path().display();
        let config = terminal.dir.path().join("tmux.conf");
        // With set-clipboard, tmux itself obeys OSC 52, into its buffer.
        std::fs::write(
            &config,
            "set -g remain-on-exit on\nset -g history-limit 100000\nset -s set-clipboard on\n",
        )
        .unwrap();
        let command = format!(
            "exec env -i PATH=\"$PATH\" TERM=screen HOME={home} WSCLI={} sh -c '{}'",
            env!("CARGO_BIN_EXE_wscli"),
            command.replace('\'', "'\\''"),
        );
        let config = config.display().to_string();
        let output = terminal.tmux(&[
            "-f",
            &config,
            "new-session",
            "-d",
            "-s",
            "t",
            "-x",
            "80",
            "-y",
            "24",
            &command,
        ]);
        assert!(output.status.success(), "{output:?}");
        terminal
    }

    /// A directory of the terminal's own, `$HOME` within it.
    pub(super) fn dir(&self) -> PathBuf {
        self.dir.path().to_owned()
    }

    fn tmux(&self, arguments: &[&str]) -> Output {
        Command::new("tmux")
            .env_remove("TMUX")
            .args(["-L", &self.socket])
            .args(arguments)
            .output()
            .expect("tmux runs")
    }

    /// Types a text.
    pub(super) fn types(&self, text: &str) {
        self.tmux(&["send-keys", "-t", "t", "-l", "--", text]);
    }

    /// Presses keys by their names.
    pub(super) fn presses(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys", "-t", "t"], keys].concat());
    }

    /// Types a line and enters it.
    pub(super) fn enters(&self, line: &str) {
        self.types(line);
        self.presses(&["Enter"]);
    }

    /// Pastes a text, in brackets where the program asks for them.
    pub(super) fn pastes(&self, text: &str) {
        self.tmux(&["set-buffer", "-b", "pasted", text]);
        // -r: line ends stay what they are.
        self.tmux(&["paste-buffer", "-p", "-r", "-b", "pasted", "-t", "t"]);
    }

    /// Makes it so wide.
    pub(super) fn resizes(&self, columns: usize) {
        let columns = columns.to_string();
        self.tmux(&["resize-window", "-t", "t", "-x", &columns, "-y", "24"]);
    }

    /// The rows of the screen with their escape sequences.
    pub(super) fn colors(&self) -> Vec<String> {
        self.capture(&["-e"])
    }

    /// The rows of the screen.
    pub(super) fn screen(&self) -> Vec<String> {
        self.capture(&[])
    }

    /// Everything that was ever shown, with wrapped lines joined.
    pub(super) fn history(&self) -> Vec<String> {
        self.capture(&["-J", "-S", "-"])
    }

    fn capture(&self, options: &[&str]) -> Vec<String> {
        let output = self.tmux(&[&["capture-pane", "-t", "t", "-p"], options].concat());
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines()
            .map(|line| line.trim_end().to_owned())
            .collect()
    }

    /// A value that tmux knows of the terminal.
    pub(super) fn value(&self, name: &str) -> String {
        let format = format!("#{{{name}}}");
        let output = self.tmux(&["display-message", "-t", "t", "-p", &format]);
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// What the program put on the clipboard, if tmux let it.
    pub(super) fn clipboard(&self) -> String {
        String::from_utf8(self.tmux(&["show-buffer"]).stdout).unwrap()
    }

    /// Waits until a row of the screen or what was before it holds a text.
    pub(super) fn sees(&self, text: &str) {
        self.waits(text, |shown| shown.iter().any(|line| line.contains(text)));
    }

    /// Waits until what was shown is as it should be.
    pub(super) fn waits(&self, what: &str, is_right: impl Fn(&[String]) -> bool) {
        let deadline = Instant::now() + Duration::from_mins(3);
        while !is_right(&self.history()) {
            let screen = self.screen();
            assert!(Instant::now() < deadline, "no '{what}' in {screen:#?}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the program has ended.
    pub(super) fn ends(&self) {
        // Not by the words "Pane is dead", which tmux sometimes forgets.
        wait_until("the end of the program", || self.value("pane_dead") == "1");
    }

    /// The process in the terminal.
    pub(super) fn pid(&self) -> String {
        self.value("pane_pid")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}
