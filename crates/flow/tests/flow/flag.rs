//! The flag: how it is changed, copied, read, kept together and shown.

use flow::error::Error;
use flow::flag::{admin, cache, orders, shown, status};
use model::flag::obeyed::FlagCopy;
use serde_json::{Value, json};
use sim::world::trouble::{Fault, Port, Trouble};
use sim::world::{Isolate, KvLaws, World};

use crate::support::{DUAL, QUEUE, SPREAD_MS, drain, json, query, serve, set_flag};

/// A document by a person, as the body of a change.
fn document(mode: &str) -> String {
    json!({"schema": 1, "version": 0, "mode": mode, "updatedBy": "op", "reason": "a test"}).to_string()
}

fn change(world: &World, isolate: &Isolate, base: u32, mode: &str) -> Result<Value, Error> {
    world.run(orders::change(&isolate.app, base, &document(mode))).map(json)
}

fn obeyed(world: &World, isolate: &Isolate) -> (u32, String) {
    let flag = json(world.run(shown::read(&isolate.app)));
    (u32::try_from(flag["version"].as_u64().unwrap()).unwrap(), flag["mode"].as_str().unwrap().to_owned())
}

fn copies(world: &World) -> (Option<Value>, Value) {
    let isolate = world.isolate();
    let held = world.run(flow::objects::ask::flag(&isolate.app, &FlagCopy::default(), 1_000)).unwrap();
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap()["version"].clone();
    (world.kv_text("collector").map(|text| read(&text)), held.document.map_or(Value::Null, |text| read(&text)))
}

#[test]
fn a_change_is_in_the_history_and_both_copies_and_every_isolate_obeys_within_fifteen_seconds() {
    let world = World::new(1);
    let far = world.isolate_at(0, 7);
    assert_eq!(obeyed(&world, &far), (0, "do-only".into()));
    let changed = change(&world, &world.isolate(), 0, "queue-only").unwrap();
    assert_eq!(
        (&changed["recorded"], &changed["copied"], &changed["inObject"]),
        (&json!(true), &json!(true), &json!(true))
    );
    assert_eq!(changed["differences"][0]["field"], "mode");
    assert_eq!(copies(&world), (Some(json!(1)), json!(1)));
    // KV shows the far place nothing yet for a minute; the object is asked every third time.
    for _ in 0..3 {
        world.pass_ms(5_001);
        obeyed(&world, &far);
    }
    assert_eq!(obeyed(&world, &far), (1, "queue-only".into()));
}

#[test]
fn of_two_changes_at_once_one_is_told_of_the_other() {
    let world = World::new(2);
    let (one, other) = (world.isolate(), world.isolate());
    let (first, second) = (document("queue-only"), document("dual-write"));
    let both = futures_util::future::join(orders::change(&one.app, 0, &first), orders::change(&other.app, 0, &second));
    let outcomes = world.run(both);
    let refused = [outcomes.0.err(), outcomes.1.err()].into_iter().flatten().collect::<Vec<_>>();
    assert!(matches!(refused.as_slice(), [Error::Conflict(_)]), "{refused:?}");
    assert!(
        matches!(change(&world, &one, 0, "do-only"), Err(Error::Conflict(text)) if text.contains("version 1 holds"))
    );
}

#[test]
fn after_a_restore_of_d1_a_version_that_routers_obey_is_not_given_to_another_document() {
    let world = World::new(12);
    let operator = world.isolate();
    let earlier = world.d1().copy();
    change(&world, &operator, 0, "queue-only").unwrap();
    world.pass_ms(SPREAD_MS);
    assert_eq!(obeyed(&world, &operator), (1, "queue-only".into()));
    world.d1().restore(&earlier);
    // Before cron has brought history and copies together.
    let refused = change(&world, &operator, 0, "dual-write");
    assert!(matches!(&refused, Err(Error::Conflict(text)) if text.contains("version 1 holds")), "{refused:?}");
    assert_eq!(change(&world, &operator, 1, "dual-write").unwrap()["document"]["version"], 2);
    let history = json(world.run(shown::history(&operator.app)).unwrap());
    let modes: Vec<&Value> = history["history"].as_array().unwrap().iter().map(|entry| &entry["mode"]).collect();
    assert_eq!(modes, ["dual-write", "queue-only"]);
}

#[test]
fn what_is_no_change_is_refused_by_name() {
    let world = World::new(3);
    let isolate = world.isolate();
    for (body, field) in [
        (r#"{"schema":1,"version":0,"mode":"queue-only","reason":"x"}"#, "updatedBy"),
        (r#"{"schema":1,"version":0,"mood":"queue-only","updatedBy":"x","reason":"x"}"#, "mood"),
        (r#"{"schema":2,"version":0}"#, "schema"),
    ] {
        let error = world.run(orders::change(&isolate.app, 0, body)).unwrap_err();
        assert!(matches!(&error, Error::Input(text) if text.contains(field)), "{error}");
    }
    for (error, what) in [
        (world.run(orders::rollback(&isolate.app, r#"{"updatedBy":"x","reason":"x"}"#)).unwrap_err(), "`version`"),
        (
            world.run(orders::rollback(&isolate.app, r#"{"version":9,"updatedBy":"x","reason":"x"}"#)).unwrap_err(),
            "no version 9",
        ),
        (world.run(orders::stop(&isolate.app, r#"{"why":"x"}"#)).unwrap_err(), "why"),
        (world.run(orders::release(&isolate.app, r#"{"updatedBy":"x","reason":"x"}"#)).unwrap_err(), "`id`"),
    ] {
        assert!(error.to_string().contains(what), "{error}");
    }
    assert_eq!(world.d1().count("flags"), 0);
}

#[test]
fn a_rollback_makes_an_earlier_version_hold_under_a_new_one() {
    let world = World::new(4);
    let isolate = world.isolate();
    change(&world, &isolate, 0, "queue-only").unwrap();
    world.pass_ms(2_000);
    change(&world, &isolate, 1, "do-only").unwrap();
    world.pass_ms(2_000);
    let back = json(
        world.run(orders::rollback(&isolate.app, r#"{"version":1,"updatedBy":"op","reason":"as before"}"#)).unwrap(),
    );
    assert_eq!((&back["document"]["version"], &back["document"]["mode"]), (&json!(3), &json!("queue-only")));
    let history = json(world.run(shown::history(&isolate.app)).unwrap());
    let versions: Vec<_> =
        history["history"].as_array().unwrap().iter().map(|entry| entry["version"].clone()).collect();
    assert_eq!(versions, [3, 2, 1]);
}

#[test]
fn copies_that_took_nothing_are_written_by_the_repair() {
    for ports in [&[Port::KvPut][..], &[Port::Ask], &[Port::KvPut, Port::Ask]] {
        let world = World::new(5);
        let isolate = world.isolate();
        world.break_all(ports, Fault::Fails);
        let changed = change(&world, &isolate, 0, "queue-only").unwrap();
        assert_eq!(changed["copied"], !ports.contains(&Port::KvPut));
        assert_eq!(changed["inObject"], !ports.contains(&Port::Ask));
        world.run(admin::repair(&isolate.app)).unwrap_err();
        world.calm();
        world.pass_ms(2_000);
        world.run(admin::repair(&isolate.app)).unwrap();
        assert_eq!(copies(&world), (Some(json!(1)), json!(1)), "{ports:?}");
    }
}

#[test]
fn a_second_write_within_kv_s_second_is_tried_again_and_a_full_day_is_left_to_the_repair() {
    let world = World::new(6);
    let isolate = world.isolate();
    change(&world, &isolate, 0, "queue-only").unwrap();
    assert_eq!(change(&world, &isolate, 1, "do-only").unwrap()["copied"], true);
    world.kv_laws(KvLaws { writes_a_day: 0, ..KvLaws::default() });
    assert_eq!(change(&world, &isolate, 2, "queue-only").unwrap()["copied"], false);
    // Routers learn of it from the object all the same.
    for _ in 0..4 {
        world.pass_ms(5_001);
        obeyed(&world, &isolate);
    }
    assert_eq!(obeyed(&world, &isolate), (3, "queue-only".into()));
    world.kv_laws(KvLaws::default());
    world.pass_ms(2_000);
    world.run(admin::repair(&isolate.app)).unwrap();
    assert_eq!(copies(&world), (Some(json!(3)), json!(3)));
}

#[test]
fn a_copy_ahead_of_the_history_is_added_to_it_as_after_a_restore() {
    let world = World::new(7);
    let isolate = world.isolate();
    change(&world, &isolate, 0, "queue-only").unwrap();
    let earlier = world.d1().copy();
    world.pass_ms(2_000);
    change(&world, &isolate, 1, "dual-write").unwrap();
    world.d1().restore(&earlier);
    world.run(admin::repair(&isolate.app)).unwrap();
    assert_eq!(world.d1().count("flags"), 2);
    assert_eq!(world.lines("of a copy is added to the history").len(), 1);
    assert!(matches!(change(&world, &isolate, 1, "do-only"), Err(Error::Conflict(_))));
}

#[test]
fn without_the_history_nothing_changes_and_what_is_shown_comes_from_the_copies() {
    let world = World::new(8);
    let isolate = world.isolate();
    change(&world, &isolate, 0, "queue-only").unwrap();
    for fault in [Fault::Fails, Fault::Hangs] {
        world.break_all(&Port::D1, fault);
        assert!(matches!(change(&world, &isolate, 1, "do-only"), Err(Error::Unavailable(_))));
        let shown = json(world.run(shown::document(&isolate.app)).unwrap());
        assert_eq!((&shown["source"], &shown["document"]["version"]), (&json!("copy"), &json!(1)));
        world.run(shown::history(&isolate.app)).err().unwrap();
        world.calm();
    }
    // Nothing at all can be read: a newer version may be anywhere.
    world.break_all(&[Port::D1Read, Port::D1Write, Port::KvGet, Port::Ask], Fault::Fails);
    assert!(matches!(world.run(shown::document(&isolate.app)).err(), Some(Error::Unavailable(_))));
    world.calm();
    let quiet = World::new(9);
    let isolate = quiet.isolate();
    assert_eq!(json(quiet.run(shown::document(&isolate.app)).unwrap())["source"], "built-in");
}

#[test]
fn an_isolate_keeps_the_last_good_document_and_says_once_what_is_wrong() {
    let world = World::new(10);
    let isolate = world.isolate();
    change(&world, &isolate, 0, "queue-only").unwrap();
    world.pass_ms(SPREAD_MS);
    assert_eq!(obeyed(&world, &isolate).0, 1);
    for (text, complaint) in [
        (Some("no JSON"), "Flag not adopted"),
        (Some(r#"{"schema":1,"version":1,"mode":"maybe"}"#), "mode"),
        (None, "the document is gone"),
    ] {
        match text {
            Some(text) => world.kv_put("collector", text),
            None => world.kv_forget("collector"),
        }
        for _ in 0..2 {
            world.pass_ms(5_001);
            assert_eq!(obeyed(&world, &isolate), (1, "queue-only".into()));
        }
        assert_eq!(world.lines(complaint).len(), 1, "{complaint}");
        world.log.borrow_mut().clear();
    }
    assert!(isolate.app.counts()["flag_invalid"] >= 6);
    // An older copy is no reason to go back, and none to complain of where the object has the newer one.
    world.kv_put("collector", r#"{"schema":1,"version":0,"mode":"do-only"}"#);
    world.pass_ms(5_001);
    assert_eq!(obeyed(&world, &isolate).0, 1);
}

#[test]
fn an_isolate_that_could_never_read_the_flag_takes_the_old_path_alone_and_recovers() {
    let world = World::new(11);
    set_flag(&world, QUEUE);
    world.break_all(&Port::KV, Fault::Hangs);
    world.trouble(Trouble::new(Port::Ask, Fault::Fails).named("default"));
    let isolate = world.isolate();
    assert_eq!(obeyed(&world, &isolate), (0, "do-only".into()));
    assert!(!cache::is_known(&isolate.app));
    world.calm();
    world.pass_ms(10);
    assert_eq!(obeyed(&world, &isolate), (1, "queue-only".into()));
    // KV fails: the object is asked, whose copy is as good.
    world.break_all(&Port::KV, Fault::Fails);
    let other = world.isolate();
    assert_eq!(obeyed(&world, &other), (1, "queue-only".into()));
}

#[test]
fn the_status_says_which_version_is_where_and_how_far_it_has_spread() {
    let world = World::new(12);
    let (one, other) = (world.isolate(), world.isolate_at(0, 1));
    serve(&world, &one, 0..5);
    serve(&world, &other, 5..10);
    world.pass_ms(2_000);
    change(&world, &world.isolate(), 0, "dual-write").unwrap();
    serve(&world, &one, 10..15);
    world.pass_ms(16_000);
    serve(&world, &one, 15..20);
    drain(&world);
    let status = json(world.run(status::read(&query(""), &one.app)).unwrap());
    assert_eq!((&status["newest"], &status["copy"], &status["source"]), (&json!(1), &json!(1), &json!("history")));
    assert_eq!((&status["complete"], status["isolates"].as_array().unwrap().len()), (&json!(true), 2));
    assert_eq!(status["behind"], 1, "{status:#}");
    for text in ["minutes=0", "minutes=61", "minutes=x"] {
        assert!(matches!(world.run(status::read(&query(text), &one.app)).err(), Some(Error::Input(_))), "{text}");
    }
    world.break_all(&Port::D1, Fault::Fails);
    let status = json(world.run(status::read(&query("minutes=1"), &one.app)).unwrap());
    assert_eq!(
        (&status["complete"], &status["source"], &status["stop"]["history"]),
        (&json!(false), &json!("copy"), &Value::Null)
    );
}

#[test]
fn a_preview_tells_what_a_change_would_do_to_the_last_day_and_changes_nothing() {
    let world = World::new(13);
    set_flag(&world, DUAL);
    serve(&world, &world.isolate(), 0..30);
    drain(&world);
    let isolate = world.isolate();
    let preview = json(world.run(orders::preview(&isolate.app, &document("queue-only"))).unwrap());
    assert_eq!(
        (&preview["base"], &preview["basis"]["requests"], &preview["basis"]["exact"]),
        (&json!(1), &json!(30), &json!(true))
    );
    assert_eq!(preview["paths"].as_array().unwrap().len(), 3, "{preview:#}");
    assert_eq!(world.d1().count("flags"), 1);
    // Without the stores there still are the rules.
    world.break_all(&[Port::D1Read, Port::D1Write], Fault::Fails);
    world.trouble(Trouble::new(Port::Ask, Fault::Fails).named("collector"));
    let preview = json(world.run(orders::preview(&isolate.app, &document("queue-only"))).unwrap());
    assert_eq!(preview["base"], 1);
    assert!(!preview["basis"]["missing"].as_array().unwrap().is_empty());
}
