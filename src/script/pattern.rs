//! What a record is tested against: a literal, `/regex/`, a JSONPath, or a JSON
//! pattern, of which the record has to hold a part.

mod error;
mod json;

use std::collections::BTreeSet;

use self::error::PatternError;
use self::json::Part;
use super::expr::{Expressions, Scope, Template};
use super::inbox::Record;
use crate::decode::Exact;
use crate::value;

/// What a record is tested against.
#[derive(Debug, Clone)]
pub struct Pattern(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Plain(value::Pattern),
    /// A literal, or a regular expression between slashes, with templates in it.
    Template(Template),
    Json(Part),
}

/// How a pattern and a record compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The record matches; what the named groups of a regular expression found.
    Match(Vec<(String, String)>),
    /// It does not.
    Differs,
}

impl Pattern {
    /// Reads a pattern. A JSON object or array is a JSON pattern; everything else is
    /// what `--until` takes. Templates are read where they are asked for.
    ///
    /// # Errors
    /// A [`PatternError`].
    pub(crate) fn parse(text: &str, templates: Option<&Expressions>) -> Result<Self, PatternError> {
        let json = Exact::parse(text);
        if let Some(json @ (Exact::Object(_) | Exact::Array(_))) = json {
            return Ok(Self(Kind::Json(Part::parse(&json, templates)?)));
        }
        if let Some(by) = templates
            && text.contains("{{")
            && !text.starts_with('$')
        {
            return Ok(Self(Kind::Template(Template::parse(text, by)?)));
        }
        Ok(Self(Kind::Plain(text.parse()?)))
    }

    /// The names that its templates need.
    pub fn names(&self, by: &Expressions) -> BTreeSet<String> {
        match &self.0 {
            Kind::Plain(_) => BTreeSet::new(),
            Kind::Template(template) => template.names(by),
            Kind::Json(part) => {
                let mut names = BTreeSet::new();
                part.names(by, &mut names);
                names
            }
        }
    }

    /// The names that its regular expression captures under.
    pub fn captures(&self) -> Vec<String> {
        match &self.0 {
            Kind::Plain(value::Pattern::Regex(regex)) => {
                regex.capture_names().flatten().map(str::to_owned).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The same with all templates replaced by their values.
    ///
    /// # Errors
    /// A template without a value, or one that makes no pattern.
    pub(super) fn resolve(&self, scope: &Scope, by: &Expressions) -> Result<Self, PatternError> {
        Ok(Self(match &self.0 {
            Kind::Plain(pattern) => Kind::Plain(pattern.clone()),
            Kind::Template(template) => Kind::Plain(template.text(scope, by)?.parse()?),
            Kind::Json(part) => Kind::Json(part.resolve(scope, by)?),
        }))
    }

    /// Whether it has templates, so that it has to be resolved.
    pub(super) fn has_templates(&self) -> bool {
        match &self.0 {
            Kind::Plain(_) => false,
            Kind::Template(_) => true,
            Kind::Json(part) => part.has_templates(),
        }
    }

    /// Tests a record.
    pub(super) fn find(&self, record: &Record) -> Found {
        let groups = match &self.0 {
            Kind::Plain(value::Pattern::Regex(regex)) => {
                regex.captures(record.bytes()).map(|captures| {
                    let names = regex.capture_names().flatten();
                    let found = names.filter_map(|name| {
                        let text = String::from_utf8_lossy(captures.name(name)?.as_bytes());
                        Some((name.to_owned(), text.into_owned()))
                    });
                    found.collect()
                })
            }
            Kind::Plain(pattern) => pattern.matches(record.bytes()).then(Vec::new),
            Kind::Template(_) => None,
            Kind::Json(part) => {
                let json = record.json();
                json.is_some_and(|json| part.matches(json)).then(Vec::new)
            }
        };
        groups.map_or(Found::Differs, Found::Match)
    }

    /// In what a record differs from it, each difference as a sentence; `None` where
    /// that cannot be told.
    pub(super) fn differences(&self, record: &Record) -> Option<Vec<String>> {
        let Kind::Json(part) = &self.0 else {
            return None;
        };
        let mut differences = Vec::new();
        part.compare("", record.json()?, &mut differences);
        Some(differences)
    }

    /// Of how many leaves a difference can be told.
    pub(super) fn leaves(&self) -> usize {
        match &self.0 {
            Kind::Json(part) => part.leaves(),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests;
