//! Path Collector.
pub mod domain;
