//! The made-up platform keeps the laws of the real one: a fake that is kinder than it would prove nothing.
#![allow(missing_docs, clippy::unwrap_used)]

use std::rc::Rc;

use sim::world::trouble::{Fault, Port, Trouble};
use sim::world::{Body, KvLaws, QueueLaws, World};
use store::sql::{Database, Sql, Statement};

#[test]
fn kv_shows_a_place_what_it_saw_for_a_minute_and_its_own_writes_at_once() {
    let world = World::new(1);
    let (here, there) = (world.isolate(), world.isolate_at(0, 1));
    let get = |isolate: &sim::world::Isolate| world.run(isolate.app.ports.kv.get("k")).unwrap();
    assert_eq!(get(&there), None);
    world.run(here.app.ports.kv.put("k", "1")).unwrap();
    assert_eq!((get(&here).as_deref(), get(&there)), (Some("1"), None));
    world.pass_ms(60_000);
    assert_eq!((get(&here).as_deref(), get(&there).as_deref()), (Some("1"), Some("1")));
    world.run(there.app.ports.kv.delete("k")).unwrap();
    assert_eq!((get(&here).as_deref(), get(&there)), (Some("1"), None));
}

#[test]
fn kv_takes_one_write_a_second_of_a_key_and_so_many_a_day() {
    let world = World::new(2);
    let isolate = world.isolate();
    let put = |key| world.run(isolate.app.ports.kv.put(key, "x"));
    put("a").unwrap();
    assert!(put("a").unwrap_err().to_string().contains("429"));
    put("b").unwrap();
    world.pass_ms(1_000);
    put("a").unwrap();
    world.kv_laws(KvLaws { writes_a_day: 3, ..KvLaws::default() });
    put("c").unwrap_err();
    world.pass_ms(24 * 3_600_000);
    put("c").unwrap();
    assert_eq!(world.run(isolate.app.ports.kv.list("")).unwrap(), ["a", "b", "c"]);
}

#[test]
fn a_queue_keeps_a_message_so_long_and_tries_it_so_often() {
    let world = World::new(3);
    world.queue_laws(QueueLaws { retention_ms: 3_600_000, ..QueueLaws::default() });
    world.break_all(&Port::D1, Fault::Fails);
    world.send(Body::Text(r#"{"v":1,"events":["unreadable"]}"#.into()));
    world.pass_ms(60_000);
    assert_eq!((world.queued().len(), world.queued()[0].attempts), (1, 3));
    world.pass_ms(240_000);
    assert_eq!((world.queued().len(), world.in_slow_lane().len()), (0, 1), "after three retries");
    world.pass_ms(2 * 3_600_000);
    assert_eq!((world.in_slow_lane().len(), world.dropped().len()), (0, 1));
    let isolate = world.isolate();
    let long = "x".repeat(128_001);
    world.run(isolate.app.ports.queues.send(&long)).unwrap_err();
}

#[test]
fn what_nobody_waits_for_any_more_may_still_take_effect() {
    let world = World::new(4);
    let isolate = world.isolate();
    world.trouble(Trouble::new(Port::KvPut, Fault::Slow(5_000)));
    let put = isolate.app.ports.kv.put("k", "late");
    assert!(world.run(isolate.app.within_ms(1_000, put)).is_none());
    assert_eq!(world.kv_text("k"), None);
    world.pass_ms(10_000);
    assert_eq!(world.kv_text("k").as_deref(), Some("late"));
}

#[test]
fn each_fault_does_what_it_says() {
    for (fault, is_done, answers) in [
        (Fault::Fails, false, true),
        (Fault::FailsAfterPersisting, true, true),
        (Fault::Hangs, false, false),
        (Fault::HangsAfterPersisting, true, false),
    ] {
        let world = World::new(5);
        let isolate = world.isolate();
        world.trouble(Trouble::new(Port::D1Write, fault));
        let database: Database = isolate.app.ports.new_store.database().unwrap();
        let insert = Statement::new("INSERT INTO flags (version, changed_at, document) VALUES (1, 1, '{}')", []);
        let outcome = world.run(isolate.app.within_ms(1_000, database.batch(vec![insert])));
        assert_eq!((world.d1().count("flags") == 1, outcome.is_some()), (is_done, answers), "{fault:?}");
        assert!(outcome.is_none_or(|outcome| outcome.is_err()));
    }
    let world = World::new(6);
    world.trouble(Trouble::new(Port::KvGet, Fault::Fails).named("b").between(rig::START + 1_000, rig::START + 2_000));
    let isolate = world.isolate();
    let fails = |key| world.run(isolate.app.ports.kv.get(key)).is_err();
    assert!(!fails("b"));
    world.pass_ms(1_000);
    assert!(fails("b") && fails("bc") && !fails("a"));
    world.pass_ms(1_000);
    assert!(!fails("b"));
}

#[test]
fn an_isolate_that_has_ended_does_nothing_more() {
    let world = World::new(7);
    let isolate = world.isolate();
    let (time, kv) = (world.time.clone(), isolate.app.ports.kv.clone());
    isolate.spawn(async move {
        time.sleep_ms(100).await;
        drop(kv.put("k", "x").await);
    });
    world.pass_ms(50);
    isolate.kill();
    world.pass_ms(1_000);
    assert_eq!(world.kv_text("k"), None);
    isolate.spawn(async { unreachable!("it has ended") });
    world.pass_ms(1_000);
}

#[test]
fn work_after_a_response_is_ended_after_thirty_seconds_and_that_is_counted() {
    let world = World::new(8);
    let isolate = world.isolate();
    let held = Rc::new(());
    let inside = held.clone();
    isolate.spawn(async move {
        std::future::pending::<()>().await;
        drop(inside);
    });
    world.pass_ms(29_000);
    assert_eq!((world.overran(), Rc::strong_count(&held)), (0, 2));
    world.pass_ms(2_000);
    assert_eq!((world.overran(), Rc::strong_count(&held)), (1, 1));
}

#[test]
fn a_world_that_is_dropped_leaves_nothing_behind() {
    let world = World::new(9);
    world.start_cron();
    world.pass_ms(130_000);
    let time = Rc::downgrade(&world.time);
    drop(world);
    assert_eq!(time.strong_count(), 0);
}

#[test]
fn a_copy_of_a_database_is_what_it_was_then() {
    let world = World::new(10);
    let sqlite = world.d1().clone();
    let insert = |version: u64| {
        Statement::new("INSERT INTO flags (version, changed_at, document) VALUES (?1, 1, '{}')", [version.into()])
    };
    world.run(sqlite.batch(vec![insert(1)])).unwrap();
    let earlier = sqlite.copy();
    world.run(sqlite.batch(vec![insert(2)])).unwrap();
    assert_eq!(sqlite.dump("flags").len(), 2);
    sqlite.restore(&earlier);
    assert_eq!(sqlite.dump("flags"), ["INSERT INTO flags (version, document, changed_at) VALUES (1, '{}', 1);"]);
}
