//! A story: all that happens in a run, as plain data. It can be drawn from a seed, told in words, shrunk, and kept as a
//! file.

mod act;
mod drawn;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use act::{Act, Broken, Unreadable};

/// What happens, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// In ms after [`rig::START`], which is 05:20.
    pub at_ms: u64,
    #[serde(flatten)]
    pub act: Act,
}

impl Step {
    pub const fn new(at_ms: u64, act: Act) -> Self {
        Self { at_ms, act }
    }
}

/// What a world is like before anything happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Setup {
    /// Variables of the deployment.
    pub settings: BTreeMap<String, String>,
    /// Clocks of the gateway's isolates, in ms ahead of the true time. Each isolate is at a place of its own.
    pub clocks_ms: Vec<i64>,
    /// How often cron runs, in ms.
    pub cron_every_ms: u64,
    /// How many of a million acknowledged messages the queue delivers again.
    pub repeats_ppm: u32,
    /// How long the queues keep a message, in ms.
    #[serde(default = "longest_retention_ms")]
    pub retention_ms: u64,
    /// Whether the archive has a bucket.
    pub has_bucket: bool,
}

/// As long as a queue keeps any message.
pub const fn longest_retention_ms() -> u64 {
    14 * 24 * 3_600_000
}

impl Default for Setup {
    fn default() -> Self {
        let (settings, retention_ms) = (BTreeMap::new(), longest_retention_ms());
        Self { settings, clocks_ms: vec![0], cron_every_ms: 60_000, repeats_ppm: 0, retention_ms, has_bucket: false }
    }
}

/// A run's plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Story {
    /// Decides what no step says: how long calls take, and whose turn it is.
    pub seed: u64,
    pub setup: Setup,
    /// In the order of time.
    pub steps: Vec<Step>,
    /// When the last trouble ends and only waiting is left, in ms after the beginning.
    pub calm_at_ms: u64,
}

impl Story {
    /// The story of a seed.
    pub fn of(seed: u64) -> Self {
        drawn::story(seed)
    }

    /// One that begins with a flag, at which nothing else happens yet.
    pub fn quiet(seed: u64) -> Self {
        Self { seed, setup: Setup::default(), steps: Vec::new(), calm_at_ms: 0 }
    }

    /// Adds steps, and keeps their order.
    pub fn add(&mut self, steps: impl IntoIterator<Item = Step>) {
        self.steps.extend(steps);
        // Stable: what happens at the same time happens in the order in which it was told.
        self.steps.sort_by_key(|step| step.at_ms);
        let ends = |step: &Step| step.at_ms + step.act.lasts_ms();
        self.calm_at_ms = self.steps.iter().map(ends).max().unwrap_or_default().max(self.calm_at_ms);
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Setup { settings, clocks_ms, cron_every_ms, repeats_ppm, retention_ms, has_bucket } = &self.setup;
        writeln!(f, "seed {}; clocks {clocks_ms:?} ms ahead; cron every {cron_every_ms} ms", self.seed)?;
        writeln!(
            f,
            "settings {settings:?}; repeats {repeats_ppm} ppm; messages are kept for {retention_ms} ms; bucket {has_bucket}"
        )?;
        for Step { at_ms, act } in &self.steps {
            writeln!(f, "  {} {act}", clock(*at_ms))?;
        }
        write!(f, "  {} all trouble is over", clock(self.calm_at_ms))
    }
}

/// A time after the beginning, as a person reads it.
pub fn clock(ms: u64) -> String {
    let (days, hours) = (ms / 86_400_000, ms / 3_600_000 % 24);
    let day = if days == 0 { String::new() } else { format!("{days}d ") };
    format!("{day}{hours:02}:{:02}:{:02}.{:03}", ms / 60_000 % 60, ms / 1_000 % 60, ms % 1_000)
}
