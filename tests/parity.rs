//! Parity over real SQLite stores: whatever goes wrong is named, and nothing else is.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use path_collector::domain::event::{Cohort, Event, ProducerId};
use path_collector::domain::parity::difference::{Kind, Reason};
use path_collector::domain::parity::report::Report;
use path_collector::domain::parity::verdict::Verdict;
use path_collector::domain::parity::window::Window;
use path_collector::store::dead_letters::{DeadLetter, DeadLetters};
use path_collector::store::events::Memory;
use path_collector::store::parity::compare::{Comparer, Run, Settings};
use path_collector::store::parity::reports::Reports;
use path_collector::store::sql::StoreError;
use proptest::prelude::*;
use support::{START, Sqlite, block_on, deliver, event, store};

const SETTINGS: Settings = Settings { id_window_ms: 60_000, lag_ms: 900_000, limit_ppm: 10_000 };
const WINDOW_MS: u64 = 600_000;
const AFTER: u64 = START + WINDOW_MS + 900_000;
const PRODUCERS: u64 = 3;

/// What becomes of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// Not meant for both: to one store alone.
    Single,
    DropOld,
    DropNew,
    /// The stores get different values.
    AlterStatus,
    /// One store gets it a minute later.
    ShiftMinute,
    /// Nobody gets it.
    Lose,
    /// The new store gets it twice.
    Duplicate,
    /// The queue fails: it comes to the object a second time, as a fallback.
    QueueFails,
    /// As before, but the queue had taken it.
    QueueSeemsToFail,
    ObjectFails,
    DeadLetter,
    /// The client sends it again some seconds later; the new store gets the second one first.
    Repeat,
}

const FAULTS: [Fault; 12] = [
    Fault::Single,
    Fault::DropOld,
    Fault::DropNew,
    Fault::AlterStatus,
    Fault::ShiftMinute,
    Fault::Lose,
    Fault::Duplicate,
    Fault::QueueFails,
    Fault::QueueSeemsToFail,
    Fault::ObjectFails,
    Fault::DeadLetter,
    Fault::Repeat,
];

/// What the comparison must find.
#[derive(Debug, Default, PartialEq, Eq)]
struct Truth {
    union: u64,
    unexplained: BTreeSet<(u64, Kind)>,
    explained: BTreeSet<(u64, Reason)>,
    lost: u64,
}

#[derive(Default)]
struct Traffic {
    old: Vec<Event>,
    new: Vec<Event>,
    letters: Vec<DeadLetter>,
    truth: Truth,
    next: BTreeMap<u64, u32>,
    requests: u64,
}

impl Traffic {
    fn event(&mut self, ms: u64, producer: u64) -> Event {
        self.requests += 1;
        let seq = self.next.entry(producer).or_default();
        let event =
            Event { cohort: Cohort::Dual, producer: ProducerId(producer), seq: *seq, ..event(self.requests, ms) };
        *seq += 1;
        event
    }

    fn both(&mut self, event: &Event) {
        self.old.push(event.clone());
        self.new.push(event.clone());
    }

    fn unexplained(&mut self, event: &Event, kind: Kind) {
        self.truth.unexplained.insert((event.digest.0, kind));
    }

    fn send(&mut self, ms: u64, producer: u64, fault: Fault) {
        let sent = self.event(ms, producer);
        let as_fallback = Event { cohort: Cohort::Fallback, ..sent.clone() };
        self.truth.union += u64::from(!matches!(fault, Fault::Single | Fault::Lose));
        match fault {
            Fault::None => self.both(&sent),
            Fault::Single => {
                let side = if producer == 0 { &mut self.old } else { &mut self.new };
                side.push(Event { cohort: Cohort::Single, ..sent });
            }
            Fault::DropOld => {
                self.unexplained(&sent, Kind::OnlyNew);
                self.new.push(sent);
            }
            Fault::DropNew => {
                self.unexplained(&sent, Kind::OnlyOld);
                self.old.push(sent);
            }
            Fault::AlterStatus => {
                self.unexplained(&sent, Kind::ValueDiffers);
                self.new.push(Event { status: 418, ..sent.clone() });
                self.old.push(sent);
            }
            Fault::ShiftMinute => {
                self.unexplained(&sent, Kind::ValueDiffers);
                self.new.push(Event { timestamp: sent.timestamp + 60_000, ..sent.clone() });
                self.old.push(sent);
            }
            Fault::Lose => self.truth.lost += 1,
            Fault::Duplicate => {
                self.both(&sent);
                self.new.push(sent);
            }
            Fault::QueueFails => {
                self.truth.explained.insert((sent.digest.0, Reason::Fallback));
                self.old.extend([sent, as_fallback]);
            }
            Fault::QueueSeemsToFail => {
                self.both(&sent);
                self.old.push(as_fallback);
            }
            Fault::ObjectFails => {
                self.truth.explained.insert((sent.digest.0, Reason::Fallback));
                self.new.extend([sent, as_fallback]);
            }
            Fault::DeadLetter => {
                self.truth.explained.insert((sent.digest.0, Reason::DeadLettered));
                self.letters.push(letter(&sent));
                self.old.push(sent);
            }
            Fault::Repeat => {
                let again = Event { timestamp: sent.timestamp + 9_000, ..self.event(ms, producer) };
                let again = Event { seq: again.seq, digest: sent.digest, ..Event { seq: again.seq, ..sent.clone() } };
                let again = Event { timestamp: sent.timestamp + 9_000, ..again };
                let id = path_collector::domain::identity::window_start(again.timestamp, SETTINGS.id_window_ms);
                let id = path_collector::domain::identity::IdempotentId::with_digest(id, again.digest).unwrap();
                let again = Event { idempotent_id: id, ..again };
                self.old.extend([sent.clone(), again.clone()]);
                self.new.extend([again, sent]);
            }
        }
    }
}

fn letter(event: &Event) -> DeadLetter {
    let payload = serde_json::to_string(event).unwrap();
    DeadLetter {
        id: event.digest.to_string(),
        received_at: AFTER,
        source: "dlq".into(),
        reason: "test".into(),
        payload,
    }
}

fn window() -> Window {
    Window::parse(&format!("range:{START}-{}", START + WINDOW_MS)).unwrap()
}

/// Both stores, filled with batches of this size and folded in between or not.
struct Stores {
    old: Sqlite,
    new: Sqlite,
}

impl Stores {
    fn new() -> Self {
        Self { old: Sqlite::new(), new: Sqlite::new() }
    }

    fn fill(&self, traffic: &Traffic, batch: usize, fold: bool) {
        for (sqlite, events) in [(&self.old, &traffic.old), (&self.new, &traffic.new)] {
            let mut memory = Memory::default();
            for events in events.chunks(batch) {
                block_on(deliver(&store(sqlite), &mut memory, events));
            }
            if fold {
                while block_on(store(sqlite).fold(AFTER)).unwrap() > 0 {}
            }
        }
        block_on(DeadLetters::new(self.new.clone()).store(&traffic.letters)).unwrap();
    }

    fn run(&self, window: Window, settings: Settings) -> Result<Run, StoreError> {
        let (old, new, kept) = (store(&self.old), store(&self.new), Reports::new(self.new.clone()));
        block_on(Comparer { old: &old, new: &new, kept: &kept }.run(window, AFTER, settings))
    }

    fn report(&self) -> Report {
        let Run::Done(report) = self.run(window(), SETTINGS).unwrap() else { panic!("interrupted") };
        block_on(Reports::new(self.new.clone()).store(*report)).unwrap()
    }
}

/// Each producer begins and ends clean, and something later has arrived, so that every loss shows.
fn traffic(requests: &[(u64, u64, Fault)]) -> Traffic {
    let mut traffic = Traffic::default();
    let mut sorted = requests.to_vec();
    sorted.sort_by_key(|(ms, ..)| *ms);
    for producer in 0..PRODUCERS {
        traffic.send(0, producer, Fault::None);
    }
    for (ms, producer, fault) in sorted {
        traffic.send(ms, producer, fault);
    }
    for producer in 0..PRODUCERS {
        traffic.send(WINDOW_MS - 1, producer, Fault::None);
    }
    let later = traffic.event(WINDOW_MS + 120_000, 0);
    traffic.both(&later);
    traffic
}

fn found(report: &Report) -> Truth {
    assert_eq!(report.unnamed, 0);
    let unexplained = report.differences.iter().filter(|d| d.reason.is_none()).map(|d| (d.digest.0, d.kind)).collect();
    let explained = report.differences.iter().filter_map(|d| d.reason.map(|reason| (d.digest.0, reason)));
    let explained = explained.filter(|(_, reason)| *reason != Reason::Repeat).collect();
    Truth { union: report.total.union, unexplained, explained, lost: report.loss.missing }
}

fn requests(faulty: bool) -> impl Strategy<Value = Vec<(u64, u64, Fault)>> {
    let fault = prop::option::weighted(if faulty { 0.25 } else { 0.0 }, prop::sample::select(&FAULTS[..]));
    let fault = fault.prop_map(|fault| fault.unwrap_or(Fault::None));
    prop::collection::vec((1u64..WINDOW_MS - 70_000, 0..PRODUCERS, fault), 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn every_injected_difference_is_named_and_none_is_invented(
        requests in requests(true), batch in 1usize..60, fold: bool,
    ) {
        let traffic = traffic(&requests);
        let stores = Stores::new();
        stores.fill(&traffic, batch, fold);
        let report = stores.report();
        prop_assert_eq!(found(&report), traffic.truth);
        let total = &report.total;
        prop_assert_eq!(total.unexplained + total.tally.fallback + total.tally.dead_lettered, total.mismatches);
        let by_path: u64 = report.paths.iter().map(|path| path.comparison.union).sum();
        prop_assert_eq!(by_path, total.union);
    }

    #[test]
    fn without_faults_nothing_fails_and_no_id_is_fetched(requests in requests(false), batch in 1usize..60, fold: bool) {
        let traffic = traffic(&requests);
        let stores = Stores::new();
        stores.fill(&traffic, batch, fold);
        let report = stores.report();
        prop_assert_eq!(found(&report), traffic.truth);
        prop_assert!(matches!(report.total.verdict, Verdict::Pass | Verdict::Inconclusive));
        prop_assert_eq!((report.ids_fetched, report.minutes_differing), (0, 0));
    }
}
