//! The metrics for Prometheus.
//!
//! Here is each metric with its name and meaning: [`traffic`] from both stores' figures, [`rollout`] from the flag and
//! parity, [`pipeline`] from health.
//! Invariants: a counter falls only when it starts again at 0. What could not be read is left out, because a 0 would be
//! taken for the truth. The number of series is bounded, whatever paths clients request.

pub mod pipeline;
pub mod rollout;
pub mod traffic;

use super::exposition::Exposition;

/// All metrics.
pub fn text(traffic: &traffic::Traffic<'_>, rollout: &rollout::Rollout, pipeline: &pipeline::Pipeline) -> String {
    let mut to = Exposition::default();
    to.states("path_collector_build_info", "The version that answers.", "version", &[VERSION], VERSION);
    traffic::write(traffic, &mut to);
    rollout::write(rollout, &mut to);
    pipeline::write(pipeline, &mut to);
    to.finish()
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[cfg(test)]
mod tests;
