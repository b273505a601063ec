//! Every format that is stored or sent, against what each version of it wrote: what is new reads what is old, and writes
//! the same bytes until its version says otherwise. The object's protocol has a ladder of its own in `crates/api`.

use model::access::session::{Scope, SessionKey};
use model::archive::Day;
use model::archive::manifest::{self, ArchivePart, Manifest};
use model::event::message;
use model::event::{Cohort, Event};
use model::flag::document::Document;
use model::flag::obeyed::FlagCopy;
use model::flag::stop::{Latch, Stop, StopAct};
use model::parity::report::ParityReport;
use model::parity::window::Window;
use rig::frozen::Ladder;
use rig::{START, Sqlite, block_on, figures, store};
use store::events::event_store::{EventStore, WriterMemory};
use store::parity::compare::{ComparisonRun, ComparisonSettings};
use store::parity::comparer::Comparer;
use store::parity::reports::Reports;

const FILE: &str = include_str!("../../../../tests/vectors/formats.json");

/// Tables of the event store, as version 1 of their formats filled them.
const EVENT_STORE_1: &str = include_str!("../../../../tests/vectors/event_store_1.sql");
const TABLES: [&str; 5] = ["segments", "folds", "rollups", "ledger", "producers"];

const NOW: u64 = START + 120_000;

/// Events, written out: what tests make up may change, and these may not.
fn events() -> Vec<Event> {
    let event = |seq: u32, ms: u64, path: &str, status: u16, cohort: Cohort, fell_back: bool| {
        let digest = format!("{:08x}4e5f6071", 0x0a1b_2c00 + seq);
        let text = format!(
            r#"{{"idempotentId":"{}-{}","digest":"{digest}","timestamp":{},"path":"{path}","method":"GET","status":{status},
            "responseTime":{},"clientIpHash":"00000000000000{seq:02x}","cohort":"single","flagVersion":3,
            "producer":"{:016x}","seq":{seq},"write":{},"fellBack":false}}"#,
            START + ms / 60_000 * 60_000,
            &digest[..8],
            START + ms,
            seq * 37 % 900,
            seq % 2 + 1,
            seq - seq % 2,
        );
        Event { cohort, fell_back, ..serde_json::from_str(&text).unwrap() }
    };
    vec![
        event(0, 5, "/api/users", 200, Cohort::Single, false),
        event(1, 999, "/é", 503, Cohort::Dual, false),
        event(2, 1_000, "/api/users", 404, Cohort::Fallback, false),
        event(3, 59_999, "/", 301, Cohort::Dual, true),
        event(4, 60_000, "/api/users", 200, Cohort::Dual, false),
        event(24, 61_000, "/api/users", 200, Cohort::Dual, false),
    ]
}

/// A store that holds them: folded, but for the last one, and with two repeats.
fn filled() -> Sqlite {
    let (sqlite, events) = (Sqlite::new(), events());
    let (store, mut memory) = (store(&sqlite), WriterMemory::default());
    block_on(store.record(&mut memory, &events[..4], NOW)).unwrap();
    block_on(store.record(&mut memory, &events[1..5], NOW + 1)).unwrap();
    while block_on(store.fold(NOW + 2)).unwrap() > 0 {}
    block_on(store.record(&mut memory, &events[4..], NOW + 3)).unwrap();
    sqlite
}

fn dump(sqlite: &Sqlite) -> String {
    TABLES.iter().flat_map(|table| sqlite.dump(table)).map(|row| row + "\n").collect()
}

#[test]
fn the_event_store_writes_the_rows_that_are_frozen() {
    let (today, frozen) = (dump(&filled()), EVENT_STORE_1);
    assert!(
        today == frozen,
        "other rows than those of version 1: a new version has these, beside the old ones:\n{today}"
    );
}

#[test]
fn the_event_store_reads_frozen_rows_and_goes_on_from_them() {
    let old = Sqlite::new();
    old.script(EVENT_STORE_1);
    let (of_old, of_new) = (store(&old), store(&filled()));
    let shown = |store: &EventStore| {
        let (mut events, more) = block_on(store.events(START, START + 600_000)).unwrap();
        events.sort_by_key(|event| event.seq);
        (figures(store), events, more, block_on(store.state(NOW)).unwrap())
    };
    assert_eq!(shown(&of_old), shown(&of_new));
    assert_eq!(shown(&of_old).1, events());
    // Its digests still tell repeats, its rollups and ledgers take what is folded, and nothing is folded twice.
    let recorded = block_on(of_old.record(&mut WriterMemory::default(), &events(), NOW + 4)).unwrap();
    assert_eq!((recorded.stored, recorded.absorbed), (0, 6));
    for store in [&of_old, &of_new] {
        while block_on(store.fold(NOW + 5)).unwrap() > 0 {}
    }
    assert_eq!(figures(&of_old), figures(&of_new));
}

/// Both stores compared, where the new one lacks an event: the findings of a minute, and the report.
fn compared(new: &Sqlite) -> ParityReport {
    let old = filled();
    block_on(store(new).record(&mut WriterMemory::default(), &events()[..4], NOW)).unwrap();
    let (of_old, of_new, kept) = (store(&old), store(new), Reports::new(new.clone()));
    let comparer = Comparer { old: &*of_old, new: &*of_new, kept: &kept };
    let window = Window::parse(&format!("range:{START}-{}", START + 120_000)).unwrap();
    let settings = ComparisonSettings { id_window_ms: 60_000, lag_ms: 0, limit_ppm: 10_000 };
    match block_on(comparer.run(window, NOW + 60_000, settings)).unwrap() {
        ComparisonRun::Done(report) => block_on(kept.store(*report)).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn reports_and_what_was_found_in_a_minute() {
    let new = Sqlite::new();
    let report = compared(&new);
    let minute = new.dump("parity_minutes").remove(0);
    let ladder = Ladder::of(FILE, "parity");
    let text = serde_json::to_string(&report).unwrap();
    ladder.hold(1, &[("report", text.into_bytes()), ("minute", minute.into_bytes())]);
    for (_, vectors) in ladder.rungs() {
        assert_eq!(serde_json::from_slice::<ParityReport>(&vectors[0].bytes).unwrap(), report);
        // A run that finds what an earlier version found of a minute comes to the same.
        let again = Sqlite::new();
        again.script(std::str::from_utf8(&vectors[1].bytes).unwrap());
        assert_eq!(compared(&again), report);
    }
}

#[test]
fn messages_of_the_queue() {
    let ladder = Ladder::of(FILE, "message");
    let texts = message::write(events()).unwrap();
    ladder.hold(u64::from(message::VERSION), &[("events", texts[0].clone().into_bytes())]);
    for (_, vectors) in ladder.rungs() {
        let parsed = message::parse(std::str::from_utf8(&vectors[0].bytes).unwrap(), NOW);
        assert_eq!((parsed.events, parsed.rejected.len()), (events(), 0));
    }
    let newer = message::parse(&format!(r#"{{"v":{},"events":[]}}"#, message::VERSION + 1), NOW);
    assert!(newer.newer && newer.rejected.len() == 1);
}

#[test]
fn documents_of_the_flag() {
    let whole = r#"{"schema":1,"version":7,"mode":"dual-write","samplePpm":10000,"queuePpm":250000,"salt":"é",
        "overrides":[{"path":"/api/{*rest}","mode":"queue-only"},{"path":"/","mode":"dual-write","samplePpm":5,"queuePpm":6}],
        "guard":{"maxDiffPpm":10000,"minEvents":1000,"action":"rollback"},
        "ramp":{"steps":[250000,1000000],"everyMs":3600000,"next":1,"dueAt":1730956800000,"paused":true},
        "updatedAt":"2024-11-07T05:20:00Z","updatedBy":"op","reason":"go"}"#;
    let (whole, least) = (Document::read(whole).unwrap(), Document::read(r#"{"schema":1,"version":0}"#).unwrap());
    let ladder = Ladder::of(FILE, "flag");
    let written =
        [("whole", &whole), ("least", &least)].map(|(name, document)| (name, serde_json::to_vec(document).unwrap()));
    ladder.hold(1, &written);
    for (version, vectors) in ladder.rungs() {
        for (vector, document) in vectors.iter().zip([&whole, &least]) {
            let text = std::str::from_utf8(&vector.bytes).unwrap();
            assert_eq!(Document::read(text).unwrap(), *document, "{version} {}", vector.name);
            assert_eq!(Document::read_strictly(text).unwrap(), *document, "{version} {}", vector.name);
        }
    }
    assert!(Document::read(r#"{"schema":2,"version":0}"#).is_err());
}

#[test]
fn stops_and_what_the_object_holds_of_the_flag() {
    let act = |at, reason: &str| StopAct { at, by: "op".into(), reason: reason.into() };
    let released = Stop { released: Some(act(START + 9, "mended")), ..Stop::new([1, 2, 3, 4], act(START, "on fire")) };
    let latch = Latch::of([released, Stop::new([0xff; 4], act(START + 5, "é"))]);
    let held = FlagCopy { latch: latch.clone(), document: Some(r#"{"schema":1,"version":0}"#.into()) };
    let ladder = Ladder::of(FILE, "stops");
    let written = [
        ("latch", serde_json::to_vec(&latch).unwrap()),
        ("nothing", serde_json::to_vec(&Latch::default()).unwrap()),
        ("held", serde_json::to_vec(&held).unwrap()),
    ];
    ladder.hold(1, &written);
    for (_, vectors) in ladder.rungs() {
        let text = |at: usize| std::str::from_utf8(&vectors[at].bytes).unwrap();
        assert_eq!((Latch::read(text(0)).unwrap(), Latch::read(text(1)).unwrap()), (latch.clone(), Latch::default()));
        let read: FlagCopy = serde_json::from_str(text(2)).unwrap();
        assert_eq!((read.latch, read.document), (held.latch.clone(), held.document.clone()));
    }
}

#[test]
fn manifests_of_the_archive() {
    let id = Some("1730956800000-0a1b2c3d".parse().unwrap());
    let part = ArchivePart {
        name: model::archive::part_file(3),
        rows: 2,
        bytes: 300,
        sha256: "ab".repeat(32),
        first_id: id,
        last_id: id,
        from: START,
        to: START + 60_000,
        slice: 1,
        slices: 3,
        old: 2,
        new: 1,
        twins: 1,
    };
    let whole = Manifest {
        format: manifest::FORMAT,
        day: Day::of(START).to_string(),
        window_ms: 60_000,
        rows: 2,
        bytes: 300,
        first_id: id,
        last_id: id,
        parts: vec![part],
    };
    let empty = Manifest { rows: 0, bytes: 0, first_id: None, last_id: None, parts: vec![], ..whole.clone() };
    let ladder = Ladder::of(FILE, "manifest");
    let written = [("whole", &whole), ("empty", &empty)].map(|(name, one)| (name, serde_json::to_vec(one).unwrap()));
    ladder.hold(u64::from(manifest::FORMAT), &written);
    for (_, vectors) in ladder.rungs() {
        let read = |at: usize| serde_json::from_slice::<Manifest>(&vectors[at].bytes).unwrap();
        assert_eq!((read(0), read(1)), (whole.clone(), empty.clone()));
    }
    // Names are what finds a file again.
    let names = [Day::of(START).manifest_name(), Day::of(START).part_name(3)];
    assert_eq!(names, ["events/2024/11/07/manifest.json", "events/2024/11/07/part-0003.ndjson.gz"]);
}

#[test]
fn cookies_of_sessions() {
    let key = SessionKey::derive(Some("read"), Some("admin")).unwrap();
    let ladder = Ladder::of(FILE, "session");
    let scopes = [("read", Scope::Read), ("admin", Scope::Admin)];
    let written = scopes.map(|(name, scope)| (name, key.issue(scope, START, [7; 16]).unwrap().into_bytes()));
    ladder.hold(1, &written);
    for (_, vectors) in ladder.rungs() {
        for (vector, (_, scope)) in vectors.iter().zip(scopes) {
            assert_eq!(key.verify(std::str::from_utf8(&vector.bytes).unwrap(), START + 1), Some(scope));
        }
    }
}
