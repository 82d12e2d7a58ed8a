//! The commands, and what their arguments mean.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;

use super::meaning::{Command, CommandError, LogCommand};
use crate::connection::{CloseCode, CloseFrame, Message};
use crate::decode::json;
use crate::talk::escape::unescape;

/// RFC 6455 §5.5: "All control frames MUST have a payload length of 125 bytes
/// or less".
const MAX_CONTROL_BYTES: usize = 125;

/// A command as the user sees it.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// Its name, without the slash.
    pub name: &'static str,
    /// Its arguments.
    pub usage: &'static str,
    /// What it does.
    pub help: &'static str,
    pub(super) parse: fn(&Spec, &str) -> Result<Command, CommandError>,
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
        send,
    ),
    spec(
        "text",
        "TEXT",
        "send a text message with escapes, as messages are shown: \\n \\x1e \\u{200b} \\\\",
        text,
    ),
    spec(
        "json",
        "JSON",
        "send JSON, checked and on one line",
        send_json,
    ),
    spec(
        "hex",
        "BYTES",
        "send a binary message: 00 ff 7f, or 0x00,0xff",
        hex,
    ),
    spec("b64", "BASE64", "send a binary message", base64),
    spec("file", "PATH", "send a file as a binary message", file),
    spec(
        "resend",
        "[N]",
        "send the last message again, or the N-th last",
        resend,
    ),
    spec(
        "show",
        "[N]",
        "show message N whole, or the last one (its number stands behind its time)",
        show,
    ),
    spec(
        "find",
        "PATTERN",
        "list the messages that hold a text, /regex/ or JSONPath",
        find,
    ),
    spec(
        "save",
        "N PATH",
        "write the payload of message N to a new file",
        save,
    ),
    spec(
        "pretty",
        "[on|off]",
        "show JSON with a line for each member, or not",
        pretty,
    ),
    spec(
        "decode",
        "[auto|json|lines|record-separator|off]",
        "take messages apart into records",
        decode,
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
    spec("quit", "", "close and leave (so do /exit and Ctrl-D)", quit),
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

fn send(_: &Spec, arguments: &str) -> Result<Command, CommandError> {
    Ok(Command::Send(Message::text(arguments)))
}

fn text(_: &Spec, arguments: &str) -> Result<Command, CommandError> {
    Ok(Command::Send(Message::text(
        unescape(arguments)?.into_owned(),
    )))
}

fn send_json(_: &Spec, arguments: &str) -> Result<Command, CommandError> {
    let small = json::minify(arguments).map_err(|error| CommandError::Json(error.to_string()))?;
    Ok(Command::Send(Message::text(small)))
}

fn hex(spec: &Spec, arguments: &str) -> Result<Command, CommandError> {
    let is_between = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':' | '-' | '\\');
    let mut digits = Vec::with_capacity(arguments.len());
    for word in arguments.split(is_between) {
        let bare = ["0x", "0X", "x"]
            .iter()
            .find_map(|prefix| word.strip_prefix(prefix));
        if bare.is_some_and(|bare| bare.len() == 1) {
            digits.push(0);
        }
        for c in bare.unwrap_or(word).chars() {
            let digit = c
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
                .ok_or_else(|| CommandError::Hex(format!("'{c}' is no hexadecimal digit")))?;
            digits.push(digit);
        }
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

fn show(_: &Spec, arguments: &str) -> Result<Command, CommandError> {
    let text = arguments.trim();
    Ok(Command::Show(match text.is_empty() {
        true => None,
        false => Some(number(text)?),
    }))
}

fn find(spec: &Spec, arguments: &str) -> Result<Command, CommandError> {
    match arguments.is_empty() {
        true => usage(spec),
        false => Ok(Command::Find(arguments.to_owned())),
    }
}

fn save(spec: &Spec, arguments: &str) -> Result<Command, CommandError> {
    let Some((text, path)) = arguments.trim().split_once(char::is_whitespace) else {
        return usage(spec);
    };
    Ok(Command::Save(number(text)?, path.trim().into()))
}

/// The number of a message, as it is shown.
fn number(text: &str) -> Result<u64, CommandError> {
    let digits = text.strip_prefix('#').unwrap_or(text);
    let number = digits.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| CommandError::Message(text.to_owned()))
}

fn pretty(spec: &Spec, arguments: &str) -> Result<Command, CommandError> {
    match arguments.trim() {
        "" => Ok(Command::Pretty(None)),
        "on" => Ok(Command::Pretty(Some(true))),
        "off" => Ok(Command::Pretty(Some(false))),
        _ => usage(spec),
    }
}

fn decode(_: &Spec, arguments: &str) -> Result<Command, CommandError> {
    match arguments.trim() {
        "" => Ok(Command::Decode(None)),
        name => Ok(Command::Decode(Some(
            name.parse().map_err(CommandError::Decode)?,
        ))),
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
