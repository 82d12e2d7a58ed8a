//! The page at `/`: one embedded file that asks nothing of any other server.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use ring::digest::{SHA256, digest};

use super::body::Body;

const PAGE: &str = include_str!("../../../assets/page.html");

/// Where the path of the echo is put into the page.
const DATA_PATH: &str = "data-path=\"/ws\"";

/// What the page may do: run its own script in its own style, and open
/// WebSockets to wherever its user says.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let script = hash_of("script");
    let style = hash_of("style");
    let policy = format!(
        "default-src 'none'; script-src '{script}'; style-src '{style}'; img-src data:; \
         connect-src ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).expect("base64 is ASCII")
});

/// The page, for a server that echoes at `path`.
pub(super) fn response_for(path: Option<&str>) -> (Vec<(HeaderName, HeaderValue)>, Bytes) {
    let text = |text| HeaderValue::from_static(text);
    let headers = vec![
        (header::CONTENT_TYPE, text("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, POLICY.clone()),
        (header::X_CONTENT_TYPE_OPTIONS, text("nosniff")),
        (header::REFERRER_POLICY, text("no-referrer")),
        (header::CACHE_CONTROL, text("no-cache")),
    ];
    let path = escape(path.unwrap_or("/ws"));
    let page = PAGE.replacen(DATA_PATH, &format!("data-path=\"{path}\""), 1);
    (headers, page.into())
}

/// The answer that holds the page.
pub(super) fn response(path: Option<&str>) -> Response<Body> {
    let (headers, body) = response_for(path);
    super::body::response(StatusCode::OK, headers, body)
}

/// The hash source of the page's only element of this name, without
/// attributes (CSP Level 3, §2.3.1).
fn hash_of(element: &str) -> String {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    let content = PAGE
        .split_once(&open)
        .and_then(|(_, rest)| rest.split_once(&close))
        .map(|(content, _)| content)
        .expect("the page has one script and one style");
    let hash = digest(&SHA256, content.as_bytes());
    format!("sha256-{}", STANDARD.encode(hash))
}

/// As the value of an attribute in double quotes.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_needs_nothing_else() {
        assert_eq!(PAGE.matches(DATA_PATH).count(), 1);
        for element in ["<script>", "<style>"] {
            assert_eq!(PAGE.matches(element).count(), 1, "{element}");
        }
        for word in [" src=", "@import", "url(", "http://", "https://", " on"] {
            let attributes = PAGE.split("<script>").next().unwrap_or_default();
            let attributes = match word {
                // Handlers in attributes, which the policy would stop.
                " on" => attributes.replace(" only", "").replace(" one", ""),
                _ => attributes.to_owned(),
            };
            assert!(!attributes.contains(word), "{word}");
        }
    }

    #[test]
    fn a_path_cannot_become_markup() {
        let (_, page) = response_for(Some("/a\"><script>&"));
        let page = String::from_utf8(page.to_vec()).unwrap();
        assert!(page.contains("data-path=\"/a&quot;&gt;&lt;script&gt;&amp;\""));
    }

    #[test]
    fn the_policy_names_the_hashes() {
        let policy = POLICY.to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'sha256-"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"));
    }

    #[test]
    fn the_policy_is_that_of_the_script_that_is_sent() {
        let (headers, page) = response_for(Some("/a"));
        let policy = headers
            .iter()
            .find(|(name, _)| name == header::CONTENT_SECURITY_POLICY);
        let policy = policy.unwrap().1.to_str().unwrap();
        let page = std::str::from_utf8(&page).unwrap();
        for element in ["script", "style"] {
            let begin = page.find(&format!("<{element}>")).unwrap() + element.len() + 2;
            let end = page.rfind(&format!("</{element}>")).unwrap();
            let hash = STANDARD.encode(digest(&SHA256, &page.as_bytes()[begin..end]));
            let source = format!("; {element}-src 'sha256-{hash}';");
            assert!(policy.contains(&source), "{policy} for {source}");
        }
    }
}
