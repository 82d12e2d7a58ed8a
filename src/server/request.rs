//! What is answered to a request: a pure function of its head.

use std::borrow::Cow;

use http::header::{self, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode, Uri};
use percent_encoding::percent_decode_str;
use thiserror::Error;

use super::config::{Front, ServerConfig};
use super::lab::{self, LabError, Plan};
use crate::connection::http::server::{Accepted, RequestError, check, check_host};
use crate::origin::OriginRefusal;

/// What a path does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// Sends every message back.
    Echo,
    /// Does what a route of the fault lab says.
    Lab(Box<Plan>),
}

/// What is answered to a request that is not refused.
#[derive(Debug)]
pub enum Answer {
    /// The opening handshake is accepted.
    Upgrade(Route, Accepted),
    /// The page.
    Page,
    /// The file at this path, percent-encoding undone.
    File(String),
}

/// Which path does what. Paths are compared without regard to case, and
/// percent-encoding is undone; a query plays no part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routes(Vec<(String, Route)>);

/// Why a string is no path of a route.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PathError {
    /// It does not begin with a slash.
    #[error("path '{0}' does not begin with '/'; write it as /ws")]
    NoSlash(String),
    /// It holds something that is not part of a path.
    #[error("path '{0}' holds a '?' or '#'; give the path alone, any query is accepted")]
    NotOnlyPath(String),
}

impl Default for Routes {
    /// An echo at `/ws`.
    fn default() -> Self {
        Self(vec![("/ws".to_owned(), Route::Echo)])
    }
}

impl Routes {
    /// No path at all.
    pub fn none() -> Self {
        Self(Vec::new())
    }

    /// Adds a path. The first of two equal ones counts.
    ///
    /// # Errors
    /// A path that no request could ask for.
    pub fn add(&mut self, path: &str, route: Route) -> Result<(), PathError> {
        if !path.starts_with('/') {
            return Err(PathError::NoSlash(path.into()));
        }
        if path.contains(['?', '#']) {
            return Err(PathError::NotOnlyPath(path.into()));
        }
        self.0.push((decode(path).into_owned(), route));
        Ok(())
    }

    /// The paths, in the order added.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(path, _)| path.as_str())
    }

    fn find(&self, uri: &Uri) -> Option<Route> {
        let asked = decode(uri.path());
        self.0
            .iter()
            .find(|(path, _)| path.eq_ignore_ascii_case(&asked))
            .map(|(_, route)| route.clone())
    }
}

fn decode(path: &str) -> Cow<'_, str> {
    percent_decode_str(path).decode_utf8_lossy()
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Not an opening handshake, or not a valid one.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// Its origin is not let in.
    #[error(transparent)]
    Origin(#[from] OriginRefusal),
    /// No route has its path.
    #[error("no WebSocket at this path; try {}", .0.join(" or "))]
    NotFound(Vec<String>),
    /// A page or a file is asked for by another method than GET or HEAD.
    #[error("this path answers GET and HEAD only")]
    Method,
    /// A route of the fault lab refuses, or cannot be understood.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// All places for WebSockets are taken.
    #[error("the server has as many connections as it takes; try again later")]
    Full,
}

impl Refusal {
    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Request(error) => error.status(),
            Self::Origin(_) => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Lab(error) => error.status(),
            Self::Full => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The headers of the answer, besides those of its body.
    pub fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        match self {
            Self::Request(error) => error.headers(),
            Self::Lab(error) => error.headers(),
            Self::Method => vec![(header::ALLOW, HeaderValue::from_static("GET, HEAD"))],
            Self::Full => vec![(header::CONNECTION, HeaderValue::from_static("close"))],
            Self::Origin(_) | Self::NotFound(_) => Vec::new(),
        }
    }
}

/// Decides on a request, in the order of ASP.NET Core: the origin is judged
/// on valid handshakes only, and before the path is looked at.
///
/// # Errors
/// The refusal to answer with.
pub fn decide(request: &Parts, config: &ServerConfig) -> Result<Answer, Refusal> {
    check_host(request)?;
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
    // The lab, and chaos, write frames of their own, which are plain.
    let compression = match (&route, &config.chaos) {
        (Route::Echo, None) => config.compression.as_ref(),
        _ => None,
    };
    let accepted = offer?.accept(&config.subprotocols, compression);
    Ok(Answer::Upgrade(route, accepted))
}

/// The route of a path: those of the configuration come first.
fn route(request: &Parts, config: &ServerConfig) -> Result<Option<Route>, Refusal> {
    if let Some(route) = config.routes.find(&request.uri) {
        return Ok(Some(route));
    }
    if !config.lab {
        return Ok(None);
    }
    let Some(plan) = lab::parse(&request.uri)? else {
        return Ok(None);
    };
    plan.opening.judge(&request.headers)?;
    Ok(Some(Route::Lab(Box::new(plan))))
}

fn without_route(request: &Parts, config: &ServerConfig) -> Result<Answer, Refusal> {
    let path = request.uri.path();
    let answer = match config.front {
        Front::Page if path == "/" => Answer::Page,
        Front::Files(_) => Answer::File(decode(path).into_owned()),
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
        config.routes.add("/a%20b", Route::Echo).unwrap();
        let mut request = Request::get(uri);
        for line in headers.split('|') {
            let (name, value) = line.split_once(": ").expect("a header line");
            request = request.header(name, value);
        }
        let (parts, ()) = request.body(()).expect("a valid request").into_parts();
        match decide(&parts, &config) {
            Ok(Answer::Upgrade(..)) => 101,
            Ok(Answer::Page | Answer::File(_)) => 200,
            Err(refusal) => refusal.status().as_u16(),
        }
    }

    #[test]
    fn paths_are_compared_without_case_and_query() {
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
    fn the_origin_is_judged_on_valid_handshakes_and_before_the_path() {
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
    fn the_host_comes_before_everything() {
        assert_eq!(answer("/other", "Origin: http://evil.example"), 400);
    }

    #[test]
    fn what_is_no_path_is_refused() {
        let mut routes = Routes::none();
        assert_eq!(
            routes.add("ws", Route::Echo),
            Err(PathError::NoSlash("ws".into()))
        );
        assert_eq!(
            routes.add("/ws?a", Route::Echo),
            Err(PathError::NotOnlyPath("/ws?a".into()))
        );
    }
}
