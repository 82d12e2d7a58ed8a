//! A histogram as the report has it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};
use serde::Serialize;

use crate::bench::stats::Recorder;

/// A histogram: its main figures in microseconds, null when it is empty, and all of
/// it.
#[derive(Debug, Serialize)]
pub(super) struct Times {
    count: u64,
    min_us: Option<f64>,
    mean_us: Option<f64>,
    p50_us: Option<f64>,
    p90_us: Option<f64>,
    p95_us: Option<f64>,
    p99_us: Option<f64>,
    p999_us: Option<f64>,
    max_us: Option<f64>,
    hdr: String,
}

pub(super) fn times(recorder: &mut Recorder) -> Times {
    let histogram = recorder.histogram();
    let some = |value: f64| (!histogram.is_empty()).then_some(value / 1e3);
    let at = |quantile| some(histogram.value_at_quantile(quantile) as f64);
    Times {
        count: histogram.len(),
        min_us: some(histogram.min() as f64),
        mean_us: some(histogram.mean()),
        p50_us: at(0.5),
        p90_us: at(0.9),
        p95_us: at(0.95),
        p99_us: at(0.99),
        p999_us: at(0.999),
        max_us: some(histogram.max() as f64),
        hdr: encode(histogram),
    }
}

pub(super) fn us(ns: u64) -> f64 {
    ns as f64 / 1e3
}

/// The histogram in HdrHistogram's interchange format: V2, compressed, in
/// base64, as its logs have it. Values are nanoseconds.
fn encode(histogram: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new()
        .serialize(histogram, &mut bytes)
        .expect("writing a histogram to memory does not fail");
    STANDARD.encode(bytes)
}
