//! TOML files that users write, whichever command reads them: `${NAME}` in their
//! values, and errors that name the line. What the keys mean is not known here.

pub(in crate::commands) mod expand;
mod wrong;

use std::fs;
use std::path::Path;

pub(in crate::commands) use self::wrong::{Wrong, line_of};
use crate::connection::http::{HeaderEdit, HeaderError};
use crate::exit::Failure;

/// The text of a file.
///
/// # Errors
/// Exit 2 where it cannot be read.
pub(in crate::commands) fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("could not read '{}': {error}", path.display())))
}

/// What `${NAME}` stands for.
#[expect(
    clippy::disallowed_methods,
    reason = "`commands` reads the environment"
)]
pub(in crate::commands) fn environment_variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A header. The value may be a secret, which no error shows.
pub(in crate::commands) fn header(text: &str) -> Result<HeaderEdit, String> {
    text.parse().map_err(|error| match error {
        HeaderError::NoColon(_) => "a header is written 'Name: value'".to_owned(),
        error => error.to_string(),
    })
}
