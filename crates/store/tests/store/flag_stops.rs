//! Emergency stops in a real database, and what the object holds for routers.

use model::flag::document::Document;
use model::flag::obeyed::FlagCopy;
use model::flag::stop::{Latch, Stop, StopAct};
use rig::{Fate, Faulty, Sqlite, block_on};
use store::flag::copy;
use store::flag::stops::Stops;

fn act(at: u64, by: &str) -> StopAct {
    StopAct { at, by: by.into(), reason: "it's \"on\" fire".into() }
}

fn stop(n: u8) -> Stop {
    Stop::new([n, 0, 0, 0], act(n.into(), "op"))
}

fn released(n: u8, at: u64, by: &str) -> Stop {
    Stop { released: Some(act(at, by)), ..stop(n) }
}

#[test]
fn a_stop_that_is_stored_holds_until_its_own_release_is_stored() {
    let stops = Stops::new(Sqlite::new());
    assert_eq!(block_on(stops.read()).unwrap(), Latch::default());
    let both = Latch::of([stop(1), stop(2)]);
    assert_eq!(block_on(stops.write(&both)).unwrap(), both);
    let one_left = Latch::of([released(1, 50, "jo"), stop(2)]);
    assert_eq!(block_on(stops.write(&Latch::of([released(1, 50, "jo")]))).unwrap(), one_left);
    // What is older, or knows of less, changes nothing.
    for told in [both, Latch::default(), Latch::of([released(1, 51, "later")])] {
        assert_eq!(block_on(stops.write(&told)).unwrap(), one_left);
    }
    // Two released it at once: both stores keep the same, whichever they heard of first.
    let earlier = Latch::of([released(1, 49, "al"), stop(2)]);
    assert_eq!(block_on(stops.write(&earlier)).unwrap(), earlier);
    assert_eq!(earlier, one_left.merged(earlier.clone()));
}

#[test]
fn a_write_whose_outcome_is_not_known_can_be_repeated() {
    let sqlite = Sqlite::new();
    let stops = Stops::new(Faulty::new(&sqlite, &[Fate::FailsAfterPersisting, Fate::Works]));
    assert!(block_on(stops.write(&Latch::of([stop(1)]))).is_err());
    assert_eq!(block_on(stops.write(&Latch::of([stop(1)]))).unwrap(), Latch::of([stop(1)]));
}

#[test]
fn all_that_hold_are_read_before_any_that_were_released() {
    let stops = Stops::new(Sqlite::new());
    let many = (0..=u8::MAX).map(|n| if n < 3 { stop(n) } else { released(n, 1_000, "jo") });
    let read = block_on(stops.write(&Latch::of(many))).unwrap();
    assert_eq!((read.holding().len(), read.all().len()), (3, 200));
}

fn document(version: u32, reason: &str) -> Document {
    let document = Document::read(include_str!("../../../../flags/scheme-b.json")).unwrap();
    Document { version, reason: reason.into(), ..document }
}

#[test]
fn the_object_holds_the_newest_document_and_every_stop_whatever_it_is_told() {
    let sqlite = Sqlite::new();
    let tell = |latch: Latch, document: Option<Document>| {
        let told = FlagCopy { latch, document: document.map(|document| serde_json::to_string(&document).unwrap()) };
        let held = block_on(copy::hold(sqlite.clone(), &serde_json::to_string(&told).unwrap(), 5)).unwrap();
        let FlagCopy { latch, document } = serde_json::from_str(&held).unwrap();
        (latch, document.map(|text| Document::read(&text).unwrap()).map(|document| (document.version, document.reason)))
    };
    assert_eq!(tell(Latch::default(), None), (Latch::default(), None));
    let seven = Some((7, "seven".to_owned()));
    assert_eq!(tell(Latch::default(), Some(document(7, "seven"))).1, seven);
    let one = Latch::of([stop(1)]);
    assert_eq!(tell(one.clone(), None), (one.clone(), seven.clone()));
    assert_eq!(tell(Latch::default(), Some(document(6, "older"))), (one.clone(), seven));
    assert_eq!(tell(Latch::default(), Some(document(7, "again"))).1, Some((7, "again".to_owned())));
    assert_eq!(tell(Latch::default(), Some(document(9, "nine"))), (one, Some((9, "nine".to_owned()))));
    assert!(block_on(copy::hold(sqlite.clone(), "{ no", 5)).is_err());
}
