//! The client's side: dial, shake hands, follow redirects, wait for a server
//! that is not up yet, and say why none could be reached.

pub mod diagnose;
pub(crate) mod dial;
pub(crate) mod failure;
pub(crate) mod open;
pub(crate) mod proxy;
pub(crate) mod reached;
pub(crate) mod reconnect;
pub(crate) mod retry;
mod tcp;
mod wait_up;
