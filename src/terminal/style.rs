//! Colours: decided once, from what the user says and what the terminal can.
//!
//! Colour never carries a meaning alone: every role has a mark or a word too.

use colored::{Color, Colorize as _};

use super::tty::{stderr_is_terminal, stdout_is_terminal};

/// When output is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColorChoice {
    /// On a terminal, unless the environment says otherwise.
    #[default]
    Auto,
    Always,
    Never,
}

/// What the environment says of colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ColorEnv {
    /// `NO_COLOR` is set and not empty (no-color.org).
    pub no_color: bool,
    /// `CLICOLOR` is 0 (bixense.com/clicolors).
    pub off: bool,
    /// `CLICOLOR_FORCE` is set to something other than 0 (bixense.com/clicolors).
    pub force: bool,
    /// `TERM` is `dumb`.
    pub dumb: bool,
}

/// What decides of colours, told once for all streams.
#[derive(Debug, Clone, Copy, Default)]
pub struct Colors {
    choice: ColorChoice,
    env: ColorEnv,
}

impl Colors {
    /// What the user says on the command line first, then the environment.
    pub fn new(choice: ColorChoice, env: ColorEnv) -> Self {
        Self { choice, env }
    }

    /// Whether there is colour on stdout.
    pub fn stdout(self) -> Style {
        Style::decide(self.choice, self.env, stdout_is_terminal())
    }

    /// Whether there is colour on stderr.
    pub fn stderr(self) -> Style {
        Style::decide(self.choice, self.env, stderr_is_terminal())
    }
}

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Sent,
    Received,
    Status,
    Error,
    Time,
    /// A slash command.
    Command,
    /// A word that is no slash command.
    Unknown,
    /// A hint at what may follow.
    Hint,
    Prompt,
    /// The name of a member of JSON.
    JsonName,
    /// A string of JSON.
    JsonString,
    /// A number of JSON.
    JsonNumber,
    /// `true`, `false` or `null`.
    JsonWord,
}

impl Role {
    /// The mark at the beginning of a line.
    pub fn mark(self) -> &'static str {
        match self {
            Self::Sent => "> ",
            Self::Received => "< ",
            Self::Error => "! ",
            _ => "* ",
        }
    }
}

/// Whether there is colour. The decision, to be made once and passed around.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    color: bool,
}

impl Style {
    /// The decision: what the user says on the command line first, then the
    /// environment, then whether the output is a terminal.
    pub fn decide(choice: ColorChoice, env: ColorEnv, is_terminal: bool) -> Self {
        let color = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto if env.no_color => false,
            ColorChoice::Auto if env.force => true,
            ColorChoice::Auto => is_terminal && !env.dumb && !env.off,
        };
        if color {
            // `colored` would decide again, by stdout alone. What is to have none is
            // not painted.
            colored::control::set_override(true);
        }
        Self { color }
    }

    /// No colours.
    pub fn plain() -> Self {
        Self::default()
    }

    /// Whether there is colour.
    pub fn is_colored(self) -> bool {
        self.color
    }

    /// A text of the program's own in the colour of its role.
    pub fn paint(self, role: Role, text: &str) -> String {
        if !self.color || text.is_empty() {
            return text.to_owned();
        }
        let painted = match role {
            Role::Sent => text.color(Color::Green).bold(),
            Role::Received => text.color(Color::Cyan).bold(),
            Role::Status => text.color(Color::Yellow),
            Role::Error | Role::Unknown => text.color(Color::Red).bold(),
            Role::Time | Role::Hint => text.dimmed(),
            Role::Command => text.color(Color::Magenta),
            Role::Prompt => text.bold(),
            Role::JsonName => text.color(Color::Blue),
            Role::JsonString => text.color(Color::Green),
            Role::JsonNumber => text.color(Color::Yellow),
            Role::JsonWord => text.color(Color::Magenta),
        };
        painted.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_decides() {
        let env = |no_color, force, dumb| ColorEnv {
            no_color,
            force,
            dumb,
            off: false,
        };
        let off = ColorEnv {
            off: true,
            ..ColorEnv::default()
        };
        for (choice, env, terminal, color) in [
            (ColorChoice::Auto, env(false, false, false), true, true),
            (ColorChoice::Auto, env(false, false, false), false, false),
            (ColorChoice::Auto, env(false, false, true), true, false),
            (ColorChoice::Auto, env(true, true, false), true, false),
            (ColorChoice::Auto, env(false, true, false), false, true),
            (ColorChoice::Auto, off, true, false),
            (
                ColorChoice::Auto,
                ColorEnv { force: true, ..off },
                true,
                true,
            ),
            (ColorChoice::Always, off, true, true),
            (ColorChoice::Always, env(true, false, true), false, true),
            (ColorChoice::Never, env(false, true, false), true, false),
        ] {
            assert_eq!(Style::decide(choice, env, terminal).is_colored(), color);
        }
    }
}
