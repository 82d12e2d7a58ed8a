//! `--as`: the headers that a browser sends with its opening handshake, for
//! servers that turn others away.
//!
//! They are those of the browsers themselves (Chromium 156 and Firefox 153 on
//! Linux), not their order. A program cannot look like a browser to a server
//! that looks at its TLS as well.

use url::Host;

use crate::cli::probe_origin::Browser;
use crate::connection::http::HeaderEdit;
use crate::connection::net::target::Endpoint;
use crate::connection::ws::deflate::Offer;
use crate::connection::{OpenConfig, Target};

const CHROME_AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";
const FIREFOX_AGENT: &str =
    "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0";

/// Adds what every handshake of the browser has. What the user has set stays.
pub(super) fn dress(browser: Browser, open: &mut OpenConfig, target: &Target, own_agent: bool) {
    let request = &mut open.request;
    let agent = match browser {
        Browser::Chrome => CHROME_AGENT,
        Browser::Firefox => FIREFOX_AGENT,
    };
    if !own_agent {
        request.user_agent = Some(agent.into());
    }
    if request.deflate.is_none() {
        request.deflate = Some(match browser {
            Browser::Chrome => Offer::browser(),
            Browser::Firefox => Offer::default(),
        });
    }
    let trusted = is_trustworthy(target);
    let encodings = match trusted {
        true => "gzip, deflate, br, zstd",
        false => "gzip, deflate",
    };
    add(open, "Pragma", "no-cache");
    add(open, "Cache-Control", "no-cache");
    add(open, "Accept-Encoding", encodings);
    add(open, "Accept-Language", "en-US,en;q=0.9");
    if browser == Browser::Firefox {
        add(open, "Accept", "*/*");
        if trusted {
            add(open, "Sec-Fetch-Dest", "empty");
            add(open, "Sec-Fetch-Mode", "websocket");
        }
    }
}

/// Adds what depends on the page: Firefox tells how far it is from the server,
/// where nobody in between can change that.
pub(super) fn tell_site(browser: Browser, open: &mut OpenConfig, target: &Target) {
    let Some(origin) = open.request.origin.clone() else {
        return;
    };
    if browser == Browser::Firefox && is_trustworthy(target) {
        add(open, "Sec-Fetch-Site", site(&origin, target));
    }
}

/// Whether nobody on the way can read or change what is sent (Secure Contexts
/// §3.1): to others, browsers tell less.
fn is_trustworthy(target: &Target) -> bool {
    target.secure
        || match &target.endpoint {
            Endpoint::Tcp { host, .. } => match host {
                Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
                Host::Ipv4(ip) => ip.is_loopback(),
                Host::Ipv6(ip) => ip.is_loopback(),
            },
            Endpoint::Unix(_) => false,
        }
}

fn add(open: &mut OpenConfig, name: &str, value: &str) {
    let edits = &mut open.request.edits;
    if !edits
        .iter()
        .any(|edit| edit.name().eq_ignore_ascii_case(name))
    {
        edits.push(HeaderEdit::Set {
            name: name.into(),
            value: value.into(),
        });
    }
}

/// The value of `Sec-Fetch-Site` (Fetch Metadata §2.4): the socket's scheme
/// counts as that of its handshake.
fn site(origin: &str, target: &Target) -> &'static str {
    let scheme = if target.secure { "https" } else { "http" };
    let Some((of_page, authority)) = origin.split_once("://") else {
        return "cross-site";
    };
    if of_page != scheme {
        return "cross-site";
    }
    if authority.eq_ignore_ascii_case(&target.authority) {
        return "same-origin";
    }
    let host = |authority: &str| {
        let end = authority
            .rfind(':')
            .filter(|at| !authority[*at..].contains(']'));
        authority[..end.unwrap_or(authority.len())].to_ascii_lowercase()
    };
    let (page, server) = (host(authority), host(&target.authority));
    let registrable = |host: &str| psl::domain_str(host).map(str::to_owned);
    let is_address = page.parse::<std::net::IpAddr>().is_ok();
    let same = page == server
        || (!is_address
            && registrable(&page).is_some()
            && registrable(&page) == registrable(&server));
    if same { "same-site" } else { "cross-site" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_site_of_a_page_is_told_as_firefox_tells_it() {
        for (origin, url, expected) in [
            (
                "https://app.h.example",
                "wss://app.h.example/ws",
                "same-origin",
            ),
            (
                "https://app.h.example:444",
                "wss://app.h.example/ws",
                "same-site",
            ),
            ("https://b.h.example", "wss://app.h.example/ws", "same-site"),
            (
                "http://app.h.example",
                "wss://app.h.example/ws",
                "cross-site",
            ),
            ("https://evil.test", "wss://app.h.example/ws", "cross-site"),
            ("http://localhost:1", "ws://127.0.0.1:1/", "cross-site"),
            ("http://127.0.0.1:2", "ws://127.0.0.1:1/", "same-site"),
            ("http://10.0.0.1", "ws://11.0.0.1/", "cross-site"),
            ("http://[::1]:2", "ws://[::1]:1/", "same-site"),
            ("null", "ws://127.0.0.1:1/", "cross-site"),
        ] {
            let target = url.parse().unwrap();
            assert_eq!(site(origin, &target), expected, "{origin} {url}");
        }
    }

    #[test]
    fn what_the_user_has_set_stays() {
        let mut open = OpenConfig::default();
        open.request.user_agent = Some("mine".into());
        open.request.edits = vec![HeaderEdit::set("accept-language", "de").unwrap()];
        dress(
            Browser::Chrome,
            &mut open,
            &"ws://h/".parse().unwrap(),
            true,
        );
        assert_eq!(open.request.user_agent.as_deref(), Some("mine"));
        let languages = open.request.edits.iter();
        let languages =
            languages.filter(|edit| edit.name().eq_ignore_ascii_case("accept-language"));
        assert_eq!(languages.count(), 1);
    }
}
