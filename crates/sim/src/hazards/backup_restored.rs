//! D1, or all objects, are restored to what they were some time ago. What they took since is gone, and nobody tells those
//! who remember it.

use super::{Hazard, Scene};
use crate::story::{Act, Step};

pub struct BackupRestored;

impl Hazard for BackupRestored {
    fn name(&self) -> &'static str {
        "a store is restored"
    }

    fn steps(&self, scene: &Scene<'_>) -> Vec<Step> {
        let (one, other) = (scene.any_time(), scene.any_time());
        let restored = scene.random.pick(&[Act::Restore, Act::Restore, Act::RestoreObjects]).clone();
        vec![Step::new(one.min(other), Act::BackUp), Step::new(one.max(other) + 1, restored)]
    }
}
