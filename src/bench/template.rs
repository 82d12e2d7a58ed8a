//! Message templates: `{{n}}`, `{{conn}}`, `{{uuid}}`, `{{now}}`,
//! `{{random 16}}`.

use crate::value::clock;
use std::io::Write as _;

use rand::Rng;
use thiserror::Error;

/// A text with placeholders, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(Vec<u8>),
    Number,
    Connection,
    Uuid,
    Now,
    Random(usize),
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// A placeholder that does not exist.
    #[error(
        "'{{{{{0}}}}}' is no placeholder; use {{{{n}}}}, {{{{conn}}}}, {{{{uuid}}}}, {{{{now}}}} or {{{{random 16}}}}"
    )]
    Unknown(String),
    /// `{{` without its end.
    #[error("'{{{{' has no '}}}}' behind it; close the placeholder")]
    Open,
}

/// Random text of more characters than this is a mistake.
const MAX_RANDOM: usize = 1 << 20;

impl Template {
    /// Parses a text.
    ///
    /// # Errors
    /// A [`TemplateError`] that names the placeholder.
    pub fn parse(text: &[u8]) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = memchr::memmem::find(rest, b"{{") {
            let (literal, behind) = rest.split_at(open);
            let inner = behind.get(2..).unwrap_or_default();
            let close = memchr::memmem::find(inner, b"}}").ok_or(TemplateError::Open)?;
            let (name, behind) = inner.split_at(close);
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.to_vec()));
            }
            parts.push(placeholder(&String::from_utf8_lossy(name))?);
            rest = behind.get(2..).unwrap_or_default();
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_vec()));
        }
        Ok(Self { parts })
    }

    /// Appends the text for message `number` (from 1) of connection
    /// `connection` (from 1).
    pub fn render(&self, out: &mut Vec<u8>, connection: u64, number: u64, random: &mut impl Rng) {
        for part in &self.parts {
            // Writing to a vector does not fail.
            let _ = match part {
                Part::Literal(text) => out.write_all(text),
                Part::Number => write!(out, "{number}"),
                Part::Connection => write!(out, "{connection}"),
                Part::Now => write!(out, "{:.6}", clock::now()),
                Part::Uuid => {
                    uuid(out, random);
                    Ok(())
                }
                Part::Random(length) => {
                    alphanumerics(out, *length, random);
                    Ok(())
                }
            };
        }
    }
}

fn placeholder(name: &str) -> Result<Part, TemplateError> {
    let unknown = || TemplateError::Unknown(name.to_owned());
    let mut words = name.split_whitespace();
    let part = match (words.next(), words.next()) {
        (Some("n"), None) => Part::Number,
        (Some("conn"), None) => Part::Connection,
        (Some("uuid"), None) => Part::Uuid,
        (Some("now"), None) => Part::Now,
        (Some("random"), Some(length)) => match length.parse() {
            Ok(length) if length <= MAX_RANDOM => Part::Random(length),
            _ => return Err(unknown()),
        },
        _ => return Err(unknown()),
    };
    match words.next() {
        None => Ok(part),
        Some(_) => Err(unknown()),
    }
}

/// RFC 9562 §5.4: version 4, random but for version and variant.
fn uuid(out: &mut Vec<u8>, random: &mut impl Rng) {
    let high = random.next_u64() & !0xf000 | 0x4000;
    let low = random.next_u64() & !(0b11 << 62) | (0b10 << 62);
    let _ = write!(
        out,
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    );
}

/// Appends random letters and digits.
pub(super) fn alphanumerics(out: &mut Vec<u8>, length: usize, random: &mut impl Rng) {
    // 64 characters, so that six random bits choose one without a bias.
    const CHARACTERS: &[u8; 64] =
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bits = 0;
    let start = out.len();
    out.extend((0..length).map(|index| {
        if index % 10 == 0 {
            bits = random.next_u64();
        }
        let character = CHARACTERS[usize::try_from(bits & 63).unwrap_or(0)];
        bits >>= 6;
        character
    }));
    debug_assert_eq!(out.len(), start + length);
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;

    use jiff::Timestamp;

    use super::*;

    fn render(text: &str) -> String {
        let mut random: StdRng = rand::make_rng();
        let mut out = Vec::new();
        Template::parse(text.as_bytes())
            .unwrap()
            .render(&mut out, 3, 14, &mut random);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_placeholder_becomes_what_it_says() {
        assert_eq!(
            render("{\"id\": {{n}}, \"c\":{{ conn }}}"),
            "{\"id\": 14, \"c\":3}"
        );
        assert_eq!(render("{{random 16}}").len(), 16);
        assert_ne!(render("{{random 16}}"), render("{{random 16}}"));
        let now: Timestamp = render("{{now}}").parse().unwrap();
        assert!(Timestamp::now().duration_since(now).as_secs() < 5);
        let uuid = render("{{uuid}}");
        let form = regex::Regex::new(
            "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
        );
        assert!(form.unwrap().is_match(&uuid), "{uuid}");
    }

    #[test]
    fn what_is_no_placeholder_is_named() {
        for (text, message) in [
            (
                "{{x}}",
                "'{{x}}' is no placeholder; use {{n}}, {{conn}}, {{uuid}}, {{now}} or {{random 16}}",
            ),
            (
                "{{random}}",
                "'{{random}}' is no placeholder; use {{n}}, {{conn}}, {{uuid}}, {{now}} or {{random 16}}",
            ),
            ("a {{n", "'{{' has no '}}' behind it; close the placeholder"),
        ] {
            let error = Template::parse(text.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }
}
