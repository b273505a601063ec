//! What is archived is archived once, and was served.

use std::collections::BTreeSet;

use super::{Property, ensure};
use crate::sight::Sight;

pub struct ArchivedOnce;

impl Property for ArchivedOnce {
    fn name(&self) -> &'static str {
        "each event is archived once"
    }

    fn at_end(&mut self, sight: &Sight<'_>) -> Result<(), String> {
        let mut seen = BTreeSet::new();
        for name in sight.world.file_names().iter().filter(|name| name.contains(".ndjson")) {
            for line in sight.world.file(name).unwrap_or_default().lines() {
                let event: serde_json::Value =
                    serde_json::from_str(line).map_err(|error| format!("{name}: {error}"))?;
                let digest = event["digest"].as_str().unwrap_or_default().to_owned();
                ensure(seen.insert(digest.clone()), || format!("{digest} is archived twice"))?;
            }
        }
        Ok(())
    }
}
