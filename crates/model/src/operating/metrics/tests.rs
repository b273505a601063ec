use std::collections::BTreeSet;

use proptest::prelude::*;

use super::pipeline::Pipeline;
use super::rollout::Rollout;
use super::traffic::{MAX_ROUTES, Traffic};
use super::*;
use crate::counting::grain::{DAY_MS, Grain};
use crate::counting::rollup::{Rollups, add};
use crate::event::tests::example;
use crate::event::{Cohort, Event};
use crate::flag::document::Document;
use crate::operating::health::{Backlog, HealthFacts, Job, LetterGauge, WRITE_PROBE, judge};
use crate::parity::filed_report::FiledReport;
use crate::parity::verdict::Verdict;
use crate::parity::window::{Window, WindowKind};

const NOW: u64 = 1_730_956_800_000;

fn filed(kind: WindowKind, verdict: Verdict) -> FiledReport {
    let window = Window::containing(kind, NOW);
    FiledReport {
        window,
        revision: 1,
        verdict,
        compared: 299,
        mismatches: 0,
        writes: 299,
        writes_differing: 0,
        lost: 7,
        against_new: 0,
        against_old: 0,
        summary: String::new(),
        computed_at: NOW,
    }
}

/// Everything is known.
fn rollout() -> Rollout {
    let text = include_str!("../../../../../flags/scheme-b.json").replacen(
        '{',
        r#"{"ramp":{"steps":[10,20],"everyMs":60000,"next":1,"dueAt":1730956800000},"#,
        1,
    );
    Rollout {
        stops: Some(0),
        flag: Some((Document::read(&text).unwrap(), NOW)),
        hours: Some(vec![filed(WindowKind::Hour, Verdict::Pass), filed(WindowKind::Hour, Verdict::Fail)]),
        days: Some(vec![filed(WindowKind::Day, Verdict::Inconclusive)]),
    }
}

fn pipeline() -> Pipeline {
    let job = Job { job: "fold".into(), started_at: NOW, succeeded_at: Some(NOW), error: Some("away".into()) };
    let probe = Job { job: WRITE_PROBE.into(), error: None, ..job.clone() };
    let facts = HealthFacts {
        flag_is_known: true,
        stop: None,
        missing: Vec::new(),
        old_unfolded: Some(3),
        new_unfolded: None,
        old_bytes: Some(4_096),
        new_bytes: None,
        new_written_at: None,
        lately: None,
        slow_lane: Backlog { backlog: Some(2), oldest_ms: Some(60_000) },
        jobs: Some(vec![job, probe]),
        letters: Some(LetterGauge { count: 2, oldest_at: Some(NOW - 1_500), dropped: 0 }),
        backlog: Backlog { backlog: Some(7), oldest_ms: Some(250) },
        parity_failed: false,
        lost_on_both: 0,
        archive_behind_ms: Some(DAY_MS),
        shards_refused: None,
    };
    let (status, reasons) = judge(&facts, NOW);
    let counts = [("do_record_tried", 9), ("lost", 1), ("buffer_peak", 40), ("id_invalid", 5)];
    let counts = counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
    Pipeline { now_ms: NOW, facts, status, reasons, counts: Some(counts), archived_until_ms: Some(NOW) }
}

fn rollups<'a>(events: impl IntoIterator<Item = &'a Event>) -> Rollups {
    let mut rollups = Rollups::new();
    for event in events {
        add(&mut rollups, Grain::Day, &event.path, event);
    }
    rollups
}

fn all(old: &Rollups, new: &Rollups) -> String {
    text(&Traffic { since_ms: NOW, old: Some(old), new: Some(new) }, &rollout(), &pipeline())
}

/// The value of a series.
fn value(text: &str, series: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
    Some(line.parse().unwrap())
}

/// Names of samples.
fn names(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split(['{', ' ']).next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn what_is_known_is_told() {
    let dual = Event { cohort: Cohort::Dual, response_time: 250, ..example() };
    let single = Event { path: "/b".into(), status: 503, response_time: 90, ..example() };
    let text = all(&rollups([&dual, &dual, &single]), &rollups([&dual]));
    for (series, expected) in [
        ("path_collector_requests_total{class=\"2xx\"}", 2.0),
        ("path_collector_requests_total{class=\"5xx\"}", 1.0),
        ("path_collector_route_requests_total{path=\"/b\",class=\"5xx\"}", 1.0),
        ("path_collector_route_requests_total{path=\"/b\",class=\"2xx\"}", 0.0),
        ("path_collector_response_time_seconds_bucket{le=\"0.125\"}", 1.0),
        ("path_collector_response_time_seconds_bucket{le=\"0.25\"}", 3.0),
        ("path_collector_response_time_seconds_bucket{le=\"1\"}", 3.0),
        ("path_collector_response_time_seconds_bucket{le=\"+Inf\"}", 3.0),
        ("path_collector_response_time_seconds_sum", 0.59),
        ("path_collector_route_response_time_seconds_count{path=\"/b\"}", 1.0),
        ("path_collector_store_requests_total{store=\"old\",cohort=\"dual\"}", 2.0),
        ("path_collector_flag_mode{mode=\"dual-write\"}", 1.0),
        ("path_collector_flag_mode{mode=\"do-only\"}", 0.0),
        ("path_collector_flag_sample_ratio", 0.01),
        ("path_collector_ramp_step", 1.0),
        ("path_collector_ramp_steps", 2.0),
        ("path_collector_parity_verdict{window=\"hour\",verdict=\"pass\"}", 1.0),
        ("path_collector_parity_lost_events{window=\"hour\"}", 7.0),
        ("path_collector_parity_compared_writes{window=\"hour\"}", 299.0),
        ("path_collector_parity_verdict{window=\"hour\",verdict=\"fail\"}", 0.0),
        ("path_collector_parity_windows{window=\"hour\",verdict=\"fail\"}", 1.0),
        ("path_collector_parity_mismatch_upper_bound_ratio{window=\"day\"}", 0.009_969_147),
        ("path_collector_sends_total{store=\"old\"}", 9.0),
        ("path_collector_lost_events_total", 1.0),
        ("path_collector_d1_takes_writes", 1.0),
        ("path_collector_buffer_peak_events", 40.0),
        ("path_collector_irregularities_total{kind=\"id_invalid\"}", 5.0),
        ("path_collector_queue_oldest_age_seconds", 0.25),
        ("path_collector_dead_letters_oldest_age_seconds", 1.5),
        ("path_collector_store_up{store=\"new\"}", 0.0),
        ("path_collector_cron_failed{task=\"fold\"}", 1.0),
        ("path_collector_health{status=\"failing\"}", 1.0),
        ("path_collector_health_reasons{code=\"new-store-unreadable\"}", 1.0),
    ] {
        assert_eq!(value(&text, series), Some(expected), "{series}\n{text}");
    }
    assert_eq!(value(&text, "path_collector_store_unfolded_segments{store=\"new\"}"), None);
}

#[test]
fn what_is_not_known_is_left_out() {
    let nothing = Pipeline { facts: HealthFacts::default(), counts: None, archived_until_ms: None, ..pipeline() };
    let names = names(&text(&Traffic { since_ms: NOW, old: None, new: None }, &Rollout::default(), &nothing));
    let told: Vec<&str> = names.iter().map(|name| name.strip_prefix("path_collector_").unwrap()).collect();
    assert_eq!(told, ["build_info", "health", "health_reasons", "store_up"]);
}

#[test]
fn the_busiest_routes_alone_have_series() {
    let events: Vec<Event> = (0..MAX_ROUTES + 50)
        .flat_map(|n| (0..=n).map(move |_| Event { path: format!("/{n:03}"), ..example() }))
        .collect();
    let text = all(&rollups(&events), &Rollups::new());
    let count = text.lines().filter(|line| line.starts_with("path_collector_route_requests_total")).count();
    assert_eq!(count, MAX_ROUTES * 4);
    assert_eq!(value(&text, "path_collector_routes"), Some(150.0));
    let shown =
        |n: usize| value(&text, &format!("path_collector_route_requests_total{{path=\"/{n:03}\",class=\"2xx\"}}"));
    assert_eq!((shown(149), shown(50), shown(49)), (Some(150.0), Some(51.0), None));
}

#[test]
fn dashboard_and_alerts_name_what_there_is() {
    let event = example();
    let known = names(&all(&rollups([&event]), &Rollups::new()));
    for page in [include_str!("../../../../../docs/grafana.json"), include_str!("../../../../../docs/alerts.yml")] {
        let named: BTreeSet<&str> = page
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .filter(|word| word.starts_with("path_collector_"))
            .collect();
        assert!(named.len() > 5);
        let unknown: Vec<&&str> = named.iter().filter(|name| !known.contains(**name)).collect();
        assert!(unknown.is_empty(), "{unknown:?}\n{known:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn a_counter_never_falls_while_events_arrive(
        arrivals in prop::collection::vec((0u8..3, 0usize..4, 1u16..6, 0u32..3_000, any::<bool>()), 1..40),
    ) {
        let (mut old, mut new) = (Rollups::new(), Rollups::new());
        let mut before = std::collections::BTreeMap::new();
        for (cohort, path, class, response_time, is_old) in arrivals {
            let cohort = Cohort::ALL[usize::from(cohort)];
            let event = Event { cohort, path: format!("/{path}"), status: class * 100, response_time, ..example() };
            add(if is_old { &mut old } else { &mut new }, Grain::Day, &event.path, &event);
            let text = text(&Traffic { since_ms: NOW, old: Some(&old), new: Some(&new) }, &Rollout::default(), &pipeline());
            for line in text.lines().filter(|line| !line.starts_with('#')) {
                let (series, value) = line.rsplit_once(' ').unwrap();
                let value: f64 = value.parse().unwrap();
                let is_counter = series.contains("_total") || series.contains("_bucket") || series.contains("_count{")
                    || series.contains("seconds_sum") || series.ends_with("_count");
                let last = before.insert(series.to_owned(), value).unwrap_or_default();
                prop_assert!(!is_counter || value >= last, "{}: {} after {}", series, value, last);
            }
        }
    }
}
