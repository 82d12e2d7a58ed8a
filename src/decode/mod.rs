//! What the bytes of a message hold: one record or several, and JSON that is looked
//! into without being changed. Pure; it knows no connection, log or terminal.
//!
//! A record is what an application calls a message. SignalR ends each by U+001E and
//! sends several in one WebSocket message; others send a line of JSON for each.
//! [`Decode`] says what a message is taken apart by, and [`Records`] where the parts
//! lie. A record is a slice of the message: numbers keep their digits, and members
//! their order.

mod document;
mod exact;
pub mod json;
mod records;
mod select;

pub use exact::Exact;
pub use records::{Decode, Records};
pub use select::{Unread, matches, select};
