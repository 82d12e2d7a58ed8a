//! How the text is to look.

use crate::terminal::Style;

/// How the text is to look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// Whether it is coloured.
    pub style: Style,
    /// How many columns there are.
    pub width: usize,
    /// Whether control frames are counted (`-v`).
    pub control_frames: bool,
}
