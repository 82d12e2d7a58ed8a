//! The one word for all secrets. A leaf.

/// What stands in a secret's place.
pub const REDACTED: &str = "[redacted]";
