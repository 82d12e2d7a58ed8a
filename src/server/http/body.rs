//! Answers, and what they are made of.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::{Either, Full};

use crate::server::files::{FileBody, Found};

/// The body of an answer.
pub(super) type Body = Either<Full<Bytes>, FileBody>;

/// An answer with a short body.
pub(super) fn response(
    status: StatusCode,
    headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
    body: Bytes,
) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::new(body)));
    *response.status_mut() = status;
    response.headers_mut().extend(headers);
    response
}

/// The answer that holds a file; `guard` lives as long as its body.
pub(super) fn file_response(found: Found, guard: Arc<dyn Send + Sync>) -> Response<Body> {
    let (file, length, content_type) = match found {
        Found::File {
            file,
            length,
            content_type,
        } => (file, length, content_type),
        Found::Folder(path) => return redirect_to_folder(&path),
    };
    let body = FileBody::new(file, length, guard);
    let mut response = Response::new(Either::Right(body));
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, content_type),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-cache"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn redirect_to_folder(path: &str) -> Response<Body> {
    // Two slashes in front would name another host.
    let path = format!("/{}/", path.trim_matches('/'));
    let location = HeaderValue::from_str(&encode(&path)).ok();
    let location = location.map(|location| (header::LOCATION, location));
    response(StatusCode::MOVED_PERMANENTLY, location, Bytes::new())
}

fn encode(path: &str) -> String {
    use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
    const PATH: &AsciiSet = &CONTROLS
        .add(b' ')
        .add(b'"')
        .add(b'#')
        .add(b'%')
        .add(b'<')
        .add(b'>')
        .add(b'?');
    utf8_percent_encode(path, PATH).to_string()
}
