//! Hints for complete HTTP answers that open no WebSocket.

use super::facts::Facts;
use crate::connection::http::redirect;
use crate::connection::http::{Head, Rejection, RejectionCause, Response};

pub(super) fn hint(rejection: &Rejection, facts: &Facts<'_>) -> Option<String> {
    let answer = Answer {
        rejection,
        response: &rejection.response,
        facts,
    };
    let hint = match &rejection.cause {
        RejectionCause::Status { .. } => answer.by_status(),
        RejectionCause::Version => Some(
            "a proxy that speaks HTTP/1.0 to the server is in between (nginx: proxy_http_version 1.1), or the server is too old".to_owned(),
        ),
        RejectionCause::NoUpgrade | RejectionCause::NoConnection => Some(
            "a proxy in between may drop this header: it belongs to one connection, and each hop has to set it anew"
                .to_owned(),
        ),
        RejectionCause::NoAccept => {
            Some("the server answers 101 without knowing WebSockets (RFC 6455)".to_owned())
        }
        RejectionCause::WrongAccept { .. } => Some(answer.wrong_accept()),
        RejectionCause::Subprotocol { chosen } => Some(answer.subprotocol(chosen)),
        RejectionCause::Extensions(_) => Some(answer.extensions()),
    };
    // The server behind IIS is known by nothing else than its header.
    match (hint, answer.iis()) {
        (Some(hint), Some(iis)) => Some(format!("{hint}; {iis}")),
        (hint, iis) => hint.or(iis),
    }
}

struct Answer<'a> {
    rejection: &'a Rejection,
    response: &'a Response,
    facts: &'a Facts<'a>,
}

impl Answer<'_> {
    fn by_status(&self) -> Option<String> {
        if let Some(hint) = self.known_body() {
            return Some(hint);
        }
        let hint = match self.response.status() {
            200..=299 => self.ordinary_page(),
            301 | 302 | 303 | 307 | 308 => return self.redirect(),
            400 => self.bad_request(),
            401 => self.unauthorized(),
            403 => self.forbidden(),
            404 | 410 => format!("there is nothing at {}: {}", self.path(), self.other_paths()),
            405 => format!("{} takes other requests, but no WebSocket: {}", self.path(), self.other_paths()),
            407 => "a proxy answers in the server's place; --proxy http://USER:PASSWORD@HOST:PORT goes through it".to_owned(),
            426 => self.upgrade_required(),
            429 => format!("the server takes no more from this client for now{}", self.retry_after()),
            500 => "the server failed; its log says why".to_owned(),
            502 | 504 => self.gateway(),
            503 => self.unavailable(),
            421 => "the server serves another name on this connection; check the host in the URL, --connect-to, --sni and -H Host".to_owned(),
            431 => "the request's headers are too large for the server: fewer cookies (-b) or a shorter token".to_owned(),
            501 => format!("the server knows no WebSockets at {}, or what answers is a proxy that does not pass them on", self.path()),
            505 => "what answers takes no HTTP/1.1, by which WebSockets are opened here: check the port, or the proxy in between".to_owned(),
            520..=527 | 530 => format!("a proxy{} got no usable answer from the server behind it; the server's log may say more", self.software()),
            _ => return None,
        };
        Some(hint)
    }

    /// Servers whose answer says more than its status.
    fn known_body(&self) -> Option<String> {
        let body = String::from_utf8_lossy(&self.response.body);
        if body.contains("\"Transport unknown\"") {
            // Engine.IO's error 0.
            let target = self.facts.target;
            return Some(format!(
                "this is a socket.io server; its WebSockets are at {}://{}/socket.io/?EIO=4&transport=websocket",
                if target.secure { "wss" } else { "ws" },
                target.authority,
            ));
        }
        let lower = body.to_ascii_lowercase();
        // nginx, by its 400 and its 496.
        if [
            "no required ssl certificate was sent",
            "the ssl certificate error",
        ]
        .iter()
        .any(|sign| lower.contains(sign))
        {
            let shown = self.facts.config.dial.tls.shows_certificate();
            return Some(
                match shown {
                    true => "the server does not accept the client certificate: it has to be valid today, and signed by whom the server trusts",
                    false => "the server wants a client certificate: --cert and --key",
                }
                .to_owned(),
            );
        }
        // nginx, Go, Apache, Tomcat, and `wscli serve`.
        let to_tls = [
            "plain http request was sent to https port",
            "client sent an http request to an https server",
            "speaking plain http to an ssl-enabled server port",
            "combination of host and port requires tls",
            "this port speaks tls",
        ];
        let to_tls = to_tls.iter().any(|sign| lower.contains(sign));
        to_tls.then(|| "this port wants TLS; use wss://".to_owned())
    }

    fn ordinary_page(&self) -> String {
        let html = self.response.header("content-type").any(|value| {
            let value = value.trim_start().to_ascii_lowercase();
            value.starts_with("text/html") || value.starts_with("application/xhtml")
        });
        let what = if html {
            "serves a web page"
        } else {
            "answers as to an ordinary request"
        };
        format!(
            "{} {what}: the WebSocket may be at another path such as {}, or a proxy in between dropped the Upgrade header",
            self.path(),
            self.unlike_own(USUAL_PATHS).next().unwrap_or_default()
        )
    }

    fn redirect(&self) -> Option<String> {
        let Some(location) = redirect::location(self.response) else {
            return Some("the answer is a redirect without a Location header".to_owned());
        };
        let to = redirect::resolve(self.facts.target, &location);
        let to = match to.map_err(redirect::RedirectError::from) {
            Ok(to) => to,
            Err(error) => return Some(error.to_string()),
        };
        Some(if self.facts.target.secure && !to.secure {
            format!("it redirects to {location}, which would give up TLS")
        } else if is_login(&location) {
            format!(
                "it redirects to {location}, which looks like a login: send what a logged-in browser sends (-b COOKIES, --bearer TOKEN or -H)"
            )
        } else {
            format!("it redirects to {location}; -L follows")
        })
    }

    fn bad_request(&self) -> String {
        if let Some(versions) = self.versions() {
            return format!(
                "the server speaks version {versions} of the WebSocket protocol; 13 was asked for"
            );
        }
        if self.speaks_of_origins() {
            return self.forbidden();
        }
        if self.is_of_ws() {
            return "the server itself refuses this request: it may want a token in the query, a header or a subprotocol (-s)".to_owned();
        }
        "the server saw no valid WebSocket request: a proxy in front of it may drop the Upgrade and Connection headers (nginx needs proxy_http_version 1.1 and both headers set), or it wants a query, a header or a subprotocol (-s)".to_owned()
    }

    fn unauthorized(&self) -> String {
        let wanted: Vec<_> = self.response.header("www-authenticate").collect();
        let scheme = wanted.iter().find_map(|value| value.split(' ').next());
        let flag = match scheme.map(str::to_ascii_lowercase).as_deref() {
            Some("basic") => "-u USER",
            Some("bearer") => "--bearer TOKEN",
            _ => "-u USER, --bearer TOKEN or -b COOKIES",
        };
        if let Some(scheme) = scheme
            .filter(|s| ["digest", "negotiate", "ntlm"].contains(&s.to_ascii_lowercase().as_str()))
        {
            return format!("the server asks for {scheme}, which is not spoken here");
        }
        if self.sent("authorization").is_some() {
            return "the server does not accept the credentials that were sent".to_owned();
        }
        format!("the server wants to know who asks: {flag}")
    }

    fn forbidden(&self) -> String {
        let origin = match self.sent("origin") {
            Some(origin) => format!(
                "the server may not allow the Origin '{origin}' that was sent; try --origin with the address of its own pages"
            ),
            None => format!(
                "the server may want an Origin, and none was sent: try --origin {}",
                self.own_origin()
            ),
        };
        let knows = ["authorization", "cookie"]
            .iter()
            .any(|name| self.sent(name).is_some());
        if knows {
            format!("{origin}; or the credentials that were sent are not enough")
        } else {
            format!("{origin}; or it wants credentials (-u, --bearer, -b)")
        }
    }

    /// Autobahn, for example, puts its reason into the status line of a 400.
    fn speaks_of_origins(&self) -> bool {
        let body = String::from_utf8_lossy(&self.response.body);
        let text = format!("{} {body}", self.response.head.start_line()).to_ascii_lowercase();
        text.contains("origin")
            && [
                "denied",
                "not allowed",
                "not an accepted",
                "not authorized",
                "invalid",
            ]
            .iter()
            .any(|word| text.contains(word))
    }

    /// Whether Node's package ws has refused: it has seen a WebSocket request,
    /// and no proxy has taken anything from it.
    fn is_of_ws(&self) -> bool {
        let body = String::from_utf8_lossy(&self.response.body);
        let is = |name: &str, value: &str| self.response.header(name).any(|found| found == value);
        is("connection", "close")
            && is("content-type", "text/html")
            && body == "Bad Request"
            && self.response.header("server").next().is_none()
            && self.response.header("date").next().is_none()
    }

    /// The origin of the pages that live beside the target.
    fn own_origin(&self) -> String {
        let target = self.facts.target;
        let scheme = if target.secure { "https" } else { "http" };
        format!("{scheme}://{}", target.authority)
    }

    fn upgrade_required(&self) -> String {
        if let Some(versions) = self.versions() {
            return format!(
                "the server speaks version {versions} of the WebSocket protocol; 13 was asked for"
            );
        }
        let upgrades: Vec<_> = self.response.header("upgrade").collect();
        if self.response.head.has_token("upgrade", "websocket") || upgrades.is_empty() {
            return "the server saw no WebSocket request: a proxy in between dropped the Upgrade header".to_owned();
        }
        format!(
            "the server wants the protocol {} on this address",
            upgrades.join(", ")
        )
    }

    fn gateway(&self) -> String {
        format!(
            "a proxy{} answers in place of the server, which is down or slow{}{}",
            self.software(),
            self.retry_after(),
            self.wait_up()
        )
    }

    /// A server says it of itself (RFC 9110 §15.6.4), proxies of one that is
    /// not there.
    fn unavailable(&self) -> String {
        format!(
            "the server{}, or a proxy in front of it, takes no more for now or is not up{}{}",
            self.software(),
            self.retry_after(),
            self.wait_up()
        )
    }

    /// What has answered, in parentheses.
    fn software(&self) -> String {
        let name = self.response.header("server").next();
        name.map_or_else(String::new, |name| format!(" ({name})"))
    }

    fn wrong_accept(&self) -> String {
        if self.rejection_has_own_key() {
            return "the key was set by -H; leave Sec-WebSocket-Key to the program".to_owned();
        }
        "the answer was made for another request: a cache in between, or a server that always answers the same".to_owned()
    }

    fn rejection_has_own_key(&self) -> bool {
        let edits = &self.facts.config.request.edits;
        edits
            .iter()
            .any(|edit| edit.name().eq_ignore_ascii_case("sec-websocket-key"))
    }

    fn subprotocol(&self, chosen: &str) -> String {
        match self.sent("sec-websocket-protocol") {
            Some(offered) => {
                format!("offered were: {offered}; -s {chosen} offers the server's choice")
            }
            None => format!("none was offered; -s {chosen} offers it"),
        }
    }

    fn extensions(&self) -> String {
        match self.sent("sec-websocket-extensions") {
            Some(offered) => format!("offered was: {offered}"),
            None => "none were offered; --compress offers permessage-deflate".to_owned(),
        }
    }

    fn iis(&self) -> Option<String> {
        let iis = self
            .response
            .header("server")
            .any(|value| value.starts_with("Microsoft-IIS"));
        iis.then(|| {
            "IIS needs its WebSocket Protocol feature; where Node's socket.io runs behind it, put <webSocket enabled=\"false\"/> into web.config".to_owned()
        })
    }

    fn versions(&self) -> Option<String> {
        let versions: Vec<_> = self.response.header("sec-websocket-version").collect();
        let versions = versions.join(", ");
        let spoken = versions.split(',').any(|version| version.trim() == "13");
        (!versions.is_empty() && !spoken).then_some(versions)
    }

    /// That it can be waited for, where it was not.
    fn wait_up(&self) -> &'static str {
        match self.facts.config.wait_up {
            None => "; --wait-up 30 waits for it",
            Some(_) => "",
        }
    }

    fn retry_after(&self) -> String {
        let after = self.response.header("retry-after").next();
        after
            .map(|after| format!(" (Retry-After: {after})"))
            .unwrap_or_default()
    }

    fn path(&self) -> String {
        format!("'{}'", self.own_path())
    }

    fn own_path(&self) -> &str {
        let path = self.facts.target.resource.wire().split('?').next();
        path.unwrap_or_default()
    }

    /// Those of these paths that were not just asked for.
    fn unlike_own<'a>(&self, paths: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
        let own = self.own_path().trim_end_matches('/').to_owned();
        let path_of = |path: &'a str| path.split('?').next().unwrap_or_default();
        let paths = paths.iter().copied();
        paths.filter(move |path| path_of(path).trim_end_matches('/') != own)
    }

    /// Where to look in place of the path that was asked for.
    fn other_paths(&self) -> String {
        let paths: Vec<_> = self.unlike_own(USUAL_PATHS).collect();
        format!("check the path (often {})", paths.join(" or "))
    }

    /// A header of the request, as it was really sent.
    fn sent(&self, name: &str) -> Option<String> {
        let head = Head::of_request(&self.rejection.request_head)?;
        let value = head.header(name).next()?;
        Some(value.trim().to_owned())
    }
}

/// Where WebSockets usually are, the likeliest first.
const USUAL_PATHS: &[&str] = &["/ws", "/socket", "/socket.io/?EIO=4&transport=websocket"];

/// Whether a redirect leads to where one logs in.
fn is_login(location: &str) -> bool {
    const NAMES: &[&str] = &[
        "auth",
        "authenticate",
        "authorize",
        "login",
        "logon",
        "oauth",
        "oauth2",
        "saml",
        "signin",
        "sso",
    ];
    let location = location.to_ascii_lowercase();
    let address = location.split(['?', '#']).next().unwrap_or_default();
    let address = address.replace(['-', '_'], "");
    address
        .split(|c: char| !c.is_ascii_alphanumeric())
        .any(|part| NAMES.contains(&part))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::connection::RawHead;
    use crate::connection::client::open::OpenConfig;
    use crate::connection::client::reached::Reached;
    use crate::connection::http::head::Heard;

    /// The hint at this answer to a request for that URL.
    fn told(url: &str, raw: &'static str) -> String {
        let mut heard = Heard::default();
        let head = heard.head(&mut raw.as_bytes()).now_or_never();
        let response = Response::from(head.unwrap().unwrap().0);
        let cause = RejectionCause::Status {
            status_line: response.head.start_line(),
        };
        let rejection = Rejection {
            request_head: RawHead::default(),
            response,
            cause,
            tls: None,
        };
        let facts = Facts {
            target: &url.parse().unwrap(),
            config: &OpenConfig::default(),
            reached: &Reached::default(),
        };
        hint(&rejection, &facts).unwrap()
    }

    #[test]
    fn no_path_is_suggested_that_was_just_asked_for() {
        const PAGE: &str = "HTTP/1.1 200 OK\r\n\r\n";
        const NOT_FOUND: &str = "HTTP/1.1 404 Not Found\r\n\r\n";
        for (url, answer, part, absent) in [
            ("ws://h/", PAGE, "another path such as /ws,", "/socket"),
            (
                "ws://h/ws",
                PAGE,
                "another path such as /socket,",
                "as /ws,",
            ),
            (
                "ws://h/ws/?a=1",
                PAGE,
                "another path such as /socket,",
                "as /ws,",
            ),
            (
                "ws://h/x",
                NOT_FOUND,
                "often /ws or /socket or /socket.io/?EIO=4",
                "''",
            ),
            (
                "ws://h/ws",
                NOT_FOUND,
                "(often /socket or /socket.io/",
                "/ws or",
            ),
            (
                "ws://h/socket.io/",
                NOT_FOUND,
                "(often /ws or /socket)",
                "EIO",
            ),
        ] {
            let told = told(url, answer);
            assert!(
                told.contains(part) && !told.contains(absent),
                "{url}: {told}"
            );
        }
    }

    #[test]
    fn a_redirect_that_cannot_be_followed_is_not_said_to_be() {
        for (url, answer, part) in [
            (
                "ws://h/",
                "HTTP/1.1 302 Found\r\nLocation: ws+unix:/s:/a\r\n\r\n",
                "to 'ws+unix:/s:/a', and a redirect can lead to http, https, ws or wss alone",
            ),
            (
                "ws://h/",
                "HTTP/1.1 302 Found\r\nLocation: ftp://h/\r\n\r\n",
                "http, https, ws or wss alone",
            ),
            (
                "ws://h/",
                "HTTP/1.1 302 Found\r\nLocation: http://\r\n\r\n",
                "an address that is of no use here",
            ),
            (
                "wss://h/",
                "HTTP/1.1 302 Found\r\nLocation: http://h/\r\n\r\n",
                "which would give up TLS",
            ),
        ] {
            let told = told(url, answer);
            assert!(told.contains(part), "{told}");
            for absent in ["-L follows", "ws+unix:\u{20}"] {
                assert!(!told.contains(absent), "{told}");
            }
        }
        let target = "ws://h".parse().unwrap();
        let error = redirect::resolve(&target, "ws+unix:/s:/a").unwrap_err();
        let error = redirect::RedirectError::from(error).to_string();
        assert!(!error.contains("use ws://"), "{error}");
    }
}
