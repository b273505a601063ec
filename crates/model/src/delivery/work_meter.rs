//! When long work pauses, so that other work on the same thread gets a turn.

/// How much work was done since the last pause.
#[derive(Debug, Default)]
pub struct WorkMeter {
    events: usize,
}

impl WorkMeter {
    /// Number of events after which work pauses, so that other work waits only some ms.
    pub const PART: usize = 500;

    /// Reading or writing a rollup takes as long as adding this many events.
    pub const ROLLUP: usize = 10;

    /// Adds this many events to the work done, and returns whether a pause is due.
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
