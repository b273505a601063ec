//! The four stages of a migration, as the demo goes through them.

use model::flag::{MILLION, Mode};
use serde_json::{Value, json};

/// One stage: what the flag says while a quarter of the traffic passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// Which store records.
    pub mode: Mode,
    /// In dual-write: share of events on both paths, in ppm.
    pub sample_ppm: u32,
    /// In dual-write: share of the rest on the new path alone, in ppm.
    pub queue_ppm: u32,
    /// What it is for.
    pub purpose: &'static str,
}

/// From the old path to the new one.
pub const STAGES: [Stage; 4] = [
    Stage { mode: Mode::DoOnly, sample_ppm: 0, queue_ppm: 0, purpose: "old path alone" },
    Stage { mode: Mode::DualWrite, sample_ppm: MILLION, queue_ppm: 0, purpose: "everything on both" },
    Stage { mode: Mode::DualWrite, sample_ppm: 10_000, queue_ppm: 500_000, purpose: "1 % on both, rest shared" },
    Stage { mode: Mode::QueueOnly, sample_ppm: 0, queue_ppm: 0, purpose: "new path alone" },
];

impl Stage {
    /// The flag document of this stage, which follows version `base`.
    pub fn flag_document(&self, base: u32) -> Value {
        json!({
            "schema": 1,
            "version": base + 1,
            "mode": self.mode,
            "samplePpm": self.sample_ppm,
            "queuePpm": self.queue_ppm,
            "updatedAt": jiff::Timestamp::now().to_string(),
            "updatedBy": "demo",
            "reason": self.purpose,
        })
    }
}

/// The part of `count` requests that the stage of this index sends: each a quarter, and together all.
pub fn share(count: usize, index: usize) -> std::ops::Range<usize> {
    count * index / STAGES.len()..count * (index + 1) / STAGES.len()
}

#[cfg(test)]
mod tests {
    use model::flag::document::Document;

    use super::*;

    #[test]
    fn each_stages_document_is_one_that_the_gateway_takes() {
        for stage in &STAGES {
            let document = Document::read_strictly(&stage.flag_document(6).to_string()).unwrap();
            assert_eq!((document.version, document.mode, document.queue_ppm), (7, stage.mode, stage.queue_ppm));
        }
    }

    #[test]
    fn the_stages_share_all_requests_without_overlap() {
        for count in [0, 1, 3, 4, 20_000, 20_003] {
            let all: Vec<_> = (0..STAGES.len()).flat_map(|index| share(count, index)).collect();
            assert_eq!(all, (0..count).collect::<Vec<_>>());
        }
    }
}
