//! What the commands do.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use serde_json_path::JsonPath;

use super::command::{self, Command, LogCommand};
use super::session::{End, Leave, MAX_QUEUED, Session, State};
use crate::connection::Message;
use crate::decode::Decode;
use crate::talk::text::{count, counted};
use crate::talk::{Entry, Outgoing};
use crate::value::Pattern;

/// How many messages `/find` lists.
const MAX_FOUND: usize = 100;

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
            Command::Show(number) => self.show_message(number),
            Command::Find(text) => self.find(&text),
            Command::Save(number, path) => self.save_message(number, &path),
            Command::Pretty(on) => self.set_pretty(on),
            Command::Decode(decode) => self.set_decode(decode),
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
                return self.error(&format!("'{}' is not a file", path.display()));
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
                "there is no message {number} to send again, only {}",
                counted(kept, "message")
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
                Err(error) => self.error(&format!("'{text}' is not a JSONPath: {error}")),
            },
            LogCommand::Pause => {
                self.paused.get_or_insert_default();
                self.status("The log is paused; /log resume shows it again");
            }
            LogCommand::Resume => self.resume(),
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
        let text: String = kept.lines().collect();
        let result = write_new(path, text.as_bytes());
        match result {
            Ok(()) if dropped == 0 => self.status(&format!(
                "{} saved in '{}'",
                counted(saved, "event"),
                path.display()
            )),
            Ok(()) => self.status(&format!(
                "the last {} saved in '{}'; {dropped} earlier ones were not kept, --log keeps all",
                counted(saved, "event"),
                path.display()
            )),
            Err(error) => {
                self.error(&format!("could not write '{}': {error}", path.display()));
            }
        }
    }

    fn show_message(&mut self, number: Option<u64>) {
        let number = number.unwrap_or(self.messages.last());
        match self.messages.get(number) {
            Ok(entry) => self.printer.print(self.look.whole(entry, number)),
            Err(error) => self.error(&error),
        }
    }

    /// Lists the last messages that match, a row each.
    fn find(&mut self, text: &str) {
        let pattern: Pattern = match text.parse() {
            Ok(pattern) => pattern,
            Err(error) => return self.error(&format!("'{text}' is not a pattern: {error}")),
        };
        let holds = |entry: &Entry| entry.kind.data().is_some_and(|data| pattern.matches(data));
        let found: Vec<_> = self
            .messages
            .iter()
            .filter(|(_, entry)| holds(entry))
            .map(|(number, entry)| self.look.brief(entry, number))
            .collect();
        let left_out = found.len().saturating_sub(MAX_FOUND);
        let mut told = match found.len() {
            0 => "Nothing like it is in the messages that are kept".to_owned(),
            number => format!("Found in {}; /show N shows one", counted(number, "message")),
        };
        if left_out > 0 {
            told.push_str(&format!(", the last {MAX_FOUND} are"));
        }
        self.status(&told);
        for lines in found.into_iter().skip(left_out) {
            self.printer.print(lines);
        }
    }

    fn save_message(&mut self, number: u64, path: &Path) {
        let payload = match self.messages.get(number) {
            Ok(entry) => entry.kind.data().unwrap_or_default().to_vec(),
            Err(error) => return self.error(&error),
        };
        match write_new(path, &payload) {
            Ok(()) => self.status(&format!(
                "{} saved in '{}'",
                counted(payload.len(), "byte"),
                path.display()
            )),
            Err(error) => self.error(&format!("could not write '{}': {error}", path.display())),
        }
    }

    fn set_pretty(&mut self, on: Option<bool>) {
        self.look.pretty = on.unwrap_or(!self.look.pretty);
        self.status(match self.look.pretty {
            true => "JSON is shown with a line for each member; /pretty off ends it",
            false => "JSON is shown as it comes",
        });
    }

    fn set_decode(&mut self, decode: Option<Decode>) {
        if let Some(decode) = decode {
            self.line.transcript().set_decode(decode);
        }
        let decode = self.line.transcript().decode();
        self.status(&format!("Messages are taken apart by: {decode}"));
    }
}

/// Writes a file that must not be there, readable by its owner alone.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    let mut file = crate::talk::file::owner_only(&mut options).open(path)?;
    file.write_all(bytes)
}
