//! What the environment says of colours.

use std::env;

use crate::terminal::style::ColorEnv;

/// What the environment says of colours.
#[expect(
    clippy::disallowed_methods,
    reason = "`commands` reads the environment"
)]
pub(super) fn color_env() -> ColorEnv {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty());
    ColorEnv {
        no_color: set("NO_COLOR").is_some(),
        force: set("CLICOLOR_FORCE").is_some_and(|value| value != "0"),
        off: set("CLICOLOR").is_some_and(|value| value == "0"),
        dumb: set("TERM").is_some_and(|value| value == "dumb"),
    }
}
