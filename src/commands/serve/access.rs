//! The credentials of `--auth` and `--admin-token`, from the command line or a file.

use std::path::Path;

use anyhow::Result;

use crate::cli::secret::Secret;
use crate::exit::Failure;
use crate::server::{Access, Credential};
use crate::terminal::Status;

/// The credentials that requests have to show. Those on the command line are warned of.
///
/// # Errors
/// Exit 2, with what is wrong and without the secret.
pub(super) fn access(values: &[Secret], status: Status) -> Result<Access> {
    let mut credentials = Vec::new();
    for Secret(value) in values {
        match value.strip_prefix('@') {
            Some(path) => credentials.extend(of_file(Path::new(path))?),
            None => {
                credentials.push(parse("--auth", value)?);
                status.note(
                    "--auth on the command line can be read by others on this machine (ps); \
                     write it into a file and give --auth @FILE",
                );
            }
        }
    }
    Ok(credentials.into_iter().collect())
}

fn of_file(path: &Path) -> Result<Vec<Credential>> {
    let text = read("--auth", path)?;
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let what = format!("--auth @{}", path.display());
    let credentials: Vec<_> = lines
        .map(|line| parse(&what, line))
        .collect::<Result<_>>()?;
    if credentials.is_empty() {
        let text = format!(
            "{what}: the file has no line with credentials; write basic:USER:PASSWORD or bearer:TOKEN into it"
        );
        return Err(Failure::usage(text).into());
    }
    Ok(credentials)
}

fn parse(what: &str, text: &str) -> Result<Credential> {
    text.parse()
        .map_err(|error| Failure::usage(format!("{what}: {error}")).into())
}

fn read(what: &str, path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| {
        let text = format!("{what}: cannot read '{}': {error}", path.display());
        Failure::usage(text).into()
    })
}
