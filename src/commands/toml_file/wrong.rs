//! What is wrong in a file of the user's.

use std::ops::Range;
use std::path::Path;

use crate::exit::Failure;

/// What is wrong in the file, and where.
#[derive(Debug)]
pub(in crate::commands) struct Wrong {
    pub(in crate::commands) span: Option<Range<usize>>,
    pub(in crate::commands) why: String,
}

impl Wrong {
    pub(in crate::commands) fn new(span: Range<usize>, why: impl Into<String>) -> Self {
        Self {
            span: Some(span),
            why: why.into(),
        }
    }

    /// The usage error, with the line of the place in the file's text.
    pub(in crate::commands) fn at(self, path: &Path, text: &str) -> Failure {
        let line = self.span.map(|span| line_of(text, span.start));
        let line = line
            .map(|line| format!(", line {line}"))
            .unwrap_or_default();
        Failure::usage(format!("'{}'{line}: {}", path.display(), self.why))
    }
}

impl From<toml::de::Error> for Wrong {
    fn from(error: toml::de::Error) -> Self {
        Self {
            span: error.span(),
            why: error.message().replace('\n', " "),
        }
    }
}

/// The line of a place in a text, from 1.
pub(in crate::commands) fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}
