//! What the commands do.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use serde_json_path::JsonPath;

use super::command::{self, Command, LogCommand};
use super::session::{End, Leave, MAX_QUEUED, Session, State};
use crate::connection::Message;
use crate::talk::Outgoing;
use crate::talk::text::count;

/// Clears the screen and what has scrolled off it.
const CLEAR_SCREEN: &str = "\x1b[H\x1b[2J\x1b[3J";

impl Session {
    /// Does what a line says.
    pub(super) fn line(&mut self, line: &str) -> Leave {
        match command::parse(line) {
            Ok(Command::Quit) => return self.leave(End::Quit),
            Ok(command) => self.run(command),
            Err(error) => self.error(&error.to_string()),
        }
        Leave::NotYet
    }

    fn run(&mut self, command: Command) {
        match command {
            Command::Nothing | Command::Quit => {}
            Command::Connect(url) => self.connect_to(url.as_deref()),
            Command::Send(message) => self.send(Outgoing::Message(message)),
            Command::SendFile(path) => self.send_file(&path),
            Command::Resend(number) => self.resend(number),
            Command::Ping(payload) => self.send(Outgoing::Ping(payload)),
            Command::Pong(payload) => self.send(Outgoing::Pong(payload)),
            Command::Close(frame) => self.close_connection(frame),
            Command::Log(command) => self.log(command),
            Command::Status => self.show_status(),
            Command::Headers => self.show_headers(),
            Command::Help => self.show_help(),
        }
    }

    fn connect_to(&mut self, url: Option<&str>) {
        if matches!(self.state, State::Open | State::Closing) {
            self.error("a connection is open; /close it first");
            return;
        }
        if let Some(url) = url {
            match (self.dialer)(url) {
                Ok((target, config)) => self.line.set_target(target, config),
                Err(error) => return self.error(&error),
            }
        } else if self.line.target().is_none() {
            return self.error("there is no address yet; write /connect URL");
        }
        self.connect_afresh();
    }

    /// Sends, or queues where a reconnect is on its way, or says why not.
    fn send(&mut self, outgoing: Outgoing) {
        if self.state == State::Open && self.hand_over(outgoing.clone()) {
            return;
        }
        if !self.line.is_reconnecting() {
            return self.error(match self.state {
                State::Ready => "not sent: there is no connection; write /connect URL",
                State::Connecting => "not sent: the connection is not open yet",
                State::Open | State::Closing => "not sent: the connection is closing",
                State::Closed => "not sent: the connection is closed; /connect opens it again",
            });
        }
        if self.queue.len() == MAX_QUEUED {
            return self.error(&format!(
                "not sent: {} messages wait for the connection already",
                count(MAX_QUEUED)
            ));
        }
        self.queue.push_back(outgoing);
        let waiting = count(self.queue.len());
        self.status(&format!(
            "Queued until the connection is open again ({waiting} waiting)"
        ));
    }

    fn send_file(&mut self, path: &Path) {
        // To read from a pipe or a device could take for ever.
        let result = match fs::metadata(path) {
            Ok(metadata) if !metadata.is_file() => {
                return self.error(&format!("'{}' is no file", path.display()));
            }
            Ok(_) => fs::read(path),
            Err(error) => Err(error),
        };
        match result {
            Ok(bytes) => self.send(Outgoing::Message(Message::binary(bytes))),
            Err(error) => {
                self.error(&format!("could not read '{}': {error}", path.display()));
            }
        }
    }

    fn resend(&mut self, number: usize) {
        let kept = self.resendable.len();
        let message = kept
            .checked_sub(number)
            .and_then(|index| self.resendable.get(index).cloned());
        match message {
            Some(message) => self.send(Outgoing::Message(message)),
            None => self.error(&format!(
                "there are {kept} messages to send again, and no {number}"
            )),
        }
    }

    fn close_connection(&mut self, frame: crate::connection::CloseFrame) {
        match self.state {
            State::Open => self.close(frame),
            State::Closing => self.error("the connection is closing already"),
            _ if self.line.is_reconnecting() || self.state == State::Connecting => {
                self.line.stop_connecting();
                self.set_state(State::Closed);
                self.status("No longer connecting; /connect tries again");
            }
            _ => self.error("there is no connection to close"),
        }
    }

    fn log(&mut self, command: LogCommand) {
        match command {
            LogCommand::Filter(None) => {
                self.look.filter = None;
                self.status("Everything is shown again");
            }
            LogCommand::Filter(Some(text)) => match JsonPath::parse(&text) {
                Ok(filter) => {
                    self.look.filter = Some(filter);
                    self.unread_told = false;
                    self.status(&format!(
                        "Of received JSON, only {text} is shown; /log filter off shows all"
                    ));
                }
                Err(error) => self.error(&format!("'{text}' is no JSONPath: {error}")),
            },
            LogCommand::Pause => {
                self.paused.get_or_insert(0);
                self.status("The log is paused; /log resume shows it again");
            }
            LogCommand::Resume => match self.paused.take() {
                Some(hidden) => self.status(&format!("{hidden} entries were not shown")),
                None => self.status("The log is not paused"),
            },
            LogCommand::Save(path) => self.save_log(&path),
            LogCommand::Clear => {
                self.line.transcript().kept().clear();
                if self.has_screen {
                    self.printer.print(CLEAR_SCREEN.to_owned());
                }
                self.status("The log is cleared; files of --log and --har are not");
            }
        }
    }

    fn save_log(&mut self, path: &Path) {
        let kept = self.line.transcript().kept();
        let (saved, dropped) = (kept.lines().len(), kept.dropped());
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        let result = crate::talk::file::owner_only(&mut options)
            .open(path)
            .and_then(|mut file| {
                let text: String = kept.lines().collect();
                file.write_all(text.as_bytes())
            });
        match result {
            Ok(()) if dropped == 0 => self.status(&format!(
                "{} entries are saved in '{}'",
                count(saved),
                path.display()
            )),
            Ok(()) => self.status(&format!(
                "the last {} entries are saved in '{}'; {dropped} earlier ones were not kept, --log keeps all",
                count(saved),
                path.display()
            )),
            Err(error) => {
                self.error(&format!("could not write '{}': {error}", path.display()));
            }
        }
    }
}
