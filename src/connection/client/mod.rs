//! The client's side: dial, shake hands, follow redirects, wait for a server
//! that is not up yet, and say why none could be reached.

pub mod backoff;
pub mod diagnose;
pub mod dial;
pub mod open;
mod wait_up;
