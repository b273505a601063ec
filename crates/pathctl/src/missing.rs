//! What an answer of the gateway lacks, because it could not be read.

use serde::{Deserialize, Serialize};

use crate::output::one_line;

/// A part of the system that an answer lacks, such as `old` or `new`, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    pub store: String,
    pub reason: String,
}

/// A notice for people, a line for each part that is missing; empty if none is.
pub fn notice(missing: &[Missing]) -> String {
    let line = |Missing { store, reason }: &Missing| {
        let name = match store.as_str() {
            "old" => "the object",
            "new" => "D1",
            "dead-letters" => "dead letters",
            "archive" => "the archive",
            other => other,
        };
        one_line(&format!("MISSING: {name}: {reason}. What only it holds is in no figure here.")) + "\n"
    };
    missing.iter().map(line).collect()
}
