//! When long work pauses, so that whoever waits for the same thread has a turn.

/// How much was done since the last pause.
#[derive(Debug, Default)]
pub struct WorkMeter {
    events: usize,
}

impl WorkMeter {
    /// Events after which work pauses: others wait some ms for it, and not for all of it.
    pub const PART: usize = 500;

    /// As many events take as long to add as a rollup takes to read, or to write.
    pub const ROLLUP: usize = 10;

    /// Whether a pause is due, now that these many events more are done.
    pub const fn is_due(&mut self, events: usize) -> bool {
        self.events += events;
        let due = self.events >= Self::PART;
        if due {
            self.events = 0;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_pauses_after_a_part_however_it_is_cut() {
        let pauses = |cuts: &[usize]| {
            let mut pace = WorkMeter::default();
            cuts.iter().map(|events| pace.is_due(*events)).collect::<Vec<_>>()
        };
        assert_eq!(pauses(&[WorkMeter::PART - 1, 1, 1]), [false, true, false]);
        assert_eq!(pauses(&[WorkMeter::PART * 9, WorkMeter::PART - 1, 0, 1]), [true, false, false, true]);
    }
}
