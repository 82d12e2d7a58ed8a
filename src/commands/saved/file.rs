//! `config.toml`: from its tables to words of the command line, each held to its
//! form by the flag that it stands for.

use std::ops::Range;

use clap::{Arg, ArgAction, Args as _, Command};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::literal::is_secret;
use crate::cli::GlobalArgs;
use crate::cli::connect::ConnectArgs;
use crate::cli::transport::TransportArgs;
use crate::commands::toml_file::{Wrong, expand, header};
use crate::connection::{Secrets, Subprotocol, Target};

/// The flags that `[defaults]` can hold: how things look, nothing of what is done.
const DEFAULTS: &[&str] = &["color", "decode", "include", "pretty"];

/// What turns a check off, or shows secrets, is asked for each time.
const NEVER: &[&str] = &["insecure", "proxy-insecure", "log-secrets"];

/// Two flags of which the later counts on a command line; a table has no order.
const EITHER: &[(&str, &str)] = &[("user", "bearer"), ("ipv4", "ipv6"), ("tlsv1.2", "tlsv1.3")];

/// What the file says.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The URL of the target that was asked for.
    pub(super) url: Option<String>,
    /// Its flags, and the defaults.
    pub(super) words: Vec<Word>,
    /// What came from the environment and is to be kept out of all output.
    pub(super) secrets: Vec<String>,
}

/// A flag as it stands on a command line.
#[derive(Debug)]
pub(super) struct Word {
    /// By which clap knows the flag.
    pub(super) id: String,
    /// `--flag`, or `--flag=value`.
    pub(super) text: String,
    /// The name of the header, in small letters, where it is one.
    pub(super) header: Option<String>,
}

/// The target called `name`, if one is asked for, and the defaults, if they are.
pub(super) fn find(
    text: &str,
    name: Option<&str>,
    defaults: bool,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Found, Wrong> {
    let mut document = DeTable::parse(text)?;
    let mut found = Found::default();
    for (key, value) in document.get_mut().iter_mut() {
        let span = key.span();
        let table = match (key.get_ref().as_ref(), value.get_mut()) {
            ("target" | "defaults", DeValue::Table(table)) => table,
            (other, _) => {
                let why = format!("'{other}' is not known here; write [defaults] or [target.NAME]");
                return Err(Wrong::new(span, why));
            }
        };
        if key.get_ref() == "defaults" {
            if defaults {
                let flags = Flags::of_defaults();
                found.words.extend(flags.words(table, &[])?);
            }
        } else if let Some(name) = name {
            target(table, text, name, variable, &mut found)?;
        }
    }
    match name {
        Some(name) if found.url.is_none() => Err(unknown(name, &[])),
        _ => Ok(found),
    }
}

fn unknown(name: &str, known: &[String]) -> Wrong {
    let known = match known {
        [] => "it has none; write [target.NAME] with a url".to_owned(),
        names => format!("there are {}", names.join(", ")),
    };
    Wrong {
        span: None,
        why: format!("there is no target '@{name}' in it; {known}"),
    }
}

fn target(
    targets: &mut DeTable<'_>,
    text: &str,
    name: &str,
    variable: &dyn Fn(&str) -> Option<String>,
    found: &mut Found,
) -> Result<(), Wrong> {
    let names = targets
        .iter()
        .map(|(known, _)| format!("@{}", known.get_ref()));
    let names: Vec<_> = names.collect();
    let entry = targets
        .iter_mut()
        .find(|(known, _)| known.get_ref() == name);
    let Some((key, value)) = entry else {
        return Err(unknown(name, &names));
    };
    let DeValue::Table(table) = value.get_mut() else {
        let why = format!("a target is a table; write [target.{name}]");
        return Err(Wrong::new(key.span(), why));
    };
    let flags = Flags::of_targets();
    flags.refuse_secrets(table)?;
    let expanded = expand::table(table, text, variable)?;
    let words = flags.words(table, &expanded.places);
    let url = words.and_then(|words| {
        let url = table.iter().find(|(key, _)| key.get_ref() == "url");
        let (_, url) =
            url.ok_or_else(|| Wrong::new(key.span(), format!("the target '@{name}' has no url")))?;
        found.words.extend(words);
        address(url, &expanded.places)
    });
    let secrets = Secrets::default().and_known(expanded.secrets.clone());
    found.url = Some(url.map_err(|wrong| Wrong {
        why: secrets.text(&wrong.why),
        ..wrong
    })?);
    found.secrets.extend(expanded.secrets);
    Ok(())
}

fn address(url: &Spanned<DeValue<'_>>, places: &[Range<usize>]) -> Result<String, Wrong> {
    let Some(text) = url.get_ref().as_str() else {
        return Err(Wrong::new(url.span(), "url is a text"));
    };
    match text.parse::<Target>() {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(wrong_value("url", url.span(), error.to_string(), places)),
    }
}

/// Why a value cannot be used. What came from a variable may be a secret, which
/// the reason may repeat.
fn wrong_value(key: &str, span: Range<usize>, why: String, places: &[Range<usize>]) -> Wrong {
    if places
        .iter()
        .any(|place| place.start < span.end && span.start < place.end)
    {
        let why = format!("{key}: what the environment variable holds is not valid here");
        return Wrong::new(span, why);
    }
    Wrong::new(span, format!("{key}: {why}"))
}

/// The flags that a table can hold.
struct Flags {
    command: Command,
    is_target: bool,
}

impl Flags {
    fn of_targets() -> Self {
        Self {
            command: TransportArgs::augment_args(Command::new("target")).no_binary_name(true),
            is_target: true,
        }
    }

    fn of_defaults() -> Self {
        let command = GlobalArgs::augment_args(Command::new("defaults"));
        Self {
            command: ConnectArgs::augment_args(command).no_binary_name(true),
            is_target: false,
        }
    }

    /// The flag of a key: `connect_timeout` is `connect-timeout`, and a list can
    /// stand in the plural.
    fn flag(&self, key: &Spanned<impl AsRef<str>>) -> Result<&Arg, Wrong> {
        let name = key.get_ref().as_ref().replace('_', "-");
        if NEVER.contains(&name.as_str()) {
            let why = format!(
                "{name} does not stand in this file; write --{name} on the command line, each time"
            );
            return Err(Wrong::new(key.span(), why));
        }
        let is_called = |arg: &&Arg| {
            let names = arg.get_long_and_visible_aliases().unwrap_or_default();
            let is_list = matches!(arg.get_action(), ArgAction::Append);
            names
                .iter()
                .any(|known| name == *known || (is_list && name.strip_suffix('s') == Some(known)))
        };
        let flag = self.command.get_arguments().find(is_called);
        let fits = |arg: &&Arg| self.is_target || DEFAULTS.iter().any(|id| arg.get_id() == id);
        flag.filter(fits).ok_or_else(|| {
            let why = match self.is_target {
                true => format!(
                    "'{name}' is not a flag of how to reach a server; a target has url and such flags, without their dashes"
                ),
                false => format!(
                    "'{name}' is not a default; there are {}",
                    DEFAULTS.join(", ")
                ),
            };
            Wrong::new(key.span(), why)
        })
    }

    /// Before the variables are replaced.
    fn refuse_secrets(&self, table: &DeTable<'_>) -> Result<(), Wrong> {
        for (key, value) in table.iter() {
            let name = match key.get_ref().as_ref() {
                "url" => "url",
                _ => self.flag(key)?.get_long().unwrap_or_default(),
            };
            let texts: Vec<_> = match value.get_ref() {
                DeValue::Array(values) => {
                    values.iter().filter_map(|v| v.get_ref().as_str()).collect()
                }
                value => value.as_str().into_iter().collect(),
            };
            if is_secret(name, &texts) {
                let why = format!(
                    "{name} holds a secret, and none stands in this file; write ${{NAME}} in its place, and the secret into the environment variable NAME"
                );
                return Err(Wrong::new(value.span(), why));
            }
        }
        Ok(())
    }

    fn words(&self, table: &DeTable<'_>, places: &[Range<usize>]) -> Result<Vec<Word>, Wrong> {
        let mut words = Vec::new();
        for (key, value) in table.iter() {
            if self.is_target && key.get_ref() == "url" {
                continue;
            }
            let flag = self.flag(key)?;
            for (text, span) in values(flag, value)? {
                words.push(self.word(flag, text, span, places)?);
            }
        }
        let place = |name: &str| {
            let flags = table.iter().map(|(key, _)| (key, self.flag(key)));
            let mut places = flags.filter(|(_, flag)| {
                flag.as_ref()
                    .is_ok_and(|flag| flag.get_long() == Some(name))
            });
            places.next().map(|(key, _)| key.span())
        };
        for (one, other) in EITHER {
            if let (Some(_), Some(span)) = (place(one), place(other)) {
                let why =
                    format!("{one} and {other} say two things about the same; keep one of them");
                return Err(Wrong::new(span, why));
            }
        }
        let all = words.iter().map(|word| &word.text);
        match self.command.clone().try_get_matches_from(all) {
            Ok(_) => Ok(words),
            Err(error) => {
                let first = table.iter().next().map(|(key, _)| key.span());
                Err(Wrong {
                    span: first,
                    why: sentence(&error),
                })
            }
        }
    }

    /// The word of one value, if the flag takes it.
    fn word(
        &self,
        flag: &Arg,
        value: Option<String>,
        span: Range<usize>,
        places: &[Range<usize>],
    ) -> Result<Word, Wrong> {
        let name = flag.get_long().unwrap_or_default();
        let mut named = None;
        let checked = match (name, &value) {
            ("header", Some(text)) if !text.starts_with('@') => header(text).map(|edit| {
                named = Some(edit.name().to_ascii_lowercase());
            }),
            ("subprotocol", Some(text)) => match text.parse::<Subprotocol>() {
                Ok(_) => Ok(()),
                Err(error) => Err(error.to_string()),
            },
            _ => Ok(()),
        };
        let text = match &value {
            Some(value) => format!("--{name}={value}"),
            None => format!("--{name}"),
        };
        let matches = self.command.clone().try_get_matches_from([&text]);
        let taken = match matches {
            Err(error) if is_of_value(&error) => Err(sentence(&error)),
            // What else is wrong is seen when all words are there.
            _ => Ok(()),
        };
        match checked.and(taken) {
            Ok(()) => Ok(Word {
                id: flag.get_id().to_string(),
                text,
                header: named,
            }),
            Err(why) => Err(wrong_value(name, span, why, places)),
        }
    }
}

type Value = (Option<String>, Range<usize>);

/// The values that a flag is given, none where it is left out.
fn values(flag: &Arg, value: &Spanned<DeValue<'_>>) -> Result<Vec<Value>, Wrong> {
    let name = flag.get_long().unwrap_or_default();
    let can_be_alone = flag
        .get_num_args()
        .is_some_and(|number| number.min_values() == 0);
    let is_list = matches!(flag.get_action(), ArgAction::Append);
    let is_switch = matches!(flag.get_action(), ArgAction::SetTrue);
    let span = value.span();
    match value.get_ref() {
        DeValue::Boolean(given) if is_switch || can_be_alone => {
            Ok(given.then_some((None, span)).into_iter().collect())
        }
        DeValue::String(text) if !is_switch => Ok(vec![(Some(text.to_string()), span)]),
        DeValue::Integer(number) if !is_switch && !is_list => {
            Ok(vec![(Some(number.to_string()), span)])
        }
        DeValue::Float(number) if !is_switch && !is_list => {
            Ok(vec![(Some(number.to_string()), span)])
        }
        DeValue::Array(items) if is_list => items
            .iter()
            .map(|item| match item.get_ref() {
                DeValue::String(text) => Ok((Some(text.to_string()), item.span())),
                _ => Err(Wrong::new(
                    item.span(),
                    format!("{name} is a list of texts"),
                )),
            })
            .collect(),
        _ => {
            let what = match (is_switch, is_list) {
                (true, _) => "true or false",
                (_, true) => "a text, or a list of texts",
                _ => "a text or a number",
            };
            Err(Wrong::new(span, format!("{name} is {what}")))
        }
    }
}

fn is_of_value(error: &clap::Error) -> bool {
    use clap::error::ErrorKind::{InvalidValue, ValueValidation};
    matches!(error.kind(), InvalidValue | ValueValidation)
}

/// What clap has to say, in one line.
pub(super) fn sentence(error: &clap::Error) -> String {
    if let Some(source) = std::error::Error::source(error) {
        return source.to_string();
    }
    let text = error.render().to_string();
    let lines = text.lines().take_while(|line| !line.is_empty());
    let text: Vec<_> = lines.map(str::trim).collect();
    let text = text.join(" ");
    text.strip_prefix("error: ").unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests;
