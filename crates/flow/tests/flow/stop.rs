//! The emergency stop: any place that is there takes it, all obey it, and only its release ends it.

use flow::error::Error;
use flow::flag::{admin, orders, shown, status};
use serde_json::{Value, json};
use sim::world::trouble::{Fault, Port, Trouble};
use sim::world::{Isolate, World};

use crate::support::{QUEUE, drain, json, query, serve, set_flag, stored};

const STOP: &str = r#"{"updatedBy":"op","reason":"on fire"}"#;

fn stop(world: &World, isolate: &Isolate) -> Result<Value, Error> {
    world.run(orders::stop(&isolate.app, STOP)).map(json)
}

fn id(stopped: &Value) -> String {
    stopped["stop"]["id"].as_str().unwrap().to_owned()
}

fn release(world: &World, isolate: &Isolate, id: &str, do_only: bool) -> Result<Value, Error> {
    let body = json!({"id": id, "updatedBy": "op", "reason": "mended", "doOnly": do_only}).to_string();
    world.run(orders::release(&isolate.app, &body)).map(json)
}

fn mode(world: &World, isolate: &Isolate) -> String {
    json(world.run(shown::read(&isolate.app)))["mode"].as_str().unwrap().to_owned()
}

fn change(world: &World, isolate: &Isolate) -> Result<Value, Error> {
    let base = world.run(admin::known(&isolate.app)).unwrap().document.version;
    let body = json!({"schema": 1, "version": 0, "mode": "dual-write", "updatedBy": "op", "reason": "go"}).to_string();
    world.run(orders::change(&isolate.app, base, &body)).map(json)
}

/// Every set of places that takes a stop, and the ports that keep the others from it.
const TAKERS: [(&str, &[Port]); 5] = [
    ("all", &[]),
    ("the object alone", &[Port::KvPut, Port::D1Read, Port::D1Write]),
    ("D1 alone", &[Port::KvPut, Port::Ask]),
    ("KV alone", &[Port::Ask, Port::D1Read, Port::D1Write]),
    ("KV and D1", &[Port::Ask]),
];

#[test]
fn a_stop_that_any_place_took_is_obeyed_everywhere_and_refuses_every_change_until_it_is_released() {
    for (takers, broken) in TAKERS {
        let world = World::new(1);
        set_flag(&world, QUEUE);
        let operator = world.isolate();
        world.break_all(broken, Fault::Fails);
        let stopped = stop(&world, &operator).unwrap();
        world.calm();
        assert_eq!(mode(&world, &operator), "do-only", "{takers}: at once where it was made");
        // Another isolate of the place, before any repair.
        assert!(matches!(change(&world, &world.isolate()), Err(Error::Stopped(_))), "{takers}");
        world.pass_ms(2_000);
        world.run(admin::repair(&world.isolate().app)).unwrap();
        assert!(world.kv_keys().iter().all(|key| !key.starts_with("stop/")), "{takers}");
        world.pass_ms(61_000);
        let far = world.isolate_at(0, 9);
        assert_eq!(mode(&world, &far), "do-only", "{takers}");
        serve(&world, &far, 0..10);
        drain(&world);
        assert_eq!((stored(&world, "old").len(), stored(&world, "new").len()), (10, 0));
        let released = release(&world, &operator, &id(&stopped), false).unwrap();
        assert_eq!(released["holding"], json!([]), "{takers}");
        world.pass_ms(75_000);
        assert_eq!(mode(&world, &far), "queue-only", "{takers}: the flag holds again as it was");
        change(&world, &operator).unwrap();
    }
}

#[test]
fn a_stop_that_no_place_took_is_an_error() {
    let world = World::new(2);
    let isolate = world.isolate();
    for fault in [Fault::Fails, Fault::Hangs] {
        world.break_all(&[Port::Ask, Port::KvPut, Port::D1Read, Port::D1Write], fault);
        assert!(matches!(stop(&world, &isolate), Err(Error::Unavailable(_))), "{fault:?}");
        world.calm();
    }
    assert_eq!(mode(&world, &isolate), "do-only");
    assert!(world.run(orders::stop(&isolate.app, r#"{"updatedBy":"","reason":"x"}"#)).is_err());
    world.pass_ms(2_000);
    change(&world, &isolate).unwrap();
}

#[test]
fn a_stop_that_kv_alone_took_without_a_key_of_its_own_is_an_error() {
    let world = World::new(10);
    let isolate = world.isolate();
    world.break_all(&[Port::Ask, Port::D1Read, Port::D1Write], Fault::Fails);
    world.trouble(Trouble::new(Port::KvPut, Fault::Fails).named("stop/"));
    assert!(matches!(stop(&world, &isolate), Err(Error::Unavailable(_))), "the next merge could drop it");
    world.calm();
    world.break_all(&[Port::Ask, Port::D1Read, Port::D1Write], Fault::Fails);
    world.pass_ms(2_000);
    assert_eq!(stop(&world, &isolate).unwrap()["copied"], true);
}

#[test]
fn while_it_can_not_be_told_whether_a_stop_holds_nothing_changes() {
    for broken in [&[Port::D1Read, Port::D1Write][..], &[Port::Ask, Port::KvGet]] {
        let world = World::new(3);
        let isolate = world.isolate();
        set_flag(&world, QUEUE);
        world.break_all(broken, Fault::Fails);
        let document = json!({"schema": 1, "version": 0, "mode": "do-only", "updatedBy": "op", "reason": "go"});
        let refused = world.run(orders::change(&isolate.app, 1, &document.to_string()));
        assert!(matches!(refused, Err(Error::Unavailable(_))), "{broken:?}");
    }
}

#[test]
fn a_release_needs_a_place_that_is_always_consistent_and_a_name_that_there_is() {
    let world = World::new(4);
    let isolate = world.isolate();
    let stopped = stop(&world, &isolate).unwrap();
    world.break_all(&[Port::Ask, Port::D1Write], Fault::Fails);
    assert!(matches!(release(&world, &isolate, &id(&stopped), false), Err(Error::Unavailable(_))));
    world.calm();
    world.pass_ms(6_000);
    assert_eq!(mode(&world, &isolate), "do-only");
    let error = release(&world, &isolate, "stop-00000000", false).unwrap_err();
    assert!(matches!(&error, Error::Missing(text) if text.contains(&id(&stopped))), "{error}");
    world.break_all(&Port::D1, Fault::Fails);
    assert!(matches!(release(&world, &isolate, "stop-00000000", false), Err(Error::Unavailable(_))));
    world.calm();
    release(&world, &isolate, &id(&stopped), false).unwrap();
    // Once more is harmless, and says who released it first.
    assert_eq!(release(&world, &isolate, &id(&stopped), false).unwrap()["holding"], json!([]));
    let error = release(&world, &isolate, "stop-00000000", false).unwrap_err();
    assert!(error.to_string().contains("none holds"), "{error}");
}

#[test]
fn a_release_with_do_only_moves_nothing() {
    let world = World::new(5);
    set_flag(&world, QUEUE);
    let isolate = world.isolate();
    let stopped = stop(&world, &isolate).unwrap();
    let released = release(&world, &isolate, &id(&stopped), true).unwrap();
    assert_eq!(released["changed"]["document"]["mode"], "do-only");
    world.pass_ms(75_000);
    assert_eq!(mode(&world, &isolate), "do-only");
}

#[test]
fn each_stop_is_ended_by_its_own_release_and_a_crowd_of_them_is_bounded() {
    let world = World::new(6);
    let isolate = world.isolate();
    let mut ids = std::collections::BTreeSet::new();
    for _ in 0..25 {
        ids.insert(id(&stop(&world, &isolate).unwrap()));
        world.pass_ms(3_000);
    }
    assert_eq!(ids.len(), model::flag::stop::MAX_HOLDING);
    for (left, id) in ids.iter().enumerate().rev() {
        assert_eq!(mode(&world, &isolate), "do-only");
        let released = release(&world, &isolate, id, false).unwrap();
        assert_eq!(released["holding"].as_array().unwrap().len(), ids.len() - (ids.len() - left));
        world.pass_ms(3_000);
    }
    let history = json(world.run(shown::history(&isolate.app)).unwrap());
    assert_eq!(history["stops"].as_array().unwrap().len(), ids.len());
}

#[test]
fn a_stop_after_one_that_was_released_elsewhere_is_a_new_one() {
    let world = World::new(7);
    let (here, there) = (world.isolate(), world.isolate());
    let ids: Vec<String> = (0..model::flag::stop::MAX_HOLDING)
        .map(|_| {
            world.pass_ms(3_000);
            id(&stop(&world, &here).unwrap())
        })
        .collect();
    for id in &ids {
        world.pass_ms(3_000);
        release(&world, &there, id, false).unwrap();
    }
    let again = stop(&world, &here).unwrap();
    assert!(!ids.contains(&id(&again)));
    assert_eq!(again["holding"].as_array().unwrap().len(), 1);
}

#[test]
fn the_status_says_which_places_know_of_a_stop() {
    let world = World::new(8);
    let isolate = world.isolate();
    world.trouble(Trouble::new(Port::KvPut, Fault::Fails));
    let stopped = stop(&world, &isolate).unwrap();
    assert_eq!(
        (&stopped["recorded"], &stopped["inObject"], &stopped["copied"]),
        (&json!(true), &json!(true), &json!(false))
    );
    let status = json(world.run(status::read(&query(""), &isolate.app)).unwrap());
    assert_eq!(status["stop"]["holding"][0]["id"], stopped["stop"]["id"]);
    let places = ["history", "object", "copy"].map(|place| status["stop"][place].clone());
    assert_eq!(places, [json!(true), json!(true), json!(false)]);
}

#[test]
fn the_repair_leaves_a_kv_that_can_not_be_read_alone_and_mends_one_that_holds_garbage() {
    let world = World::new(9);
    let isolate = world.isolate();
    stop(&world, &isolate).unwrap();
    world.kv_put("stop", "garbage");
    world.pass_ms(2_000);
    world.run(admin::repair(&isolate.app)).unwrap();
    assert!(world.kv_text("stop").unwrap().contains("on fire"));
    world.break_all(&[Port::KvGet, Port::KvList], Fault::Fails);
    let error = world.run(admin::repair(&isolate.app)).unwrap_err();
    assert!(error.to_string().contains("the copy of the stops can't be read"), "{error}");
}

#[test]
fn the_repair_deletes_no_key_whose_stop_its_place_does_not_see_yet() {
    let world = World::new(11);
    let (near, far) = (world.isolate(), world.isolate_at(0, 7));
    let key = "stop/stop-01020304";
    let record = r#"{"stops":[{"id":"stop-01020304","at":1,"by":"op","reason":"on fire"}]}"#;
    // The place saw that there is none, and goes on to see that for a minute.
    assert_eq!(world.run(far.app.ports.kv.get(key)), Ok(None));
    world.run(near.app.ports.kv.put(key, record)).unwrap();
    world.pass_ms(2_000);
    world.run(admin::repair(&far.app)).unwrap();
    assert!(world.kv_text(key).is_some(), "no other place has it");
    world.pass_ms(61_000);
    assert!(world.run(admin::repair(&far.app)).unwrap().holds());
    assert_eq!((world.kv_text(key), world.d1().count("flag_stops")), (None, 1));
}
