//! `probes.toml`: several targets and the findings that are accepted there.
//!
//! The text is parsed once, `${NAME}` is replaced in every value, and each
//! value is held to its form, so that an error can name its line.

mod settings;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::path::Path;

use anyhow::Result;
use serde::Deserialize as _;
use toml::Spanned;
use toml::de::{DeTable, Deserializer};

use self::settings::Table;
pub(super) use self::settings::{Page, Settings, no_such_probe, pattern};
use crate::commands::toml_file::expand::{self, Expanded};
use crate::commands::toml_file::{Wrong, environment_variable, line_of, read};
use crate::connection::Secrets;

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
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = read(path)?;
        let file = parse(&text, &environment_variable);
        Ok(file.map_err(|wrong| wrong.at(path, &text))?)
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
