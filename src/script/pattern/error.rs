//! Why a text is not a pattern. A leaf.

use thiserror::Error;

use crate::script::expr::TemplateError;
use crate::value::PatternError as PlainError;

/// Why a text is not a pattern.
#[derive(Debug, Error)]
pub(crate) enum PatternError {
    /// Neither a literal, nor a regular expression, nor a JSONPath.
    #[error(transparent)]
    Plain(#[from] PlainError),
    /// A template in it is wrong.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A JSON pattern with an operator that is not one, or is used wrongly.
    #[error("{0}")]
    Operator(String),
}
