//! D1 is restored to what it was some time ago. What it took since is gone, and nobody tells the consumer.

use super::{Hazard, Scene};
use crate::story::{Act, Step};

pub struct BackupRestored;

impl Hazard for BackupRestored {
    fn name(&self) -> &'static str {
        "D1 is restored"
    }

    fn steps(&self, scene: &Scene<'_>) -> Vec<Step> {
        let (one, other) = (scene.any_time(), scene.any_time());
        vec![Step::new(one.min(other), Act::BackUp), Step::new(one.max(other) + 1, Act::Restore)]
    }
}
