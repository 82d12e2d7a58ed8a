//! What expressions can do besides what Jinja's have: filters and functions.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use minijinja::value::Serde;
use minijinja::{Environment, Error, ErrorKind, Value};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rand::RngExt as _;
use ring::{digest, hmac};

use crate::decode::Exact;

/// Adds all of them.
pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("json", json);
    environment.add_filter("string", text_of);
    environment.add_filter("number", number);
    environment.add_filter("urlencode", |text: String| {
        utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string()
    });
    environment.add_filter("base64", |text: String| BASE64.encode(text));
    environment.add_filter("base64decode", base64_decode);
    environment.add_filter("hex", |text: String| hex(text.as_bytes()));
    environment.add_filter("sha256", |text: String| {
        hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
    });
    environment.add_filter("hmac_sha256", |text: String, key: String| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
        hex(hmac::sign(&key, text.as_bytes()).as_ref())
    });
    environment.add_function("random", random);
    environment.add_function("random_int", |low: i64, high: i64| match low <= high {
        true => Ok(rand::rng().random_range(low..=high)),
        false => Err(failed("random_int takes the smaller number first")),
    });
}

pub(super) fn failed(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, why.into())
}

fn json(value: &Value) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| failed(error.to_string()))
}

fn text_of(value: &Value) -> Result<String, Error> {
    match value.as_str() {
        Some(text) => Ok(text.to_owned()),
        None => json(value),
    }
}

fn number(value: &Value) -> Result<Value, Error> {
    let Some(text) = value.as_str() else {
        return Ok(value.clone());
    };
    match Exact::parse(text.trim()) {
        Some(number @ Exact::Number(_)) => Ok(Value::from(Serde(number))),
        _ => Err(failed(format!("'{text}' is not a number"))),
    }
}

fn base64_decode(text: String) -> Result<String, Error> {
    let bytes = BASE64.decode(text.trim());
    let bytes = bytes.map_err(|error| failed(format!("not base64: {error}")))?;
    String::from_utf8(bytes).map_err(|_| failed("what the base64 holds is not UTF-8"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// So many letters and digits.
fn random(length: usize) -> Result<String, Error> {
    const LONGEST: usize = 1 << 20;
    if length > LONGEST {
        return Err(failed("random gives 1048576 characters at most"));
    }
    let letters = rand::rng().sample_iter(rand::distr::Alphanumeric);
    Ok(letters.take(length).map(char::from).collect())
}

/// A random UUID (RFC 9562 §5.4).
pub(super) fn uuid() -> String {
    let random: u128 = rand::random();
    let version = random & !(0xf << 76) | 4 << 76;
    let bits = version & !(0b11 << 62) | 0b10 << 62;
    let digits = format!("{bits:032x}");
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)]
        .map(|(from, to)| part(from, to))
        .join("-")
}
