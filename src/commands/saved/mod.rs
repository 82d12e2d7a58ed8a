//! Saved targets: `@NAME` in the place of a URL is `[target.NAME]` in
//! `config.toml`, and its flags stand in front of those of the command line, which
//! win. At the prompt, so do the settings of `[defaults]`.
//!
//! Everything is put into the words of the command line, which clap then reads
//! as if they had been typed: no flag is known here by its meaning.

mod file;
mod literal;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::ArgMatches;
use clap::parser::ValueSource;

use self::file::{Found, Word, find, sentence};
use super::connect::is_prompt;
use super::folders::config_file;
use super::toml_file::{environment_variable, read};
use crate::cli::secret::Secret;
use crate::cli::{Cli, Command};
use crate::connection::Secrets;
use crate::exit::Failure;
use crate::terminal::Status;

/// Which flags of the command line take the place of one of a target, besides
/// the same.
const INSTEAD: &[(&str, &[&str])] = &[
    // A key belongs to its certificate.
    ("key", &["cert"]),
    ("pass", &["cert"]),
    ("user", &["bearer"]),
    ("bearer", &["user"]),
    ("interface", &["source_ip"]),
];

/// Which flags of the command line take the place of a target's header.
const HEADERS: &[(&str, &[&str])] = &[
    ("authorization", &["user", "bearer"]),
    ("cookie", &["cookies"]),
    ("origin", &["origin"]),
    ("sec-websocket-extensions", &["compress"]),
    ("sec-websocket-protocol", &["subprotocols"]),
    ("user-agent", &["user_agent"]),
];

/// The command line with what the file says, and the secrets that this brings.
#[derive(Debug)]
pub(super) struct Expanded {
    pub(super) cli: Cli,
    pub(super) secrets: Secrets,
}

/// Replaces `@NAME`, and adds the defaults of the prompt. `parse` reads a whole
/// command line.
///
/// # Errors
/// Exit 2 for a target that is not there, or a file that cannot be used where a
/// target of it is asked for.
pub(super) fn expand(
    cli: Cli,
    matches: &ArgMatches,
    arguments: &[OsString],
    status: Status,
    parse: impl FnOnce(&[OsString]) -> Result<Cli, clap::Error>,
) -> Result<Expanded> {
    let unchanged = |cli| Expanded {
        cli,
        secrets: Secrets::default(),
    };
    let name = cli.command.as_ref().map(used).transpose()?.flatten();
    let at_prompt = matches!(&cli.command, Some(Command::Connect(args)) if is_prompt(args));
    let (Some((command, given)), true) = (matches.subcommand(), name.is_some() || at_prompt) else {
        return Ok(unchanged(cli));
    };
    let path = config_file("config.toml");
    let mut found = match (load(path.as_deref(), name.as_deref(), at_prompt), &name) {
        (Ok(found), _) => found,
        (Err(error), Some(_)) => return Err(error.into()),
        (Err(error), None) => {
            status.note(&format!("{error}; its defaults are not used"));
            return Ok(unchanged(cli));
        }
    };
    if found.words.is_empty() && name.is_none() {
        return Ok(unchanged(cli));
    }
    let shown = path.as_deref().unwrap_or(Path::new("")).display();
    status.info(&match &name {
        Some(name) => format!("@{name} is a target of '{shown}'"),
        None => format!("the defaults are those of '{shown}'"),
    });
    if command == "probe-origin" {
        leave_origin_out(&mut found.words, status);
    }
    found.words.retain(|word| !is_replaced(word, given));
    let mut cli = parse(&with_words(arguments, command, found.words)).map_err(|error| {
        Failure::usage(format!("with what '{shown}' says: {}", sentence(&error)))
    })?;
    if let (Some(command), Some(url)) = (&mut cli.command, found.url) {
        put(command, url, &found.secrets);
    }
    let secrets = Secrets::default().and_known(found.secrets);
    Ok(Expanded { cli, secrets })
}

/// `probe-origin` sends the origins itself.
fn leave_origin_out(words: &mut Vec<Word>, status: Status) {
    let before = words.len();
    words.retain(|word| word.id != "origin" && word.header.as_deref() != Some("origin"));
    if words.len() < before {
        status.note("the target has an Origin, which is sent where --allow says so");
    }
}

/// These words behind the name of the command. Nothing in front of it has a value
/// that could be its name.
fn with_words(arguments: &[OsString], command: &str, words: Vec<Word>) -> Vec<OsString> {
    let name = arguments.iter().skip(1).position(|word| word == command);
    let (before, after) = arguments.split_at(name.map_or(arguments.len(), |at| at + 2));
    let words = words.into_iter().map(|word| OsString::from(word.text));
    let before = before.iter().cloned().chain(words);
    before.chain(after.iter().cloned()).collect()
}

/// The name of the saved target that the command is to use.
fn used(command: &Command) -> Result<Option<String>> {
    let (urls, has_more) = match command {
        Command::Connect(args) => (args.url.as_slice(), false),
        Command::Bench(args) => (args.urls.as_slice(), false),
        Command::ProbeOrigin(args) => (
            args.urls.as_slice(),
            args.discovery.targets.is_some() || args.discovery.from_har.is_some(),
        ),
        Command::Serve(_) => (&[][..], false),
    };
    let Some(name) = urls.iter().find_map(|url| url.strip_prefix('@')) else {
        return Ok(None);
    };
    if urls.len() > 1 || has_more {
        return Err(Failure::usage(format!(
            "@{name} has to stand alone, since its credentials are for no other server; run the command once for each"
        ))
        .into());
    }
    Ok(Some(name.to_owned()))
}

fn put(command: &mut Command, url: String, secrets: &[String]) {
    let transport = match command {
        Command::Connect(args) => {
            args.url = Some(url);
            &mut args.transport
        }
        Command::Bench(args) => {
            args.urls = vec![url];
            &mut args.transport
        }
        Command::ProbeOrigin(args) => {
            args.urls = vec![url];
            &mut args.transport
        }
        Command::Serve(_) => return,
    };
    transport.secrets = secrets.iter().cloned().map(Secret).collect();
}

fn load(path: Option<&Path>, name: Option<&str>, defaults: bool) -> Result<Found, Failure> {
    let is_there = |path: &&Path| path.try_exists().unwrap_or(true);
    match (path.filter(is_there), name) {
        (Some(path), _) => {
            let text = read(path)?;
            let found = find(&text, name, defaults, &environment_variable);
            found.map_err(|wrong| wrong.at(path, &text))
        }
        (None, None) => Ok(Found::default()),
        (None, Some(name)) => Err(Failure::usage(match path.map(PathBuf::from) {
            Some(path) => format!(
                "there is no target '@{name}', since there is no file '{}'; write [target.{name}] with a url into it",
                path.display()
            ),
            None => format!(
                "there is no target '@{name}', since there is no place for a configuration; set XDG_CONFIG_HOME or HOME"
            ),
        })),
    }
}

/// Whether the command line says something else.
fn is_replaced(word: &Word, given: &ArgMatches) -> bool {
    let is_given = |id: &str| {
        given.try_contains_id(id).unwrap_or(false)
            && given.value_source(id) == Some(ValueSource::CommandLine)
    };
    let any = |table: &[(&str, &[&str])], name: &str| {
        let row = table.iter().find(|(known, _)| *known == name);
        row.is_some_and(|(_, ids)| ids.iter().any(|id| is_given(id)))
    };
    let Some(header) = &word.header else {
        // All other headers are sent too.
        return word.id != "headers" && (is_given(&word.id) || any(INSTEAD, &word.id));
    };
    let is_same = |text: &String| {
        let name = text.split([':', ';']).next().unwrap_or(text);
        name.trim().eq_ignore_ascii_case(header)
    };
    let headers = given.try_get_many::<String>("headers").ok().flatten();
    headers.is_some_and(|mut headers| headers.any(is_same)) || any(HEADERS, header)
}
