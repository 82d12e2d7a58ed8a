//! Why a connection could not be opened, in one hint: what to look at or to
//! try next.
//!
//! Pure: an error and what was asked for in, a sentence out. The error itself
//! says what happened; a hint adds what usually lies behind it, and is left
//! out where nothing is known.

mod answer;
mod proxy;
mod unanswered;

use std::borrow::Cow;

use crate::connection::client::open::{OpenConfig, OpenError};
use crate::connection::net::target::Target;

/// What was asked for, when it failed.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// What was to be connected to, after the redirects that were followed.
    pub target: Cow<'a, Target>,
    /// How it was to be opened.
    pub config: &'a OpenConfig,
}

impl<'a> Facts<'a> {
    fn new(target: &'a Target, config: &'a OpenConfig, error: &OpenError) -> Self {
        let mut facts = Self {
            target: Cow::Borrowed(target),
            config,
        };
        let mut error = error;
        loop {
            error = match error {
                OpenError::NotUp { last, .. } => last,
                OpenError::Redirected { to, source } => {
                    if let Ok(target) = to.parse() {
                        facts.target = Cow::Owned(target);
                    }
                    source
                }
                _ => return facts,
            };
        }
    }

    fn proxy(&self) -> Option<String> {
        let proxy = self.config.dial.proxies.for_target(&self.target);
        proxy.map(ToString::to_string)
    }
}

/// What to look at or to try next after `error`; `None` where the error says
/// all that is known.
pub fn hint(error: &OpenError, target: &Target, config: &OpenConfig) -> Option<String> {
    let facts = Facts::new(target, config, error);
    match error.innermost() {
        OpenError::Dial(error) => unanswered::dial_hint(error, &facts),
        OpenError::Handshake(error) => unanswered::handshake_hint(error, &facts),
        OpenError::Timeout { connected, .. } => Some(unanswered::timeout_hint(*connected, &facts)),
        // These say all there is, and hold the errors above.
        OpenError::Redirect { .. } | OpenError::Redirected { .. } | OpenError::NotUp { .. } => None,
    }
}
