//! What was asked for, when it failed.

use crate::connection::client::open::OpenConfig;
use crate::connection::client::reached::Reached;
use crate::connection::net::target::Target;

/// What was asked for, when it failed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'a> {
    /// What was to be connected to, after the redirects that were followed.
    pub(super) target: &'a Target,
    /// How it was to be opened.
    pub(super) config: &'a OpenConfig,
    /// How far the attempt had come.
    pub(super) reached: &'a Reached,
}

impl Facts<'_> {
    pub(super) fn proxy(&self) -> Option<String> {
        let proxy = self.config.dial.proxies.for_target(self.target);
        proxy.map(ToString::to_string)
    }
}
