//! What a typed line means. Pure.

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use thiserror::Error;

use crate::connection::ws::close::InvalidCloseCode;
use crate::connection::{CloseCode, CloseFrame, Message};
use crate::decode::json;

/// RFC 6455 §5.5: "All control frames MUST have a payload length of 125 bytes
/// or less".
const MAX_CONTROL_BYTES: usize = 125;

/// What the user wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Open a connection: to this address, or to the last one.
    Connect(Option<String>),
    /// Send a message.
    Send(Message),
    /// Send a file's bytes as a binary message.
    SendFile(PathBuf),
    /// Send the n-th last message again, counted from 1.
    Resend(usize),
    /// Send a ping.
    Ping(Bytes),
    /// Send an unsolicited pong.
    Pong(Bytes),
    /// Close the connection.
    Close(CloseFrame),
    /// Do something with the log.
    Log(LogCommand),
    /// Show the state of the connection.
    Status,
    /// Show both heads of the opening handshake.
    Headers,
    /// Show what can be typed.
    Help,
    /// Close and leave.
    Quit,
    /// Nothing was typed.
    Nothing,
}

/// What `/log` does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogCommand {
    /// Show of received JSON only what this JSONPath selects; `None` shows
    /// everything again.
    Filter(Option<String>),
    /// Show nothing for now.
    Pause,
    /// Show again.
    Resume,
    /// Write the log to a file.
    Save(PathBuf),
    /// Forget the log, and clear the screen.
    Clear,
}

/// Why a line means nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CommandError {
    /// No such command.
    #[error("there is no command '/{0}'; /help lists them, and //{0} sends it as a message")]
    Unknown(String),
    /// Arguments where none are taken, or none where they are needed.
    #[error("write /{name}{}{usage}", if usage.is_empty() { "" } else { " " })]
    Usage {
        /// The command.
        name: &'static str,
        /// Its arguments.
        usage: &'static str,
    },
    /// No close code.
    #[error("'{0}' is no close code; use 1000 to 1003, 1007 to 1014, or 3000 to 4999")]
    CloseCode(String),
    /// A number that no Close frame may carry.
    #[error(transparent)]
    InvalidCloseCode(#[from] InvalidCloseCode),
    /// A reason that is too long.
    #[error("the reason has {bytes} bytes; a close frame holds at most {limit_bytes}")]
    LongReason {
        /// Its length.
        bytes: usize,
        /// How much fits.
        limit_bytes: usize,
    },
    /// A payload that is too long.
    #[error("the data has {bytes} bytes; a ping or pong holds at most {limit_bytes}")]
    LongControl {
        /// Its length.
        bytes: usize,
        /// How much fits.
        limit_bytes: usize,
    },
    /// No hexadecimal digits, or an odd number of them.
    #[error("{0}; write bytes as two hexadecimal digits each, such as 00 ff 7f or 00ff7f")]
    Hex(String),
    /// Not base64.
    #[error("that is not base64: {0}")]
    Base64(String),
    /// Not JSON.
    #[error("that is not JSON: {0}; /text sends it as it is")]
    Json(String),
    /// No count.
    #[error("'{0}' is no number of a message; 1 is the last one sent")]
    Number(String),
}

/// A command as the user sees it.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// Its name, without the slash.
    pub name: &'static str,
    /// Its arguments.
    pub usage: &'static str,
    /// What it does.
    pub help: &'static str,
    parse: fn(&Spec, &str) -> Result<Command, CommandError>,
}

/// All commands, in the order of `/help`.
pub const COMMANDS: &[Spec] = &[
    spec(
        "connect",
        "[URL]",
        "open a connection: to URL, or to the last one again",
        connect,
    ),
    spec(
        "send",
        "TEXT",
        "send a text message (so does a line without a slash; //x sends /x)",
        text,
    ),
    spec(
        "text",
        "TEXT",
        "the same; takes an open bracket as it is",
        text,
    ),
    spec(
        "json",
        "JSON",
        "send JSON, checked and on one line",
        send_json,
    ),
    spec("hex", "BYTES", "send a binary message: 00 ff 7f", hex),
    spec("b64", "BASE64", "send a binary message", base64),
    spec("file", "PATH", "send a file as a binary message", file),
    spec(
        "resend",
        "[N]",
        "send the last message again, or the N-th last",
        resend,
    ),
    spec(
        "ping",
        "[TEXT]",
        "send a ping; the answer shows the round-trip time",
        ping,
    ),
    spec("pong", "[TEXT]", "send a pong that nobody asked for", pong),
    spec(
        "close",
        "[CODE [REASON]]",
        "close the connection (1000)",
        close,
    ),
    spec(
        "status",
        "",
        "show the state of the connection, its counts and times",
        status,
    ),
    spec(
        "headers",
        "",
        "show both heads of the opening handshake",
        headers,
    ),
    spec(
        "log",
        "filter JSONPATH|filter off|pause|resume|save PATH|clear",
        "choose what is shown of the log, or save it",
        log,
    ),
    spec("help", "", "show this", help),
    spec("quit", "", "close and leave (so does Ctrl-D)", quit),
];

/// The words behind `/log`.
pub const LOG_WORDS: [&str; 5] = ["filter", "pause", "resume", "save", "clear"];

const fn spec(
    name: &'static str,
    usage: &'static str,
    help: &'static str,
    parse: fn(&Spec, &str) -> Result<Command, CommandError>,
) -> Spec {
    Spec {
        name,
        usage,
        help,
        parse,
    }
}

/// Reads a line.
///
/// # Errors
/// A [`CommandError`], a sentence for the user.
pub fn parse(line: &str) -> Result<Command, CommandError> {
    let Some(rest) = line.strip_prefix('/') else {
        return Ok(match line.trim().is_empty() {
            true => Command::Nothing,
            false => Command::Send(Message::text(line)),
        });
    };
    if rest.starts_with('/') {
        return Ok(Command::Send(Message::text(rest)));
    }
    let (name, arguments) = match rest.find(char::is_whitespace) {
        // One space parts them; what follows may be a text, spaces and all.
        Some(at) => (&rest[..at], rest[at..].get(1..).unwrap_or_default()),
        None => (rest, ""),
    };
    let spec = COMMANDS
        .iter()
        .find(|spec| spec.name == name)
        .ok_or_else(|| CommandError::Unknown(name.to_owned()))?;
    (spec.parse)(spec, arguments)
}

/// Whether the input goes on in the next line: it is JSON, typed or behind a
/// command that takes some, with a bracket still open. An empty line ends it
/// all the same.
pub fn is_unfinished(input: &str) -> bool {
    let text = ["/send ", "/json "]
        .iter()
        .find_map(|command| input.strip_prefix(command))
        .unwrap_or(input);
    !text.starts_with('/') && !text.ends_with('\n') && json::is_unfinished(text)
}

fn usage<T>(spec: &Spec) -> Result<T, CommandError> {
    Err(CommandError::Usage {
        name: spec.name,
        usage: spec.usage,
    })
}

fn alone(spec: &Spec, arguments: &str, command: Command) -> Result<Command, CommandError> {
    match arguments.trim().is_empty() {
        true => Ok(command),
        false => usage(spec),
    }
}

fn connect(_: &Spec, arguments: &str) -> Result<Command, CommandError> {
    let url = arguments.trim();
    Ok(Command::Connect((!url.is_empty()).then(|| url.to_owned())))
}

fn text(_: &Spec, arguments: &str) -> Result<Command, CommandError> {
    Ok(Command::Send(Message::text(arguments)))
}

fn send_json(_: &Spec, arguments: &str) -> Result<Command, CommandError> {
    let small = json::minify(arguments).map_err(|error| CommandError::Json(error.to_string()))?;
    Ok(Command::Send(Message::text(small)))
}

fn hex(spec: &Spec, arguments: &str) -> Result<Command, CommandError> {
    let text = arguments.trim();
    let text = text.strip_prefix("0x").unwrap_or(text);
    let mut digits = Vec::with_capacity(text.len());
    for c in text.chars().filter(|c| !c.is_whitespace()) {
        let digit = c
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
            .ok_or_else(|| CommandError::Hex(format!("'{c}' is no hexadecimal digit")))?;
        digits.push(digit);
    }
    if digits.is_empty() {
        return usage(spec);
    }
    if digits.len() % 2 == 1 {
        return Err(CommandError::Hex(format!(
            "{} digits make no whole bytes",
            digits.len()
        )));
    }
    let bytes: Vec<u8> = digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect();
    Ok(Command::Send(Message::binary(bytes)))
}

fn base64(spec: &Spec, arguments: &str) -> Result<Command, CommandError> {
    let text: String = arguments.split_whitespace().collect();
    if text.is_empty() {
        return usage(spec);
    }
    let bytes = BASE64
        .decode(text)
        .map_err(|error| CommandError::Base64(error.to_string()))?;
    Ok(Command::Send(Message::binary(bytes)))
}

fn file(spec: &Spec, arguments: &str) -> Result<Command, CommandError> {
    Ok(Command::SendFile(path(spec, arguments)?))
}

fn path(spec: &Spec, arguments: &str) -> Result<PathBuf, CommandError> {
    match arguments.trim() {
        "" => usage(spec),
        path => Ok(path.into()),
    }
}

fn resend(_: &Spec, arguments: &str) -> Result<Command, CommandError> {
    let text = arguments.trim();
    if text.is_empty() {
        return Ok(Command::Resend(1));
    }
    match text.parse() {
        Ok(number) if number > 0 => Ok(Command::Resend(number)),
        _ => Err(CommandError::Number(text.to_owned())),
    }
}

fn ping(_: &Spec, arguments: &str) -> Result<Command, CommandError> {
    Ok(Command::Ping(control(arguments)?))
}

fn pong(_: &Spec, arguments: &str) -> Result<Command, CommandError> {
    Ok(Command::Pong(control(arguments)?))
}

fn control(data: &str) -> Result<Bytes, CommandError> {
    if data.len() > MAX_CONTROL_BYTES {
        return Err(CommandError::LongControl {
            bytes: data.len(),
            limit_bytes: MAX_CONTROL_BYTES,
        });
    }
    Ok(Bytes::copy_from_slice(data.as_bytes()))
}

fn close(_: &Spec, arguments: &str) -> Result<Command, CommandError> {
    let arguments = arguments.trim();
    let (code, reason) = arguments
        .split_once(char::is_whitespace)
        .unwrap_or((arguments, ""));
    let reason = reason.trim();
    let code = match code {
        "" => CloseCode::NORMAL,
        code => {
            let number: u16 = code
                .parse()
                .map_err(|_| CommandError::CloseCode(code.to_owned()))?;
            CloseCode::try_from(number)?
        }
    };
    if reason.len() > CloseFrame::MAX_REASON_BYTES {
        return Err(CommandError::LongReason {
            bytes: reason.len(),
            limit_bytes: CloseFrame::MAX_REASON_BYTES,
        });
    }
    Ok(Command::Close(CloseFrame::new(code, reason)))
}

fn log(spec: &Spec, arguments: &str) -> Result<Command, CommandError> {
    let arguments = arguments.trim();
    let (word, rest) = arguments
        .split_once(char::is_whitespace)
        .unwrap_or((arguments, ""));
    let rest = rest.trim();
    let command = match (word, rest) {
        ("filter", "off") => LogCommand::Filter(None),
        ("filter", path) if !path.is_empty() => LogCommand::Filter(Some(path.to_owned())),
        ("pause", "") => LogCommand::Pause,
        ("resume", "") => LogCommand::Resume,
        ("clear", "") => LogCommand::Clear,
        ("save", path) if !path.is_empty() => LogCommand::Save(path.into()),
        _ => return usage(spec),
    };
    Ok(Command::Log(command))
}

fn status(spec: &Spec, arguments: &str) -> Result<Command, CommandError> {
    alone(spec, arguments, Command::Status)
}

fn headers(spec: &Spec, arguments: &str) -> Result<Command, CommandError> {
    alone(spec, arguments, Command::Headers)
}

fn help(_: &Spec, _: &str) -> Result<Command, CommandError> {
    Ok(Command::Help)
}

fn quit(spec: &Spec, arguments: &str) -> Result<Command, CommandError> {
    alone(spec, arguments, Command::Quit)
}
