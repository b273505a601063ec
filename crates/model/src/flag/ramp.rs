//! A ramp: a plan by which the queue's share grows, step by step.
//!
//! Invariant: shares only ever grow along a ramp.

use serde::{Deserialize, Serialize};

use crate::error::InputError;

use super::{Mode, share};

/// Most steps of a ramp.
pub const MAX_STEPS: usize = 100;

/// Shortest and longest time between two steps, in ms: the cron's minute, and 31 days.
pub const INTERVAL_MS: std::ops::RangeInclusive<u64> = 60_000..=31 * 24 * 60 * 60 * 1000;

/// The plan, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Ramp {
    /// The queue's shares, in ppm, growing.
    pub steps: Vec<u32>,
    /// Time between two steps, in ms.
    pub every_ms: u64,
    /// Position of the next step.
    #[serde(default)]
    pub next: usize,
    /// When the next step is due, in ms since 1970.
    #[serde(default)]
    pub due_at: u64,
    /// Whether a person has halted it.
    #[serde(default)]
    pub paused: bool,
}

/// Where a ramp stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum RampStage {
    /// All steps are taken.
    Done,
    /// A person has halted it.
    Paused,
    /// The next step's time has not come.
    Waiting,
    /// The next step's time has come: the gate decides.
    Due,
    /// The next step's time has come, and the gate holds it.
    Holding,
}

impl Ramp {
    /// Checks the plan.
    pub(super) fn check(&self, mode: Mode) -> Result<(), InputError> {
        if mode != Mode::DualWrite {
            return Err(InputError::field("ramp", mode.name(), "a ramp needs the mode dual-write"));
        }
        if self.steps.is_empty() || self.steps.len() > MAX_STEPS {
            let remedy = format!("give 1 to {MAX_STEPS} steps");
            return Err(InputError::field("ramp.steps", self.steps.len(), remedy));
        }
        for (index, step) in self.steps.iter().enumerate() {
            share(&format!("ramp.steps[{index}]"), *step)?;
        }
        if let Some(index) = self.steps.windows(2).position(|pair| matches!(pair, [a, b] if a >= b)) {
            let found = self.steps.get(index + 1).copied().unwrap_or_default();
            return Err(InputError::field(format!("ramp.steps[{}]", index + 1), found, "give growing shares"));
        }
        if !INTERVAL_MS.contains(&self.every_ms) {
            let remedy = format!("give {} to {} ms", INTERVAL_MS.start(), INTERVAL_MS.end());
            return Err(InputError::field("ramp.everyMs", self.every_ms, remedy));
        }
        if self.next > self.steps.len() {
            let remedy = format!("give a position from 0 to {}", self.steps.len());
            return Err(InputError::field("ramp.next", self.next, remedy));
        }
        Ok(())
    }

    /// Where it stands at `now_ms`.
    pub const fn stage(&self, now_ms: u64) -> RampStage {
        if self.next >= self.steps.len() {
            RampStage::Done
        } else if self.paused {
            RampStage::Paused
        } else if now_ms < self.due_at {
            RampStage::Waiting
        } else {
            RampStage::Due
        }
    }
}
