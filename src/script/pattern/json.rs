//! JSON patterns: objects match a part of the record, arrays match whole, leaves by
//! value and type.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use regex::Regex;
use serde_json_path::JsonPath;

use super::error::PatternError;
use crate::decode::{self, Exact};
use crate::script::expr::{Expressions, Scope, Template};

/// A part of a JSON pattern.
#[derive(Debug, Clone)]
pub(super) enum Part {
    /// `"{{any}}"`: whatever is there.
    Any,
    /// A string with templates.
    Template(Template),
    /// A value without parts.
    Leaf(Exact),
    /// An array, item by item.
    Items(Vec<Part>),
    /// An object: all of it has to hold.
    All(Vec<Check>),
}

/// What a member of an object in a pattern asks for.
#[derive(Debug, Clone)]
pub(super) enum Check {
    Member(String, Part),
    Path(JsonPath, Part),
    Regex(Regex),
    Order(Order, Part),
    In(Vec<Part>),
    Not(Part),
    Length(Part),
    Type(String),
    Has(Part),
    Exists(bool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

const OPERATORS: &str = "$re, $gt, $ge, $lt, $le, $in, $not, $len, $type, $has and $exists";

const TYPES: &[&str] = &[
    "array", "boolean", "integer", "null", "number", "object", "string",
];

impl Part {
    pub(super) fn parse(
        json: &Exact,
        templates: Option<&Expressions>,
    ) -> Result<Self, PatternError> {
        Ok(match json {
            Exact::String(text) if is_any(text) => Self::Any,
            Exact::String(text) => match templates {
                Some(by) if text.contains("{{") => Self::Template(Template::parse(text, by)?),
                _ => Self::Leaf(json.clone()),
            },
            Exact::Array(items) => {
                let items = items.iter().map(|item| Self::parse(item, templates));
                Self::Items(items.collect::<Result<_, _>>()?)
            }
            Exact::Object(members) => {
                let checks = members.iter();
                let checks = checks.map(|(name, value)| Check::parse(name, value, templates));
                Self::All(checks.collect::<Result<_, _>>()?)
            }
            leaf => Self::Leaf(leaf.clone()),
        })
    }

    pub(super) fn names(&self, by: &Expressions, names: &mut BTreeSet<String>) {
        if let Self::Template(template) = self {
            names.extend(template.names(by));
        }
        self.parts(&mut |part| part.names(by, names));
    }

    pub(super) fn has_templates(&self) -> bool {
        let mut has = matches!(self, Self::Template(_));
        self.parts(&mut |part| has |= part.has_templates());
        has
    }

    pub(super) fn leaves(&self) -> usize {
        let mut count = 0;
        let mut parts = 0;
        self.parts(&mut |part| {
            parts += 1;
            count += part.leaves();
        });
        if parts == 0 { 1 } else { count }
    }

    fn parts(&self, visit: &mut dyn FnMut(&Self)) {
        match self {
            Self::Any | Self::Template(_) | Self::Leaf(_) => {}
            Self::Items(items) => items.iter().for_each(visit),
            Self::All(checks) => {
                for check in checks {
                    match check {
                        Check::Member(_, part)
                        | Check::Path(_, part)
                        | Check::Order(_, part)
                        | Check::Not(part)
                        | Check::Length(part)
                        | Check::Has(part) => visit(part),
                        Check::In(parts) => parts.iter().for_each(&mut *visit),
                        Check::Regex(_) | Check::Type(_) | Check::Exists(_) => {}
                    }
                }
            }
        }
    }

    pub(super) fn resolve(&self, scope: &Scope, by: &Expressions) -> Result<Self, PatternError> {
        Ok(match self {
            Self::Any | Self::Leaf(_) => self.clone(),
            Self::Template(template) => Self::exactly(template.value(scope, by)?),
            Self::Items(items) => {
                let items = items.iter().map(|item| item.resolve(scope, by));
                Self::Items(items.collect::<Result<_, _>>()?)
            }
            Self::All(checks) => {
                let checks = checks.iter().map(|check| check.resolve(scope, by));
                Self::All(checks.collect::<Result<_, _>>()?)
            }
        })
    }

    /// A value that was captured, in which nothing is an operator.
    fn exactly(value: Exact) -> Self {
        match value {
            Exact::Array(items) => Self::Items(items.into_iter().map(Self::exactly).collect()),
            Exact::Object(members) => {
                let members = members.into_iter();
                let checks = members.map(|(name, value)| Check::Member(name, Self::exactly(value)));
                Self::All(checks.collect())
            }
            leaf => Self::Leaf(leaf),
        }
    }

    pub(super) fn matches(&self, value: &Exact) -> bool {
        match self {
            Self::Any => true,
            Self::Template(_) => false,
            Self::Leaf(leaf) => leaf == value,
            Self::Items(parts) => match value {
                Exact::Array(items) if items.len() == parts.len() => {
                    let mut pairs = parts.iter().zip(items);
                    pairs.all(|(part, item)| part.matches(item))
                }
                _ => false,
            },
            Self::All(checks) if checks.is_empty() => matches!(value, Exact::Object(_)),
            Self::All(checks) => checks.iter().all(|check| check.holds(value)),
        }
    }

    /// Whether it can match where nothing is.
    fn matches_absence(&self) -> bool {
        match self {
            Self::All(checks) => {
                !checks.is_empty() && checks.iter().all(|c| matches!(c, Check::Exists(false)))
            }
            _ => false,
        }
    }

    /// Writes down in what a value at this place differs.
    pub(super) fn compare(&self, place: &str, value: &Exact, differences: &mut Vec<String>) {
        if self.matches(value) {
            return;
        }
        match (self, value) {
            (Self::All(checks), Exact::Object(_)) => {
                for check in checks {
                    check.compare(place, value, differences);
                }
            }
            (Self::Items(parts), Exact::Array(items)) if parts.len() == items.len() => {
                for (index, (part, item)) in parts.iter().zip(items).enumerate() {
                    part.compare(&format!("{place}[{index}]"), item, differences);
                }
            }
            (Self::All(checks), _) if checks.iter().any(|c| !matches!(c, Check::Member(..))) => {
                for check in checks {
                    check.compare(place, value, differences);
                }
            }
            _ => {
                let place = if place.is_empty() { "it" } else { place };
                differences.push(format!("{place} is {}, not {}", short(value), self.told()));
            }
        }
    }

    /// What it asks for, in a few words.
    fn told(&self) -> String {
        match self {
            Self::Any => "anything".to_owned(),
            Self::Template(_) => "a template".to_owned(),
            Self::Leaf(leaf) => short(leaf),
            Self::Items(parts) => format!("an array of {}", parts.len()),
            Self::All(_) => "an object".to_owned(),
        }
    }
}

fn is_any(text: &str) -> bool {
    let within = text
        .strip_prefix("{{")
        .and_then(|text| text.strip_suffix("}}"));
    within.is_some_and(|within| within.trim() == "any")
}

/// The JSON of a value, cut where it is long.
pub(super) fn short(value: &Exact) -> String {
    const LONGEST: usize = 80;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

impl Check {
    fn parse(
        name: &str,
        value: &Exact,
        templates: Option<&Expressions>,
    ) -> Result<Self, PatternError> {
        let part = || Part::parse(value, templates);
        let wrong = |what: &str| PatternError::Operator(format!("{name} takes {what}"));
        if let Some(rest) = name.strip_prefix("$$") {
            return Ok(Self::Member(format!("${rest}"), part()?));
        }
        if name == "$" || name.starts_with("$.") || name.starts_with("$[") {
            let path = JsonPath::parse(name).map_err(value_error)?;
            return Ok(Self::Path(path, part()?));
        }
        Ok(match (name, value) {
            ("$re", Exact::String(text)) => {
                let text = text
                    .strip_prefix('/')
                    .and_then(|t| t.strip_suffix('/'))
                    .unwrap_or(text);
                let regex = Regex::new(text).map_err(|error| {
                    let error = error.to_string();
                    let why = error.lines().last().unwrap_or_default();
                    PatternError::Operator(format!("$re: {}", why.trim_start_matches("error: ")))
                })?;
                Self::Regex(regex)
            }
            ("$re", _) => return Err(wrong("a string")),
            ("$gt", _) => Self::Order(Order::Greater, part()?),
            ("$ge", _) => Self::Order(Order::GreaterOrEqual, part()?),
            ("$lt", _) => Self::Order(Order::Less, part()?),
            ("$le", _) => Self::Order(Order::LessOrEqual, part()?),
            ("$in", Exact::Array(items)) => {
                let items = items.iter().map(|item| Part::parse(item, templates));
                Self::In(items.collect::<Result<_, _>>()?)
            }
            ("$in", _) => return Err(wrong("an array of values")),
            ("$not", _) => Self::Not(part()?),
            ("$len", _) => Self::Length(part()?),
            ("$has", _) => Self::Has(part()?),
            ("$type", Exact::String(kind)) if TYPES.contains(&kind.as_str()) => {
                Self::Type(kind.clone())
            }
            ("$type", _) => return Err(wrong(&format!("one of {}", TYPES.join(", ")))),
            ("$exists", Exact::Bool(exists)) => Self::Exists(*exists),
            ("$exists", _) => return Err(wrong("true or false")),
            _ if name.starts_with('$') => {
                return Err(PatternError::Operator(format!(
                    "'{name}' is not an operator ({OPERATORS} are); write ${name} for a member of that name"
                )));
            }
            _ => Self::Member(name.to_owned(), part()?),
        })
    }

    fn resolve(&self, scope: &Scope, by: &Expressions) -> Result<Self, PatternError> {
        let part = |part: &Part| part.resolve(scope, by);
        Ok(match self {
            Self::Member(name, value) => Self::Member(name.clone(), part(value)?),
            Self::Path(path, value) => Self::Path(path.clone(), part(value)?),
            Self::Order(order, value) => Self::Order(*order, part(value)?),
            Self::In(parts) => Self::In(parts.iter().map(part).collect::<Result<_, _>>()?),
            Self::Not(value) => Self::Not(part(value)?),
            Self::Length(value) => Self::Length(part(value)?),
            Self::Has(value) => Self::Has(part(value)?),
            Self::Regex(_) | Self::Type(_) | Self::Exists(_) => self.clone(),
        })
    }

    fn holds(&self, value: &Exact) -> bool {
        match self {
            Self::Member(name, part) => match value {
                Exact::Object(_) => match value.member(name) {
                    Some(member) => part.matches(member),
                    None => part.matches_absence(),
                },
                _ => false,
            },
            Self::Path(path, part) => {
                let text = value.to_string();
                let found = decode::select(path, text.as_bytes()).hits;
                match found.is_empty() {
                    true => part.matches_absence(),
                    false => {
                        let mut values = found.into_iter().filter_map(Exact::parse);
                        values.any(|value| part.matches(&value))
                    }
                }
            }
            Self::Regex(regex) => match value {
                Exact::String(text) => regex.is_match(text),
                _ => false,
            },
            Self::Order(order, part) => {
                let Part::Leaf(limit) = part else {
                    return false;
                };
                compare(value, limit).is_some_and(|found| order.allows(found))
            }
            Self::In(parts) => parts.iter().any(|part| part.matches(value)),
            Self::Not(part) => !part.matches(value),
            Self::Length(part) => length(value).is_some_and(|length| part.matches(&length)),
            Self::Type(kind) => match (kind.as_str(), value) {
                ("integer", Exact::Number(number)) => number.is_whole(),
                (kind, value) => value.kind() == kind,
            },
            Self::Has(part) => match (value, part) {
                (Exact::Array(items), part) => items.iter().any(|item| part.matches(item)),
                (Exact::String(text), Part::Leaf(Exact::String(within))) => text.contains(within),
                _ => false,
            },
            Self::Exists(exists) => *exists,
        }
    }

    fn compare(&self, place: &str, value: &Exact, differences: &mut Vec<String>) {
        if self.holds(value) {
            return;
        }
        let difference = match (self, value.member(self.name())) {
            (Self::Member(name, part), member) => {
                let place = match place {
                    "" => name.clone(),
                    place => format!("{place}.{name}"),
                };
                match member {
                    Some(member) => return part.compare(&place, member, differences),
                    None => format!("{place} is missing, {} was expected", part.told()),
                }
            }
            (check, _) => check.difference(if place.is_empty() { "it" } else { place }, value),
        };
        differences.push(difference);
    }

    fn name(&self) -> &str {
        match self {
            Self::Member(name, _) => name,
            _ => "",
        }
    }

    /// What is wrong with a value at this place.
    fn difference(&self, place: &str, value: &Exact) -> String {
        let value = short(value);
        match self {
            Self::Member(name, _) => format!("{place}.{name} differs"),
            Self::Path(path, part) => format!("{path} does not select {}", part.told()),
            Self::Regex(regex) => format!("{place} is {value}, which /{regex}/ does not find"),
            Self::Order(order, part) => {
                format!("{place} is {value}, not {} {}", order.told(), part.told())
            }
            Self::In(_) => format!("{place} is {value}, none of the values of $in"),
            Self::Not(part) => format!("{place} is {value}, and must not be {}", part.told()),
            Self::Length(part) => format!("the length of {place} is not {}", part.told()),
            Self::Type(kind) => format!("{place} is {value}, not of the type {kind}"),
            Self::Has(part) => format!("{place} has no {}", part.told()),
            Self::Exists(_) => format!("{place} is there, and must not be"),
        }
    }
}

fn value_error(error: serde_json_path::ParseError) -> PatternError {
    PatternError::Plain(error.into())
}

impl Order {
    fn allows(self, found: Ordering) -> bool {
        match self {
            Self::Greater => found.is_gt(),
            Self::GreaterOrEqual => found.is_ge(),
            Self::Less => found.is_lt(),
            Self::LessOrEqual => found.is_le(),
        }
    }

    fn told(self) -> &'static str {
        match self {
            Self::Greater => "over",
            Self::GreaterOrEqual => "at least",
            Self::Less => "under",
            Self::LessOrEqual => "at most",
        }
    }
}

/// Numbers by value, strings by their characters; nothing else has an order.
fn compare(value: &Exact, limit: &Exact) -> Option<Ordering> {
    match (value, limit) {
        (Exact::Number(value), Exact::Number(limit)) => value.compare(limit),
        (Exact::String(value), Exact::String(limit)) => Some(value.cmp(limit)),
        _ => None,
    }
}

/// Items, members or characters.
fn length(value: &Exact) -> Option<Exact> {
    let length = match value {
        Exact::Array(items) => items.len(),
        Exact::Object(members) => members.len(),
        Exact::String(text) => text.chars().count(),
        _ => return None,
    };
    Some(Exact::from(u64::try_from(length).ok()?))
}
