//! The client's side: dial, shake hands, follow redirects, wait for a server
//! that is not up yet, and say why none could be reached.

pub mod diagnose;
pub mod dial;
pub mod failure;
pub mod open;
pub mod proxy;
pub mod retry;
mod wait_up;
