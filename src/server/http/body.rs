//! Answers, and what they are made of.

use std::io::SeekFrom;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Response, StatusCode};
use http_body_util::{Either, Full};
use tokio::io::AsyncSeekExt as _;

use super::conditional::{Selected, Validators};
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

/// The answer that holds a file, or a part of it; `guard` lives as long as its body.
pub(super) async fn file_response(
    found: Found,
    request: &Parts,
    guard: Arc<dyn Send + Sync>,
) -> Response<Body> {
    let (mut file, length, modified, content_type) = match found {
        Found::File {
            file,
            length,
            modified,
            content_type,
        } => (file, length, modified, content_type),
        Found::Folder(path) => return redirect_to_folder(&path, request.uri.query()),
    };
    let validators = Validators::new(length, modified);
    let (status, start, end) = match validators.select(&request.headers, length) {
        Selected::NotModified => (StatusCode::NOT_MODIFIED, 0, 0),
        Selected::Unsatisfiable => (StatusCode::RANGE_NOT_SATISFIABLE, 0, 0),
        Selected::Whole => (StatusCode::OK, 0, length),
        Selected::Part(start, end) => (StatusCode::PARTIAL_CONTENT, start, end),
    };
    if start > 0 && file.seek(SeekFrom::Start(start)).await.is_err() {
        return response(StatusCode::INTERNAL_SERVER_ERROR, [], Bytes::new());
    }
    let mut response = match end {
        0 if status != StatusCode::OK => response(status, [], Bytes::new()),
        end => {
            let body = FileBody::new(file, end.saturating_sub(start), guard);
            let mut response = Response::new(Either::Right(body));
            *response.status_mut() = status;
            response
        }
    };
    let content_range = match status {
        StatusCode::PARTIAL_CONTENT => {
            Some(format!("bytes {start}-{}/{length}", end.saturating_sub(1)))
        }
        StatusCode::RANGE_NOT_SATISFIABLE => Some(format!("bytes */{length}")),
        _ => None,
    };
    let modified = validators.modified.map(httpdate::fmt_http_date);
    for (name, value) in [
        (header::CONTENT_TYPE, Some(content_type.to_owned())),
        (header::X_CONTENT_TYPE_OPTIONS, Some("nosniff".to_owned())),
        (header::CACHE_CONTROL, Some("no-cache".to_owned())),
        (header::ACCEPT_RANGES, Some("bytes".to_owned())),
        (header::ETAG, Some(validators.etag)),
        (header::LAST_MODIFIED, modified),
        (header::CONTENT_RANGE, content_range),
    ] {
        if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn redirect_to_folder(path: &str, query: Option<&str>) -> Response<Body> {
    // Two slashes in front would name another host.
    let mut location = encode(&format!("/{}/", path.trim_matches('/')));
    if let Some(query) = query {
        location = format!("{location}?{query}");
    }
    let location = HeaderValue::from_str(&location).ok();
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
