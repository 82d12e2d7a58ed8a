//! curl command lines, there and back: what a browser's "Copy as cURL" gives
//! becomes flags of ours, and our flags become a curl command.
//!
//! Pure: words in, words out.

mod from;
mod print;
mod words;

use self::from::is_curl;
pub(crate) use self::from::{CurlError, Translated, translate};
pub(crate) use self::print::print;
pub(crate) use self::words::split;

use clap::Args;

/// Flags that read and write curl command lines.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "curl")]
pub(crate) struct CurlArgs {
    /// Take the URL and the flags of this curl command ("Copy as cURL" of a browser): as one word, as all the words that follow, or @FILE
    #[arg(long, value_name = "CURL")]
    pub from_curl: Option<String>,

    /// Print the curl command that asks for the same upgrade, its secrets included, and end
    #[arg(long)]
    pub print_command: bool,
}

/// A command line whose `--from-curl` has been replaced by what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expanded {
    /// The arguments.
    pub arguments: Vec<String>,
    /// What was left out, a sentence each.
    pub warnings: Vec<String>,
}

const FLAG: &str = "--from-curl";
const PROBE: &str = "probe-origin";

/// Whether [`expand`] has anything to do.
pub(crate) fn wants_expansion(arguments: &[String]) -> bool {
    position(arguments).is_some()
}

/// Replaces `--from-curl`. Its flags go first, so that those beside it win.
/// `read` reads the file of `--from-curl @FILE`.
///
/// # Errors
/// A command that is no curl command or that no WebSocket can do, or a file
/// that cannot be read.
pub(crate) fn expand(
    arguments: &[String],
    read: impl FnOnce(&str) -> std::io::Result<String>,
) -> Result<Expanded, CurlError> {
    let unchanged = || Expanded {
        arguments: arguments.to_vec(),
        warnings: Vec::new(),
    };
    let Some(at) = position(arguments) else {
        return Ok(unchanged());
    };
    let (given, rest) = match arguments[at].strip_prefix("--from-curl=") {
        Some(value) => (value, &arguments[at + 1..]),
        None => match arguments.get(at + 1) {
            Some(value) => (value.as_str(), &arguments[at + 2..]),
            // clap says what is missing.
            None => return Ok(unchanged()),
        },
    };
    // An unquoted paste: the shell has split it, and all of it is curl's.
    let pasted = is_curl(given) && !rest.is_empty();
    let (words, rest) = if pasted {
        (arguments[at + 1..].to_vec(), &[][..])
    } else if let Some(path) = given.strip_prefix('@') {
        let text = read(path).map_err(|source| CurlError::File {
            path: path.to_owned(),
            source,
        })?;
        (split(&text)?, rest)
    } else {
        (split(given)?, rest)
    };
    let mut translated = translate(&words)?;
    // Behind the name of the command, where there is one.
    let command = arguments[..at]
        .iter()
        .position(|word| word == "connect" || word == PROBE);
    if command.is_some_and(|index| arguments[index] == PROBE) {
        translated = for_probes(translated);
    }
    let (before, between) = arguments[..at].split_at(command.map_or(1, |index| index + 1).min(at));
    Ok(Expanded {
        arguments: [before, &translated.arguments, between, rest].concat(),
        warnings: translated.warnings,
    })
}

/// `probe-origin` sends the origins itself: the request's own is what is to be
/// allowed, most of the time.
fn for_probes(mut translated: Translated) -> Translated {
    translated.arguments.retain(|argument| {
        let Some(origin) = argument.strip_prefix("--origin=") else {
            return true;
        };
        translated.warnings.push(format!(
            "the curl command has the Origin {origin}, which is sent where --allow {origin} says so"
        ));
        false
    });
    translated
}

fn position(arguments: &[String]) -> Option<usize> {
    arguments
        .iter()
        .take_while(|word| *word != "--")
        .position(|word| word == FLAG || word.starts_with("--from-curl="))
}

#[cfg(test)]
mod tests;
