//! Figures of many events: what is counted in an interval, and how counts merge.

pub mod admission;
pub mod exemplar;
pub mod figures;
pub mod grain;
pub mod rollup;
pub mod sketch;
