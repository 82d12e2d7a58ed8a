//! Proxies: HTTP CONNECT over http and https, SOCKS5 and SOCKS5h.

use thiserror::Error;

/// Which proxy leads to which target.
#[derive(Debug, Clone, Default)]
pub struct ProxyRules {}

/// Why a proxy did not lead to the target.
#[derive(Debug, Error)]
pub enum ProxyError {}
