//! The program as its users run it: one test binary, a module a command.

mod bench;
#[cfg(unix)]
mod colors;
mod connect;
#[cfg(unix)]
mod dial;
#[path = "../ended/mod.rs"]
mod ended;
mod files;
mod harness;
#[cfg(unix)]
mod log;
#[cfg(unix)]
mod peer;
#[cfg(unix)]
mod saved;
#[cfg(unix)]
mod secrets;
mod serve;
mod tls;
mod wire;
