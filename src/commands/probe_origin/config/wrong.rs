//! What is wrong in `probes.toml`.

use std::ops::Range;

/// What is wrong in the file, and where.
#[derive(Debug)]
pub(in crate::commands::probe_origin) struct Wrong {
    pub(in crate::commands::probe_origin) span: Option<Range<usize>>,
    pub(in crate::commands::probe_origin) why: String,
}

impl Wrong {
    pub(in crate::commands::probe_origin) fn new(
        span: Range<usize>,
        why: impl Into<String>,
    ) -> Self {
        Self {
            span: Some(span),
            why: why.into(),
        }
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
