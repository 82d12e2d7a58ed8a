//! What ends a conversation from outside.

/// Who stopped a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The user (SIGINT).
    Interrupt,
    /// The terminal has gone (SIGHUP).
    HangUp,
    /// The system (SIGTERM, SIGQUIT).
    Terminate,
    /// The time limit for everything.
    MaxTime,
}
