//! Request IDs in the platform's form.

/// Gives request IDs that are unique within a run and between runs.
pub struct Rays {
    next: u64,
}

impl Rays {
    /// IDs that no other run gives.
    #[allow(clippy::new_without_default)] // two of them differ
    pub fn new() -> Self {
        Self { next: u64::from(rand::random::<u32>()) << 32 }
    }

    /// The next ID: 16 hex digits and a place, as in `CF-Ray`.
    pub fn issue(&mut self) -> String {
        self.next += 1;
        format!("{:016x}-DEV", self.next)
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
