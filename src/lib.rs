//! Path Collector.
pub mod domain;
pub mod store;
