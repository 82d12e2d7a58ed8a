//! What a typed line means. Pure.

mod meaning;
mod specs;
#[cfg(test)]
mod tests;

pub use meaning::{Command, CommandError, LogCommand};
pub use specs::{COMMANDS, LOG_WORDS, Spec};

use crate::connection::Message;
use crate::decode::json;

/// Reads a line.
///
/// # Errors
/// A [`CommandError`], a sentence for the user.
pub fn parse(line: &str) -> Result<Command, CommandError> {
    let Some(rest) = line.strip_prefix('/') else {
        return Ok(match line.trim().is_empty() {
            true => Command::Nothing,
            // A line end that was pasted with the line is not meant.
            false => Command::Send(Message::text(line.trim_end_matches(['\r', '\n']))),
        });
    };
    if rest.starts_with('/') {
        return Ok(Command::Send(Message::text(
            rest.trim_end_matches(['\r', '\n']),
        )));
    }
    let (name, arguments) = match rest.find(char::is_whitespace) {
        // One space parts them; what follows may be a text, spaces and all.
        Some(at) => (&rest[..at], rest[at..].get(1..).unwrap_or_default()),
        None => (rest, ""),
    };
    let arguments = arguments.trim_end_matches(['\r', '\n']);
    let spec = COMMANDS
        .iter()
        .find(|spec| spec.name == name || (spec.name == "quit" && name == "exit"))
        .ok_or_else(|| CommandError::Unknown(name.to_owned()))?;
    (spec.parse)(spec, arguments)
}

/// Why a text of several lines is not what it begins like; `None` for one that is
/// finished JSON, or no JSON at all from its first line on.
pub fn broken_json(input: &str) -> Option<String> {
    let text = json_of(input)?;
    let (first, rest) = text.split_once('\n')?;
    if rest.trim().is_empty() || !json::is_unfinished(first) {
        return None;
    }
    json::minify(text).err().map(|error| error.to_string())
}

/// The part of an input that may be JSON: all of it, or what a command takes.
fn json_of(input: &str) -> Option<&str> {
    let text = ["/send ", "/json "]
        .iter()
        .find_map(|command| input.strip_prefix(command))
        .unwrap_or(input);
    Some(text).filter(|text| !text.starts_with('/'))
}

/// Whether the input goes on in the next line: it is JSON, typed or behind a
/// command that takes some, with a bracket still open. An empty line ends it
/// all the same.
pub fn is_unfinished(input: &str) -> bool {
    json_of(input).is_some_and(|text| !text.ends_with('\n') && json::is_unfinished(text))
}
