//! From an observed request to a written event: modes, repeats, fallbacks, keys.

use std::collections::BTreeSet;

use flow::collecting::collect::ObservedRequest;
use flow::flag::orders;
use model::event::Cohort;
use model::event::address::{self, ClientIpHash};
use sim::world::World;
use sim::world::trouble::{Fault, Port, Trouble};

use crate::support::{DUAL, QUEUE, counts, drain, request, serve, set_flag, stats, stored, total};

#[test]
fn without_a_flag_every_request_goes_to_the_object_and_is_counted() {
    let world = World::new(1);
    serve(&world, &world.isolate(), 0..30);
    drain(&world);
    assert_eq!((counts(&world), total(&world)), ((30, 0), 30));
    let event = &stored(&world, "old")[0];
    assert_eq!((event.cohort, event.flag_version, event.fell_back), (Cohort::Single, 0, false));
}

#[test]
fn each_mode_writes_where_it_says_and_counts_each_request_once() {
    for (rule, expected) in [
        (r#"{"mode":"do-only"}"#, (200, 0)),
        (DUAL, (200, 200)),
        (QUEUE, (0, 200)),
        (r#"{"mode":"dual-write","samplePpm":0,"queuePpm":1000000}"#, (0, 200)),
    ] {
        let world = World::new(2);
        set_flag(&world, rule);
        serve(&world, &world.isolate(), 0..200);
        drain(&world);
        assert_eq!((counts(&world), total(&world)), (expected, 200), "{rule}");
    }
}

#[test]
fn a_sample_goes_to_both_and_the_rest_is_shared_out() {
    let world = World::new(3);
    set_flag(&world, r#"{"mode":"dual-write","samplePpm":200000,"queuePpm":500000}"#);
    serve(&world, &world.isolate(), 0..400);
    drain(&world);
    let (old, new) = (stored(&world, "old"), stored(&world, "new"));
    let dual = old.iter().filter(|event| event.cohort == Cohort::Dual).count();
    assert!((40..130).contains(&dual) && old.len() - dual > 80 && new.len() - dual > 80, "{dual} {}", old.len());
    assert_eq!((old.len() + new.len() - dual, total(&world)), (400, 400));
    let stats = stats(&world);
    assert_eq!(stats["stores"]["both"], dual);
}

#[test]
fn an_override_holds_for_its_routes_alone() {
    let world = World::new(4);
    set_flag(&world, r#"{"mode":"do-only","overrides":[{"path":"/api/users","mode":"queue-only"}]}"#);
    serve(&world, &world.isolate(), 0..60);
    drain(&world);
    assert_eq!(counts(&world), (40, 20));
    assert!(stored(&world, "new").iter().all(|event| event.path == "/api/users"));
}

#[test]
fn a_repeat_within_the_window_is_counted_once_on_each_path_and_across_paths() {
    for rule in [r#"{"mode":"do-only"}"#, DUAL, QUEUE] {
        let world = World::new(5);
        set_flag(&world, rule);
        let (one, other) = (world.isolate(), world.isolate());
        serve(&world, &one, 0..10);
        serve(&world, &other, 0..10);
        drain(&world);
        assert_eq!(total(&world), 10, "{rule}");
    }
    // One copy goes to the object, the repeat to the queue.
    let world = World::new(6);
    serve(&world, &world.isolate(), 0..10);
    world.pass_ms(1_000);
    world.kv_put("collector", r#"{"schema":1,"version":1,"mode":"queue-only"}"#);
    serve(&world, &world.isolate(), 0..10);
    drain(&world);
    assert_eq!((counts(&world), total(&world)), ((10, 10), 10));
}

#[test]
fn an_object_that_is_away_makes_the_queue_take_its_events_and_the_other_way_round() {
    for (rule, port, expected) in [(r#"{"mode":"do-only"}"#, Port::Ask, (0, 50)), (QUEUE, Port::Send, (50, 0))] {
        for fault in [Fault::Fails, Fault::Hangs, Fault::Slow(60_000)] {
            let world = World::new(7);
            set_flag(&world, rule);
            let isolate = world.isolate();
            serve(&world, &isolate, 0..1);
            drain(&world);
            world.trouble(Trouble::new(port, fault));
            serve(&world, &isolate, 1..51);
            drain(&world);
            world.calm();
            assert_eq!(total(&world), 51, "{port:?} {fault:?}");
            // What was only slow arrived after all, as a repeat.
            world.pass_ms(60_000);
            assert_eq!(total(&world), 51, "{port:?} {fault:?}");
            assert_eq!((world.counted("fallback"), world.counted("lost")), (50, 0));
            let fallbacks: Vec<_> = [stored(&world, "old"), stored(&world, "new")].concat();
            let fallbacks = fallbacks.iter().filter(|event| event.cohort == Cohort::Fallback).count();
            assert_eq!(fallbacks, expected.0 + expected.1);
        }
    }
}

#[test]
fn a_write_that_failed_after_it_was_done_is_counted_once() {
    for (rule, port) in
        [(r#"{"mode":"do-only"}"#, Port::Ask), (QUEUE, Port::Send), (DUAL, Port::Ask), (DUAL, Port::Send)]
    {
        for fault in [Fault::FailsAfterPersisting, Fault::HangsAfterPersisting] {
            let world = World::new(8);
            set_flag(&world, rule);
            let isolate = world.isolate();
            serve(&world, &isolate, 0..1);
            drain(&world);
            world.trouble(Trouble::new(port, fault));
            serve(&world, &isolate, 1..40);
            drain(&world);
            world.calm();
            assert_eq!((total(&world), world.counted("lost")), (40, 0), "{rule} {port:?} {fault:?}");
        }
    }
}

#[test]
fn what_neither_path_takes_is_counted_as_lost_and_logged_whole() {
    let world = World::new(9);
    let isolate = world.isolate();
    serve(&world, &isolate, 0..1);
    drain(&world);
    world.break_all(&[Port::Ask, Port::Send], Fault::Fails);
    serve(&world, &isolate, 1..21);
    drain(&world);
    assert_eq!((world.counted("lost"), world.lines("event lost").len()), (20, 20));
    let line = &world.lines("event lost")[0];
    let whole: model::event::Event = serde_json::from_str(&line[line.find('{').unwrap()..]).unwrap();
    assert_eq!(whole.producer, isolate.app.isolate.name);
    world.calm();
    assert_eq!(total(&world), 1);
}

#[test]
fn hanging_paths_are_given_up_before_the_platform_ends_the_work() {
    let world = World::with(10, &[("LINGER_MS", "4000"), ("SEND_DEADLINE_MS", "12500")]);
    let isolate = world.isolate();
    serve(&world, &isolate, 0..1);
    drain(&world);
    world.break_all(&[Port::Ask, Port::Send], Fault::Hangs);
    // The flag and the key are to be read again first, too.
    world.break_all(&Port::KV, Fault::Hangs);
    world.pass_ms(24 * 3_600_000);
    serve(&world, &isolate, 1..11);
    world.pass_ms(60_000);
    assert_eq!((world.counted("lost"), world.overran()), (10, 0));
}

#[test]
fn while_the_number_of_objects_can_not_be_told_the_queue_takes_all() {
    let world = World::with(11, &[("COLLECTOR_SHARDS", "4")]);
    world.trouble(Trouble::new(Port::Ask, Fault::Fails).named("default"));
    let isolate = world.isolate();
    serve(&world, &isolate, 0..20);
    drain(&world);
    assert_eq!(world.object_names(), ["default"], "no object was guessed");
    world.calm();
    serve(&world, &isolate, 20..120);
    drain(&world);
    let (old, new) = counts(&world);
    assert_eq!((new, old, total(&world)), (20, 100, 120));
    assert!(world.object_names().len() > 4, "{:?}", world.object_names());
}

#[test]
fn another_number_of_objects_than_the_recorded_one_is_refused_and_said() {
    let world = World::with(12, &[("COLLECTOR_SHARDS", "2")]);
    serve(&world, &world.isolate(), 0..40);
    world.settings.borrow_mut().insert("COLLECTOR_SHARDS".into(), "5".into());
    let later = world.isolate();
    serve(&world, &later, 40..80);
    drain(&world);
    assert_eq!((counts(&world), total(&world)), ((80, 0), 80));
    assert_eq!(world.object_names().iter().filter(|name| *name != "default").count(), 2);
    assert_eq!(later.app.counts()["setting_invalid"], 1);
    assert!(!world.lines("COLLECTOR_SHARDS").is_empty());
}

#[test]
fn addresses_are_hashed_under_the_key_of_their_day_which_all_isolates_share() {
    let world = World::new(13);
    let hash_of = |isolate: &sim::world::Isolate, number| {
        let ObservedRequest { path, .. } = request(isolate, number);
        isolate.serve(ObservedRequest { address: Some("192.0.2.77".into()), ..request(isolate, number) });
        drain(&world);
        let events = stored(&world, "old");
        events.iter().filter(|event| event.path == path).max_by_key(|event| event.timestamp).unwrap().client_ip_hash
    };
    let (one, other) = (world.isolate(), world.isolate());
    let today = hash_of(&one, 0);
    assert_eq!(hash_of(&other, 3), today);
    world.pass_ms(24 * 3_600_000);
    assert_ne!(hash_of(&one, 6), today, "a key lives for a day");
    // An isolate that can't have the key uses one of its own, and asks again.
    world.trouble(Trouble::new(Port::Ask, Fault::Fails).named("default"));
    let third = world.isolate();
    third.serve(request(&third, 9));
    drain(&world);
    assert_eq!(third.app.counts()["address_key_unavailable"], 1);
    world.calm();
    world.pass_ms(31_000);
    assert_eq!(hash_of(&third, 12), hash_of(&one, 15));
}

#[test]
fn the_plain_hash_asks_nobody_for_a_key() {
    let world = World::with(14, &[("ADDRESS_HASH", "plain")]);
    let isolate = world.isolate();
    isolate.serve(ObservedRequest { address: None, ..request(&isolate, 0) });
    drain(&world);
    let unknown = ClientIpHash::plain(address::UNKNOWN);
    assert_eq!(stored(&world, "old")[0].client_ip_hash, unknown);
}

#[test]
fn a_request_without_a_ray_is_its_own_and_odd_ones_are_counted_all_the_same() {
    let world = World::new(15);
    let isolate = world.isolate();
    for _ in 0..3 {
        isolate.serve(ObservedRequest {
            request_id: None,
            status: 7,
            method: "X".repeat(50),
            path: "/%ff".into(),
            ..request(&isolate, 0)
        });
    }
    drain(&world);
    assert_eq!(total(&world), 3);
    let event = &stored(&world, "old")[0];
    assert_eq!((event.status, event.method.len()), (100, 20));
    assert_eq!(isolate.app.counts()["path_odd"], 3);
    // A time for which there is no ID is no event.
    isolate.serve(ObservedRequest { started_ms: u64::MAX, ..request(&isolate, 1) });
    drain(&world);
    assert_eq!((isolate.app.counts()["id_invalid"], total(&world)), (1, 3));
}

#[test]
fn without_randomness_it_is_said_loudly_and_counting_goes_on() {
    let world = World::new(16);
    world.trouble(Trouble::new(Port::Randomness, Fault::Fails));
    let isolate = world.isolate();
    let other = world.isolate();
    for number in 0..3 {
        isolate.serve(ObservedRequest { request_id: None, ..request(&isolate, 0) });
        other.serve(ObservedRequest { request_id: None, ..request(&other, number) });
        world.pass_ms(20);
    }
    drain(&world);
    assert!(isolate.app.counts()["randomness_unavailable"] >= 2);
    assert!(!world.lines("Random bytes").is_empty());
    assert_eq!(total(&world), 6, "none absorbs another");
}

#[test]
fn without_randomness_no_address_is_hashed_under_a_key_that_others_can_guess() {
    let world = World::new(20);
    world.trouble(Trouble::new(Port::Randomness, Fault::Fails));
    serve(&world, &world.isolate(), 0..3);
    drain(&world);
    let hashes: BTreeSet<ClientIpHash> = stored(&world, "old").iter().map(|event| event.client_ip_hash).collect();
    assert_eq!(hashes, [ClientIpHash::plain(address::UNKNOWN)].into(), "of no address");
    assert_eq!(world.object("default").sqlite.count("address_keys"), 0);
    // As soon as there is randomness, the day gets its key.
    world.calm();
    let later = world.isolate();
    serve(&world, &later, 3..6);
    drain(&world);
    assert_eq!(world.object("default").sqlite.count("address_keys"), 1);
}

#[test]
fn without_randomness_a_stop_is_another_one_than_the_last() {
    let world = World::new(21);
    world.trouble(Trouble::new(Port::Randomness, Fault::Fails));
    let operator = world.isolate();
    let stop = || world.run(orders::stop(&operator.app, r#"{"updatedBy":"op","reason":"x"}"#)).unwrap();
    let first = stop();
    let body = format!(r#"{{"id":"{}","updatedBy":"op","reason":"x"}}"#, first.stop.id);
    world.run(orders::release(&operator.app, &body)).unwrap();
    let second = stop();
    assert!(second.stop.id != first.stop.id && second.stop.holds(), "{second:?}");
}

#[test]
fn a_full_buffer_is_written_at_once_by_whoever_fills_it() {
    let world = World::with(17, &[("FLUSH_EVENTS", "10"), ("LINGER_MS", "4000")]);
    let isolate = world.isolate();
    serve(&world, &isolate, 0..1);
    drain(&world);
    (1..26).for_each(|number| isolate.serve(request(&isolate, number)));
    world.pass_ms(100);
    assert_eq!(stored(&world, "old").len(), 21);
    drain(&world);
    let counts = isolate.app.counts();
    assert_eq!((counts["buffer_peak"], counts["flushed_events"], counts["flushes"]), (10, 26, 4));
    // The events of one flush name its first.
    let of_last = stored(&world, "old").into_iter().filter(|event| event.write == 21).count();
    assert_eq!(of_last, 5);
}

#[test]
fn each_event_is_logged_where_that_is_asked_for() {
    let world = World::with(18, &[("LOG_EVENTS", "true")]);
    set_flag(&world, DUAL);
    serve(&world, &world.isolate(), 0..3);
    drain(&world);
    for line in ["DO recorded: ", "Queue sent: ", "Consumed: "] {
        assert_eq!(world.lines(line).len(), 3, "{line}");
    }
    assert!(world.lines("192.0.2.").is_empty(), "no line has an address");
}

#[test]
fn events_that_an_isolate_held_when_it_ended_are_the_only_ones_missing() {
    let world = World::new(19);
    let isolate = world.isolate();
    serve(&world, &isolate, 0..20);
    drain(&world);
    (20..25).for_each(|number| isolate.serve(request(&isolate, number)));
    isolate.kill();
    serve(&world, &world.isolate(), 25..45);
    drain(&world);
    assert_eq!((total(&world), world.counted("lost")), (40, 0));
}
