//! The page at `/`: one file, put together of those in `assets/page`, that asks
//! nothing of any other server.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use ring::digest::{SHA256, digest};
use serde_json::json;

use super::body::Body;
use crate::connection::secrets::secret_names;
use crate::server::faults::catalogue;

/// What the script and the style stand in.
const FRAME: &str = include_str!("../../../assets/page/page.html");
const STYLE: &str = include_str!("../../../assets/page/page.css");
/// One script, in this order.
const SCRIPT: &str = concat!(
    "\n\"use strict\";\n{\n",
    include_str!("../../../assets/page/format.js"),
    include_str!("../../../assets/page/log.js"),
    include_str!("../../../assets/page/socket.js"),
    include_str!("../../../assets/page/controls.js"),
    "}\n"
);

/// The page as one file.
static PAGE: LazyLock<String> = LazyLock::new(|| {
    FRAME
        .replacen("{{style}}", STYLE, 1)
        .replacen("{{script}}", SCRIPT, 1)
});

/// Where what the page has to know of its server is put into it.
const DATA: &str = "data-path=\"/ws\"";

/// What the page may do: run its own script in its own style, ask its own server
/// why a handshake failed, and open WebSockets to wherever its user says.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let (script, style) = (hash_of(SCRIPT), hash_of(STYLE));
    let policy = format!(
        "default-src 'none'; script-src '{script}'; style-src '{style}'; img-src data:; \
         connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).expect("base64 is ASCII")
});

/// The page, for a server that echoes at `path`, and that may have a fault lab.
pub(super) fn response_for(
    path: Option<&str>,
    has_lab: bool,
) -> (Vec<(HeaderName, HeaderValue)>, Bytes) {
    let text = |text| HeaderValue::from_static(text);
    let headers = vec![
        (header::CONTENT_TYPE, text("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, POLICY.clone()),
        (header::X_CONTENT_TYPE_OPTIONS, text("nosniff")),
        (header::REFERRER_POLICY, text("no-referrer")),
        (header::CACHE_CONTROL, text("no-cache")),
    ];
    let path = escape(path.unwrap_or("/ws"));
    let lab = if has_lab {
        escape(&catalogue::json())
    } else {
        String::new()
    };
    let (parts, words) = secret_names();
    let secrets = escape(&json!({ "parts": parts, "words": words }).to_string());
    let data = format!("data-path=\"{path}\" data-lab=\"{lab}\" data-secrets=\"{secrets}\"");
    (headers, PAGE.replacen(DATA, &data, 1).into())
}

/// The answer that holds the page.
pub(super) fn response(path: Option<&str>, has_lab: bool) -> Response<Body> {
    let (headers, body) = response_for(path, has_lab);
    super::body::response(StatusCode::OK, headers, body)
}

/// The hash source of an element's content (CSP Level 3, §2.3.1).
fn hash_of(content: &str) -> String {
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
        assert_eq!(PAGE.matches(DATA).count(), 1);
        for element in ["<script>", "<style>"] {
            assert_eq!(PAGE.matches(element).count(), 1, "{element}");
        }
        for word in [" src=", "@import", "url(", "http://", "https://", " on"] {
            let attributes = FRAME;
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
        let (_, page) = response_for(Some("/a\"><script>&"), true);
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
        let (headers, page) = response_for(Some("/a"), true);
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
