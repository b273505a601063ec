use super::judge::{CRON_SILENCE_MS, QUEUE_WAIT_MS, SLOW_LANE_WAIT_MS, STORE_LIMIT_BYTES};
use super::*;
use crate::flag::stop::StopAct;
use crate::reading::missing::MissingPart;

const NOW: u64 = 1_730_956_800_000;

fn job(name: &str, started_at: u64, succeeded_at: Option<u64>, error: Option<&str>) -> Job {
    Job { job: name.into(), started_at, succeeded_at, error: error.map(str::to_owned) }
}

fn well() -> HealthFacts {
    let jobs = ["fold", WRITE_PROBE].map(|name| job(name, NOW - 1, Some(NOW), None));
    HealthFacts {
        missing: Vec::new(),
        old_unfolded: Some(3),
        new_unfolded: Some(0),
        old_bytes: Some(1),
        new_bytes: Some(STORE_LIMIT_BYTES / 100 * 69),
        new_written_at: Some(NOW),
        jobs: Some(jobs.to_vec()),
        lately: Some(lately(&[("consumer_acked", 9), ("consumer_retried", 9)])),
        letters: Some(LetterGauge::default()),
        backlog: Backlog { backlog: Some(100), oldest_ms: Some(QUEUE_WAIT_MS) },
        slow_lane: Backlog { backlog: Some(0), oldest_ms: None },
        parity_failed: false,
        lost_on_both: 0,
        flag_is_known: true,
        stop: None,
        shards_refused: None,
        archive_behind_ms: None,
    }
}

fn lately(counts: &[(&str, u64)]) -> RecentCounts {
    let counts: CounterValues = counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
    RecentCounts { day: counts.clone(), counts, retried_since: Some(NOW - 7), lost_at: Some(NOW - 8) }
}

fn codes(facts: &HealthFacts) -> (HealthStatus, Vec<ReasonCode>) {
    let (status, reasons) = judge(facts, NOW);
    (status, reasons.iter().map(|reason| reason.code).collect())
}

/// The one reason.
fn reason(facts: &HealthFacts) -> HealthReason {
    let (_, mut reasons) = judge(facts, NOW);
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    reasons.remove(0)
}

#[test]
fn all_well_needs_no_reason() {
    assert_eq!(codes(&well()), (HealthStatus::Ok, vec![]));
    let unknown = Backlog::default();
    assert_eq!(codes(&HealthFacts { backlog: unknown, slow_lane: unknown, ..well() }).0, HealthStatus::Ok);
}

#[test]
fn each_trouble_has_its_reason_and_the_worst_decides() {
    let fold = |error: Option<&str>, ago: u64| {
        Some(vec![job("fold", NOW - ago, None, error), job(WRITE_PROBE, NOW, Some(NOW), None)])
    };
    let letters = Some(LetterGauge { count: 2, oldest_at: Some(1), dropped: 0 });
    let waiting = |backlog, oldest_ms| Backlog { backlog, oldest_ms };
    let stop = Stop::new([0; 4], StopAct { at: 1, by: "op".into(), reason: "test".into() });
    let filled = |percent| Some(STORE_LIMIT_BYTES / 100 * percent);
    for (facts, status, code) in [
        (HealthFacts { old_unfolded: None, ..well() }, HealthStatus::Failing, ReasonCode::OldStoreUnreadable),
        (HealthFacts { new_unfolded: None, ..well() }, HealthStatus::Failing, ReasonCode::NewStoreUnreadable),
        (HealthFacts { new_unfolded: Some(9_999), ..well() }, HealthStatus::Degraded, ReasonCode::FoldingLate),
        (HealthFacts { new_bytes: filled(70), ..well() }, HealthStatus::Degraded, ReasonCode::StoreFilling),
        (HealthFacts { new_bytes: filled(90), ..well() }, HealthStatus::Failing, ReasonCode::StoreFull),
        (HealthFacts { old_bytes: filled(101), ..well() }, HealthStatus::Failing, ReasonCode::StoreFull),
        (HealthFacts { jobs: Some(vec![]), ..well() }, HealthStatus::Degraded, ReasonCode::CronNever),
        (HealthFacts { jobs: fold(None, CRON_SILENCE_MS + 1), ..well() }, HealthStatus::Degraded, ReasonCode::CronLate),
        (HealthFacts { jobs: fold(Some("x"), 0), ..well() }, HealthStatus::Degraded, ReasonCode::CronFailed),
        (HealthFacts { letters, ..well() }, HealthStatus::Degraded, ReasonCode::DeadLetters),
        (HealthFacts { letters: None, ..well() }, HealthStatus::Degraded, ReasonCode::DeadLettersUnreadable),
        (HealthFacts { backlog: waiting(Some(101), None), ..well() }, HealthStatus::Degraded, ReasonCode::Backlog),
        (
            HealthFacts { backlog: waiting(None, Some(QUEUE_WAIT_MS + 1)), ..well() },
            HealthStatus::Failing,
            ReasonCode::QueueStuck,
        ),
        (HealthFacts { slow_lane: waiting(Some(1), None), ..well() }, HealthStatus::Degraded, ReasonCode::SlowLane),
        (
            HealthFacts { slow_lane: waiting(Some(1), Some(SLOW_LANE_WAIT_MS + 1)), ..well() },
            HealthStatus::Failing,
            ReasonCode::SlowLaneStuck,
        ),
        (HealthFacts { archive_behind_ms: Some(1), ..well() }, HealthStatus::Degraded, ReasonCode::ArchiveLate),
        (HealthFacts { parity_failed: true, ..well() }, HealthStatus::Degraded, ReasonCode::ParityFailed),
        (HealthFacts { lost_on_both: 1, ..well() }, HealthStatus::Degraded, ReasonCode::LostOnBothPaths),
        (HealthFacts { flag_is_known: false, ..well() }, HealthStatus::Degraded, ReasonCode::FlagUnreadable),
        (HealthFacts { stop: Some(stop.clone()), ..well() }, HealthStatus::Degraded, ReasonCode::Stopped),
        (
            HealthFacts { shards_refused: Some("8, not 4".into()), ..well() },
            HealthStatus::Degraded,
            ReasonCode::ShardsRefused,
        ),
    ] {
        assert_eq!(codes(&facts), (status, vec![code]), "{facts:?}");
        assert!(!reason(&facts).remedy.is_empty());
    }
    assert_eq!(codes(&HealthFacts { letters, new_unfolded: None, ..well() }).0, HealthStatus::Failing);
}

#[test]
fn a_d1_that_can_be_read_and_takes_no_writes_is_failing_since_its_last_write() {
    let probe = |succeeded_at, error| Some(vec![job(WRITE_PROBE, NOW - 1_000, succeeded_at, error)]);
    for (error, part) in [("D1 refused", "applied once it does"), ("database or disk is full", "KEEP_DETAILS_DAYS")] {
        let refused =
            HealthFacts { jobs: probe(Some(NOW - 9_000), Some(error)), new_written_at: Some(NOW - 8_500), ..well() };
        assert_eq!(codes(&refused), (HealthStatus::Failing, vec![ReasonCode::NewStoreRefusesWrites]));
        let HealthReason { message, since, remedy, .. } = reason(&refused);
        assert!(message.contains(error) && remedy.contains(part), "{message} {remedy}");
        assert_eq!(since, Some(NOW - 8_500));
    }
    let never = HealthFacts { jobs: probe(None, Some("x")), new_written_at: None, ..well() };
    assert_eq!((codes(&never).0, reason(&never).since), (HealthStatus::Failing, None));
    // The probe's report may be lost or older; what D1 has is true.
    let mended = HealthFacts { jobs: probe(None, Some("x")), new_written_at: Some(NOW - 500), ..well() };
    assert_eq!(codes(&mended), (HealthStatus::Ok, vec![]));
}

#[test]
fn a_probe_that_is_old_is_a_reason_for_unknown_is_not_fine() {
    let ago = NOW - CRON_SILENCE_MS - 1;
    let old = HealthFacts {
        jobs: Some(vec![job(WRITE_PROBE, ago, Some(ago), None), job("fold", NOW, Some(NOW), None)]),
        new_written_at: Some(ago),
        ..well()
    };
    assert_eq!(codes(&old), (HealthStatus::Degraded, vec![ReasonCode::WriteProbeLate]));
    assert_eq!(reason(&old).since, Some(ago));
}

#[test]
fn an_object_that_takes_no_reports_while_cron_runs_is_named_instead_of_cron() {
    let ago = NOW - CRON_SILENCE_MS - 1;
    let jobs = ["fold", WRITE_PROBE].map(|name| job(name, ago, Some(ago), None));
    let refused = HealthFacts { jobs: Some(jobs.to_vec()), new_written_at: Some(NOW - 1), ..well() };
    assert_eq!(codes(&refused), (HealthStatus::Failing, vec![ReasonCode::OldStoreRefusesWrites]));
}

#[test]
fn messages_that_are_tried_again_and_never_applied_are_a_failure_that_ends_with_the_first_that_is() {
    let counted = |counts: &[(&str, u64)]| HealthFacts { lately: Some(lately(counts)), ..well() };
    let none = counted(&[("consumer_retried", 3)]);
    assert_eq!(codes(&none), (HealthStatus::Failing, vec![ReasonCode::MessagesStuck]));
    assert_eq!(reason(&none).since, Some(NOW - 7));
    assert_eq!(codes(&counted(&[("consumer_retried", 3), ("consumer_acked", 2)])).0, HealthStatus::Degraded);
    let earlier = RecentCounts {
        retried_since: Some(NOW - 180_000),
        ..lately(&[("consumer_retried", 3), ("consumer_acked", 9)])
    };
    assert_eq!(
        codes(&HealthFacts { lately: Some(earlier), ..well() }).0,
        HealthStatus::Failing,
        "acknowledged before, not since"
    );
    assert_eq!(codes(&counted(&[("consumer_retried", 3), ("consumer_acked", 3)])).0, HealthStatus::Ok);
}

#[test]
fn what_both_paths_lost_is_a_failure_of_late_and_a_reason_for_a_day() {
    let lost = HealthFacts { lately: Some(lately(&[("lost", 2)])), ..well() };
    assert_eq!(codes(&lost), (HealthStatus::Failing, vec![ReasonCode::EventsLost]));
    let earlier = RecentCounts { counts: CounterValues::new(), ..lately(&[("lost", 2)]) };
    let earlier = HealthFacts { lately: Some(earlier), ..well() };
    assert_eq!(
        (codes(&earlier), reason(&earlier).since),
        ((HealthStatus::Degraded, vec![ReasonCode::EventsLostEarlier]), Some(NOW - 8))
    );
}

#[test]
fn one_event_is_not_events() {
    for (lost, message) in
        [(1, "both paths lost 1 event of the newest hour"), (2, "both paths lost 2 events of the newest hour")]
    {
        assert_eq!(reason(&HealthFacts { lost_on_both: lost, ..well() }).message, message);
    }
}

#[test]
fn writes_go_the_other_way_only_where_they_are_counted_to() {
    let away = HealthFacts {
        new_unfolded: None,
        missing: vec![MissingData { store: MissingPart::New, reason: "no answer within 5000 ms".into() }],
        ..well()
    };
    let HealthReason { message, remedy, .. } = reason(&away);
    assert!(message.contains("no answer within 5000 ms"), "{message}");
    assert!(!format!("{message}{remedy}").contains("other way"));
    let fallback = HealthFacts { lately: Some(lately(&[("fallback", 2), ("queue_send_failed", 2)])), ..well() };
    assert_eq!(codes(&fallback), (HealthStatus::Degraded, vec![ReasonCode::Fallback]));
    assert!(reason(&fallback).message.contains("2 to the queue"));
}
