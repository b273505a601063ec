//! What Prometheus is told.
//!
//! **Lives here:** each metric, its name and meaning, and how it is made from what is known: [`traffic`] from both
//! stores' figures, [`rollout`] from the flag and parity, [`pipeline`] from health.
//! **Invariants:** a counter falls only where it begins anew. What could not be read is left out, for a 0 in its stead
//! would be taken for that. The number of series is bounded, whatever paths clients ask for.

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
