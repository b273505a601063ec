//! Traffic for trying a gateway: made up by a seed or read from an access log, sent at a pace, with its exact figures.
//!
//! Truth is exact and shares no code with what it checks: no sketches, no normaliser.

pub mod access_log;
pub mod catalogue;
pub mod dispatch;
pub mod gateway;
pub mod log_reader;
pub mod ray;
pub mod replay;
pub mod truth;
pub mod workload;
