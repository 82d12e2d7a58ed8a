//! `probes.toml`: several targets and the findings that are accepted there.
//!
//! The text is parsed once, `${NAME}` is replaced in every value, and each
//! value is held to its form, so that an error can name its line.

mod expand;
mod settings;
#[cfg(test)]
mod tests;
mod wrong;

use std::fs;
use std::ops::Range;
use std::path::Path;

use anyhow::Result;
use serde::Deserialize as _;
use toml::Spanned;
use toml::de::{DeTable, Deserializer};

use self::expand::Expanded;
use self::settings::Table;
pub(super) use self::settings::{Page, Settings, no_such_probe, pattern};
use self::wrong::Wrong;
use crate::connection::Secrets;
use crate::exit::Failure;

#[derive(Debug)]
pub(super) struct ConfigFile {
    pub(super) targets: Vec<TargetSettings>,
}

/// One `[[targets]]` table, with what holds for all of them.
#[derive(Debug)]
pub(super) struct TargetSettings {
    pub(super) url: String,
    /// Where its entry is in the file, from 1.
    pub(super) line: usize,
    pub(super) settings: Settings,
}

impl ConfigFile {
    /// Reads a file.
    ///
    /// # Errors
    /// Exit 2, with the line of what cannot work.
    #[expect(
        clippy::disallowed_methods,
        reason = "`commands` reads the environment"
    )]
    pub(super) fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let text = fs::read_to_string(path)
            .map_err(|error| Failure::usage(format!("could not read '{shown}': {error}")))?;
        let variable = |name: &str| std::env::var(name).ok();
        let file = parse(&text, &variable).map_err(|wrong| {
            let line = wrong
                .span
                .map(|span| format!(", line {}", line_of(&text, span.start)));
            Failure::usage(format!(
                "'{shown}'{}: {}",
                line.unwrap_or_default(),
                wrong.why
            ))
        })?;
        Ok(file)
    }
}

fn parse(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<ConfigFile, Wrong> {
    let mut document = DeTable::parse(text)?;
    let expanded = expand::table(document.get_mut(), text, variable)?;
    let secrets = Secrets::default().and_known(expanded.secrets.clone());
    resolve(document, text, &expanded).map_err(|wrong| Wrong {
        why: secrets.text(&wrong.why),
        ..wrong
    })
}

fn resolve(
    document: Spanned<DeTable<'_>>,
    text: &str,
    expanded: &Expanded,
) -> Result<ConfigFile, Wrong> {
    let mut table = Table::deserialize(Deserializer::from(document)).map_err(|error| {
        let wrong = Wrong::from(error);
        // The value may be a secret, and the parser shows it.
        match &wrong.span {
            Some(span) if expanded.places.iter().any(|place| overlap(place, span)) => Wrong {
                why: "what the environment variable holds is not valid here".into(),
                ..wrong
            },
            _ => wrong,
        }
    })?;
    if let Some(url) = &table.url {
        let why = "a url stands in a [[targets]] table; write [[targets]] above it";
        return Err(Wrong::new(url.span(), why));
    }
    if table.targets.is_empty() {
        return Err(Wrong {
            span: None,
            why: "there is no target; add a [[targets]] table with a url".into(),
        });
    }
    let targets = std::mem::take(&mut table.targets);
    let mut common = table.settings()?;
    common.secrets.clone_from(&expanded.secrets);
    let targets = targets
        .into_iter()
        .map(|target| {
            let span = target.span();
            let mut target = target.into_inner();
            if let Some(inner) = target.targets.first() {
                return Err(Wrong::new(inner.span(), "a target holds no other targets"));
            }
            let url = target
                .url
                .take()
                .ok_or_else(|| Wrong::new(span.clone(), "this target has no url"))?;
            Ok(TargetSettings {
                url: url.into_inner(),
                line: line_of(text, span.start),
                settings: target.settings()?.over(&common),
            })
        })
        .collect::<Result<_, _>>()?;
    Ok(ConfigFile { targets })
}

fn overlap(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}

/// The line of a place in a text, from 1.
fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}
