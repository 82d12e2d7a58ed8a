//! Saved targets: `@NAME` in the place of a URL stands for a table of the
//! configuration file, an address with flags of dialling. The file is read when a
//! target is asked for, and never otherwise makes a run fail.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Result;
use clap::{ArgAction, Args as _};
use toml::{Table, Value};

use super::dial::Environment;
use crate::cli::transport::TransportArgs;
use crate::connection::secrets;
use crate::exit::Failure;

/// Flags of dialling that no file may set: who passes over a certificate, or keeps
/// secrets in a log, says so each time.
const NEVER: &[&str] = &["insecure", "proxy-insecure", "log-secrets"];

/// Flags whose values are secrets as a whole.
const SECRETS: &[&str] = &["bearer", "pass"];

/// A saved target, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Saved {
    /// Its address.
    pub(super) url: String,
    /// Its flags, each with its value behind `=`.
    pub(super) flags: Vec<String>,
}

/// The name of a saved target, where an address is one.
pub(super) fn name(url: &str) -> Option<&str> {
    url.strip_prefix('@')
}

/// `$XDG_CONFIG_HOME/wscli/config.toml`, by the rules of the XDG Base Directory
/// Specification (a relative path counts as none), or `%APPDATA%\wscli\config.toml`.
pub(super) fn path(environment: &Environment) -> Option<PathBuf> {
    let absolute = |name| {
        environment
            .get(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let home = || absolute("HOME").map(|home| home.join(".config"));
    let base = absolute("XDG_CONFIG_HOME")
        .or_else(|| absolute("APPDATA").filter(|_| cfg!(windows)))
        .or_else(home)?;
    Some(base.join("wscli").join("config.toml"))
}

/// Reads the target of this name.
///
/// # Errors
/// Exit 2 for a file that is not there or not valid, and a target that is not in it
/// or cannot work.
pub(super) fn read(name: &str, environment: &Environment) -> Result<(Saved, PathBuf)> {
    let path = path(environment).ok_or_else(|| {
        Failure::usage(format!(
            "'@{name}' is a saved target, and there is no place for them: HOME is not set"
        ))
    })?;
    let shown = path.display();
    let text = std::fs::read_to_string(&path).map_err(|error| {
        Failure::usage(format!(
            "'@{name}' is a saved target, and '{shown}' cannot be read: {error}; write [target.NAME] there, with a url"
        ))
    })?;
    let saved = find(name, &text, &|variable| {
        environment.get(variable).map(str::to_owned)
    });
    let saved = saved.map_err(|wrong| Failure::usage(format!("{shown}: {wrong}")))?;
    Ok((saved, path))
}

/// The command line with the flags of a target before those of the user, which win.
pub(super) fn with_flags(given: &[OsString], command: &str, saved: &Saved) -> Vec<OsString> {
    let at = given.iter().skip(1).position(|word| word == command);
    let at = at.map_or(1, |index| index + 2).min(given.len());
    let (before, behind) = given.split_at(at);
    let flags = saved.flags.iter().map(OsString::from);
    before
        .iter()
        .cloned()
        .chain(flags)
        .chain(behind.iter().cloned())
        .collect()
}

type Variable<'a> = &'a dyn Fn(&str) -> Option<String>;

fn find(name: &str, text: &str, variable: Variable<'_>) -> Result<Saved, String> {
    // The words of the parser show the line, which may hold what nobody is to see.
    let file: Table = text.parse().map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.map_or(1, |before| before.lines().count().max(1));
        format!("line {line}: {}", error.message())
    })?;
    if let Some(other) = file.keys().find(|key| *key != "target") {
        return Err(format!("'{other}' is no table here; write [target.NAME]"));
    }
    let empty = Table::new();
    let targets = match file.get("target") {
        Some(Value::Table(targets)) => targets,
        Some(_) => return Err("'target' is no table; write [target.NAME]".to_owned()),
        None => &empty,
    };
    match targets.get(name) {
        Some(Value::Table(target)) => {
            saved(target, variable).map_err(|wrong| format!("[target.{name}]: {wrong}"))
        }
        Some(_) => Err(format!(
            "'target.{name}' is no table; write [target.{name}]"
        )),
        None => {
            let known: Vec<_> = targets.keys().map(|name| format!("@{name}")).collect();
            Err(match known.is_empty() {
                true => {
                    format!("there is no target '{name}', nor any other; write [target.{name}]")
                }
                false => format!(
                    "there is no target '{name}'; there are {}",
                    known.join(", ")
                ),
            })
        }
    }
}

fn saved(target: &Table, variable: Variable<'_>) -> Result<Saved, String> {
    let known = flags();
    let mut found = Saved {
        url: String::new(),
        flags: Vec::new(),
    };
    for (key, value) in target {
        if key == "url" {
            let Value::String(url) = value else {
                return Err("'url' is no string".to_owned());
            };
            found.url = filled(key, url, variable)?;
            continue;
        }
        if NEVER.contains(&key.as_str()) {
            return Err(format!(
                "'{key}' is never saved; write --{key} where it is meant"
            ));
        }
        let action = known.get(key.as_str()).ok_or_else(|| {
            format!(
                "'{key}' is no flag of dialling; those are in docs/dialling.md, without the dashes"
            )
        })?;
        flag(key, value, action, variable, &mut found.flags)?;
    }
    match found.url.as_str() {
        "" => Err("it has no 'url'".to_owned()),
        _ => Ok(found),
    }
}

/// The long names of the flags of dialling, and what each does with its value.
fn flags() -> BTreeMap<String, ArgAction> {
    let command = TransportArgs::augment_args(clap::Command::new("dial"));
    let arguments = command.get_arguments();
    arguments
        .filter_map(|argument| {
            Some((
                argument.get_long()?.to_owned(),
                argument.get_action().clone(),
            ))
        })
        .filter(|(name, _)| !NEVER.contains(&name.as_str()))
        .collect()
}

fn flag(
    key: &str,
    value: &Value,
    action: &ArgAction,
    variable: Variable<'_>,
    flags: &mut Vec<String>,
) -> Result<(), String> {
    let one = |value: &Value| match value {
        Value::String(text) => filled(key, text, variable),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Float(number) => Ok(number.to_string()),
        _ => Err(format!("'{key}' has a value of another type than it takes")),
    };
    match (action, value) {
        (ArgAction::SetTrue, Value::Boolean(false)) => {}
        (ArgAction::SetTrue, Value::Boolean(true)) => flags.push(format!("--{key}")),
        (ArgAction::SetTrue, _) => return Err(format!("'{key}' is true or false")),
        // `--compress` alone.
        (ArgAction::Set, Value::Boolean(true)) if key == "compress" => {
            flags.push(format!("--{key}"));
        }
        (ArgAction::Append, Value::Array(values)) => {
            for value in values {
                flags.push(format!("--{key}={}", one(value)?));
            }
        }
        (_, value) => flags.push(format!("--{key}={}", one(value)?)),
    }
    Ok(())
}

/// A value with `${NAME}` replaced by the environment's. Secrets stand there alone.
fn filled(key: &str, text: &str, variable: Variable<'_>) -> Result<String, String> {
    let mut value = String::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("${") {
        let (name, behind) = behind
            .split_once('}')
            .ok_or_else(|| format!("'{key}' has a '${{' without its '}}'"))?;
        let found = variable(name).ok_or_else(|| {
            format!("'{key}' needs the environment variable {name}, which is not set")
        })?;
        value.push_str(before);
        value.push_str(&found);
        literal.push_str(before);
        rest = behind;
    }
    value.push_str(rest);
    literal.push_str(rest);
    if holds_secret(key, &literal) {
        return Err(format!(
            "'{key}' holds a secret; keep it in the environment, and write ${{NAME}} in its place"
        ));
    }
    Ok(value)
}

/// Whether what stands in the file itself is, or holds, a secret.
fn holds_secret(key: &str, literal: &str) -> bool {
    let has_password = |user: &str| {
        user.split_once(':')
            .is_some_and(|(_, password)| !password.is_empty())
    };
    match key {
        key if SECRETS.contains(&key) => !literal.is_empty(),
        "user" => has_password(literal),
        // A file has no equals sign.
        "cookie" => literal.split(';').any(|cookie| {
            cookie
                .split_once('=')
                .is_some_and(|(_, value)| !value.trim().is_empty())
        }),
        "header" => literal.split_once(':').is_some_and(|(name, value)| {
            let value = value.trim();
            // The scheme of an Authorization is none.
            let value = ["Basic", "Bearer", "Token"]
                .iter()
                .find_map(|scheme| value.strip_prefix(scheme))
                .unwrap_or(value);
            !value.trim().is_empty() && any(&secrets::in_header(name, value))
        }),
        "subprotocol" => any(&secrets::in_header("Sec-WebSocket-Protocol", literal)),
        "url" | "proxy" => {
            let rest = literal.split_once("://").map_or(literal, |(_, rest)| rest);
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            let (authority, resource) = rest.split_at(end);
            let user = authority.rsplit_once('@').map(|(user, _)| user);
            user.is_some_and(has_password) || any(&secrets::in_resource(resource))
        }
        _ => false,
    }
}

fn any(secrets: &[String]) -> bool {
    secrets.iter().any(|secret| !secret.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str) -> Result<Saved, String> {
        find("staging", text, &|name| match name {
            "TOKEN" => Some("s3cret".to_owned()),
            _ => None,
        })
    }

    #[test]
    fn a_saved_target_is_its_address_and_its_flags() {
        let saved = with(
            r#"
            [target.staging]
            url = "wss://staging.example/ws?token=${TOKEN}"
            bearer = "${TOKEN}"
            header = ["X-Team: a", "Authorization: Bearer ${TOKEN}"]
            location = true
            ipv4 = false
            compress = true
            connect-timeout = "5s"
            max-redirs = 3
            cacert = 'C:\certificates\ca.pem'

            [target.other]
            url = "ws://h"
            insecure = true
            "#,
        );
        let saved = saved.unwrap();
        assert_eq!(saved.url, "wss://staging.example/ws?token=s3cret");
        let mut flags = saved.flags;
        flags.sort();
        assert_eq!(
            flags,
            [
                "--bearer=s3cret",
                r"--cacert=C:\certificates\ca.pem",
                "--compress",
                "--connect-timeout=5s",
                "--header=Authorization: Bearer s3cret",
                "--header=X-Team: a",
                "--location",
                "--max-redirs=3",
            ]
        );
    }

    #[test]
    fn a_broken_file_and_a_target_that_cannot_work_say_so_without_secrets() {
        for (text, told) in [
            ("x = ", "line 1: "),
            (
                "[target]\nother = { url = 'ws://h' }",
                "there is no target 'staging'; there are @other",
            ),
            ("[aliases]", "'aliases' is no table here"),
            ("[target.staging]\nheader = 'A: b'", "it has no 'url'"),
            (
                "[target.staging]\nurl = 'ws://h'\ninsecure = true",
                "'insecure' is never saved",
            ),
            (
                "[target.staging]\nurl = 'ws://h'\nlog-secrets = true",
                "'log-secrets' is never saved",
            ),
            (
                "[target.staging]\nurl = 'ws://h'\nexecute = 'x'",
                "'execute' is no flag of dialling",
            ),
            (
                "[target.staging]\nurl = 'ws://h'\nlocation = 1",
                "'location' is true or false",
            ),
            (
                "[target.staging]\nurl = 'ws://h'\nbearer = 'plainsecret'",
                "'bearer' holds a secret",
            ),
            (
                "[target.staging]\nurl = 'ws://h'\nuser = 'a:plainsecret'",
                "'user' holds a secret",
            ),
            (
                "[target.staging]\nurl = 'ws://a:plainsecret@h'",
                "'url' holds a secret",
            ),
            (
                "[target.staging]\nurl = 'ws://h/?token=plainsecret'",
                "'url' holds a secret",
            ),
            (
                "[target.staging]\nurl = 'ws://h'\ncookie = 'a=plainsecret'",
                "'cookie' holds a secret",
            ),
            (
                "[target.staging]\nurl = 'ws://h'\nheader = 'X-Api-Key: plainsecret'",
                "'header' holds a secret",
            ),
            (
                "[target.staging]\nurl = 'ws://h'\nproxy = 'http://u:plainsecret@p'",
                "'proxy' holds a secret",
            ),
            (
                "[target.staging]\nurl = 'ws://h'\nbearer = '${NONE}'",
                "needs the environment variable NONE",
            ),
        ] {
            let wrong = with(text).unwrap_err();
            assert!(wrong.contains(told), "{told}: {wrong}");
            assert!(!wrong.contains("plainsecret"), "{wrong}");
        }
    }

    #[test]
    fn the_flags_of_a_target_stand_before_the_users() {
        let saved = Saved {
            url: "ws://h".into(),
            flags: vec!["--location".into()],
        };
        let given = ["wscli", "-v", "connect", "@a", "-4"].map(OsString::from);
        let expanded = with_flags(&given, "connect", &saved);
        assert_eq!(
            expanded,
            ["wscli", "-v", "connect", "--location", "@a", "-4"]
        );
    }
}
