//! What operators see: health, readiness, metrics, and the dashboard's summary.

pub mod health;
pub mod metrics;
pub mod readiness;
pub mod snapshot;
pub mod summary;
pub mod vitals;
