//! Which path does what.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use thiserror::Error;

use super::faults::Plan;

/// What a path does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// Sends every message back.
    Echo,
    /// Does what a route of the fault lab says.
    Lab(Box<Plan>),
}

/// Which path does what. Paths are compared without regard to case, and
/// percent-encoding is undone; a query plays no part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routes(Vec<(String, Route)>);

/// Why a string cannot be the path of a route.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PathError {
    /// It does not begin with a slash.
    #[error("path '{0}' does not begin with '/'; write it as /ws")]
    NoSlash(String),
    /// It holds something that is not part of a path.
    #[error("path '{0}' holds a '?' or '#'; give the path alone, any query is accepted")]
    NotOnlyPath(String),
}

impl Default for Routes {
    /// An echo at `/ws`.
    fn default() -> Self {
        Self(vec![("/ws".to_owned(), Route::Echo)])
    }
}

impl Routes {
    /// No path at all.
    pub fn none() -> Self {
        Self(Vec::new())
    }

    /// Adds a path that echoes. The first of two equal ones counts.
    ///
    /// # Errors
    /// A path that no request could ask for.
    pub fn add_echo(&mut self, path: &str) -> Result<(), PathError> {
        if !path.starts_with('/') {
            return Err(PathError::NoSlash(path.into()));
        }
        if path.contains(['?', '#']) {
            return Err(PathError::NotOnlyPath(path.into()));
        }
        self.0.push((decode(path).into_owned(), Route::Echo));
        Ok(())
    }

    /// The paths, in the order added.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(path, _)| path.as_str())
    }

    /// What the path of a request does.
    pub(crate) fn find(&self, path: &str) -> Option<Route> {
        let asked = decode(path);
        self.0
            .iter()
            .find(|(path, _)| path.eq_ignore_ascii_case(&asked))
            .map(|(_, route)| route.clone())
    }
}

/// A path without its percent-encoding.
pub(crate) fn decode(path: &str) -> Cow<'_, str> {
    percent_decode_str(path).decode_utf8_lossy()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn route_path_must_be_a_path() {
        let mut routes = Routes::none();
        assert_eq!(routes.add_echo("ws"), Err(PathError::NoSlash("ws".into())));
        assert_eq!(
            routes.add_echo("/ws?a"),
            Err(PathError::NotOnlyPath("/ws?a".into()))
        );
    }
}
