//! The object's protocol, against the bytes of every version: during a deployment a Worker and an object of two versions
//! ask and answer each other.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::fmt::Debug;

use api::object::{ObjectAnswer, ObjectRequest, ProtocolError, VERSION, pack, unpack};
use litemap::LiteMap;
use model::archive::plan::PartRange;
use model::counting::grain::Grain;
use model::delivery::layout::Layout;
use model::event::identity::{Digest, IdempotentId};
use model::event::{Cohort, Event};
use model::log::ledger::Arrivals;
use model::log::writes::{CountedWrites, Writes};
use model::operating::health::{Job, RecentCounts};
use model::operating::vitals::{Vitals, VitalsReport};
use model::parity::ask::{self, EventCopy, Minute, Minutes, ParityQuestion, RouteSums as ByRoute, SetSum};
use model::reading::answers::{LogState, SelectedRollups, Sighting};
use model::reading::selection::{FoldId, KnownIntervals, RollupParts, RouteSelection, Selection, Span};
use rig::frozen::Ladder;
use serde::Serialize;
use serde::de::DeserializeOwned;

const FILE: &str = include_str!("../../../tests/vectors/object_protocol.json");

/// A time in ms.
const AT: u64 = 1_730_956_800_000;

/// An event, written out: what tests make up may change, and these bytes may not.
fn event() -> Event {
    let text = r#"{"idempotentId":"1730956800000-0a1b2c3d","digest":"0a1b2c3d4e5f6071","timestamp":1730956800123,
        "path":"/api/users","method":"GET","status":200,"responseTime":12,"clientIpHash":"0000000000000001",
        "cohort":"single","flagVersion":3,"producer":"0000000000000002","seq":4,"write":4,"fellBack":false}"#;
    serde_json::from_str(text).unwrap()
}

fn dual() -> Event {
    Event { cohort: Cohort::Dual, fell_back: true, seq: 5, path: "/é".into(), ..event() }
}

fn selection(routes: RouteSelection) -> Selection {
    let spans = Grain::ALL.map(|grain| Span::around(grain, AT, AT + 1)).to_vec();
    Selection { spans, routes, parts: RollupParts::All, dual: RollupParts::Counts }
}

fn fold() -> FoldId {
    FoldId { from_seq: 300, folded_at: AT, mark: u64::MAX }
}

fn report() -> VitalsReport {
    let job = |error: Option<&str>| Job {
        job: "clean".into(),
        started_at: AT,
        succeeded_at: error.is_none().then_some(AT + 5),
        error: error.map(str::to_owned),
    };
    let counts = [("lost".to_owned(), 0), ("buffer_peak".to_owned(), 300)].into();
    VitalsReport { isolate: "0000000000000002".into(), counts, jobs: vec![job(None), job(Some("why"))] }
}

/// The name of a question's kind. One that is new has to be named here, and then wants an example below.
const fn kind_of_request(request: &ObjectRequest) -> &'static str {
    match request {
        ObjectRequest::Record(_) => "Record",
        ObjectRequest::StoreAgain(_) => "StoreAgain",
        ObjectRequest::Layout { .. } => "Layout",
        ObjectRequest::AddressKey { .. } => "AddressKey",
        ObjectRequest::Flag(_) => "Flag",
        ObjectRequest::Report(_) => "Report",
        ObjectRequest::Vitals => "Vitals",
        ObjectRequest::KeepSnapshot(_) => "KeepSnapshot",
        ObjectRequest::Snapshot => "Snapshot",
        ObjectRequest::State => "State",
        ObjectRequest::Rollups(..) => "Rollups",
        ObjectRequest::Parity(ParityQuestion::Minutes { .. }) => "Parity/Minutes",
        ObjectRequest::Parity(ParityQuestion::Paths { .. }) => "Parity/Paths",
        ObjectRequest::Parity(ParityQuestion::Pairs { .. }) => "Parity/Pairs",
        ObjectRequest::Parity(ParityQuestion::Copies { .. }) => "Parity/Copies",
        ObjectRequest::Parity(ParityQuestion::Ledger { .. }) => "Parity/Ledger",
        ObjectRequest::Parity(ParityQuestion::Writes { .. }) => "Parity/Writes",
        ObjectRequest::Parity(ParityQuestion::Producers(_)) => "Parity/Producers",
        ObjectRequest::Parity(ParityQuestion::Stored { .. }) => "Parity/Stored",
        ObjectRequest::Events { .. } => "Events",
        ObjectRequest::Trace(_) => "Trace",
        ObjectRequest::Windows { .. } => "Windows",
        ObjectRequest::Details(_) => "Details",
        ObjectRequest::Digests { .. } => "Digests",
        ObjectRequest::Erase => "Erase",
    }
}

fn requests() -> Vec<ObjectRequest> {
    let (from, to) = (AT, AT + 60_000);
    let known = KnownIntervals { fold: fold(), newest: fold(), spans: vec![Span::around(Grain::Hour, AT, AT + 1)] };
    vec![
        ObjectRequest::Record(r#"{"v":1,"events":[]}"#.into()),
        ObjectRequest::StoreAgain("é".into()),
        ObjectRequest::Layout { setting: 256, record: true },
        ObjectRequest::AddressKey { day: 20_034, setting: 1 },
        ObjectRequest::Flag("{}".into()),
        ObjectRequest::Report(report()),
        ObjectRequest::Vitals,
        ObjectRequest::KeepSnapshot("{}".into()),
        ObjectRequest::Snapshot,
        ObjectRequest::State,
        ObjectRequest::Rollups(selection(RouteSelection::One("/é".into())), Some(known)),
        ObjectRequest::Rollups(selection(RouteSelection::Each), None),
        ObjectRequest::Rollups(selection(RouteSelection::Together), None),
        ObjectRequest::Parity(ParityQuestion::Minutes { from, to }),
        ObjectRequest::Parity(ParityQuestion::Paths { from, to }),
        ObjectRequest::Parity(ParityQuestion::Pairs { from, to, paths: vec!["/a".into(), "/é".into()] }),
        ObjectRequest::Parity(ParityQuestion::Copies { digests: vec![1, u64::MAX], from, to }),
        ObjectRequest::Parity(ParityQuestion::Ledger { from, to }),
        ObjectRequest::Parity(ParityQuestion::Writes { from, to }),
        ObjectRequest::Parity(ParityQuestion::Producers(vec![2, 3])),
        ObjectRequest::Parity(ParityQuestion::Stored { from, to }),
        ObjectRequest::Events { from, to },
        ObjectRequest::Trace("1730956800000-0a1b2c3d".parse::<IdempotentId>().unwrap()),
        ObjectRequest::Windows { from, to, most: 100 },
        ObjectRequest::Details(PartRange { from, to, slice: 1, slices: 3 }),
        ObjectRequest::Digests { from, to },
        ObjectRequest::Erase,
    ]
}

const fn kind_of_answer(answer: &ObjectAnswer) -> &'static str {
    match answer {
        ObjectAnswer::Failed(_) => "Failed",
        ObjectAnswer::Done => "Done",
        ObjectAnswer::Recorded { .. } => "Recorded",
        ObjectAnswer::Layout(_) => "Layout",
        ObjectAnswer::AddressKey(..) => "AddressKey",
        ObjectAnswer::Flag(_) => "Flag",
        ObjectAnswer::Vitals(_) => "Vitals",
        ObjectAnswer::Snapshot(_) => "Snapshot",
        ObjectAnswer::State(_) => "State",
        ObjectAnswer::Rollups(_) => "Rollups",
        ObjectAnswer::Parity(ask::ParityAnswer::Minutes(_)) => "Parity/Minutes",
        ObjectAnswer::Parity(ask::ParityAnswer::Paths(_)) => "Parity/Paths",
        ObjectAnswer::Parity(ask::ParityAnswer::Pairs(_)) => "Parity/Pairs",
        ObjectAnswer::Parity(ask::ParityAnswer::Copies(_)) => "Parity/Copies",
        ObjectAnswer::Parity(ask::ParityAnswer::Ledger(_)) => "Parity/Ledger",
        ObjectAnswer::Parity(ask::ParityAnswer::Writes(_)) => "Parity/Writes",
        ObjectAnswer::Parity(ask::ParityAnswer::Producers(_)) => "Parity/Producers",
        ObjectAnswer::Parity(ask::ParityAnswer::Stored(_)) => "Parity/Stored",
        ObjectAnswer::Events(..) => "Events",
        ObjectAnswer::Trace(_) => "Trace",
        ObjectAnswer::Windows(..) => "Windows",
        ObjectAnswer::Details(_) => "Details",
        ObjectAnswer::Digests(_) => "Digests",
    }
}

fn of_parity() -> Vec<ask::ParityAnswer> {
    let sum = SetSum { requests: 2, digests: u64::MAX, values: 7 };
    let minute = Minute { events: 4, dual: sum, fallback: 1, numbers: 3, absorbed: 300 };
    let minutes = Minutes { by_start: [(AT, minute)].into_iter().collect(), incomplete: vec![AT], newest_window: AT };
    let routes = ByRoute { sums: [("/é".to_owned(), sum)].into_iter().collect(), incomplete: true };
    let (one, other) = (event(), dual());
    let writes = Writes::of(&[&one, &other], &[&one], &mut CountedWrites::default());
    vec![
        ask::ParityAnswer::Minutes(minutes),
        ask::ParityAnswer::Paths(routes),
        ask::ParityAnswer::Pairs(vec![(1, u64::MAX)]),
        ask::ParityAnswer::Copies(vec![EventCopy { event: dual(), absorbed: true }]),
        ask::ParityAnswer::Ledger(Arrivals::of([&one, &other], [&one])),
        ask::ParityAnswer::Writes(writes),
        ask::ParityAnswer::Producers([(2u64, AT)].into_iter().collect::<LiteMap<_, _>>()),
        ask::ParityAnswer::Stored(vec![1, u64::MAX]),
    ]
}

fn answers() -> Vec<ObjectAnswer> {
    let VitalsReport { counts, jobs, .. } = report();
    let lately = RecentCounts { counts: counts.clone(), day: counts.clone(), retried_since: Some(AT), lost_at: None };
    let found = SelectedRollups {
        fold: Some(fold()),
        is_continued: true,
        changed_from: AT,
        folded: vec!["[60000]".into()],
        waiting: vec![String::new()],
    };
    let mut key = [0; 32];
    key[31] = 0xff;
    let layout = Layout { shards: 256, is_recorded: true };
    let rest = vec![
        ObjectAnswer::Events(vec![event(), dual()], true),
        ObjectAnswer::Trace(Sighting { stored: vec![(event(), AT)], absorbed: vec![(dual(), AT + 1)] }),
        ObjectAnswer::Windows(vec![(AT, 300)], AT + 60_000),
        ObjectAnswer::Details(vec![dual()]),
        ObjectAnswer::Digests(vec![(AT, Digest(u64::MAX))]),
    ];
    let first = vec![
        ObjectAnswer::Failed("why".into()),
        ObjectAnswer::Done,
        ObjectAnswer::Recorded { stored: 300, absorbed: 1, rejected: vec!["why".into()] },
        ObjectAnswer::Layout(layout),
        ObjectAnswer::AddressKey(key, layout),
        ObjectAnswer::Flag("{}".into()),
        ObjectAnswer::Vitals(Vitals { counts, jobs, lately }),
        ObjectAnswer::Snapshot(None),
        ObjectAnswer::Snapshot(Some("{}".into())),
        ObjectAnswer::State(LogState { events: 300, absorbed: 1, unfolded: 2, bytes: Some(1 << 40) }),
        ObjectAnswer::State(LogState { events: 0, absorbed: 0, unfolded: 0, bytes: None }),
        ObjectAnswer::Rollups(found),
        ObjectAnswer::Rollups(SelectedRollups::default()),
    ];
    let parity = of_parity().into_iter().map(ObjectAnswer::Parity);
    first.into_iter().chain(parity).chain(rest).collect()
}

/// Climbs a ladder: what any version wrote is read today as what was meant, and today the newest rung is written.
fn climb<T: Serialize + DeserializeOwned + PartialEq + Debug>(
    name: &str,
    examples: &[T],
    kind: impl Fn(&T) -> &'static str,
) {
    let ladder = Ladder::of(FILE, name);
    let written: Vec<_> = examples.iter().map(|example| (kind(example), pack(example).unwrap())).collect();
    ladder.hold(u64::from(VERSION), &written);
    for (version, vectors) in ladder.rungs() {
        for (vector, example) in vectors.iter().zip(examples) {
            assert_eq!(vector.bytes[0], u8::try_from(version).unwrap());
            let read: T =
                unpack(&vector.bytes).unwrap_or_else(|error| panic!("{name} {version} {}: {error}", vector.name));
            assert_eq!(read, *example, "{name} {version} {}", vector.name);
        }
    }
}

#[test]
fn questions_of_every_version_are_read_and_written_as_they_were() {
    climb("question", &requests(), kind_of_request);
}

#[test]
fn answers_of_every_version_are_read_and_written_as_they_were() {
    climb("answer", &answers(), kind_of_answer);
}

#[test]
fn every_kind_has_an_example_and_keeps_its_number() {
    fn numbers<T: Serialize>(examples: &[T]) -> Vec<u8> {
        let mut numbers: Vec<u8> = examples.iter().map(|example| pack(example).unwrap()[1]).collect();
        numbers.dedup();
        numbers
    }
    let in_order =
        |numbers: Vec<u8>| assert_eq!(numbers, (0..u8::try_from(numbers.len()).unwrap()).collect::<Vec<_>>());
    in_order(numbers(&requests()));
    in_order(numbers(&answers()));
    in_order(numbers(&of_parity()));
}

#[test]
fn what_an_end_can_not_read_is_an_error_and_never_a_default() {
    fn never_reads<T: DeserializeOwned + Debug>(bytes: &[u8], why: &ProtocolError) {
        assert_eq!(unpack::<T>(bytes).unwrap_err(), *why, "{bytes:?}");
    }
    let after_the_last = |kinds: usize| vec![VERSION, u8::try_from(kinds).unwrap()];
    never_reads::<ObjectRequest>(&after_the_last(18), &ProtocolError::Content);
    never_reads::<ObjectAnswer>(&after_the_last(16), &ProtocolError::Content);
    for version in [0, VERSION + 1, 255] {
        never_reads::<ObjectRequest>(&[version, 0], &ProtocolError::Version(version));
        never_reads::<ObjectAnswer>(&[version, 0], &ProtocolError::Version(version));
    }
    for example in answers() {
        let packed = pack(&example).unwrap();
        for cut in 0..packed.len() {
            never_reads::<ObjectAnswer>(&packed[..cut], &ProtocolError::Content);
        }
        never_reads::<ObjectAnswer>(&[packed, vec![0]].concat(), &ProtocolError::Content);
    }
    for example in requests() {
        let packed = pack(&example).unwrap();
        for cut in 0..packed.len() {
            never_reads::<ObjectRequest>(&packed[..cut], &ProtocolError::Content);
        }
        never_reads::<ObjectRequest>(&[packed, vec![0]].concat(), &ProtocolError::Content);
    }
}
