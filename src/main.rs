//! The `wscli` program.

fn main() {}
