//! The prompt against a real server: its sessions by scripted lines, and its
//! screen in a real terminal (tmux).

mod commands;
mod edges;
mod screen;
mod server;
mod session;
mod terminal;
