//! The one word for all secrets. A leaf.

/// What stands in a secret's place.
pub(crate) const REDACTED: &str = "[redacted]";
