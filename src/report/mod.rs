//! Results as documents: pure functions from a result to text or JSON.
//!
//! Nothing is measured and nothing printed here.

pub mod bench_json;
pub mod bench_text;
