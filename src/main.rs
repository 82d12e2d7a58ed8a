//! The `wscli` program: runs the library and ends with its exit code.

#![warn(clippy::disallowed_methods)]

use std::process::ExitCode;

fn main() -> ExitCode {
    wscli::run().into()
}
