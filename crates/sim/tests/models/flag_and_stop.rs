//! The flag with its stop: `crates/flow/src/flag` and `crates/model/src/flag`, which run here themselves.
//!
//! **Who acts.** Operators change the flag, roll it back, stop and release; cron repairs, and takes a ramp's step; routers
//! read and remember. Each is an isolate of one of two places, and all of their calls may come in any order. D1, the object
//! and KV's reads or writes may be away from the beginning on, and come back at any time. A place sees of a key in KV any of
//! its three newest values, but never an older one than it saw, and at once what it wrote. Where a scenario has faults, any
//! one call fails, or fails for its caller and takes effect at any later time. Where it has ends, an isolate ends anywhere.
//! Where it has a restore, D1 is set back to its beginning at any time.
//!
//! **What holds** in every state: a router that was told of a stop obeys it until it is told of its release, and then no
//! more; it obeys no older document than it was told of; one version never means two documents to any of them; a stop that
//! was accepted is in D1, in the object, or under a key of its own in KV; its release, once accepted, is in D1 or the
//! object; and nothing is released that nobody named.
//! And at rest: if nothing fails from then on, a repair brings all places together, stops that were accepted hold, those
//! that were released don't, and each router, new or old, obeys what the places hold.
//!
//! **What is left out or put in a place of its own.** A gate lets every step of a ramp pass. The object is
//! `store::flag::copy::hold`, all that `crates/flow/src/object.rs` does for the flag. A call that is late is one that
//! failed, because both are errors to `flow`. KV lists its newest keys. A restore comes while nobody changes the flag, as
//! `docs/operations.md` asks for, and D1 may forget what it alone had.
//!
//! **How far.** Two or three isolates with one or two tasks each: [`SCENARIOS`], with some 720,000 states in all.

mod isolates;
mod places;
mod states;

use isolates::{DISOBEYED, OLDER, TWO_DOCUMENTS, Task, Variant};
use states::{D1, FlagAndStop, KV_READS, KV_WRITES, LOST, OBJECT, UNNAMED, UNRELEASED};

use crate::search::{Explored, explore};

/// Isolates, where each is, and what it does, one after the other.
#[derive(Debug, Clone, Copy)]
struct Scenario {
    name: &'static str,
    actors: &'static [(u8, &'static [Task])],
    /// Which places are away at the beginning, each of these sets in turn.
    away: &'static [u8],
    /// Calls that fail, whether or not they take effect.
    faults: u8,
    /// Isolates that end.
    ends: u8,
    restores: u8,
}

/// The places that are always consistent.
const CONSISTENT: u8 = D1 | OBJECT;

const fn scenario(name: &'static str, actors: &'static [(u8, &'static [Task])], away: &'static [u8]) -> Scenario {
    Scenario { name, actors, away, faults: 0, ends: 0, restores: 0 }
}

const STOP: (u8, &[Task]) = (0, &[Task::Stop(1)]);
const STOP_AND_RELEASE: (u8, &[Task]) = (0, &[Task::Stop(1), Task::Release(1)]);
const ANOTHER_STOP: (u8, &[Task]) = (1, &[Task::Stop(2)]);
const CHANGE: (u8, &[Task]) = (0, &[Task::Change(1)]);
const ANOTHER_CHANGE: (u8, &[Task]) = (1, &[Task::Change(2)]);
const REPAIR: (u8, &[Task]) = (1, &[Task::Repair]);
const CRON: (u8, &[Task]) = (1, &[Task::Cron]);
const ROUTER: (u8, &[Task]) = (1, &[Task::Read]);
const ROUTER_TWICE: (u8, &[Task]) = (1, &[Task::Read, Task::ReadNear]);

const TWO_STOPS: Scenario = scenario(
    "two stops",
    &[STOP, ANOTHER_STOP],
    &[0, D1, OBJECT, CONSISTENT, KV_WRITES, CONSISTENT | KV_READS, CONSISTENT | KV_READS | KV_WRITES],
);

const STOPS_IN_KV: Scenario =
    Scenario { faults: 1, ..scenario("two stops that KV alone takes", &[STOP, ANOTHER_STOP], &[CONSISTENT]) };

const RELEASE: Scenario =
    scenario("a stop, its release, and a router", &[STOP_AND_RELEASE, ROUTER_TWICE], &[0, D1, OBJECT, CONSISTENT]);

const TWO_STOPS_ONE_RELEASE: Scenario =
    scenario("two stops, and the release of one", &[STOP_AND_RELEASE, ANOTHER_STOP], &[0, CONSISTENT]);

const TWO_CHANGES: Scenario = scenario("two changes and a router", &[CHANGE, ANOTHER_CHANGE, ROUTER], &[0, OBJECT]);

const CHANGE_AND_ROUTER: Scenario = scenario("a change and a router", &[CHANGE, ROUTER_TWICE], &[0, OBJECT]);

const RESTORE: Scenario = Scenario {
    restores: 1,
    ..scenario("two changes, a restore and a router", &[(0, &[Task::Change(1), Task::Change(2)]), ROUTER_TWICE], &[0])
};

const SCENARIOS: &[Scenario] = &[
    TWO_STOPS,
    scenario("two stops and a router", &[STOP, ANOTHER_STOP, ROUTER], &[0, CONSISTENT]),
    STOPS_IN_KV,
    scenario("a stop and a repair", &[STOP, REPAIR], &[0, D1, OBJECT, CONSISTENT, KV_WRITES]),
    RELEASE,
    Scenario {
        faults: 1,
        ..scenario("a stop and its release", &[STOP_AND_RELEASE], &[0, D1, OBJECT, CONSISTENT, KV_WRITES])
    },
    scenario("a stop, its release, and a repair", &[STOP_AND_RELEASE, REPAIR], &[0]),
    TWO_STOPS_ONE_RELEASE,
    Scenario { faults: 1, ends: 1, ..scenario("two changes", &[CHANGE, ANOTHER_CHANGE], &[0]) },
    TWO_CHANGES,
    CHANGE_AND_ROUTER,
    Scenario { ends: 1, ..scenario("a change, a stop and a router", &[CHANGE, ANOTHER_STOP, ROUTER], &[0]) },
    scenario("a change and a ramp's step", &[CHANGE, CRON], &[0]),
    scenario("a stop and a ramp's step", &[STOP, CRON], &[0]),
    RESTORE,
    Scenario {
        restores: 1,
        ..scenario(
            "a stop, a restore, a release to the old path, and a router",
            &[(0, &[Task::Stop(1), Task::ReleaseDoOnly(1)]), ROUTER_TWICE],
            &[0, OBJECT],
        )
    },
    Scenario {
        restores: 1,
        ..scenario(
            "a change, a restore, a rollback, and a stop",
            &[(0, &[Task::Change(1), Task::Rollback(1)]), ANOTHER_STOP],
            &[0],
        )
    },
];

/// What is broken, where the model sees it, and the property that it sees violated first.
const BROKEN: [(Variant, Scenario, &str); 9] = [
    (Variant::StopIsAVersion, TWO_STOPS, LOST),
    (Variant::KvKeepsOneCopyAlone, TWO_STOPS, LOST),
    (Variant::MergeDropsReleases, RELEASE, UNRELEASED),
    (Variant::MergeOverwritesReleases, RELEASE, UNRELEASED),
    (Variant::ReleaseNamesNoStop, TWO_STOPS_ONE_RELEASE, UNNAMED),
    (Variant::RouterForgetsStops, RELEASE, DISOBEYED),
    (Variant::RouterForgetsItsDocument, CHANGE_AND_ROUTER, OLDER),
    (Variant::D1AcknowledgesFirst, TWO_STOPS, LOST),
    (Variant::HistoryTakesAnyVersion, TWO_CHANGES, TWO_DOCUMENTS),
];

fn explored(variant: Variant, scenario: Scenario) -> Explored {
    let found = explore(&mut FlagAndStop::new(variant, scenario));
    let Explored { states, transitions, depth, .. } = found;
    println!("{variant:?}, {}: {states} states, {transitions} transitions, depth {depth}", scenario.name);
    found
}

#[test]
fn a_stop_holds_until_it_is_released_and_no_version_means_two_documents() {
    for scenario in SCENARIOS {
        let Explored { violation, .. } = explored(Variant::AsItIs, *scenario);
        assert!(violation.is_none(), "{}: {violation:#?}", scenario.name);
    }
}

#[test]
fn each_broken_flag_is_seen() {
    for (variant, scenario, property) in BROKEN {
        let violated = explored(variant, scenario).violation.map(|violation| violation.property);
        assert_eq!(violated, Some(property), "{variant:?}");
    }
}
