//! Which part of a file a request asks for, if any: conditions and ranges (RFC 9110
//! §13 and §14). Pure.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{self, HeaderMap, HeaderName};

/// By what a file is known to be the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Validators {
    pub(super) etag: String,
    pub(super) modified: Option<SystemTime>,
}

/// What is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Selected {
    /// The client has it already.
    NotModified,
    Whole,
    /// From the first byte to behind the last.
    Part(u64, u64),
    /// A range that the file does not have.
    Unsatisfiable,
}

impl Validators {
    /// Of a file of this length.
    pub(super) fn new(length_bytes: u64, modified: Option<SystemTime>) -> Self {
        let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let nanos = since.unwrap_or_default().as_nanos();
        Self {
            etag: format!("\"{length_bytes:x}-{nanos:x}\""),
            modified: modified.map(whole_second),
        }
    }

    /// What a request with these headers gets of a file of this length.
    pub(super) fn select(&self, headers: &HeaderMap, length_bytes: u64) -> Selected {
        if self.is_known(headers) {
            return Selected::NotModified;
        }
        let range = text(headers, &header::RANGE).filter(|_| self.range_applies(headers));
        range.map_or(Selected::Whole, |range| part(range, length_bytes))
    }

    /// RFC 9110 §13.2.2: `If-Modified-Since` counts only without `If-None-Match`.
    fn is_known(&self, headers: &HeaderMap) -> bool {
        if let Some(tags) = text(headers, &header::IF_NONE_MATCH) {
            return tags.trim() == "*" || tags.split(',').any(|tag| self.is_tag(tag, true));
        }
        let since = text(headers, &header::IF_MODIFIED_SINCE);
        let since = since.and_then(|date| httpdate::parse_http_date(date).ok());
        matches!((since, self.modified), (Some(since), Some(modified)) if modified <= since)
    }

    /// RFC 9110 §13.1.5: "the recipient MUST ignore the Range header field" when the
    /// condition is false.
    fn range_applies(&self, headers: &HeaderMap) -> bool {
        let Some(condition) = text(headers, &header::IF_RANGE) else {
            return true;
        };
        let date = httpdate::parse_http_date(condition).ok();
        self.is_tag(condition, false) || (date.is_some() && date == self.modified)
    }

    fn is_tag(&self, tag: &str, weak: bool) -> bool {
        let tag = tag.trim();
        let tag = match weak {
            true => tag.strip_prefix("W/").unwrap_or(tag),
            false => tag,
        };
        tag == self.etag
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// A date of HTTP has no smaller part.
fn whole_second(time: SystemTime) -> SystemTime {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

/// One range of bytes. Several are answered with the whole file, which is allowed
/// (RFC 9110 §14.2: "A server MAY ignore the Range header field").
fn part(range: &str, length: u64) -> Selected {
    let Some((first, last)) = range
        .trim()
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'))
    else {
        return Selected::Whole;
    };
    let (first, last) = (first.trim(), last.trim());
    let (start, end) = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => (first, last.saturating_add(1)),
        (Ok(first), Err(_)) if last.is_empty() => (first, length),
        // The last so many bytes.
        (Err(_), Ok(count)) if first.is_empty() => (length.saturating_sub(count), length),
        _ => return Selected::Whole,
    };
    match start < length && start < end {
        true => Selected::Part(start, end.min(length)),
        false => Selected::Unsatisfiable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn static_ranges_and_conditions() {
        let modified = UNIX_EPOCH + Duration::new(1_700_000_000, 5);
        let validators = Validators::new(100, Some(modified));
        let tag = validators.etag.as_str();
        let (date, before) = (
            "Tue, 14 Nov 2023 22:13:20 GMT",
            "Tue, 14 Nov 2023 22:13:19 GMT",
        );
        use Selected::{NotModified, Part, Unsatisfiable, Whole};
        for (lines, expected) in [
            (vec![], Whole),
            (vec![("range", "bytes=0-9")], Part(0, 10)),
            (vec![("range", "bytes=90-")], Part(90, 100)),
            (vec![("range", "bytes=90-1000")], Part(90, 100)),
            (vec![("range", "bytes=-10")], Part(90, 100)),
            (vec![("range", "bytes=-1000")], Part(0, 100)),
            (vec![("range", "bytes=100-")], Unsatisfiable),
            (vec![("range", "bytes=-0")], Unsatisfiable),
            (vec![("range", "bytes=9-0")], Whole),
            (vec![("range", "bytes=0-1,5-6")], Whole),
            (vec![("range", "lines=0-1")], Whole),
            (vec![("range", "bytes=0-9"), ("if-range", tag)], Part(0, 10)),
            (
                vec![("range", "bytes=0-9"), ("if-range", date)],
                Part(0, 10),
            ),
            (vec![("range", "bytes=0-9"), ("if-range", before)], Whole),
            (
                vec![("range", "bytes=0-9"), ("if-range", "\"other\"")],
                Whole,
            ),
            (vec![("if-none-match", tag)], NotModified),
            (vec![("if-none-match", "\"other\", *")], Whole),
            (vec![("if-none-match", "*")], NotModified),
            (vec![("if-modified-since", date)], NotModified),
            (vec![("if-modified-since", before)], Whole),
            (
                vec![("if-modified-since", date), ("if-none-match", "\"other\"")],
                Whole,
            ),
            (vec![("if-modified-since", "yesterday")], Whole),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in &lines {
                headers.insert(*name, value.parse().unwrap());
            }
            assert_eq!(validators.select(&headers, 100), expected, "{lines:?}");
        }
        let weak = format!("\"other\", W/{tag}");
        let headers = HeaderMap::from_iter([(header::IF_NONE_MATCH, weak.parse().unwrap())]);
        assert_eq!(validators.select(&headers, 100), NotModified);
        let empty = HeaderMap::from_iter([(header::RANGE, "bytes=0-".parse().unwrap())]);
        assert_eq!(validators.select(&empty, 0), Unsatisfiable);
    }
}
