//! What is told of the opening handshake: heads, timings, refusals.

use crate::cli::prompt::PromptArgs;
use crate::commands::tls;
use crate::connection::{OpenFailure, Secrets};
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

    /// Tells of an opened connection: `-v` the address and the timings; both
    /// heads at their level.
    pub(super) fn show_opened(&self, status: Status, opening: &Opening) {
        show(status, '>', &opening.request, self.level);
        show(status, '<', &opening.response, self.level);
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
    pub(super) fn show_refusal(&self, status: Status, error: &OpenFailure) {
        let request = self.secrets.head(&error.reached.exchange.request_head);
        show(status, '>', &request, self.level);
        if let Some(response) = error.answer() {
            show(
                status,
                '<',
                &failure::text(response, &self.secrets),
                Verbosity::Normal,
            );
        }
    }
}

fn show(status: Status, mark: char, text: &str, level: Verbosity) {
    status.document(level, mark, text.trim_end());
}
