//! One flush by itself, over writes that behave as they are told.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;

use flow::collecting::flush::{FlushPlatform, flush};
use flow::collecting::write_path::WritePath;
use flow::isolate::BufferedEvent;
use flow::port::Failure;
use futures_util::future::{Either, select};
use model::delivery::bounds::{Bounds, FLUSH_MS, LANES};
use model::event::identity::Digest;
use model::event::message::EncodedEvent;
use model::event::{Cohort, Event};
use model::flag::route::Destinations;
use proptest::prelude::*;
use sim::world::random::Random;
use sim::world::tasks::Tasks;
use sim::world::time::Time;

fn example() -> Event {
    let text = r#"{"idempotentId":"1730956800000-0a1b2c3d","digest":"0a1b2c3d4e5f6071","timestamp":1730956800123,
        "path":"/api/users","method":"GET","status":200,"responseTime":12,"clientIpHash":"0000000000000001",
        "cohort":"single","flagVersion":3,"producer":"0000000000000002","seq":4,"write":4,"fellBack":false}"#;
    serde_json::from_str(text).unwrap()
}

/// How one write behaves: after how many ms it ends, if ever, and whether well.
type Behaviour = (Option<u64>, bool);

struct World {
    time: Rc<Time>,
    counts: RefCell<BTreeMap<&'static str, usize>>,
    /// What was written: path, number and cohort of each event; of a dual one that fell back, that of fallbacks.
    written: RefCell<Vec<(WritePath, u32, Cohort)>>,
    /// Numbers of the events that were logged whole.
    logged_lost: RefCell<Vec<u32>>,
    calls: RefCell<Vec<WritePath>>,
    under_way: Cell<usize>,
    most_under_way: Cell<usize>,
    behave: Box<dyn Fn(WritePath, usize) -> Behaviour>,
}

struct UnderWay<'a>(&'a World);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.set(self.0.under_way.get() - 1);
    }
}

impl FlushPlatform for World {
    async fn write(&self, path: WritePath, events: &[Rc<EncodedEvent>], message: String) -> Result<(), Failure> {
        self.under_way.set(self.under_way.get() + 1);
        self.most_under_way.set(self.most_under_way.get().max(self.under_way.get()));
        let _under_way = UnderWay(self);
        let call = self.calls.borrow().len();
        self.calls.borrow_mut().push(path);
        assert!(events.iter().all(|event| message.contains(event.text())));
        let (ends_after_ms, well) = (self.behave)(path, call);
        match ends_after_ms {
            Some(ms) => self.sleep_ms(ms).await,
            None => std::future::pending().await,
        }
        if !well {
            return Err("made to fail".into());
        }
        let cohort = |event: &Event| if event.is_fallback() { Cohort::Fallback } else { event.cohort };
        let of = |written: &Rc<EncodedEvent>| (path, written.event().seq, cohort(written.event()));
        self.written.borrow_mut().extend(events.iter().map(of));
        Ok(())
    }

    fn sleep_ms(&self, ms: u64) -> impl Future<Output = ()> {
        self.time.sleep_ms(ms)
    }

    fn now_ms(&self) -> u64 {
        self.time.now_ms()
    }

    fn count(&self, name: &'static str, events: usize) {
        *self.counts.borrow_mut().entry(name).or_default() += events;
    }

    fn log(&self, _: &str) {}

    fn log_error(&self, line: &str) {
        if let Some((_, rest)) = line.split_once("event lost: ") {
            let event: Event = serde_json::from_str(&rest[rest.find('{').unwrap()..]).unwrap();
            self.logged_lost.borrow_mut().push(event.seq);
        }
    }
}

impl World {
    fn new(behave: impl Fn(WritePath, usize) -> Behaviour + 'static) -> Self {
        Self {
            time: Time::starting_at(1_000_000),
            counts: RefCell::default(),
            written: RefCell::default(),
            logged_lost: RefCell::default(),
            calls: RefCell::default(),
            under_way: Cell::new(0),
            most_under_way: Cell::new(0),
            behave: Box::new(behave),
        }
    }

    /// Runs a future for at most `ms`; returns whether it ended.
    fn run(&self, future: impl Future<Output = ()>, ms: u64) -> bool {
        let tasks = Tasks::new(self.time.clone(), Random::new(0));
        matches!(tasks.run(select(pin!(future), self.time.sleep_ms(ms))), Either::Left(_))
    }

    fn count_of(&self, name: &str) -> usize {
        self.counts.borrow().get(name).copied().unwrap_or_default()
    }

    fn calls_of(&self, path: WritePath) -> usize {
        self.calls.borrow().iter().filter(|call| **call == path).count()
    }

    /// How often each event was written by a path.
    fn times(&self, path: WritePath, cohort: Cohort) -> BTreeMap<u32, usize> {
        let mut times = BTreeMap::new();
        for (_, seq, _) in self.written.borrow().iter().filter(|(by, _, as_of)| (*by, *as_of) == (path, cohort)) {
            *times.entry(*seq).or_default() += 1;
        }
        times
    }

    /// Holds that each delivery ended in exactly one way, and that the counters say so.
    fn adds_up(&self, deliveries: &[BufferedEvent]) {
        let count = |names: [&str; 2]| names.iter().map(|name| self.count_of(name)).sum::<usize>();
        let meant = |handed: &&BufferedEvent| usize::from(handed.to.collector) + usize::from(handed.to.queue);
        let deliveries_of_all: usize = deliveries.iter().map(|handed| meant(&handed)).sum();
        let tried = count(["do_record_tried", "queue_send_tried"]);
        let failed = count(["do_record_failed", "queue_send_failed"]);
        let (fallback, lost) = (self.count_of("fallback"), self.count_of("lost"));
        assert_eq!(tried, deliveries_of_all + fallback, "{:?}", self.counts);
        assert_eq!(failed, fallback + lost, "{:?}", self.counts);
        assert_eq!(self.written.borrow().len() + lost, deliveries_of_all, "{:?}", self.counts);
        assert_eq!(self.logged_lost.borrow().len(), lost);
        // By event: as many copies written and lost as it had destinations, and none twice by one path as one cohort.
        for handed in deliveries {
            let seq = handed.event.event().seq;
            let written = self.written.borrow().iter().filter(|(_, of, _)| *of == seq).count();
            let lost = self.logged_lost.borrow().iter().filter(|of| **of == seq).count();
            assert_eq!(written + lost, meant(&handed), "{seq}");
        }
        for path in [WritePath::Old, WritePath::New] {
            for cohort in Cohort::ALL {
                assert!(self.times(path, cohort).values().all(|times| *times == 1));
            }
        }
    }
}

fn handed(seq: u32, to: Destinations) -> BufferedEvent {
    let digest = Digest::of("192.0.2.1", "/", &seq.to_string());
    let event = Event { seq, digest, cohort: to.cohort, ..example() };
    BufferedEvent { event: Rc::new(EncodedEvent::of(event).unwrap()), to }
}

fn all(events: u32, to: Destinations) -> Vec<BufferedEvent> {
    (0..events).map(|seq| handed(seq, to)).collect()
}

fn bounds(shards: u64) -> Bounds {
    let write_ms = Bounds::longest_write_ms(shards, 100).min(2_000);
    Bounds { shards, write_ms, flush_ms: FLUSH_MS, log_events: false }
}

/// Flushes; returns how long it took, in ms.
fn flushed(world: &World, bounds: Bounds, events: &[BufferedEvent]) -> u64 {
    let began = world.time.now_ms();
    assert!(world.run(flush(world, bounds, events.to_vec()), FLUSH_MS), "it did not end");
    world.adds_up(events);
    world.time.now_ms() - began
}

const QUICK: Behaviour = (Some(20), true);
const HANGS: Behaviour = (None, true);

#[test]
fn two_hundred_objects_that_are_all_two_seconds_late_cost_one_deadline_and_every_event_goes_to_the_queue() {
    let events = all(100, Destinations::OLD);
    let late = |path, _| if path == WritePath::Old { (Some(2_000), true) } else { QUICK };
    let world = World::new(late);
    let took_ms = flushed(&world, bounds(200), &events);
    assert!(took_ms < 2_000, "{took_ms}");
    assert_eq!(world.times(WritePath::New, Cohort::Fallback).len(), 100);
    assert_eq!(world.calls_of(WritePath::Old), LANES, "the others were not tried");
    assert!(world.calls_of(WritePath::New) <= 2, "those that failed together fall back together");
    // With time for it, they are all written where they were meant to be, or by the queue: not one after another.
    for write_ms in [2_001, 4_000, 8_000] {
        let world = World::new(late);
        let took_ms = flushed(&world, Bounds { write_ms, ..bounds(200) }, &events);
        assert!(took_ms <= FLUSH_MS, "{took_ms}");
        assert_eq!(world.count_of("lost"), 0, "{write_ms}");
    }
}

#[test]
fn objects_that_use_up_their_deadline_each_are_all_tried_and_what_fails_still_falls_back() {
    // Every second one is late; the others take nearly as long as they may.
    let world = World::new(|path, call| match path {
        WritePath::Old if call % 2 == 0 => HANGS,
        WritePath::Old => (Some(1_300), true),
        WritePath::New => QUICK,
    });
    let took_ms = flushed(&world, bounds(200), &all(100, Destinations::OLD));
    assert!(took_ms <= FLUSH_MS && world.count_of("lost") == 0, "{took_ms}");
    assert!(world.calls_of(WritePath::Old) > 70);
}

#[test]
fn parts_are_written_at_once_but_never_more_than_the_platform_connects() {
    let world = World::new(|_, _| (Some(100), true));
    let took_ms = flushed(&world, bounds(200), &all(100, Destinations::BOTH));
    let parts = world.calls.borrow().len() as u64;
    assert!((60..110).contains(&parts), "{parts}");
    assert!(took_ms <= (parts / 6 + 2) * 100, "{took_ms}");
    assert_eq!((world.most_under_way.get(), world.count_of("fallback")), (LANES, 0));
}

#[test]
fn when_both_paths_hang_the_flush_ends_at_its_deadline_and_every_event_is_lost_by_name() {
    for (shards, to) in [(1, Destinations::OLD), (1, Destinations::BOTH), (200, Destinations::NEW)] {
        let world = World::new(|_, _| HANGS);
        let events = all(100, to);
        let took_ms = flushed(&world, bounds(shards), &events);
        assert!(took_ms <= FLUSH_MS, "{took_ms}");
        assert_eq!(world.written.borrow().len(), 0);
        let unique: std::collections::BTreeSet<u32> = world.logged_lost.borrow().iter().copied().collect();
        assert_eq!(unique.len(), 100);
    }
}

#[test]
fn an_event_that_was_meant_for_both_stays_so_when_it_falls_back() {
    let copy = |cohort| Event { cohort, ..example() }.as_fallback();
    let ways = Cohort::ALL.map(|cohort| (copy(cohort).cohort, copy(cohort).fell_back, copy(cohort).is_fallback()));
    assert_eq!(ways, [(Cohort::Fallback, false, true), (Cohort::Dual, true, true), (Cohort::Fallback, false, true)]);
}

#[test]
fn a_flush_that_is_dropped_counts_what_it_had_left() {
    for after_ms in [0, 1_000, 2_500, 5_000] {
        let world = World::new(|_, _| HANGS);
        let events = all(100, Destinations::BOTH);
        assert!(!world.run(flush(&world, bounds(200), events.clone()), after_ms));
        world.adds_up(&events);
        assert_eq!(world.count_of("lost"), 200);
    }
}

#[test]
fn a_message_that_fails_falls_back_to_each_object_and_sends_that_hang_keep_their_connections() {
    let world = World::new(|path, _| if path == WritePath::New { HANGS } else { (Some(100), true) });
    flushed(&world, bounds(16), &all(150, Destinations::NEW));
    assert_eq!(world.times(WritePath::Old, Cohort::Fallback).len(), 150);
    let sends = world.calls_of(WritePath::New);
    assert!(sends >= 1 && world.most_under_way.get() <= LANES - sends, "{sends}");
}

#[test]
fn with_a_short_time_left_all_first_tries_go_the_other_way_or_are_lost_and_none_is_forgotten() {
    for flush_ms in [0, 1, 500, 2_000, 3_999] {
        let world = World::new(|path, _| if path == WritePath::Old { HANGS } else { QUICK });
        let took_ms = flushed(&world, Bounds { flush_ms, ..bounds(1) }, &all(10, Destinations::OLD));
        assert!(took_ms <= flush_ms + 1, "{took_ms}");
    }
}

fn behaviour() -> impl Strategy<Value = Behaviour> {
    (prop_oneof![4 => (0u64..400).prop_map(Some), 3 => (400u64..9_000).prop_map(Some), 1 => Just(None)], any::<bool>())
}

proptest! {
    #[test]
    fn every_delivery_ends_in_one_way_and_the_counters_add_up_whatever_fails_and_whenever_it_is_dropped(
        to in prop::collection::vec(0usize..3, 1..150),
        shards in 1u64..=256,
        behaviours in prop::collection::vec(behaviour(), 1..40),
        write_ms in 10u64..13_000,
        dropped_after_ms in prop::option::of(0u64..30_000),
    ) {
        let to = to.iter().map(|to| [Destinations::OLD, Destinations::NEW, Destinations::BOTH][*to]);
        let events: Vec<BufferedEvent> = (0..).zip(to).map(|(seq, to)| handed(seq, to)).collect();
        let world = World::new(move |_, call| behaviours[call % behaviours.len()]);
        let bounds = Bounds { write_ms, ..bounds(shards) };
        let ended = world.run(flush(&world, bounds, events.clone()), dropped_after_ms.unwrap_or(FLUSH_MS));
        prop_assert!(ended || dropped_after_ms.is_some());
        world.adds_up(&events);
        prop_assert!(world.most_under_way.get() <= LANES);
    }
}
