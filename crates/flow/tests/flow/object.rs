//! The objects of the old path: what they are asked, what their alarms do, and what a restart leaves.

use api::object::{ObjectAnswer, ObjectRequest, VERSION, pack, unpack};
use flow::objects::ask::{self, Collector};
use flow::parity::selftest;
use model::event::message;
use sim::world::World;
use sim::world::trouble::{Fault, Port, Trouble};

use crate::support::{drain, serve, stats_of, stored, total};

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

fn answer(world: &World, name: &str, question: &ObjectRequest) -> ObjectAnswer {
    unpack(&world.ask(name, &pack(question).unwrap())).unwrap()
}

fn recorded(world: &World, numbers: std::ops::Range<u64>) -> ObjectAnswer {
    let text = message::write(numbers.map(|number| rig::event(number, 0))).unwrap().remove(0);
    answer(world, "default", &ObjectRequest::Record(text))
}

#[test]
fn an_object_that_was_ended_goes_on_where_it_stood() {
    let world = World::new(1);
    let isolate = world.isolate();
    for round in 0..5 {
        serve(&world, &isolate, round * 10..round * 10 + 10);
        drain(&world);
        world.restart("default");
    }
    assert_eq!((total(&world), stored(&world, "old").len()), (50, 50));
    // What it remembered is read again: a repeat is known.
    let repeat = ObjectAnswer::Recorded { stored: 0, absorbed: 3, rejected: vec![] };
    recorded(&world, 0..3);
    world.restart("default");
    assert_eq!(recorded(&world, 0..3), repeat);
}

#[test]
fn an_object_that_ends_while_it_works_loses_and_doubles_nothing() {
    for ms in 0..60 {
        let world = World::new(ms);
        let isolate = world.isolate();
        serve(&world, &isolate, 0..10);
        world.pass_ms(400 + ms * 2);
        world.restart("default");
        serve(&world, &isolate, 10..20);
        drain(&world);
        assert_eq!((total(&world), world.counted("lost")), (20, 0), "{ms}");
    }
}

#[test]
fn a_question_that_can_not_be_read_is_answered_with_why() {
    let world = World::new(2);
    let why = |question: &[u8]| match unpack::<ObjectAnswer>(&world.ask("default", question)).unwrap() {
        ObjectAnswer::Failed(why) => why,
        answer => panic!("{answer:?}"),
    };
    assert!(why(&[VERSION + 1, 0]).contains(&format!("version {}", VERSION + 1)));
    let unknown_kind = why(&[VERSION, 200]);
    assert!(unknown_kind.contains("can't be read") && why(&[]) == unknown_kind, "{unknown_kind}");
    assert!(world.lines("can't be read").is_empty(), "whoever asked is told, and knows which question it was");
}

#[test]
fn whoever_asks_takes_no_other_answer_than_the_one_that_was_asked_for() {
    let world = World::new(3);
    let isolate = world.isolate();
    let collector = Collector { app: &isolate.app, name: "default" };
    let refused = world.run(collector.record("no JSON".into())).unwrap_err().to_string();
    assert!(refused.contains("rejected"), "{refused}");
    let failed = ObjectAnswer::Failed("no".into());
    for (says, why) in [
        (pack(&ObjectAnswer::Done).unwrap(), "something that was not asked"),
        (pack(&failed).unwrap(), "object default: no"),
        (vec![VERSION + 1, 0], "version 2"),
        (vec![VERSION, 99], "nothing that version 1"),
        (vec![], "nothing that version 1"),
    ] {
        world.object("default").says(Some(says));
        let error = world.run(ask::vitals(&isolate.app, isolate.app.deadline(1_000))).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    world.object("default").says(None);
    world.trouble(Trouble::new(Port::Ask, Fault::Hangs));
    let late = world.run(ask::vitals(&isolate.app, isolate.app.deadline(1_000))).unwrap_err();
    assert_eq!(late, store::sql::StoreError::Late(1_000));
    // The time for it is over already: nobody is asked.
    let at = isolate.app.deadline(0);
    assert_eq!(world.run(ask::vitals(&isolate.app, at)).unwrap_err(), store::sql::StoreError::Late(0));
}

#[test]
fn an_alarm_folds_and_deletes_and_is_set_anew_when_it_was_lost() {
    let world = World::new(4);
    serve(&world, &world.isolate(), 0..20);
    drain(&world);
    let object = world.object("default");
    assert!(object.sqlite.count("folds") == 1, "within 15 s");
    world.trouble(Trouble::new(Port::Ring, Fault::Fails));
    world.pass_ms(2 * HOUR_MS);
    let lost_at = object.alarm_at().unwrap();
    assert!(lost_at < world.now_ms(), "it tells its time and never rings");
    world.calm();
    world.restart("default");
    serve(&world, &world.isolate(), 20..30);
    drain(&world);
    assert!(object.alarm_at().unwrap() > world.now_ms());
    assert_eq!(
        (object.sqlite.count("folds"), stats_of(&world, "range=6h")["total"]["requests"].as_u64()),
        (2, Some(30))
    );
}

#[test]
fn an_alarm_that_fails_comes_again() {
    let world = World::new(5);
    serve(&world, &world.isolate(), 0..20);
    world.pass_ms(2_000);
    let from = world.now_ms();
    world.trouble(Trouble::new(Port::ObjectSql, Fault::FailsAfterPersisting).between(from, from + 60_000));
    world.pass_ms(60_000);
    assert!(!world.lines("it comes again").is_empty());
    world.pass_ms(60_000);
    assert_eq!((world.object("default").sqlite.count("folds"), total(&world)), (1, 20));
}

#[test]
fn details_are_deleted_after_their_time_and_figures_stay() {
    let world = World::new(6);
    serve(&world, &world.isolate(), 0..20);
    world.pass_ms(10 * DAY_MS);
    assert_eq!(world.object("default").sqlite.count("segments"), 0);
    assert_eq!(stats_of(&world, "range=30d")["total"]["requests"], 20);
}

#[test]
fn what_is_not_archived_is_kept_and_while_that_can_not_be_told_nothing_is_deleted() {
    let world = World::new(7);
    world.bind_bucket();
    serve(&world, &world.isolate(), 0..20);
    world.pass_ms(10 * DAY_MS);
    assert!(world.object("default").sqlite.count("segments") > 0);
    world.break_all(&Port::D1, Fault::Fails);
    world.pass_ms(DAY_MS);
    assert!(!world.lines("deletes no details").is_empty());
    assert!(world.object("default").sqlite.count("segments") > 0);
}

#[test]
fn an_object_stores_past_dedup_for_a_self_test_alone_and_can_be_erased() {
    let world = World::new(8);
    let text = message::write([rig::event(1, 0)]).unwrap().remove(0);
    let refused = answer(&world, "default", &ObjectRequest::StoreAgain(text));
    assert!(matches!(refused, ObjectAnswer::Failed(why) if why.contains("self-test")));
    recorded(&world, 0..5);
    assert_eq!(answer(&world, "default", &ObjectRequest::Erase), ObjectAnswer::Done);
    assert_eq!(recorded(&world, 0..5), ObjectAnswer::Recorded { stored: 5, absorbed: 0, rejected: vec![] });
}

#[test]
fn the_comparator_tests_itself_in_objects_of_its_own_and_erases_them() {
    let world = World::new(9);
    serve(&world, &world.isolate(), 0..20);
    drain(&world);
    world.pass_ms(HOUR_MS);
    let isolate = world.isolate();
    let outcome = world.run(selftest::run(&isolate.app)).unwrap();
    assert!(outcome.passed, "{:?}", outcome.failures);
    let own: Vec<String> = world.object_names().into_iter().filter(|name| name.starts_with("selftest-")).collect();
    assert_eq!(own.len(), 4);
    for name in own {
        let tables = "(SELECT 1 FROM sqlite_schema WHERE name = 'segments')";
        assert_eq!(world.object(&name).sqlite.count(tables), 0, "{name}");
    }
    assert_eq!(stats_of(&world, "range=6h")["total"]["requests"], 20);
}

#[test]
fn a_self_test_that_can_not_be_carried_out_says_so_and_still_erases_what_it_can() {
    let world = World::new(10);
    world.pass_ms(HOUR_MS);
    let isolate = world.isolate();
    world.trouble(Trouble::new(Port::Ask, Fault::Fails).named("selftest-new"));
    world.run(selftest::run(&isolate.app)).unwrap_err();
    assert_eq!(world.lines("is not erased").len(), 2);
}
