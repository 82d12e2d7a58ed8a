//! What is told of the opening handshake: heads, timings, refusals.

use crate::cli::prompt::PromptArgs;
use crate::commands::tls;
use crate::connection::{OpenFailure, RawHead, Secrets};
use crate::report::{failure, opened};
use crate::talk::Opening;
use crate::terminal::{Status, Verbosity};

/// How the heads of the handshake are shown.
#[derive(Debug, Clone)]
pub(super) struct Heads {
    level: Verbosity,
    secrets: Secrets,
}

impl Heads {
    /// What the flags say.
    pub(super) fn new(args: &PromptArgs, secrets: &Secrets) -> Self {
        Self {
            level: match args.include {
                true => Verbosity::Normal,
                false => Verbosity::Debug,
            },
            secrets: secrets.clone().show_if(args.log_secrets),
        }
    }

    fn show_request(&self, status: Status, head: &RawHead) {
        show(status, '>', &self.secrets.head(head), self.level);
    }
}

/// Tells of an opened connection: `-v` the address and the timings; both
/// heads as `heads` has it.
pub(super) fn show_opened(status: Status, opening: &Opening, heads: &Heads) {
    show(status, '>', &opening.request, heads.level);
    show(status, '<', &opening.response, heads.level);
    for line in opened::lines(opening) {
        status.info(&line);
    }
    for line in opening.tls.iter().flat_map(tls::describe) {
        status.info(&line);
    }
}

/// Shows the answer that came in place of a connection, the proxy's or the
/// server's: its head, and the beginning of its body. The reason follows as
/// the error itself.
pub(super) fn show_refusal(status: Status, error: &OpenFailure, heads: &Heads) {
    if let Some(rejection) = error.rejection() {
        heads.show_request(status, &rejection.request_head);
    }
    if let Some(response) = failure::answer(error) {
        show(
            status,
            '<',
            &failure::text(response, &heads.secrets),
            Verbosity::Normal,
        );
    }
}

fn show(status: Status, mark: char, text: &str, level: Verbosity) {
    status.document(level, mark, text.trim_end());
}
