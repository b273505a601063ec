//! Which messages of a batch to apply together when the database may refuse some of them.
//!
//! Invariant: a message that the database refuses for its content never delays the others. An outage costs only two
//! tries more than one, however large the batch.
//!
//! A database's error can't be trusted to say whose fault it is: a batch too heavy may read like an outage. So the batch
//! is tried whole; if that fails, two messages alone tell an outage (both fail) from a message's fault (one succeeds);
//! then what is left is halved until each message is applied or is refused by itself.

use std::iter;
use std::ops::Range;

/// Most tries for one batch. With one message at fault in a hundred it takes some 14.
const MAX_TRIES: usize = 60;

/// The tries of one batch.
#[derive(Debug, Clone)]
pub struct BatchSplit {
    applied: Vec<bool>,
    /// What is to be tried, the next one last.
    pending: Vec<Range<usize>>,
    tries: usize,
    phase: Phase,
    /// Where in the batch the two messages lie that are tried alone.
    turn: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Whole,
    /// Two messages by themselves.
    Probes,
    Halves,
}

impl BatchSplit {
    /// The tries of a batch of `messages` messages. `turn` varies between deliveries which two are tried alone, so that
    /// no pair of faulty messages blocks the others for long.
    pub fn new(messages: usize, turn: usize) -> Self {
        let pending = iter::once(0..messages).filter(|whole| !whole.is_empty()).collect();
        Self { applied: vec![false; messages], pending, tries: 0, phase: Phase::Whole, turn }
    }

    /// The messages to apply next, in one transaction. None when all are decided. Report the result with
    /// [`BatchSplit::tell`].
    pub fn part(&mut self) -> Option<Range<usize>> {
        if self.tries == MAX_TRIES {
            return None;
        }
        if self.phase == Phase::Probes && self.pending.is_empty() {
            if !self.applied.contains(&true) {
                return None;
            }
            self.phase = Phase::Halves;
            self.pending = self.gaps();
        }
        let part = self.pending.pop()?;
        self.tries += 1;
        Some(part)
    }

    /// Records whether the messages that [`BatchSplit::part`] returned were applied.
    pub fn tell(&mut self, messages: Range<usize>, applied: bool) {
        if applied {
            for message in messages {
                if let Some(state) = self.applied.get_mut(message) {
                    *state = true;
                }
            }
            return;
        }
        match self.phase {
            Phase::Whole if messages.len() > 1 => {
                self.phase = Phase::Probes;
                let [first, second] = self.probes();
                self.pending = vec![second..second + 1, first..first + 1];
            }
            Phase::Halves if messages.len() > 1 => {
                let middle = messages.start + messages.len() / 2;
                self.pending.extend([middle..messages.end, messages.start..middle]);
            }
            Phase::Whole | Phase::Probes | Phase::Halves => {}
        }
    }

    /// Whether each message was applied.
    pub fn applied(self) -> Vec<bool> {
        self.applied
    }

    /// What lies beside the messages that were tried alone.
    fn gaps(&self) -> Vec<Range<usize>> {
        let [first, second] = self.probes();
        let (low, high) = (first.min(second), first.max(second));
        [0..low, low + 1..high, high + 1..self.applied.len()].into_iter().filter(|gap| !gap.is_empty()).collect()
    }

    /// The two messages that are tried alone.
    fn probes(&self) -> [usize; 2] {
        let count = self.applied.len().max(1);
        let first = self.turn.wrapping_mul(37) % count;
        [first, (first + count / 2) % count]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Applies a batch to a database that refuses whatever contains one of the `culprits`; gives what was applied and
    /// how many tries it took.
    fn run(messages: usize, turn: usize, refused: impl Fn(usize) -> bool) -> (Vec<bool>, usize) {
        let mut split = BatchSplit::new(messages, turn);
        let mut tries = 0;
        while let Some(part) = split.part() {
            tries += 1;
            assert!(!part.is_empty() && part.end <= messages);
            let applied = !part.clone().any(&refused);
            split.tell(part, applied);
        }
        (split.applied(), tries)
    }

    #[test]
    fn a_sound_batch_is_applied_at_once() {
        assert_eq!(run(100, 1, |_| false), (vec![true; 100], 1));
        assert_eq!(run(0, 1, |_| false), (Vec::new(), 0));
    }

    #[test]
    fn an_outage_costs_three_tries_whatever_the_batch() {
        assert_eq!(run(100, 7, |_| true), (vec![false; 100], 3));
        assert_eq!(run(2, 7, |_| true), (vec![false; 2], 3));
        assert_eq!(run(1, 7, |_| true), (vec![false; 1], 1));
    }

    proptest! {
        #[test]
        fn one_culprit_waits_alone(messages in 2usize..=100, culprit in 0usize..100, turn in 0usize..200) {
            let culprit = culprit % messages;
            let (applied, tries) = run(messages, turn, |message| message == culprit);
            let waiting: Vec<usize> = (0..messages).filter(|message| !applied[*message]).collect();
            prop_assert_eq!(waiting, [culprit]);
            prop_assert!(tries <= 18, "{} tries", tries);
        }

        #[test]
        fn over_some_deliveries_all_that_is_sound_is_applied(
            messages in 1usize..=100,
            culprits in prop::collection::btree_set(0usize..100, 0..8),
        ) {
            let mut waiting: Vec<usize> = (0..messages).collect();
            for attempt in 1..=20 {
                let applied = run(waiting.len(), attempt, |at| culprits.contains(&waiting[at])).0;
                waiting = waiting.iter().zip(applied).filter(|(_, applied)| !applied).map(|(message, _)| *message).collect();
            }
            let left: BTreeSet<usize> = waiting.into_iter().collect();
            let at_fault: BTreeSet<usize> = culprits.into_iter().filter(|culprit| *culprit < messages).collect();
            prop_assert_eq!(left, at_fault);
        }

        #[test]
        fn tries_are_bounded_whatever_is_refused(refused in prop::collection::vec(any::<bool>(), 1..100), turn: usize) {
            let (applied, tries) = run(refused.len(), turn, |message| refused[message]);
            prop_assert!(tries <= MAX_TRIES);
            for (applied, refused) in applied.into_iter().zip(refused) {
                prop_assert!(!(applied && refused));
            }
        }
    }
}
