//! What is answered to a request: a pure function of its head.

use http::header::{self, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode};
use thiserror::Error;

use crate::connection::http::server::{Accepted, RequestError, check, check_host};
use crate::connection::secrets::{in_header, in_resource};
use crate::connection::{Policy, Resource, Secrets};
use crate::origin::OriginRefusal;
use crate::server::context::{Front, Requested, ServerConfig};
use crate::server::faults::{self, Compression, LabError};
use crate::server::routes::{Route, decode};

/// After how many seconds a client that found no place may try again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// What is answered to a request that is not refused.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The opening handshake is accepted.
    Upgrade(Route, Accepted),
    Page,
    /// The list of the fault lab's routes: as JSON, or as text.
    LabList {
        json: bool,
    },
    /// The file at this path, percent-encoding undone.
    File(String),
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Refusal {
    /// Not an opening handshake, or not a valid one.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// Its origin is not let in.
    #[error(transparent)]
    Origin(#[from] OriginRefusal),
    /// No route has its path.
    #[error("no WebSocket at this path; try {}", .0.join(" or "))]
    NotFound(Vec<String>),
    /// No file has its path.
    #[error("no file at this path, and no WebSocket, which are at {}", .0.join(" and "))]
    NoFile(Vec<String>),
    /// It does not show the credentials that all requests have to.
    #[error("this server asks for credentials")]
    Unauthorized,
    /// A page or a file is asked for by another method than GET or HEAD.
    #[error("this path answers GET and HEAD only")]
    Method,
    /// A route of the fault lab refuses, or cannot be understood.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// All places for WebSockets are taken.
    #[error("the server has as many connections as it takes; try again later")]
    Full,
    /// The client's address, which a proxy has told, has its share of them.
    #[error("too many connections from this address")]
    AddressFull,
}

impl Refusal {
    /// The status of the answer.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Request(error) => error.status(),
            Self::Origin(_) => StatusCode::FORBIDDEN,
            Self::NotFound(_) | Self::NoFile(_) => StatusCode::NOT_FOUND,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Lab(error) => error.status(),
            Self::Full | Self::AddressFull => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The headers of the answer, besides those of its body.
    pub(crate) fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        match self {
            Self::Request(error) => error.headers(),
            Self::Lab(error) => error.headers(),
            Self::Method => vec![(header::ALLOW, HeaderValue::from_static("GET, HEAD"))],
            // The connection is a proxy's, which has others to bring over it.
            Self::AddressFull => vec![(header::RETRY_AFTER, RETRY_AFTER)],
            Self::Full => vec![
                (header::CONNECTION, HeaderValue::from_static("close")),
                (header::RETRY_AFTER, RETRY_AFTER),
            ],
            // What is asked for is added by who knows the credentials.
            Self::Origin(_) | Self::NotFound(_) | Self::NoFile(_) | Self::Unauthorized => {
                Vec::new()
            }
        }
    }

    /// The body of the answer, where it is not the reason.
    pub(crate) fn body(&self) -> Option<&str> {
        match self {
            Self::Lab(error) => error.body(),
            _ => None,
        }
    }
}

/// Decides on a request, in the order of ASP.NET Core: the origin is judged
/// on valid handshakes only, and before the path is looked at.
///
/// # Errors
/// The refusal to answer with.
pub(crate) fn decide(request: &Parts, config: &ServerConfig) -> Result<Answer, Refusal> {
    check_host(request)?;
    if !config.access.allows(&request.headers) {
        return Err(Refusal::Unauthorized);
    }
    let offer = check(request);
    if offer.is_ok() {
        let origins: Vec<_> = request
            .headers
            .get_all(header::ORIGIN)
            .iter()
            .map(HeaderValue::as_bytes)
            .collect();
        config.origins.judge(&origins)?;
    }
    let Some(route) = route(request, config)? else {
        return without_route(request, config);
    };
    // A path may have both: the echo for WebSockets, and the page for browsers.
    let has_front = !matches!(config.front, Front::Nothing) && request.uri.path() == "/";
    if has_front && matches!(offer, Err(RequestError::Upgrade)) {
        return without_route(request, config);
    }
    let compression = compression(&route, config);
    let accepted = offer?.accept(&config.subprotocols, compression.as_ref());
    if wants_deflate(&route) && accepted.deflate.is_none() {
        return Err(LabError::NoDeflate.into());
    }
    Ok(Answer::Upgrade(route, accepted))
}

/// On which terms messages are compressed.
fn compression(route: &Route, config: &ServerConfig) -> Option<Policy> {
    match route {
        Route::Lab(plan) => match plan.opening.compression {
            Compression::AsConfigured => config.compression,
            Compression::Never => None,
            Compression::Always(policy) => Some(policy),
        },
        Route::Echo => config.compression,
    }
}

/// Whether a fault cannot be without compression.
fn wants_deflate(route: &Route) -> bool {
    matches!(route, Route::Lab(plan)
        if matches!(plan.opening.compression, Compression::Always(_)))
}

/// The route of a path: those of the configuration come first.
fn route(request: &Parts, config: &ServerConfig) -> Result<Option<Route>, Refusal> {
    if let Some(route) = config.routes.find(request.uri.path()) {
        return Ok(Some(match route {
            // Chaos is around a plan; here it is that of an echo.
            Route::Echo if config.chaos.is_some() => Route::Lab(Box::default()),
            route => route,
        }));
    }
    if !config.lab {
        return Ok(None);
    }
    let Some(plan) = faults::parse(&request.uri)? else {
        return Ok(None);
    };
    plan.opening.check(&request.headers)?;
    Ok(Some(Route::Lab(Box::new(plan))))
}

fn without_route(request: &Parts, config: &ServerConfig) -> Result<Answer, Refusal> {
    let path = request.uri.path();
    let answer = match config.front {
        _ if config.lab && path.eq_ignore_ascii_case("/lab") => Answer::LabList {
            json: wants_json(request),
        },
        Front::Page if path == "/" => Answer::Page,
        // A name holds no slash, whatever it is written as.
        Front::Files(_) if !has_encoded_slash(path) => Answer::File(decode(path).into_owned()),
        _ => {
            let known = config.routes.paths().map(str::to_owned).collect();
            return Err(Refusal::NotFound(known));
        }
    };
    if request.method != Method::GET && request.method != Method::HEAD {
        return Err(Refusal::Method);
    }
    Ok(answer)
}

fn wants_json(request: &Parts) -> bool {
    let accepts = request.headers.get_all(header::ACCEPT).iter();
    accepts
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains("application/json"))
}

fn has_encoded_slash(path: &str) -> bool {
    path.to_ascii_lowercase().contains("%2f")
}

/// What a request asks for, to be told.
pub(super) fn requested(request: &Parts) -> Requested {
    let host = request.headers.get(header::HOST);
    Requested {
        method: request.method.to_string(),
        host: host.map(|host| shown_url(&String::from_utf8_lossy(host.as_bytes()))),
        resource: Resource::new(resource(request)),
        origin: origin(request),
        user_agent: request
            .headers
            .get(header::USER_AGENT)
            .map(|agent| secrets(request).text(&String::from_utf8_lossy(agent.as_bytes()))),
    }
}

/// The subprotocols that a client offers, to be told.
pub(super) fn offered_subprotocols(request: &Parts) -> Vec<String> {
    let lists = request
        .headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter();
    lists
        .flat_map(|list| {
            let list = String::from_utf8_lossy(list.as_bytes());
            let shown = Secrets::default().subprotocols(&list).into_owned();
            let names = shown.split(',').map(|name| name.trim().to_owned());
            names.collect::<Vec<_>>()
        })
        .collect()
}

/// Without a user name and a password, which a client can put there.
fn shown_url(url: &str) -> String {
    Secrets::default().url(url)
}

/// What a client may have proved itself by.
pub(super) fn secrets(request: &Parts) -> Secrets {
    let mut known = in_resource(&resource(request));
    for name in [
        header::AUTHORIZATION,
        header::COOKIE,
        header::SEC_WEBSOCKET_PROTOCOL,
    ] {
        for value in request.headers.get_all(&name) {
            known.extend(in_header(
                name.as_str(),
                &String::from_utf8_lossy(value.as_bytes()),
            ));
        }
    }
    Secrets::default().and_known(known)
}

/// The path and query of a request.
pub(super) fn resource(request: &Parts) -> String {
    let uri = &request.uri;
    uri.path_and_query()
        .map_or_else(|| uri.to_string(), ToString::to_string)
}

/// The origins as sent, several joined with commas.
fn origin(request: &Parts) -> Option<String> {
    let values: Vec<_> = request
        .headers
        .get_all(header::ORIGIN)
        .iter()
        .map(|value| shown_url(&String::from_utf8_lossy(value.as_bytes())))
        .collect();
    Some(values.join(", ")).filter(|origin| !origin.is_empty())
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::origin::OriginPolicy;

    const VALID: &str = "Host: h|Connection: Upgrade|Upgrade: websocket|\
        Sec-WebSocket-Version: 13|Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";

    fn answer(uri: &str, headers: &str) -> u16 {
        let mut config = ServerConfig {
            origins: OriginPolicy::new(["http://good.example".parse().unwrap()], false),
            ..ServerConfig::default()
        };
        config.routes.add_echo("/a%20b").unwrap();
        let mut request = Request::get(uri);
        for line in headers.split('|') {
            let (name, value) = line.split_once(": ").expect("a header line");
            request = request.header(name, value);
        }
        let (parts, ()) = request.body(()).expect("a valid request").into_parts();
        match decide(&parts, &config) {
            Ok(Answer::Upgrade(..)) => 101,
            Ok(Answer::Page | Answer::LabList { .. } | Answer::File(_)) => 200,
            Err(refusal) => refusal.status().as_u16(),
        }
    }

    #[test]
    fn request_paths_are_compared_without_case_and_query() {
        for (uri, status) in [
            ("/ws", 101),
            ("/WS?x=y", 101),
            ("/%77s", 101),
            ("http://h/ws", 101),
            ("/A%20B", 101),
            ("/ws/", 404),
            ("/", 200),
            ("/wss", 404),
            ("*", 404),
        ] {
            assert_eq!(answer(uri, VALID), status, "{uri}");
        }
    }

    #[test]
    fn request_origin_is_checked_on_valid_handshakes_and_before_the_path() {
        let evil = format!("{VALID}|Origin: http://evil.example");
        let good = format!("{VALID}|Origin: http://good.example");
        let not_a_handshake = "Host: h|Origin: http://evil.example";
        for (uri, headers, status) in [
            ("/ws", evil.as_str(), 403),
            ("/other", &evil, 403),
            ("/ws", &good, 101),
            ("/other", &good, 404),
            ("/ws", not_a_handshake, 400),
            ("/other", not_a_handshake, 404),
        ] {
            assert_eq!(answer(uri, headers), status, "{uri} {headers}");
        }
    }

    #[test]
    fn request_host_is_checked_first() {
        assert_eq!(answer("/other", "Origin: http://evil.example"), 400);
    }
}
