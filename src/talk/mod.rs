//! What a conversation is: what can be said ([`Outgoing`]), what happens
//! ([`Entry`]), the communication log of it ([`Transcript`]), and the [`Line`]
//! over which it goes. The prompt and the pipe are users of a line.
//!
//! An entry is declared once. Its renderings are the terminal's ([`text`]),
//! JSON Lines ([`jsonl`]) and HAR ([`har`]); `connect --json` and the events
//! of `serve --jsonl` use the same parts, [`Opening`] and [`Close`].
//!
//! It prints nothing and reads no clock but the one it is given.

pub mod close;
pub mod entry;
pub mod escape;
pub(crate) mod fifo;
pub mod file;
pub mod har;
mod har_replay;
pub mod jsonl;
mod kept;
pub mod line;
pub mod opening;
pub mod outgoing;
mod payload;
pub mod player;
pub mod replay;
mod sentence;
mod stop;
mod stream_file;
#[cfg(test)]
mod tests;
pub mod text;
pub mod transcript;
mod under_way;

pub use close::Close;
pub use entry::{Direction, Entry, Kind, Source};
pub use file::LogFile;
pub use har::HarFile;
pub(crate) use line::LAST_MOMENT;
pub use line::{Ended, Line, LineConfig, LineEvent};
pub use opening::Opening;
pub use outgoing::Outgoing;
pub(crate) use payload::rfc3339;
pub use player::{OneConnection, Play, Player};
pub use sentence::sentence;
pub use stop::Stop;
pub use transcript::{Transcript, system_clock};
