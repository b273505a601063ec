//! Stories that are told by hand, in which all properties hold, and one or two of their own.
#![allow(missing_docs, clippy::panic)]

use sim::run::run_with;
use sim::scenarios;
use sim::story::clock;

#[test]
fn every_scenario_holds() {
    for scenario in scenarios::all() {
        let outcome = run_with(&scenario.story, false, scenario.besides);
        if let Some(violation) = outcome.violation {
            panic!("{}: {violation:?}", scenario.name);
        }
        println!("{}: {}, {} requests", scenario.name, clock(outcome.numbers.simulated_ms), outcome.numbers.requests);
    }
}

#[test]
fn in_a_year_of_retention_no_total_changes_and_everything_is_archived_once() {
    let year = scenarios::year::tell(380, 20);
    assert_eq!(year.told, year.served, "{year:?}");
    let (archived, distinct) = year.archived;
    assert_eq!(archived, distinct, "{year:?}");
    assert!(archived as u64 > year.served - 60 && year.details < 60, "all but the last days: {year:?}");
}
