//! `probes.toml`: several targets and the findings that are accepted there.

use std::env;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, anyhow};
use serde::Deserialize;

use crate::cli::probe_origin::{Absent, FailOn};
use crate::cli::value;
use crate::exit::Failure;

/// The file. What stands outside the targets holds for each of them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfigFile {
    pub(super) fail_on: Option<FailOn>,
    #[serde(flatten)]
    pub(super) common: Settings,
    #[serde(default, alias = "target")]
    pub(super) targets: Vec<TargetSettings>,
}

/// One `[[targets]]` table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TargetSettings {
    pub(super) url: String,
    #[serde(flatten)]
    pub(super) settings: Settings,
}

/// What can stand in a target, or outside of all.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Settings {
    #[serde(default, alias = "allowed")]
    pub(super) allow: Vec<String>,
    #[serde(default, alias = "denied")]
    pub(super) deny: Vec<String>,
    #[serde(default, alias = "header")]
    pub(super) headers: Vec<String>,
    #[serde(default)]
    pub(super) accept: Vec<Accepted>,
    pub(super) absent: Option<Absent>,
    pub(super) message: Option<String>,
    pub(super) expect: Option<String>,
    pub(super) reject_text: Option<String>,
    #[serde(default, deserialize_with = "duration")]
    pub(super) window: Option<Duration>,
    pub(super) attacker_domain: Option<String>,
    #[serde(default)]
    pub(super) probe: Vec<String>,
    #[serde(default)]
    pub(super) skip: Vec<String>,
    pub(super) exotic: Option<bool>,
}

/// One accepted finding. The reason is not optional.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Accepted {
    pub(super) probe: String,
    pub(super) reason: String,
}

fn duration<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Raw {
        Text(String),
        Seconds(f64),
        Whole(u32),
    }
    let text = match Raw::deserialize(from)? {
        Raw::Text(text) => text,
        Raw::Seconds(seconds) => seconds.to_string(),
        Raw::Whole(seconds) => seconds.to_string(),
    };
    value::duration(&text)
        .map(Some)
        .map_err(serde::de::Error::custom)
}

impl ConfigFile {
    /// Reads a file.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::usage(format!("could not read '{shown}': {error}")))?;
        let file: Self = toml::from_str(&text).map_err(|error| {
            let message = error.to_string();
            Failure::usage(format!("'{shown}' is not valid: {}", message.trim_end()))
        })?;
        if file.targets.is_empty() {
            let message = format!("'{shown}' has no target; add a [[targets]] table with a url");
            return Err(Failure::usage(message).into());
        }
        Ok(file)
    }
}

impl Settings {
    /// These settings, with the common ones where they say nothing. Lists add
    /// up, but for the selection of probes.
    pub(super) fn over(self, common: &Self) -> Self {
        fn joined<T: Clone>(common: &[T], own: Vec<T>) -> Vec<T> {
            common.iter().cloned().chain(own).collect()
        }
        let or = |own: Vec<String>, common: &Vec<String>| {
            if own.is_empty() { common.clone() } else { own }
        };
        let common = common.clone();
        Self {
            allow: or(self.allow, &common.allow),
            deny: joined(&common.deny, self.deny),
            headers: joined(&common.headers, self.headers),
            accept: joined(&common.accept, self.accept),
            absent: self.absent.or(common.absent),
            message: self.message.or(common.message),
            expect: self.expect.or(common.expect),
            reject_text: self.reject_text.or(common.reject_text),
            window: self.window.or(common.window),
            attacker_domain: self.attacker_domain.or(common.attacker_domain),
            probe: or(self.probe, &common.probe),
            skip: joined(&common.skip, self.skip),
            exotic: self.exotic.or(common.exotic),
        }
    }
}

/// Replaces `${NAME}` by the environment variable, so that secrets stay out of
/// the file.
#[expect(
    clippy::disallowed_methods,
    reason = "`commands` reads the environment"
)]
pub(super) fn expand(text: &str) -> Result<String> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}').ok_or_else(|| {
            anyhow!(Failure::usage(
                "a '${' in a header of the configuration has no '}'"
            ))
        })?;
        let value = env::var(name).map_err(|_| {
            Failure::usage(format!(
                "the configuration uses the environment variable '{name}', which is not set"
            ))
        })?;
        expanded.push_str(before);
        expanded.push_str(&value);
        rest = after;
    }
    expanded.push_str(rest);
    Ok(expanded)
}
