//! What is told of the opening handshake: heads, timings, refusals.

use crate::commands::tls;
use crate::connection::{OpenError, Opened, redact};
use crate::report::{failure, opened};
use crate::terminal::{Status, Verbosity};

/// Tells of an opened connection: `-v` the address and the timings; both
/// heads at the level `heads`.
pub(super) fn show_opened(status: Status, opened: &Opened, heads: Verbosity) {
    show_request(status, &opened.request_head, heads);
    show(status, '<', &redact::head(&opened.response.head), heads);
    for line in opened::lines(opened) {
        status.info(&line);
    }
    for line in opened.tls.iter().flat_map(tls::describe) {
        status.info(&line);
    }
}

/// Shows the answer that came in place of a connection, the proxy's or the
/// server's: its head, and the beginning of its body. The reason follows as
/// the error itself.
pub(super) fn show_refusal(status: Status, error: &OpenError, heads: Verbosity) {
    if let Some(rejection) = error.rejection() {
        show_request(status, &rejection.request_head, heads);
    }
    if let Some(response) = failure::answer(error) {
        show(status, '<', &failure::text(response), Verbosity::Normal);
    }
}

fn show_request(status: Status, head: &[u8], level: Verbosity) {
    show(status, '>', &redact::head(head), level);
}

fn show(status: Status, mark: char, text: &str, level: Verbosity) {
    status.document(level, mark, text.trim_end());
}
