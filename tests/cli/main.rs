//! The program as its users run it: one test binary, a module a command.

mod harness;
mod serve;
mod wire;
