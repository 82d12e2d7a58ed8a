//! The messages of `-x` and `--setup`: a text, a text with escapes, or a file.

use std::fs;

use anyhow::Result;

use crate::cli::connect::InputArgs;
use crate::connection::Message;
use crate::exit::Failure;
use crate::pipe::Framing;
use crate::talk::escape::unescape;

/// A message as a flag names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    Message(Message),
    /// Standard input, to its end, is the message.
    Stdin,
}

/// What `-x` says.
///
/// # Errors
/// Exit 2 for a file that cannot be read and for an escape that is none.
pub(super) fn execute(args: &InputArgs, framing: Framing) -> Result<Vec<Said>> {
    let raw: Vec<_> = std::env::args().collect();
    let messages = args.execute.iter();
    messages
        .map(|text| said(text, ["-x", "--execute"], args.escapes, framing, &raw))
        .collect()
}

/// What `--setup` says.
///
/// # Errors
/// As [`execute`], and for standard input, which is for the messages that follow.
pub(super) fn setup(args: &InputArgs) -> Result<Vec<Message>> {
    let raw: Vec<_> = std::env::args().collect();
    let flags = ["--setup", "--setup"];
    let said = |text: &String| {
        match said(text, flags, args.escapes, Framing::Lines, &raw)? {
        Said::Message(message) => Ok(message),
        Said::Stdin => Err(Failure::usage(
            "--setup is sent over each connection, and standard input can be read once; write --setup @FILE",
        )
        .into()),
    }
    };
    args.setup.iter().map(said).collect()
}

/// Whether a value of one of these flags is the message itself, and names no file.
pub(super) fn is_text(text: &str, flags: [&str; 2], raw: &[String]) -> bool {
    let file = text.strip_prefix('@').is_some_and(|path| !path.is_empty());
    !file || is_forced(text, flags, raw)
}

fn is_forced(text: &str, flags: [&str; 2], raw: &[String]) -> bool {
    let mut flags = flags.iter();
    flags.any(|flag| raw.contains(&format!("{flag}={text}")))
}

/// What a value of one of these flags stands for; `raw` is the whole command line.
fn said(
    text: &str,
    flags: [&str; 2],
    escapes: bool,
    framing: Framing,
    raw: &[String],
) -> Result<Said> {
    let is_forced = is_forced(text, flags, raw);
    match text.strip_prefix('@') {
        Some("-") if !is_forced => return Ok(Said::Stdin),
        Some(path) if !path.is_empty() && !is_forced => {
            let bytes = fs::read(path).map_err(|error| {
                Failure::usage(format!(
                    "could not read the message in '{path}': {error}; {}={text} sends the text itself",
                    flags[0]
                ))
            })?;
            return Ok(Said::Message(whole(bytes, framing)));
        }
        _ => {}
    }
    let text = match escapes {
        true => unescape(text)
            .map_err(|error| Failure::usage(format!("{} {text}: {error}", flags[0])))?
            .into_owned(),
        false => text.to_owned(),
    };
    Ok(Said::Message(match framing {
        Framing::Binary => Message::binary(text),
        _ => Message::text(text),
    }))
}

/// Bytes as one message: text when they are UTF-8.
pub(super) fn whole(bytes: Vec<u8>, framing: Framing) -> Message {
    match String::from_utf8(bytes) {
        Ok(text) if framing != Framing::Binary => Message::text(text),
        Ok(text) => Message::binary(text),
        Err(error) => Message::binary(error.into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(text: &str, escapes: bool, raw: &[&str]) -> Result<Said, String> {
        let raw: Vec<_> = raw.iter().map(|&word| word.to_owned()).collect();
        said(text, ["-x", "--execute"], escapes, Framing::Lines, &raw)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_is_one_message_unless_the_text_is_meant() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("message");
        let name = format!("@{}", path.display());
        for (bytes, expected) in [
            (&b"two\nlines\n"[..], Message::text("two\nlines\n")),
            (b"\xff\0", Message::binary(&b"\xff\0"[..])),
            (b"", Message::text("")),
        ] {
            fs::write(&path, bytes).unwrap();
            assert_eq!(
                say(&name, true, &["-x", &name]),
                Ok(Said::Message(expected))
            );
        }
        let text = |text: &str| Ok(Said::Message(Message::text(text)));
        assert_eq!(say("@", false, &["-x", "@"]), text("@"));
        assert_eq!(say("@-", false, &["-x", "@-"]), Ok(Said::Stdin));
        for forced in ["-x=@alice", "--execute=@alice"] {
            assert_eq!(say("@alice", false, &[forced]), text("@alice"));
        }
        let error = say("@/no/such", false, &["-x", "@/no/such"]).unwrap_err();
        assert!(
            error.contains("-x=@/no/such sends the text itself"),
            "{error}"
        );
    }

    #[test]
    fn escapes_are_read_where_they_are_asked_for() {
        let text = |text: &str| Ok(Said::Message(Message::text(text)));
        assert_eq!(say(r"a\x1e\0", true, &[]), text("a\x1e\0"));
        assert_eq!(say(r"a\x1e\0", false, &[]), text(r"a\x1e\0"));
        let error = say(r"C:\dir", true, &[]).unwrap_err();
        assert!(
            error.starts_with(r"-x C:\dir: '\d' is not an escape"),
            "{error}"
        );
    }
}
