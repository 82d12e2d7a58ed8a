//! What goes wrong with a message as a whole. Pure.

use crate::connection::Message;

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MessageFault {
    /// It does not leave.
    Lose,
    /// It leaves twice.
    Duplicate,
    /// It leaves behind the next one.
    Reorder,
    /// Its middle is another.
    Corrupt,
    /// Its second half is missing.
    Truncate,
}

impl MessageFault {
    /// What this name stands for.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "lose" => Self::Lose,
            "duplicate" => Self::Duplicate,
            "reorder" => Self::Reorder,
            "corrupt" => Self::Corrupt,
            "truncate" => Self::Truncate,
            _ => return None,
        })
    }
}

/// The message with another character, or another byte, in its middle. Text stays
/// UTF-8: what is not has a route of its own.
pub(crate) fn corrupt(message: &Message) -> Message {
    match message {
        Message::Text(text) => {
            let text = text.as_str();
            let (before, after) = text.split_at(text.floor_char_boundary(text.len() / 2));
            let mut after = after.chars();
            match after.next() {
                None => message.clone(),
                Some('#') => Message::text(format!("{before}*{}", after.as_str())),
                Some(_) => Message::text(format!("{before}#{}", after.as_str())),
            }
        }
        Message::Binary(bytes) => {
            let mut bytes = bytes.to_vec();
            let middle = bytes.len() / 2;
            if let Some(byte) = bytes.get_mut(middle) {
                *byte ^= 1;
            }
            Message::binary(bytes)
        }
    }
}

/// The first half of a message.
pub(crate) fn truncate(message: &Message) -> Message {
    match message {
        Message::Text(text) => {
            let text = text.as_str();
            let (before, _) = text.split_at(text.floor_char_boundary(text.len() / 2));
            Message::text(before.to_owned())
        }
        Message::Binary(bytes) => Message::Binary(bytes.slice(..bytes.len() / 2)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corrupt_changes_the_middle_and_keeps_text_utf8() {
        for (message, corrupted, truncated) in [
            (
                Message::text("abcd"),
                Message::text("ab#d"),
                Message::text("ab"),
            ),
            (Message::text("#"), Message::text("*"), Message::text("")),
            (Message::text("éé"), Message::text("é#"), Message::text("é")),
            (Message::text("a€"), Message::text("a#"), Message::text("a")),
            (Message::text(""), Message::text(""), Message::text("")),
            (
                Message::binary(vec![0, 0, 0]),
                Message::binary(vec![0, 1, 0]),
                Message::binary(vec![0]),
            ),
        ] {
            assert_eq!(corrupt(&message), corrupted);
            assert_eq!(truncate(&message), truncated);
        }
    }
}
