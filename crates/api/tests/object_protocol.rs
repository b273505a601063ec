//! The object's protocol, against the bytes of every version: during a deployment a Worker and an object of two versions
//! ask and answer each other.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::fmt::Debug;

use api::object::{Answer, Request, Unreadable, VERSION, pack, unpack};
use litemap::LiteMap;
use model::archive::plan::Cut;
use model::counting::grain::Grain;
use model::delivery::layout::Layout;
use model::event::identity::{Digest, IdempotentId};
use model::event::{Cohort, Event};
use model::log::ledger::Arrivals;
use model::log::writes::{Counted, Writes};
use model::operating::health::{Job, Lately};
use model::operating::vitals::{Report, Vitals};
use model::parity::ask::{self, Ask, Copy, Minute, Minutes, Routes as ByRoute, Sum};
use model::reading::found::{Found, LogState, Sighting};
use model::reading::selection::{FoldId, Known, Parts, Routes, Selection, Span};
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

fn selection(routes: Routes) -> Selection {
    let spans = Grain::ALL.map(|grain| Span::around(grain, AT, AT + 1)).to_vec();
    Selection { spans, routes, parts: Parts::All, dual: Parts::Counts }
}

fn fold() -> FoldId {
    FoldId { from_seq: 300, folded_at: AT, mark: u64::MAX }
}

fn report() -> Report {
    let job = |error: Option<&str>| Job {
        job: "clean".into(),
        started_at: AT,
        succeeded_at: error.is_none().then_some(AT + 5),
        error: error.map(str::to_owned),
    };
    let counts = [("lost".to_owned(), 0), ("buffer_peak".to_owned(), 300)].into();
    Report { isolate: "0000000000000002".into(), counts, jobs: vec![job(None), job(Some("why"))] }
}

/// The name of a question's kind. One that is new has to be named here, and then wants an example below.
const fn kind_of_request(request: &Request) -> &'static str {
    match request {
        Request::Record(_) => "Record",
        Request::StoreAgain(_) => "StoreAgain",
        Request::Layout { .. } => "Layout",
        Request::AddressKey { .. } => "AddressKey",
        Request::Flag(_) => "Flag",
        Request::Report(_) => "Report",
        Request::Vitals => "Vitals",
        Request::KeepSnapshot(_) => "KeepSnapshot",
        Request::Snapshot => "Snapshot",
        Request::State => "State",
        Request::Rollups(..) => "Rollups",
        Request::Parity(Ask::Minutes { .. }) => "Parity/Minutes",
        Request::Parity(Ask::Paths { .. }) => "Parity/Paths",
        Request::Parity(Ask::Pairs { .. }) => "Parity/Pairs",
        Request::Parity(Ask::Copies { .. }) => "Parity/Copies",
        Request::Parity(Ask::Ledger { .. }) => "Parity/Ledger",
        Request::Parity(Ask::Writes { .. }) => "Parity/Writes",
        Request::Parity(Ask::Producers(_)) => "Parity/Producers",
        Request::Parity(Ask::Stored { .. }) => "Parity/Stored",
        Request::Events { .. } => "Events",
        Request::Trace(_) => "Trace",
        Request::Windows { .. } => "Windows",
        Request::Details(_) => "Details",
        Request::Digests { .. } => "Digests",
        Request::Erase => "Erase",
    }
}

fn requests() -> Vec<Request> {
    let (from, to) = (AT, AT + 60_000);
    let known = Known { fold: fold(), newest: fold(), spans: vec![Span::around(Grain::Hour, AT, AT + 1)] };
    vec![
        Request::Record(r#"{"v":1,"events":[]}"#.into()),
        Request::StoreAgain("é".into()),
        Request::Layout { setting: 256, record: true },
        Request::AddressKey { day: 20_034, setting: 1 },
        Request::Flag("{}".into()),
        Request::Report(report()),
        Request::Vitals,
        Request::KeepSnapshot("{}".into()),
        Request::Snapshot,
        Request::State,
        Request::Rollups(selection(Routes::One("/é".into())), Some(known)),
        Request::Rollups(selection(Routes::Each), None),
        Request::Rollups(selection(Routes::Together), None),
        Request::Parity(Ask::Minutes { from, to }),
        Request::Parity(Ask::Paths { from, to }),
        Request::Parity(Ask::Pairs { from, to, paths: vec!["/a".into(), "/é".into()] }),
        Request::Parity(Ask::Copies { digests: vec![1, u64::MAX], from, to }),
        Request::Parity(Ask::Ledger { from, to }),
        Request::Parity(Ask::Writes { from, to }),
        Request::Parity(Ask::Producers(vec![2, 3])),
        Request::Parity(Ask::Stored { from, to }),
        Request::Events { from, to },
        Request::Trace("1730956800000-0a1b2c3d".parse::<IdempotentId>().unwrap()),
        Request::Windows { from, to, most: 100 },
        Request::Details(Cut { from, to, slice: 1, slices: 3 }),
        Request::Digests { from, to },
        Request::Erase,
    ]
}

const fn kind_of_answer(answer: &Answer) -> &'static str {
    match answer {
        Answer::Failed(_) => "Failed",
        Answer::Done => "Done",
        Answer::Recorded { .. } => "Recorded",
        Answer::Layout(_) => "Layout",
        Answer::AddressKey(..) => "AddressKey",
        Answer::Flag(_) => "Flag",
        Answer::Vitals(_) => "Vitals",
        Answer::Snapshot(_) => "Snapshot",
        Answer::State(_) => "State",
        Answer::Rollups(_) => "Rollups",
        Answer::Parity(ask::Answer::Minutes(_)) => "Parity/Minutes",
        Answer::Parity(ask::Answer::Paths(_)) => "Parity/Paths",
        Answer::Parity(ask::Answer::Pairs(_)) => "Parity/Pairs",
        Answer::Parity(ask::Answer::Copies(_)) => "Parity/Copies",
        Answer::Parity(ask::Answer::Ledger(_)) => "Parity/Ledger",
        Answer::Parity(ask::Answer::Writes(_)) => "Parity/Writes",
        Answer::Parity(ask::Answer::Producers(_)) => "Parity/Producers",
        Answer::Parity(ask::Answer::Stored(_)) => "Parity/Stored",
        Answer::Events(..) => "Events",
        Answer::Trace(_) => "Trace",
        Answer::Windows(..) => "Windows",
        Answer::Details(_) => "Details",
        Answer::Digests(_) => "Digests",
    }
}

fn of_parity() -> Vec<ask::Answer> {
    let sum = Sum { requests: 2, digests: u64::MAX, values: 7 };
    let minute = Minute { events: 4, dual: sum, fallback: 1, numbers: 3, absorbed: 300 };
    let minutes = Minutes { by_start: [(AT, minute)].into_iter().collect(), incomplete: vec![AT], newest_window: AT };
    let routes = ByRoute { sums: [("/é".to_owned(), sum)].into_iter().collect(), incomplete: true };
    let (one, other) = (event(), dual());
    let writes = Writes::of(&[&one, &other], &[&one], &mut Counted::default());
    vec![
        ask::Answer::Minutes(minutes),
        ask::Answer::Paths(routes),
        ask::Answer::Pairs(vec![(1, u64::MAX)]),
        ask::Answer::Copies(vec![Copy { event: dual(), absorbed: true }]),
        ask::Answer::Ledger(Arrivals::of([&one, &other], [&one])),
        ask::Answer::Writes(writes),
        ask::Answer::Producers([(2u64, AT)].into_iter().collect::<LiteMap<_, _>>()),
        ask::Answer::Stored(vec![1, u64::MAX]),
    ]
}

fn answers() -> Vec<Answer> {
    let Report { counts, jobs, .. } = report();
    let lately = Lately { counts: counts.clone(), day: counts.clone(), retried_since: Some(AT), lost_at: None };
    let found = Found {
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
        Answer::Events(vec![event(), dual()], true),
        Answer::Trace(Sighting { stored: vec![(event(), AT)], absorbed: vec![(dual(), AT + 1)] }),
        Answer::Windows(vec![(AT, 300)], AT + 60_000),
        Answer::Details(vec![dual()]),
        Answer::Digests(vec![(AT, Digest(u64::MAX))]),
    ];
    let first = vec![
        Answer::Failed("why".into()),
        Answer::Done,
        Answer::Recorded { stored: 300, absorbed: 1, rejected: vec!["why".into()] },
        Answer::Layout(layout),
        Answer::AddressKey(key, layout),
        Answer::Flag("{}".into()),
        Answer::Vitals(Vitals { counts, jobs, lately }),
        Answer::Snapshot(None),
        Answer::Snapshot(Some("{}".into())),
        Answer::State(LogState { events: 300, absorbed: 1, unfolded: 2, bytes: Some(1 << 40) }),
        Answer::State(LogState { events: 0, absorbed: 0, unfolded: 0, bytes: None }),
        Answer::Rollups(found),
        Answer::Rollups(Found::default()),
    ];
    let parity = of_parity().into_iter().map(Answer::Parity);
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
    fn never_reads<T: DeserializeOwned + Debug>(bytes: &[u8], why: &Unreadable) {
        assert_eq!(unpack::<T>(bytes).unwrap_err(), *why, "{bytes:?}");
    }
    let after_the_last = |kinds: usize| vec![VERSION, u8::try_from(kinds).unwrap()];
    never_reads::<Request>(&after_the_last(18), &Unreadable::Content);
    never_reads::<Answer>(&after_the_last(16), &Unreadable::Content);
    for version in [0, VERSION + 1, 255] {
        never_reads::<Request>(&[version, 0], &Unreadable::Version(version));
        never_reads::<Answer>(&[version, 0], &Unreadable::Version(version));
    }
    for example in answers() {
        let packed = pack(&example).unwrap();
        for cut in 0..packed.len() {
            never_reads::<Answer>(&packed[..cut], &Unreadable::Content);
        }
        never_reads::<Answer>(&[packed, vec![0]].concat(), &Unreadable::Content);
    }
    for example in requests() {
        let packed = pack(&example).unwrap();
        for cut in 0..packed.len() {
            never_reads::<Request>(&packed[..cut], &Unreadable::Content);
        }
        never_reads::<Request>(&[packed, vec![0]].concat(), &Unreadable::Content);
    }
}
