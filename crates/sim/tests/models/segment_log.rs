//! The segment log's numbering: `crates/store/src/events/event_store.rs`, `timeline.rs`, `fold.rs` and `retention.rs`, which
//! run here themselves, over real SQLite.
//!
//! **Who acts.** Up to three writers, each with a memory, take messages, which are delivered again even after they were
//! acknowledged; two of the three messages share an event, across the edge of an ID window. Others fold and delete. An
//! isolate may end anywhere. A batch works, fails, or fails for its caller and takes effect at any later time. A copy of
//! the database is made at any time, and put in its place at any later one.
//!
//! **What holds** in every state: no event is stored twice; none that was acknowledged is missing; figures, folded or not,
//! are those of the events; nobody was told to have written a number that somebody else wrote with other contents; what a
//! writer decided on by reading one timeline is not written to another; and at rest, a writer that nobody disturbs gets
//! through. A restore takes back what was acknowledged since the copy, and nothing else.
//!
//! **What is left out.** Time stands still but for the deletion, after which old events are accepted no more, and before
//! which none is on its way (`crates/model/src/event/mod.rs` refuses them hours before). Windows and figures are few.
//!
//! **How far.** Five sets of bounds, [`ALL_BOUNDS`], with some 490,000 states in all.

mod isolates;
mod states;

use isolates::Variant;
use states::{FIGURES, MISSING, ONE_NUMBER, OTHER_TIMELINE, SegmentLog, TWICE};

use crate::search::{Explored, explore};

/// How much may still happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Left {
    folds: u8,
    deletions: u8,
    /// Batches that fail, whether or not they take effect.
    faults: u8,
    /// Isolates that end.
    ends: u8,
    restores: u8,
}

/// What is explored.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    name: &'static str,
    writers: usize,
    /// Isolates that fold and delete.
    others: usize,
    /// How often each message may be delivered.
    deliveries: [u8; 3],
    left: Left,
}

const NOTHING: Left = Left { folds: 0, deletions: 0, faults: 0, ends: 0, restores: 0 };

const RACE: Bounds =
    Bounds { name: "three writers", writers: 3, others: 0, deliveries: [2, 2, 0], left: Left { faults: 1, ..NOTHING } };

/// Messages that have nothing in common.
const RACE_OF_STRANGERS: Bounds =
    Bounds { name: "two writers of different events", writers: 2, deliveries: [1, 0, 1], ..RACE };

const FOLD: Bounds = Bounds {
    name: "two writers and a fold, of which one ends",
    writers: 2,
    others: 1,
    deliveries: [2, 1, 0],
    left: Left { folds: 1, faults: 1, ends: 1, ..NOTHING },
};

const RESTORE: Bounds = Bounds {
    name: "two writers, a fold, and a restore",
    writers: 2,
    others: 1,
    deliveries: [2, 1, 0],
    left: Left { folds: 1, faults: 1, restores: 1, ..NOTHING },
};

const TWO_FOLDS: Bounds = Bounds {
    name: "a writer, two folds at once, and a restore",
    writers: 1,
    others: 2,
    deliveries: [1, 1, 0],
    left: Left { folds: 2, faults: 1, restores: 1, ..NOTHING },
};

const DELETION: Bounds = Bounds {
    name: "two writers, a fold, a deletion, and a restore",
    writers: 2,
    others: 1,
    deliveries: [1, 0, 2],
    left: Left { folds: 1, deletions: 1, faults: 1, restores: 1, ..NOTHING },
};

const ALL_BOUNDS: [Bounds; 5] = [RACE, FOLD, RESTORE, TWO_FOLDS, DELETION];

/// What is broken, where the model sees it, and the property that it sees violated first.
const BROKEN: [(Variant, Bounds, &str); 10] = [
    (Variant::NumberIsCheckedButNotUnique, RACE, TWICE),
    (Variant::NumberIsCheckedButNotUnique, RACE_OF_STRANGERS, ONE_NUMBER),
    (Variant::MarkIsNotChecked, RESTORE, OTHER_TIMELINE),
    (Variant::ReaderTrustsItsMemory, RESTORE, MISSING),
    (Variant::MemoryIsAheadOfTheCommit, RACE, MISSING),
    (Variant::NoAnswerIsSuccess, RACE, MISSING),
    (Variant::DigestsAreNotRead, RACE, TWICE),
    (Variant::FoldIsTwoTransactions, FOLD, FIGURES),
    (Variant::FoldIsDoneTwice, TWO_FOLDS, FIGURES),
    (Variant::DeletionIsAheadOfTheFold, DELETION, FIGURES),
];

fn explored(variant: Variant, bounds: Bounds) -> Explored {
    let found = explore(&mut SegmentLog::new(variant, bounds));
    let Explored { states, transitions, depth, .. } = found;
    println!("{variant:?}, {}: {states} states, {transitions} transitions, depth {depth}", bounds.name);
    found
}

#[test]
fn each_event_counts_once_whatever_fails_races_or_is_restored() {
    for bounds in ALL_BOUNDS {
        let Explored { violation, .. } = explored(Variant::AsItIs, bounds);
        assert!(violation.is_none(), "{}: {violation:#?}", bounds.name);
    }
}

#[test]
fn each_broken_log_is_seen() {
    for (variant, bounds, property) in BROKEN {
        let violated = explored(variant, bounds).violation.map(|violation| violation.property);
        assert_eq!(violated, Some(property), "{variant:?}");
    }
}
