//! What properties look at.

use std::cell::OnceCell;

use crate::story::{Act, Step, Story};
use crate::truth::{Record, Stored};
use crate::world::World;
use crate::world::trouble::Port;

/// The world at one moment, and what really happened until then.
pub struct Sight<'a> {
    pub world: &'a World,
    pub story: &'a Story,
    pub truth: &'a Record,
    stored: OnceCell<Stored>,
}

impl<'a> Sight<'a> {
    pub const fn new(world: &'a World, story: &'a Story, truth: &'a Record) -> Self {
        Self { world, story, truth, stored: OnceCell::new() }
    }

    /// What both stores hold.
    pub fn stored(&self) -> &Stored {
        self.stored.get_or_init(|| Stored::of(self.world))
    }

    /// Whether one of these parts of the platform went wrong at any time in between, in ms.
    pub fn was_any_broken(&self, ports: &[Port], from_ms: u64, to_ms: u64) -> bool {
        let is_of = |step: &Step| matches!(&step.act, Act::Break(broken) if ports.contains(&broken.port));
        self.overlaps(from_ms, to_ms, is_of)
    }

    /// Whether a part of the platform went wrong at any time in between, in ms.
    pub fn was_broken(&self, from_ms: u64, to_ms: u64) -> bool {
        self.overlaps(from_ms, to_ms, |_| true)
    }

    fn overlaps(&self, from_ms: u64, to_ms: u64, is_meant: impl Fn(&Step) -> bool) -> bool {
        let overlaps = |step: &Step| {
            let at_ms = rig::START + step.at_ms;
            step.act.lasts_ms() > 0 && at_ms < to_ms && at_ms + step.act.lasts_ms() > from_ms
        };
        self.story.steps.iter().any(|step| is_meant(step) && overlaps(step))
    }
}
