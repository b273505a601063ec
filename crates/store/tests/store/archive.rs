//! The archive, interrupted anywhere and repeated, gives each event exactly once.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use model::archive::Day;
use model::archive::manifest::{ArchivePart, Manifest};
use model::event::Event;
use model::event::identity::DEFAULT_WINDOW_MS;
use model::reading::trace::ArchiveProgress;
use proptest::prelude::*;
use rig::{Fate, START, Sqlite, block_on, deliver, event, interleave, store};
use sha2::{Digest as _, Sha256};
use store::archive::archiver::{Archive, ArchiveSettings, ArchiveStep, Bucket, BucketEntry};
use store::archive::days::{ArchiveDays, LEASE_MS};
use store::events::event_store::WriterMemory;
use store::events::read::EventReader;
use store::events::retention::MIN_SEGMENT_AGE_MS;
use store::sql::{LocalFuture, Row, Sql, Statement, StoreError};

/// When the two days of [`traffic`] are due, and the day after, which is empty.
const LATE: u64 = START + 10 * 24 * 3_600_000;

/// Decides what happens to each call of database, stores and bucket, in the order in which they come.
#[derive(Clone, Default)]
struct Fates {
    of: Rc<RefCell<BTreeMap<usize, Fate>>>,
    calls: Rc<Cell<usize>>,
}

impl Fates {
    fn apply<T>(&self, act: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        let fate = self.of.borrow().get(&self.calls.get()).copied().unwrap_or(Fate::Works);
        self.calls.set(self.calls.get() + 1);
        let failed = || StoreError::Unavailable("told to fail".into());
        match fate {
            Fate::Works => act(),
            Fate::Fails => Err(failed()),
            Fate::FailsAfterPersisting => act().and_then(|_| Err(failed())),
        }
    }
}

#[derive(Clone)]
struct Fated(Sqlite, Fates);

impl Sql for Fated {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError> {
        Turn::default().await;
        self.1.apply(|| block_on(self.0.batch(statements)))
    }
}

/// Is pending once: lets another run go on.
#[derive(Default)]
struct Turn(bool);

impl Future for Turn {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// A bucket in memory, whose compression only marks the bytes.
#[derive(Clone, Default)]
struct Files {
    files: Rc<RefCell<BTreeMap<String, Vec<u8>>>>,
    fates: Fates,
}

impl Bucket for Files {
    fn gzip(&self, bytes: Vec<u8>) -> LocalFuture<'_, Result<Vec<u8>, StoreError>> {
        Box::pin(async move {
            Turn::default().await;
            self.fates.apply(|| Ok([b"gz:".as_slice(), &bytes].concat()))
        })
    }

    fn put<'a>(&'a self, name: &'a str, bytes: Vec<u8>, sha256: [u8; 32]) -> LocalFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            Turn::default().await;
            assert_eq!(<[u8; 32]>::from(Sha256::digest(&bytes)), sha256);
            self.fates.apply(|| {
                self.files.borrow_mut().insert(name.to_owned(), bytes);
                Ok(())
            })
        })
    }

    fn get<'a>(&'a self, name: &'a str, _: u64) -> LocalFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        Box::pin(async move {
            Turn::default().await;
            self.fates.apply(|| Ok(self.files.borrow().get(name).cloned()))
        })
    }

    fn head<'a>(&'a self, name: &'a str) -> LocalFuture<'a, Result<Option<BucketEntry>, StoreError>> {
        Box::pin(async move {
            Turn::default().await;
            let held =
                |bytes: &Vec<u8>| BucketEntry { bytes: bytes.len() as u64, sha256: Some(Sha256::digest(bytes).into()) };
            self.fates.apply(|| Ok(self.files.borrow().get(name).map(held)))
        })
    }
}

type Details = EventReader;

struct World {
    old: Sqlite,
    new: Sqlite,
    files: Files,
    fates: Fates,
    part_events: u64,
}

impl World {
    fn new(old: &[Event], new: &[Event], part_events: u64) -> Self {
        let fates = Fates::default();
        let files = Files { fates: fates.clone(), ..Files::default() };
        let world = Self { old: Sqlite::new(), new: Sqlite::new(), files, fates, part_events };
        for (sqlite, events) in [(&world.old, old), (&world.new, new)] {
            let mut memory = WriterMemory::default();
            for batch in events.chunks(7) {
                block_on(deliver(&store(sqlite), &mut memory, batch));
            }
            while block_on(store(sqlite).fold(START)).unwrap() > 0 {}
        }
        world
    }

    fn step(&self, now_ms: u64) -> Result<ArchiveStep, StoreError> {
        block_on(self.step_slowly(now_ms))
    }

    async fn step_slowly(&self, now_ms: u64) -> Result<ArchiveStep, StoreError> {
        self.archive(&self.days(), &self.details(&self.old), &self.details(&self.new)).step(now_ms).await
    }

    /// One run of cron, of a few steps; gives whether there may be more to do.
    async fn cron(&self, now_ms: u64) -> Result<bool, StoreError> {
        let (days, old, new) = (self.days(), self.details(&self.old), self.details(&self.new));
        let mut steps = 0;
        let go_on = || {
            steps += 1;
            steps < 4
        };
        self.archive(&days, &old, &new).run(now_ms, go_on).await?;
        Ok(steps > 0)
    }

    fn days(&self) -> ArchiveDays {
        ArchiveDays::new(Fated(self.new.clone(), self.fates.clone()))
    }

    fn details(&self, sqlite: &Sqlite) -> Details {
        EventReader::new(Fated(sqlite.clone(), self.fates.clone()))
    }

    fn archive<'a>(
        &'a self,
        days: &'a ArchiveDays,
        old: &'a Details,
        new: &'a Details,
    ) -> Archive<'a, Details, Details> {
        let settings = ArchiveSettings { part_events: self.part_events, ..ArchiveSettings::new(DEFAULT_WINDOW_MS, 0) };
        Archive { days, old, new, bucket: &self.files, settings }
    }

    /// Deletes what may be, in both stores, as cron and alarms do.
    fn prune(&self, now_ms: u64) {
        let until = block_on(ArchiveDays::new(self.new.clone()).archived_until()).unwrap();
        for sqlite in [&self.old, &self.new] {
            while block_on(store(sqlite).prune(now_ms, until)).unwrap() {}
        }
    }

    /// Runs until nothing is due, after a crash when the lease has ended; gives how many runs failed.
    fn run(&self, now_ms: u64) -> usize {
        let (mut now_ms, mut failed) = (now_ms, 0);
        for _ in 0..5_000 {
            match block_on(self.cron(now_ms)) {
                Ok(false) => return failed,
                Ok(true) => {}
                Err(StoreError::Unavailable(_)) => {
                    failed += 1;
                    now_ms += LEASE_MS;
                }
                Err(error) => panic!("{error}"),
            }
            self.prune(now_ms);
        }
        panic!("never finished");
    }

    fn manifests(&self) -> Vec<Manifest> {
        let files = self.files.files.borrow();
        let manifests = files.iter().filter(|(name, _)| name.ends_with("/manifest.json"));
        manifests.map(|(_, bytes)| serde_json::from_slice(bytes).unwrap()).collect()
    }

    fn part(&self, day: &str, part: &ArchivePart) -> Vec<Event> {
        let name = format!("events/{}/{}", day.replace('-', "/"), part.name);
        let bytes = self.files.files.borrow().get(&name).cloned().unwrap();
        assert_eq!((bytes.len() as u64, hex::encode(Sha256::digest(&bytes))), (part.bytes, part.sha256.clone()));
        let text = String::from_utf8(bytes).unwrap();
        text.strip_prefix("gz:").unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Digests in the archive, sorted; checks manifests against files on the way.
    fn archived(&self) -> Vec<u64> {
        let mut all = Vec::new();
        for manifest in self.manifests() {
            let events: Vec<Event> = manifest.parts.iter().flat_map(|part| self.part(&manifest.day, part)).collect();
            assert_eq!(events.len() as u64, manifest.rows);
            assert_eq!(manifest.bytes, manifest.parts.iter().map(|part| part.bytes).sum::<u64>());
            let ids = || events.iter().map(|event| event.idempotent_id);
            assert_eq!((ids().min(), ids().max()), (manifest.first_id, manifest.last_id));
            let day = |event: &Event| Day::of(event.idempotent_id.timestamp_ms()).to_string();
            assert!(events.iter().all(|event| day(event) == manifest.day));
            all.extend(events.into_iter().map(|event| event.digest.0));
        }
        all.sort_unstable();
        all
    }

    fn nothing_is_left(&self) {
        assert_eq!((self.old.count("segments"), self.new.count("segments")), (0, 0));
        assert_eq!(self.new.count("archive_parts"), 0);
    }
}

fn digests(events: &[&[Event]]) -> Vec<u64> {
    let all: std::collections::BTreeSet<u64> = events.concat().iter().map(|event| event.digest.0).collect();
    all.into_iter().collect()
}

/// Two days with events in one store, in both, and in both a window apart, also over midnight and in a busy window.
fn traffic() -> (Vec<Event>, Vec<Event>) {
    // Midnight is 18 h 40 min after START.
    let midnight = 67_200_000;
    let times = [0, 1, 2, 60_000, 90_000, 3_600_000, midnight - 30_000, midnight - 1, midnight, midnight + 59_999];
    let mut old: Vec<Event> = (0..).zip(times).map(|(n, ms)| event(n, ms)).collect();
    let new = (0..).zip(times).filter(|(n, _)| n % 3 != 0).map(|(n, ms)| event(n, ms + 60_000 * (n % 2)));
    let busy = (100..140).map(|n| event(n, 200_000 + n));
    let mut new: Vec<Event> = new.chain(busy.clone()).collect();
    old.extend(busy.filter(|event| event.seq % 2 == 0));
    new.extend((200..205).map(|n| event(n, midnight + 7_200_000)));
    (old, new)
}

#[test]
fn days_are_archived_once_due_and_only_then_deleted() {
    let (old, new) = traffic();
    let world = World::new(&old, &new, 10);
    let first_end = Day::of(START).end_ms();
    assert_eq!(world.step(first_end + MIN_SEGMENT_AGE_MS - 1), Ok(ArchiveStep::Idle));
    world.prune(LATE);
    assert!(world.old.count("segments") > 0, "nothing is archived yet");
    world.run(first_end + MIN_SEGMENT_AGE_MS);
    assert_eq!(world.manifests().len(), 1, "the second day is not due");
    world.run(LATE);
    assert_eq!(world.manifests().iter().map(|manifest| manifest.rows > 0).collect::<Vec<_>>(), [true, true, false]);
    assert_eq!(world.archived(), digests(&[&old, &new]));
    world.nothing_is_left();
    let days = block_on(ArchiveDays::new(world.new.clone()).list(Day(1 << 32), 10)).unwrap();
    let listed: Vec<_> = days.iter().map(|day| (day.day.as_str(), day.state)).collect();
    assert_eq!(listed, ["2024-11-09", "2024-11-08", "2024-11-07"].map(|day| (day, ArchiveProgress::Done)));
    let state = |day: Day| block_on(ArchiveDays::new(world.new.clone()).state_of(day)).unwrap();
    let first = Day::of(START);
    let around = [Day(first.0 - 1), first, Day(first.0 + 3)].map(state);
    assert_eq!(
        around,
        [None, Some(ArchiveProgress::Done), Some(ArchiveProgress::Waiting)],
        "before, in and after the archive"
    );
    let manifests = world.manifests();
    let twins: u64 = manifests.iter().flat_map(|manifest| &manifest.parts).map(|part| part.twins).sum();
    assert_eq!(twins, (old.len() + new.len() - digests(&[&old, &new]).len()) as u64);
    assert_eq!(days.iter().map(|day| day.twins).sum::<u64>(), twins);
    assert!(manifests[0].parts.iter().any(|part| part.slices > 1), "a busy window is cut");
    assert_eq!(world.step(LATE), Ok(ArchiveStep::Idle));
}

#[test]
fn interrupted_at_every_call_and_repeated_it_gives_each_event_once() {
    let (old, new) = traffic();
    let whole = World::new(&old, &new, 10);
    whole.run(LATE);
    let calls = whole.fates.calls.get();
    assert!(calls > 60);
    for fate in [Fate::Fails, Fate::FailsAfterPersisting] {
        for at in 0..calls {
            let world = World::new(&old, &new, 10);
            world.fates.of.borrow_mut().insert(at, fate);
            assert_eq!(world.run(LATE), 1, "{fate:?} at {at}");
            assert_eq!(world.archived(), digests(&[&old, &new]), "{fate:?} at {at}");
            assert_eq!(*world.files.files.borrow(), *whole.files.files.borrow(), "{fate:?} at {at}");
            world.nothing_is_left();
        }
    }
}

#[test]
fn a_part_that_is_not_as_it_was_written_has_its_day_written_anew() {
    let (old, new) = traffic();
    for damage in [None, Some(b"something else".to_vec())] {
        let world = World::new(&old, &new, 10);
        let name = Day::of(START).part_name(1);
        while !world.files.files.borrow().contains_key(&Day::of(START).part_name(2)) {
            world.step(LATE).unwrap();
        }
        match damage {
            None => drop(world.files.files.borrow_mut().remove(&name)),
            Some(bytes) => drop(world.files.files.borrow_mut().insert(name, bytes)),
        }
        assert_eq!(world.run(LATE), 1);
        assert_eq!(world.archived(), digests(&[&old, &new]));
        world.nothing_is_left();
    }
}

#[test]
fn days_that_a_restored_database_has_forgotten_stay_in_the_archive_as_they_are() {
    let (old, new) = traffic();
    // Before anything was archived, and in the middle of the first day.
    for steps in [0, 3] {
        let world = World::new(&old, &new, 10);
        (0..steps).for_each(|_| assert!(world.step(LATE).is_ok()));
        let earlier = world.new.copy();
        world.run(LATE);
        let archive = world.files.files.borrow().clone();
        world.nothing_is_left();
        world.new.restore(&earlier);
        assert!(world.new.count("segments") > 0 && world.old.count("segments") == 0);
        assert_eq!(world.run(LATE), 0);
        assert_eq!(*world.files.files.borrow(), archive);
        assert_eq!(world.archived(), digests(&[&old, &new]));
        world.nothing_is_left();
        // A damaged part is not replaced by the half that is left.
        world.new.restore(&earlier);
        let name = Day::of(START).part_name(1);
        world.files.files.borrow_mut().insert(name.clone(), Vec::new());
        let refused = (0..4).find_map(|_| world.step(LATE).err()).unwrap().to_string();
        assert!(refused.contains("put it back"), "{refused}");
        let damaged = archive.keys().filter(|file| world.files.files.borrow()[*file] != archive[*file]).count();
        assert_eq!(damaged, 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn whatever_fails_however_often_each_event_is_in_the_archive_once(
        events in prop::collection::vec((0u64..8_000, 0u64..3, 1u8..4), 1..80),
        fates in prop::collection::btree_map(0usize..400, any::<bool>(), 0..60),
        part_events in 1u64..30,
    ) {
        // Around midnight, so that both days have some; copies in the other store up to a window away.
        let near = 67_200_000 - 4_000 * 60;
        let copies: Vec<(Event, Event, u8)> = (0..).zip(&events).map(|(n, (place, shift, stores))| {
            let ms = near + place * 60;
            (event(n, ms), event(n, ms + shift * 60_000 - 60_000), *stores)
        }).collect();
        let old: Vec<Event> = copies.iter().filter(|(_, _, stores)| stores & 1 != 0).map(|(e, _, _)| e.clone()).collect();
        let new: Vec<Event> = copies.iter().filter(|(_, _, stores)| stores & 2 != 0).map(|(_, e, _)| e.clone()).collect();
        let world = World::new(&old, &new, part_events);
        let fate = |after: bool| if after { Fate::FailsAfterPersisting } else { Fate::Fails };
        *world.fates.of.borrow_mut() = fates.into_iter().map(|(at, after)| (at, fate(after))).collect();
        world.run(LATE);
        prop_assert_eq!(world.archived(), digests(&[&old, &new]));
        world.nothing_is_left();
    }

    #[test]
    fn two_runs_at_once_are_as_good_as_one(order in prop::collection::vec(0usize..2, 0..600)) {
        let (old, new) = traffic();
        let world = World::new(&old, &new, 10);
        let run = || -> Pin<Box<dyn Future<Output = ()> + '_>> {
            Box::pin(async {
                for _ in 0..40 {
                    world.cron(LATE).await.unwrap();
                    world.prune(LATE);
                }
            })
        };
        interleave(vec![run(), run()], &order);
        world.run(LATE);
        prop_assert_eq!(world.archived(), digests(&[&old, &new]));
        world.nothing_is_left();
    }
}
