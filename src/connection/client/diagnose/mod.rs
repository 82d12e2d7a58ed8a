//! Why a connection could not be opened, in one hint: what to look at or to
//! try next.
//!
//! Pure: an error and what was asked for in, a sentence out. The error itself
//! says what happened; a hint adds what usually lies behind it, and is left
//! out where nothing is known.

mod answer;
mod closed;
mod facts;
mod proxy;
mod silence;
mod unanswered;

pub use self::closed::of_close;
use self::facts::Facts;
use crate::connection::client::failure::{OpenError, OpenFailure};
use crate::connection::client::open::OpenConfig;
use crate::connection::net::target::Target;

/// What to look at or to try next after `failure`; `None` where the error says
/// all that is known. The secrets of the request are left out.
pub fn hint(failure: &OpenFailure, target: &Target, config: &OpenConfig) -> Option<String> {
    let facts = Facts {
        target: failure.redirected_to.as_deref().unwrap_or(target),
        config,
        reached: &failure.reached,
    };
    let hint = match &*failure.cause {
        OpenError::Dial(error) => unanswered::dial_hint(error, &facts),
        OpenError::Handshake(error) => unanswered::handshake_hint(error, &facts),
        OpenError::Timeout { stuck, .. } => Some(silence::hint(stuck, &facts)),
        // It says all there is.
        OpenError::Redirect { .. } => None,
    };
    hint.map(|hint| config.secrets(target).text(&hint))
}
