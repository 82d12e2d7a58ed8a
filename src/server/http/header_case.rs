//! How the names of headers are written. Case means nothing (RFC 9110 §5.1), but small
//! clients compare them with how the RFCs write them; hyper knows lower case and
//! Title-Case alone, and otherwise writes names as a request had them. So it is given
//! a request that has the others.

use std::convert::Infallible;
use std::sync::{Arc, LazyLock, OnceLock};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{Extensions, Request, Response};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

/// The names that Title-Case does not hit, as often as an answer has them.
const EXAMPLE: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\
    Sec-WebSocket-Accept: x\r\nSec-WebSocket-Extensions: x\r\nSec-WebSocket-Protocol: x\r\n\
    Sec-WebSocket-Version: x\r\nWWW-Authenticate: x\r\nWWW-Authenticate: x\r\nETag: x\r\n\r\n";

/// What hyper keeps of the names of a request, and writes answers by.
static CASE: LazyLock<Extensions> = LazyLock::new(|| {
    let found = Arc::new(OnceLock::new());
    let kept = Arc::clone(&found);
    let service = service_fn(move |request: Request<Incoming>| {
        let _ = kept.set(request.extensions().clone());
        std::future::ready(Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())))
    });
    let memory = tokio::io::join(EXAMPLE, tokio::io::sink());
    // Nothing in it waits. Without the extensions, names would be in Title-Case.
    let _ = http1::Builder::new()
        .preserve_header_case(true)
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(memory), service)
        .now_or_never();
    found.get().cloned().unwrap_or_default()
});

/// Has hyper write the names of an answer's headers as the RFCs do.
pub(super) fn set<B>(response: &mut Response<B>) {
    response.extensions_mut().extend(CASE.clone());
}
