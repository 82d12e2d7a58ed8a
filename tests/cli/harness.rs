//! Running the program in a clean environment.

use std::process::{Command, Stdio};

/// The program with these arguments and nothing of this process's environment
/// or streams.
pub(crate) fn wscli(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wscli"));
    command
        .args(args)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}
