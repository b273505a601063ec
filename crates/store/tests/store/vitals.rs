//! What isolates counted is known once, whatever becomes of their reports.

use model::counting::grain::DAY_MS;
use model::operating::health::{Job, LATELY_MS};
use model::operating::vitals::VitalsReport;
use proptest::prelude::*;
use rig::{START, Sqlite, block_on};
use store::keeper::vitals::VitalSigns;

fn signs() -> (Sqlite, VitalSigns) {
    let sqlite = Sqlite::new();
    (sqlite.clone(), VitalSigns::new(sqlite))
}

fn report(isolate: u64, counts: &[(&str, u64)]) -> VitalsReport {
    let counts = counts.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    VitalsReport { isolate: format!("{isolate:016x}"), counts, jobs: Vec::new() }
}

#[test]
fn a_jobs_last_success_stays_when_it_fails() {
    let (_, signs) = signs();
    let run = |started_at, succeeded_at, error: Option<&str>| VitalsReport {
        jobs: vec![Job { job: "fold".into(), started_at, succeeded_at, error: error.map(str::to_owned) }],
        ..VitalsReport::default()
    };
    block_on(signs.report(&run(1, Some(2), None), START)).unwrap();
    block_on(signs.report(&run(3, None, Some("away")), START)).unwrap();
    let job = block_on(signs.read(START)).unwrap().jobs.remove(0);
    assert_eq!((job.started_at, job.succeeded_at, job.error.as_deref()), (3, Some(2), Some("away")));
    block_on(signs.report(&run(5, Some(6), None), START)).unwrap();
    assert_eq!(block_on(signs.read(START)).unwrap().jobs[0].error, None);
}

#[test]
fn peaks_are_not_added_up() {
    let (_, signs) = signs();
    block_on(signs.report(&report(1, &[("a", 3), ("a_peak", 7)]), START)).unwrap();
    block_on(signs.report(&report(2, &[("a", 4), ("a_peak", 5)]), START)).unwrap();
    let counts = block_on(signs.read(START)).unwrap().counts;
    assert_eq!((counts["a"], counts["a_peak"]), (7, 7));
    block_on(signs.retire(START + 3 * DAY_MS)).unwrap();
    let counts = block_on(signs.read(START)).unwrap().counts;
    assert_eq!((counts["a"], counts["a_peak"]), (7, 7), "nor those of isolates that are gone");
}

#[test]
fn what_was_counted_of_late_ends_with_the_time_and_a_repeated_report_adds_nothing() {
    let (_, signs) = signs();
    let minute = 60_000;
    for (at, isolate, counts) in [
        (0, 1, vec![("consumer_acked", 5), ("lost", 2), ("flushes", 9)]),
        (minute, 1, vec![("consumer_acked", 5), ("lost", 2), ("consumer_retried", 3)]),
        (2 * minute, 1, vec![("consumer_acked", 5), ("lost", 2), ("consumer_retried", 3)]),
        (3 * minute, 2, vec![("consumer_retried", 4)]),
    ] {
        block_on(signs.report(&report(isolate, &counts), START + at)).unwrap();
    }
    let lately = |at| block_on(signs.read(START + at)).unwrap().lately;
    let now = lately(3 * minute);
    assert_eq!((now.count("consumer_acked"), now.count("consumer_retried"), now.count("lost")), (5, 7, 2));
    assert_eq!((now.count("flushes"), now.retried_since), (0, Some(START + minute)));
    let later = lately(LATELY_MS + 2 * minute);
    assert_eq!((later.count("lost"), later.day["lost"], later.lost_at), (0, 2, Some(START)));
    assert_eq!((later.count("consumer_retried"), later.count("consumer_acked")), (4, 0));
    // The first that is acknowledged ends it.
    block_on(signs.report(&report(2, &[("consumer_acked", 1), ("consumer_retried", 4)]), START + 4 * minute)).unwrap();
    assert_eq!(lately(4 * minute).retried_since, None);
    block_on(signs.retire(START + 2 * DAY_MS)).unwrap();
    assert!(lately(5 * minute).day.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn reports_may_be_lost_repeated_and_reordered_and_isolates_may_retire(
        reports in prop::collection::vec((0u64..4, 0u64..100), 1..40), retire_after in 0usize..40,
    ) {
        let (sqlite, signs) = signs();
        let mut largest = [0u64; 4];
        for (n, (isolate, value)) in reports.iter().enumerate() {
            block_on(signs.report(&report(*isolate, &[("sent", *value)]), START)).unwrap();
            let at = usize::try_from(*isolate).unwrap();
            largest[at] = largest[at].max(*value);
            if n == retire_after {
                block_on(signs.retire(START + DAY_MS)).unwrap();
            }
        }
        let sum: u64 = largest.iter().sum();
        prop_assert_eq!(block_on(signs.read(START)).unwrap().counts["sent"], sum);
        for _ in 0..2 {
            block_on(signs.retire(START + 3 * DAY_MS)).unwrap();
            prop_assert_eq!(block_on(signs.read(START)).unwrap().counts["sent"], sum);
        }
        prop_assert_eq!(sqlite.count("counters"), 1);
    }
}
