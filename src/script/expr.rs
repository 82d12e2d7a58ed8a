//! Templates: text with `{{ expressions }}` in it. A name, or a path that begins with
//! one, hands its value on as it is; everything else is an expression of Jinja's.

mod filters;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use minijinja::value::Serde;
use minijinja::{Environment, Error, UndefinedBehavior, Value};
use thiserror::Error;

use self::filters::{failed, uuid};
use crate::decode::Exact;
use crate::value::clock;

/// Names that the language has itself: nothing else may be called so.
pub const NAMES: &[&str] = &[
    "any",
    "conn",
    "env",
    "false",
    "i",
    "last",
    "msg",
    "n",
    "none",
    "now",
    "now_ms",
    "random",
    "random_int",
    "row",
    "text",
    "true",
    "uuid",
];

/// What every template can use without setting it.
const BUILT_IN: &[&str] = &["now", "now_ms", "random", "random_int", "uuid"];

/// Why a template cannot be used, or gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// `{{` without its end.
    #[error("the template '{0}' has no }}}} behind its {{{{")]
    Open(String),
    /// Not an expression.
    #[error("'{{{{{expression}}}}}' is not an expression: {why}")]
    Syntax {
        /// What stands between the brackets.
        expression: String,
        /// What is wrong with it.
        why: String,
    },
    /// It gave nothing.
    #[error("'{{{{{expression}}}}}' has no value: {why}")]
    NoValue {
        /// What stands between the brackets.
        expression: String,
        /// Why not.
        why: String,
    },
}

/// The values that templates see.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    values: BTreeMap<String, Exact>,
}

impl Scope {
    /// Gives a name a value.
    pub fn set(&mut self, name: &str, value: Exact) {
        self.values.insert(name.to_owned(), value);
    }
}

/// What expressions are read and worked out by.
#[derive(Clone)]
pub struct Expressions(Arc<Environment<'static>>);

impl fmt::Debug for Expressions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expressions").finish_non_exhaustive()
    }
}

impl Default for Expressions {
    fn default() -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        filters::add(&mut environment);
        Self(Arc::new(environment))
    }
}

/// A text with expressions in it.
#[derive(Debug, Clone)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    Path { written: String, path: Vec<Access> },
    Expression(String),
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Access {
    Name(String),
    Index(usize),
}

impl Template {
    /// Reads a text with templates.
    ///
    /// # Errors
    /// An expression that is not one, or has no end.
    pub fn parse(text: &str, by: &Expressions) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let end = end_of(after).ok_or_else(|| TemplateError::Open(text.to_owned()))?;
            let (written, behind) = after.split_at(end);
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(part(written, by)?);
            rest = behind.strip_prefix("}}").unwrap_or_default();
        }
        if !rest.is_empty() || parts.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { parts })
    }

    /// The names that it needs and that the language does not give.
    pub fn names(&self, by: &Expressions) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for part in &self.parts {
            match part {
                Part::Text(_) => {}
                Part::Path { path, .. } => {
                    if let Some(Access::Name(name)) = path.first() {
                        names.insert(name.clone());
                    }
                }
                Part::Expression(written) => {
                    if let Ok(expression) = by.0.compile_expression(written) {
                        names.extend(expression.undeclared_variables(false));
                    }
                }
            }
        }
        names.retain(|name| !BUILT_IN.contains(&name.as_str()));
        names
    }

    /// The text with every expression replaced by the text of its value.
    ///
    /// # Errors
    /// An expression without a value.
    pub fn text(&self, scope: &Scope, by: &Expressions) -> Result<String, TemplateError> {
        let mut text = String::new();
        for part in &self.parts {
            match part.value(scope, by)? {
                Exact::String(part) => text.push_str(&part),
                other => text.push_str(&other.to_string()),
            }
        }
        Ok(text)
    }

    /// The value of a template that is one expression, with its type; of every other
    /// one, its text.
    ///
    /// # Errors
    /// An expression without a value.
    pub fn value(&self, scope: &Scope, by: &Expressions) -> Result<Exact, TemplateError> {
        match &self.parts[..] {
            [part] => part.value(scope, by),
            _ => self.text(scope, by).map(Exact::String),
        }
    }
}

/// Where an expression ends; `}}` within its strings is part of it.
fn end_of(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        match quote {
            Some(_) if is_escaped => is_escaped = false,
            Some(_) if c == '\\' => is_escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '\'' || c == '"' => quote = Some(c),
            None if text.get(at..).is_some_and(|rest| rest.starts_with("}}")) => return Some(at),
            None => {}
        }
    }
    None
}

fn part(written: &str, by: &Expressions) -> Result<Part, TemplateError> {
    let expression = written.trim();
    if let Some(path) = path(expression) {
        return Ok(Part::Path {
            written: expression.to_owned(),
            path,
        });
    }
    match by.0.compile_expression(expression) {
        Ok(_) => Ok(Part::Expression(expression.to_owned())),
        Err(error) => Err(TemplateError::Syntax {
            expression: written.to_owned(),
            why: reason(&error),
        }),
    }
}

fn reason(error: &Error) -> String {
    match error.detail() {
        Some(detail) => detail.to_owned(),
        None => error.kind().to_string(),
    }
}

/// `a.b[0]`, and nothing else; a name of the language is not a path.
fn path(text: &str) -> Option<Vec<Access>> {
    let mut path = Vec::new();
    for (index, word) in text.split('.').enumerate() {
        let (name, mut indices) = word.split_at(word.find('[').unwrap_or(word.len()));
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let is_word = matches!(
            name,
            "true" | "false" | "none" | "not" | "uuid" | "now" | "now_ms"
        );
        if !is_name || (index == 0 && is_word) {
            return None;
        }
        path.push(Access::Name(name.to_owned()));
        while let Some(rest) = indices.strip_prefix('[') {
            let (digits, behind) = rest.split_once(']')?;
            path.push(Access::Index(digits.parse().ok()?));
            indices = behind;
        }
        if !indices.is_empty() {
            return None;
        }
    }
    Some(path)
}

impl Part {
    fn value(&self, scope: &Scope, by: &Expressions) -> Result<Exact, TemplateError> {
        match self {
            Self::Text(text) => Ok(Exact::String(text.clone())),
            Self::Path { written, path } => {
                found(path, scope)
                    .cloned()
                    .map_err(|why| TemplateError::NoValue {
                        expression: written.clone(),
                        why,
                    })
            }
            Self::Expression(written) => {
                calculated(written, scope, by).map_err(|error| TemplateError::NoValue {
                    expression: written.clone(),
                    why: reason(&error),
                })
            }
        }
    }
}

fn found<'s>(path: &[Access], scope: &'s Scope) -> Result<&'s Exact, String> {
    let mut value: Option<&Exact> = None;
    for access in path {
        value = Some(match (access, value) {
            (Access::Name(name), None) => {
                let value = scope.values.get(name);
                value.ok_or_else(|| format!("'{name}' is not set"))?
            }
            (Access::Name(name), Some(within)) => {
                let value = within.member(name);
                value.ok_or_else(|| format!("there is no member '{name}'"))?
            }
            (Access::Index(index), within) => {
                let value = within.and_then(|within| within.item(*index));
                value.ok_or_else(|| format!("there is no item {index}"))?
            }
        });
    }
    value.ok_or_else(|| "it is empty".to_owned())
}

fn calculated(written: &str, scope: &Scope, by: &Expressions) -> Result<Exact, Error> {
    let expression = by.0.compile_expression(written)?;
    let mut context = BTreeMap::new();
    for name in expression.undeclared_variables(false) {
        let value = match name.as_str() {
            "uuid" => Value::from(uuid()),
            "now" => Value::from(clock::now().to_string()),
            "now_ms" => Value::from(clock::now().as_millisecond()),
            known => match scope.values.get(known) {
                Some(value) => Value::from(Serde(value)),
                None => continue,
            },
        };
        context.insert(name, value);
    }
    let value = expression.eval(context)?;
    let text = serde_json::to_string(&value).map_err(|error| failed(error.to_string()))?;
    if value.is_undefined() {
        return Err(failed("a name in it is not set"));
    }
    Exact::parse(&text).ok_or_else(|| failed("it cannot be written as JSON"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        let mut scope = Scope::default();
        for (name, value) in [
            ("id", "12345678901234567890123"),
            ("t", "41"),
            ("name", "\"a\\\"b\""),
            ("m", r#"{"list":[{"x":1.10}],"s":"é"}"#),
        ] {
            scope.set(name, Exact::parse(value).unwrap());
        }
        scope
    }

    #[test]
    fn templates_give_texts_and_keep_types_and_digits() {
        let by = Expressions::default();
        for (template, text, value) in [
            ("plain", "plain", "\"plain\""),
            (
                "{{id}}",
                "12345678901234567890123",
                "12345678901234567890123",
            ),
            ("{{ m.list[0].x }}", "1.10", "1.10"),
            ("a{{t}}b", "a41b", "\"a41b\""),
            ("{{t + 1}}", "42", "42"),
            ("{{name}}", "a\"b", "\"a\\\"b\""),
            ("{{name | json}}", "\"a\\\"b\"", "\"\\\"a\\\\\\\"b\\\"\""),
            ("{{'{{'}}x", "{{x", "\"{{x\""),
            ("{{'}}'}}", "}}", "\"}}\""),
            ("{{ 'a b/c' | urlencode }}", "a%20b%2Fc", "\"a%20b%2Fc\""),
            ("{{ 'hi' | base64 }}", "aGk=", "\"aGk=\""),
            ("{{ 'aGk=' | base64decode }}", "hi", "\"hi\""),
            ("{{ '7' | number + 1 }}", "8", "8"),
            ("{{ 'a' | hex }}", "61", "\"61\""),
            ("{{ t == 41 and not (t > 50) }}", "true", "true"),
            ("{{ missing | default('x') }}", "x", "\"x\""),
            ("{{ m.s | length }}", "1", "1"),
        ] {
            let parsed = Template::parse(template, &by).unwrap();
            assert_eq!(
                parsed.text(&scope(), &by).as_deref(),
                Ok(text),
                "{template}"
            );
            let got = parsed.value(&scope(), &by).unwrap().to_string();
            assert_eq!(got, value, "{template}");
        }
        let sign = Template::parse("{{ 'data' | hmac_sha256('key') }}", &by).unwrap();
        assert_eq!(
            sign.text(&scope(), &by).unwrap(),
            "5031fe3d989c6d1537a013fa6e739da23463fdaec3b70137d828e36ace221bd0"
        );
        let sum = Template::parse("{{ '' | sha256 }}", &by).unwrap();
        assert!(sum.text(&scope(), &by).unwrap().starts_with("e3b0c442"));
    }

    #[test]
    fn templates_that_are_none_or_give_nothing_say_so() {
        let by = Expressions::default();
        for (template, part) in [
            ("{{", "has no }} behind its {{"),
            ("{{ 'a }}", "has no }} behind its {{"),
            ("{{ 1 + }}", "is not an expression"),
            ("{{ }}", "is not an expression"),
        ] {
            let error = Template::parse(template, &by).unwrap_err().to_string();
            assert!(error.contains(part), "{template}: {error}");
        }
        for (template, part) in [
            ("{{nothing}}", "'nothing' is not set"),
            ("{{m.no}}", "there is no member 'no'"),
            ("{{m.list[7]}}", "there is no item 7"),
            ("{{ nothing + 1 }}", "has no value"),
            ("{{ 'x' | number }}", "'x' is not a number"),
        ] {
            let parsed = Template::parse(template, &by).unwrap();
            let error = parsed.text(&scope(), &by).unwrap_err().to_string();
            assert!(error.contains(part), "{template}: {error}");
        }
    }

    #[test]
    fn names_that_a_template_needs_are_known_before_it_is_used() {
        let by = Expressions::default();
        let parsed = Template::parse("{{a.b}} {{ c | default(d) }} {{uuid}}{{now}}", &by).unwrap();
        let names: Vec<_> = parsed.names(&by).into_iter().collect();
        assert_eq!(names, ["a", "c", "d"]);
        let first = parsed_uuid(&by);
        assert_eq!(first.len(), 36);
        assert_eq!(first.as_bytes()[14], b'4');
        assert_ne!(first, parsed_uuid(&by));
    }

    fn parsed_uuid(by: &Expressions) -> String {
        let template = Template::parse("{{uuid}}", by).unwrap();
        template.text(&Scope::default(), by).unwrap()
    }
}
