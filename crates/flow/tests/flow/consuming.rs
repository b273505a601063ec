//! From a queue's message to D1: retries, the slow lane, dead letters, and what is done when nothing takes a message.

use model::event::{Event, MAX_AGE_MS, message};
use rig::START;
use sim::world::trouble::{Fault, Port, Trouble};
use sim::world::{Body, QueueLaws, World};

use crate::support::{QUEUE, drain, serve, set_flag, stats_of, stored};

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// Events of the collector, as messages.
fn messages(numbers: std::ops::Range<u64>, ms: u64) -> Vec<String> {
    numbers.flat_map(|number| message::write([rig::event(number, ms)]).unwrap()).collect()
}

fn send(world: &World, messages: Vec<String>) {
    for text in messages {
        world.send(Body::Text(text));
    }
}

#[test]
fn a_batch_is_stored_and_acknowledged_and_repeats_are_absorbed() {
    let world = World::new(1);
    world.queue_laws(QueueLaws { repeats_ppm: 500_000, ..QueueLaws::default() });
    send(&world, messages(0..250, 0));
    world.pass_ms(MINUTE_MS);
    assert_eq!((world.queued().len(), stored(&world, "new").len()), (0, 250));
    assert_eq!(world.counted("consumer_stored"), 250);
    assert!(world.counted("consumer_absorbed") > 50, "{}", world.counted("consumer_absorbed"));
    assert!(world.lines("Received 100 messages").len() >= 2);
}

#[test]
fn while_d1_is_away_messages_wait_in_the_slow_lane_and_are_applied_once_it_is_back() {
    for fault in [Fault::Fails, Fault::Hangs, Fault::FailsAfterPersisting] {
        let world = World::new(2);
        set_flag(&world, QUEUE);
        serve(&world, &world.isolate(), 0..100);
        drain(&world);
        let away_ms = world.now_ms();
        for port in Port::D1 {
            world.trouble(Trouble::new(port, fault).between(away_ms, away_ms + HOUR_MS));
        }
        serve(&world, &world.isolate(), 100..150);
        world.pass_ms(HOUR_MS / 2);
        assert!(!world.in_slow_lane().is_empty() && world.queued().is_empty(), "{fault:?}");
        assert!(world.counted("slow_lane_retried") > 0);
        serve(&world, &world.isolate(), 150..160);
        world.pass_ms(3 * HOUR_MS);
        assert_eq!((world.in_slow_lane().len(), world.dropped().len()), (0, 0), "{fault:?}");
        assert_eq!((world.d1().count("dead_letters"), world.counted("lost")), (0, 0));
        let stats = stats_of(&world, "range=6h");
        assert_eq!((&stats["exact"], &stats["total"]["requests"]), (&true.into(), &160.into()), "{fault:?}");
        assert_eq!(stats["stores"]["new"]["requests"], 160, "nothing was handed to the object");
    }
}

#[test]
fn what_no_code_can_read_is_a_letter_and_the_sound_events_beside_it_are_stored() {
    let world = World::new(3);
    let good = messages(0..1, 0).remove(0);
    let sound = good.trim_end_matches("]}");
    world.send(Body::Text(format!("{sound},{{\"idempotentId\":7}}]}}")));
    world.send(Body::Text("no JSON".into()));
    world.send(Body::Bytes(vec![0xff, 0xfe]));
    world.send(Body::Bytes(messages(1..2, 0).remove(0).into_bytes()));
    drain(&world);
    assert_eq!((stored(&world, "new").len(), world.d1().count("dead_letters")), (2, 3));
    assert_eq!((world.counted("dead_letters"), world.queued().len()), (3, 0));
    assert_eq!(world.lines("Dead letter ").len(), 3);
}

#[test]
fn letters_that_can_not_be_stored_keep_their_messages_and_are_stored_once() {
    let world = World::new(4);
    let from = world.now_ms();
    for port in Port::D1 {
        world.trouble(Trouble::new(port, Fault::FailsAfterPersisting).between(from, from + MINUTE_MS));
    }
    world.send(Body::Text("no JSON".into()));
    world.pass_ms(10 * MINUTE_MS);
    assert_eq!((world.d1().count("dead_letters"), world.queued().len()), (1, 0));
}

#[test]
fn a_message_of_a_newer_version_waits_for_days_before_it_is_a_letter() {
    let world = World::new(5);
    world.send(Body::Text(r#"{"v":2,"events":["what is to come"]}"#.into()));
    world.pass_ms(DAY_MS);
    assert_eq!((world.in_slow_lane().len(), world.d1().count("dead_letters")), (1, 0));
    world.pass_ms(3 * DAY_MS);
    assert_eq!((world.in_slow_lane().len(), world.d1().count("dead_letters")), (0, 1));
}

#[test]
fn a_message_that_d1_refuses_for_what_it_is_waits_alone() {
    let world = World::new(6);
    // A trigger stands in for whatever it is that the database minds.
    world.d1().script(
        "CREATE TRIGGER picky BEFORE INSERT ON segments WHEN instr(hex(new.body), hex('/picky'))
         BEGIN SELECT RAISE(ABORT, 'minds it'); END",
    );
    let picky = Event { path: "/picky".into(), ..rig::event(50, 0) };
    send(&world, messages(0..40, 0));
    send(&world, message::write([picky]).unwrap());
    world.pass_ms(10 * MINUTE_MS);
    assert_eq!(stored(&world, "new").len(), 40);
    assert_eq!((world.in_slow_lane().len(), world.counted("consumer_split")), (1, 1));
    world.d1().script("DROP TRIGGER picky");
    world.pass_ms(2 * HOUR_MS);
    assert_eq!(stats_of(&world, "range=6h")["total"]["requests"], 41);
}

#[test]
fn after_days_without_d1_the_object_takes_the_events_as_fallbacks_and_the_message_ends() {
    let world = World::new(7);
    set_flag(&world, QUEUE);
    serve(&world, &world.isolate(), 0..30);
    world.break_all(&Port::D1, Fault::Fails);
    // At the end of its patience the object is away for a while: the message is sent anew, and comes back.
    let end_ms = START + MAX_AGE_MS - 12 * HOUR_MS;
    world.trouble(Trouble::new(Port::Ask, Fault::Fails).between(end_ms - HOUR_MS, end_ms + 3 * HOUR_MS));
    world.pass_ms(MAX_AGE_MS);
    assert!(world.counted("slow_lane_renewed") > 0);
    assert_eq!((world.counted("slow_lane_fallback"), world.counted("lost")), (30, 0));
    assert_eq!((world.in_slow_lane().len(), world.queued().len(), world.dropped().len()), (0, 0, 0));
    world.calm();
    let stats = stats_of(&world, "range=30d");
    assert_eq!((&stats["total"]["requests"], &stats["stores"]["old"]["fallback"]), (&30.into(), &30.into()));
}

#[test]
fn a_message_that_nobody_takes_is_logged_whole_and_counted_before_its_queue_drops_it() {
    let world = World::new(8);
    world.queue_laws(QueueLaws { retention_ms: 30 * DAY_MS, ..QueueLaws::default() });
    send(&world, messages(0..3, 0));
    world.pass_ms(MINUTE_MS / 60);
    world.break_all(&[Port::D1Read, Port::D1Write, Port::Ask, Port::Send], Fault::Fails);
    world.pass_ms(12 * DAY_MS);
    assert_eq!((world.counted("lost"), world.counted("slow_lane_lost"), world.dropped().len()), (3, 3, 3));
    let lines = world.lines(" lost: nothing took it");
    assert!(lines.len() == 3 && lines.iter().all(|line| line.contains(r#"{"v":1,"events":["#)), "{lines:?}");
}

#[test]
fn where_the_platform_tells_no_attempts_messages_still_wait_and_are_applied() {
    let world = World::new(9);
    world.queue_laws(QueueLaws { tells: false, ..QueueLaws::default() });
    let from = world.now_ms();
    for port in Port::D1 {
        world.trouble(Trouble::new(port, Fault::Fails).between(from, from + 30 * MINUTE_MS));
    }
    send(&world, messages(0..10, 0));
    world.pass_ms(5 * HOUR_MS);
    assert_eq!(stats_of(&world, "range=6h")["total"]["requests"], 10);
}

#[test]
fn a_consumer_that_ends_in_the_middle_of_a_batch_loses_and_doubles_nothing() {
    // Ended at each of the first hundred milliseconds of its batch.
    for ms in 0..40 {
        let world = World::new(ms);
        send(&world, messages(0..150, 0));
        world.send(Body::Text("no JSON".into()));
        let worker = world.worker();
        world.pass_ms(5_000 + ms * 3);
        worker.kill();
        drain(&world);
        assert_eq!(stored(&world, "new").len(), 150, "{ms}");
        assert_eq!((world.d1().count("dead_letters"), world.queued().len(), world.in_slow_lane().len()), (1, 0, 0));
    }
}

#[test]
fn many_segments_are_folded_after_the_acknowledgement_and_a_fold_that_fails_is_left() {
    let world = World::new(10);
    for minute in 0..70 {
        send(&world, messages(minute * 3..minute * 3 + 3, minute * MINUTE_MS));
        world.pass_ms(MINUTE_MS);
    }
    assert!(world.d1().count("folds") > 0);
    assert_eq!(stats_of(&world, "range=6h")["total"]["requests"], 210);
    let world = World::new(11);
    world.d1().script("CREATE TRIGGER full BEFORE INSERT ON folds BEGIN SELECT RAISE(ABORT, 'database is full'); END");
    for minute in 0..70 {
        send(&world, messages(minute * 3..minute * 3 + 3, minute * MINUTE_MS));
        world.pass_ms(MINUTE_MS);
    }
    assert!(!world.lines("Folding is left for later").is_empty());
    assert_eq!((stats_of(&world, "range=6h")["total"]["requests"].as_u64(), world.queued().len()), (Some(210), 0));
}
