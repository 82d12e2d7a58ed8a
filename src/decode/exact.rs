//! JSON as it was written: numbers keep their digits, members their order, and two
//! numbers are equal when their values are, however they are spelled.

use std::cmp::Ordering;
use std::fmt;

use serde::de::IgnoredAny;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::document::{Token, Tokens};

/// Values are walked recursively: what is nested deeper than this is not read.
const MAX_DEPTH: usize = 512;

/// A JSON value whose numbers are the texts that they were read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exact {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Exact>),
    /// An object; its members stand in the order of the text, and the last of a name
    /// counts.
    Object(Vec<(String, Exact)>),
}

/// A number, as it was written.
#[derive(Debug, Clone)]
pub struct Number(Box<str>);

/// A container that is not closed yet.
struct Open {
    value: Exact,
    key: Option<String>,
}

impl Exact {
    /// Reads a JSON text; `None` for one that is not JSON or is nested too deep.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str::<IgnoredAny>(text).ok()?;
        let mut stack: Vec<Open> = Vec::new();
        for (token, at) in Tokens::new(text) {
            let written = text.get(at)?;
            let value = match token {
                Token::Open if stack.len() == MAX_DEPTH => return None,
                Token::Open => {
                    stack.push(Open::new(written));
                    continue;
                }
                Token::Close => stack.pop()?.value,
                Token::String => match stack.last_mut() {
                    Some(open) if open.takes_key() => {
                        open.key = Some(string(written));
                        continue;
                    }
                    _ => Self::String(string(written)),
                },
                Token::Scalar => match written {
                    "null" => Self::Null,
                    "true" => Self::Bool(true),
                    "false" => Self::Bool(false),
                    number => Self::Number(Number(number.into())),
                },
            };
            match stack.last_mut() {
                Some(open) => open.add(value),
                None => return Some(value),
            }
        }
        None
    }

    /// The member of this name.
    pub fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => {
                let member = members.iter().rfind(|(known, _)| known == name);
                member.map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// The item at this place.
    pub fn item(&self, index: usize) -> Option<&Self> {
        match self {
            Self::Array(items) => items.get(index),
            _ => None,
        }
    }

    /// What it is called in a message, and by `$type`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::String(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
        }
    }
}

impl From<u64> for Exact {
    fn from(number: u64) -> Self {
        Self::Number(Number(number.to_string().into()))
    }
}

impl Open {
    fn new(bracket: &str) -> Self {
        Self {
            value: match bracket {
                "{" => Exact::Object(Vec::new()),
                _ => Exact::Array(Vec::new()),
            },
            key: None,
        }
    }

    fn takes_key(&self) -> bool {
        matches!(self.value, Exact::Object(_)) && self.key.is_none()
    }

    fn add(&mut self, value: Exact) {
        match (&mut self.value, self.key.take()) {
            (Exact::Array(items), _) => items.push(value),
            (Exact::Object(members), Some(key)) => members.push((key, value)),
            _ => {}
        }
    }
}

/// A string; one that is not Unicode (half of a surrogate pair) as it is written.
fn string(text: &str) -> String {
    serde_json::from_str(text).unwrap_or_else(|_| text.to_owned())
}

impl fmt::Display for Exact {
    /// The JSON text without whitespace.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Strings, numbers and containers: nothing that could not be written.
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(number) => f.write_str(&number.0),
            Self::String(text) => f.write_str(&quoted(text)),
            Self::Array(items) => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    write!(f, "{comma}{item}")?;
                }
                f.write_str("]")
            }
            Self::Object(members) => {
                f.write_str("{")?;
                for (index, (name, value)) in members.iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    write!(f, "{comma}{}:{value}", quoted(name))?;
                }
                f.write_str("}")
            }
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// For expressions, which calculate with what they have: whole numbers to 128 bits,
/// else floating point.
impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(Number(text)) => {
                if let Ok(whole) = text.parse::<i64>() {
                    serializer.serialize_i64(whole)
                } else if let Ok(whole) = text.parse::<i128>() {
                    serializer.serialize_i128(whole)
                } else {
                    serializer.serialize_f64(text.parse().unwrap_or(f64::NAN))
                }
            }
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(items) => {
                let mut sequence = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    sequence.serialize_element(item)?;
                }
                sequence.end()
            }
            Self::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

/// The parts of a number's value: its sign, its digits without zeros at either end,
/// and the power of ten of 0.DIGITS.
#[derive(PartialEq, Eq)]
struct Decimal {
    is_negative: bool,
    digits: String,
    exponent: i64,
}

impl Number {
    /// `None` where the exponent is beyond counting.
    fn decimal(&self) -> Option<Decimal> {
        let (is_negative, rest) = match self.0.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, &*self.0),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let without = all.trim_start_matches('0');
        let leading = i64::try_from(all.len() - without.len()).ok()?;
        let digits = without.trim_end_matches('0').to_owned();
        if digits.is_empty() {
            return Some(Decimal {
                is_negative: false,
                digits,
                exponent: 0,
            });
        }
        let places = i64::try_from(whole.len()).ok()?;
        Some(Decimal {
            is_negative,
            digits,
            exponent: exponent.checked_add(places)?.checked_sub(leading)?,
        })
    }

    /// Which of the two is larger; `None` where that is beyond counting.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        if self.0 == other.0 {
            return Some(Ordering::Equal);
        }
        let (a, b) = (self.decimal()?, other.decimal()?);
        let sign = |d: &Decimal| match (d.digits.is_empty(), d.is_negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        if sign(&a) != sign(&b) {
            return Some(sign(&a).cmp(&sign(&b)));
        }
        let size = a.exponent.cmp(&b.exponent);
        // 0.12 and 0.123: digits of equal power compare as text does.
        let size = size.then_with(|| a.digits.cmp(&b.digits));
        Some(if a.is_negative { size.reverse() } else { size })
    }

    /// Whether it has no fraction.
    pub fn is_whole(&self) -> bool {
        self.decimal().is_some_and(|decimal| {
            i64::try_from(decimal.digits.len()).is_ok_and(|digits| digits <= decimal.exponent)
                || decimal.digits.is_empty()
        })
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.compare(other) == Some(Ordering::Equal)
    }
}

impl Eq for Number {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Number {
        Number(text.into())
    }

    #[test]
    fn numbers_are_compared_by_value_and_keep_their_digits() {
        use Ordering::{Equal, Greater, Less};
        for (a, b, expected) in [
            ("1", "1.0", Equal),
            ("1", "10e-1", Equal),
            ("0", "-0.0e9", Equal),
            ("12345678901234567890123", "12345678901234567890124", Less),
            ("9007199254740993", "9007199254740992", Greater),
            ("0.1", "0.10000000000000000001", Less),
            ("-2", "-1", Less),
            ("-2", "1e-400", Less),
            ("1e400", "1e401", Less),
            ("100", "99", Greater),
            ("0.05", "0.5", Less),
        ] {
            assert_eq!(number(a).compare(&number(b)), Some(expected), "{a} {b}");
            let back = number(b).compare(&number(a));
            assert_eq!(back, Some(expected.reverse()), "{b} {a}");
        }
        assert_eq!(
            number("1e99999999999999999999").compare(&number("1")),
            None,
            "beyond counting"
        );
        for (text, is_whole) in [("1.0", true), ("1.5", false), ("15e-1", false), ("0", true)] {
            assert_eq!(number(text).is_whole(), is_whole, "{text}");
        }
        let text = r#"{"b":1.10,"a":[12345678901234567890123,"x\n",null,true,{}]}"#;
        assert_eq!(Exact::parse(text).unwrap().to_string(), text);
    }

    #[test]
    fn what_is_not_json_or_too_deep_is_not_read() {
        for text in ["", "{", "a", "{\"a\":}", "1 2"] {
            assert_eq!(Exact::parse(text), None, "{text}");
        }
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(Exact::parse(&deep(512)).is_some());
        assert!(Exact::parse(&deep(513)).is_none());
        let twice = Exact::parse(r#"{"a":1,"a":2}"#).unwrap();
        assert_eq!(twice.member("a"), Some(&Exact::from(2)));
    }

    proptest! {
        #[test]
        fn comparing_numbers_is_comparing_integers(a: i64, b: i64, zeros in 0_usize..4) {
            let padded = format!("{a}.{}", "0".repeat(zeros + 1));
            let compared = number(&padded).compare(&number(&b.to_string()));
            prop_assert_eq!(compared, Some(a.cmp(&b)));
        }
    }
}
