//! What a JSONPath finds in a message, whose records it sees one by one.

use serde_json::Value;
use serde_json_path::JsonPath;

use super::document::Document;
use super::records::queried;

/// What a query has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<'a> {
    /// What was selected, as it is written in the message.
    pub hits: Vec<&'a str>,
    /// What the query could not look into, if anything.
    pub unread: Option<Unread>,
}

/// Why a query could not look into a message, or into a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// It is not JSON.
    NotJson,
    /// It is nested too deep.
    TooDeep,
}

impl Unread {
    /// What the user is told of it, once.
    pub fn note(self) -> &'static str {
        match self {
            Self::NotJson => "the filter hides what is not JSON (told once)",
            Self::TooDeep => {
                "the filter does not look into JSON that is nested deeper than 512 (told once)"
            }
        }
    }
}

/// What a path selects in a message, text or binary.
pub fn select<'a>(path: &JsonPath, message: &'a [u8]) -> Found<'a> {
    let mut found = Found {
        hits: Vec::new(),
        unread: None,
    };
    let Ok(text) = std::str::from_utf8(message) else {
        found.unread = Some(Unread::NotJson);
        return found;
    };
    for record in queried(text) {
        match Document::parse(record) {
            Some(document) => {
                found.hits.extend(document.select(path));
                if document.is_too_deep {
                    found.unread.get_or_insert(Unread::TooDeep);
                }
            }
            None => found.unread = Some(Unread::NotJson),
        }
    }
    found
}

/// Whether a path selects something in a record of a message.
pub fn matches(path: &JsonPath, message: &[u8]) -> bool {
    if let Ok(value) = serde_json::from_slice::<Value>(message) {
        return !path.query(&value).is_empty();
    }
    let Ok(text) = std::str::from_utf8(message) else {
        return false;
    };
    let documents = queried(text).into_iter().filter_map(Document::parse);
    documents.into_iter().any(|document| document.has(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_sees_every_record_of_a_message() {
        let path = JsonPath::parse("$.result").unwrap();
        for (message, hits, unread) in [
            ("{\"result\":5}\u{1e}", &["5"][..], None),
            (
                "{}\u{1e}{\"result\":1.10}\u{1e}{\"result\":2}",
                &["1.10", "2"],
                None,
            ),
            (
                "\u{feff}{\"result\":1}\n\n{\"result\":2}\n",
                &["1", "2"],
                None,
            ),
            ("{\"result\":\n 1\n}", &["1"], None),
            ("\u{1e}{\"result\":1}\n", &["1"], None),
            ("plain\n{\"result\":1}", &["1"], Some(Unread::NotJson)),
            ("plain", &[], Some(Unread::NotJson)),
            ("", &[], None),
        ] {
            let found = select(&path, message.as_bytes());
            assert_eq!(
                (&found.hits[..], found.unread),
                (hits, unread),
                "{message:?}"
            );
            assert_eq!(matches(&path, message.as_bytes()), !hits.is_empty());
        }
        assert_eq!(select(&path, b"\xff").unread, Some(Unread::NotJson));
        let deep = format!(
            "{{\"x\":{}{},\"result\":3}}",
            "[".repeat(600),
            "]".repeat(600)
        );
        let found = select(&path, deep.as_bytes());
        assert_eq!(
            (found.hits, found.unread),
            (vec!["3"], Some(Unread::TooDeep))
        );
        assert!(matches(&path, deep.as_bytes()));
    }
}
