//! `${NAME}` in a value is the environment variable of that name, so that
//! secrets stay out of the file. `$${` is a `${` that is meant.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::Wrong;
use crate::connection::secrets::is_secret_header;

/// What was put into the texts.
#[derive(Debug, Default)]
pub(in crate::commands) struct Expanded {
    /// The places of the texts that had variables.
    pub(in crate::commands) places: Vec<Range<usize>>,
    /// The values of the variables whose names promise a secret.
    pub(in crate::commands) secrets: Vec<String>,
}

/// Replaces the variables in all texts of a table.
pub(in crate::commands) fn table(
    table: &mut DeTable<'_>,
    text: &str,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Expanded, Wrong> {
    let mut expander = Expander {
        text,
        variable,
        expanded: Expanded::default(),
    };
    expander.table(table)?;
    Ok(expander.expanded)
}

struct Expander<'a> {
    text: &'a str,
    variable: &'a dyn Fn(&str) -> Option<String>,
    expanded: Expanded,
}

impl Expander<'_> {
    fn table(&mut self, table: &mut DeTable<'_>) -> Result<(), Wrong> {
        for (_, value) in table.iter_mut() {
            let span = value.span();
            self.value(value.get_mut(), &span)?;
        }
        Ok(())
    }

    fn value(&mut self, value: &mut DeValue<'_>, span: &Range<usize>) -> Result<(), Wrong> {
        match value {
            DeValue::String(text) if text.contains("${") => {
                let whole = self.expand(text, span)?;
                *text = whole.into();
                self.expanded.places.push(span.clone());
            }
            DeValue::Array(values) => {
                for value in values.iter_mut() {
                    let span = value.span();
                    self.value(value.get_mut(), &span)?;
                }
            }
            DeValue::Table(inner) => self.table(inner)?,
            _ => {}
        }
        Ok(())
    }

    fn expand(&mut self, text: &str, span: &Range<usize>) -> Result<String, Wrong> {
        let mut whole = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            if let Some(before) = before.strip_suffix('$') {
                whole.push_str(before);
                whole.push_str("${");
                rest = after;
                continue;
            }
            let Some((name, after)) = after.split_once('}') else {
                let why = "a '${' has no '}'; write '$${' for a '${' that is meant";
                return Err(Wrong::new(self.place(span, "${"), why));
            };
            let value = (self.variable)(name).ok_or_else(|| {
                let why = format!(
                    "the environment variable '{name}' is not set; set it, or write '$${{{name}}}' for the text"
                );
                Wrong::new(self.place(span, &format!("${{{name}}}")), why)
            })?;
            whole.push_str(before);
            whole.push_str(&value);
            if is_secret_header(name) {
                self.expanded.secrets.push(value);
            }
            rest = after;
        }
        whole.push_str(rest);
        Ok(whole)
    }

    /// Where a part of a value stands: a text can have several lines.
    fn place(&self, span: &Range<usize>, part: &str) -> Range<usize> {
        let found = self
            .text
            .get(span.clone())
            .and_then(|value| value.find(part));
        let start = span.start + found.unwrap_or(0);
        start..start + part.len()
    }
}
