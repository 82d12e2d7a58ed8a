//! Reports: a result in, a document out. Renderers are pure.

pub mod probe;
