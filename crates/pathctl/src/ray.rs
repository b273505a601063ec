//! Request IDs in the platform's form.

use std::hash::{BuildHasher, RandomState};

/// Gives request IDs that are unique within a run and between runs.
pub struct Rays {
    run: u64,
    count: u64,
}

impl Rays {
    /// IDs that no other run gives.
    pub fn new() -> Self {
        // The standard library's hash keys are the one source of randomness that needs no dependency.
        Self { run: RandomState::new().hash_one("run") << 32, count: 0 }
    }

    /// The next ID: 16 hex digits and a place, as in `CF-Ray`.
    pub fn issue(&mut self) -> String {
        self.count += 1;
        format!("{:016x}-DEV", self.run.wrapping_add(self.count))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn request_ids_are_unique_between_runs() {
        let (mut one, mut other) = (Rays::new(), Rays::new());
        let ids: HashSet<_> = (0..1_000).flat_map(|_| [one.issue(), other.issue()]).collect();
        assert_eq!(ids.len(), 2_000);
        assert!(ids.iter().all(|id| id.len() == 20 && id.ends_with("-DEV")));
    }
}
