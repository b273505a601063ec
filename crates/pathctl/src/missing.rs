//! What an answer of the gateway lacks, because it could not be read.

use serde::{Deserialize, Serialize};

/// A part of the system that an answer lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// Which, such as `old` or `new`.
    pub store: String,
    /// Why.
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
        format!("MISSING: {name}: {reason}. What only it holds is in no figure here.\n").replace(char::is_control, " ")
    };
    missing.iter().map(|one| line(one).trim_end().to_owned() + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_that_is_missing_has_its_line() {
        let missing = [Missing { store: "new".into(), reason: "no answer within 5000 ms".into() }];
        let line = "MISSING: D1: no answer within 5000 ms. What only it holds is in no figure here.\n";
        assert_eq!((notice(&missing), notice(&[])), (line.to_owned(), String::new()));
    }
}
