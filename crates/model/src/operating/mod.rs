//! What operators see: health, readiness and metrics.

pub mod exposition;
pub mod health;
pub mod metrics;
pub mod readiness;
pub mod vitals;
