//! Dead letters: looking at them, trying them again, throwing them away.

use flow::letters;
use model::event::message;
use serde_json::{Value, json};
use sim::world::trouble::{Fault, Port};
use sim::world::{Body, Isolate, World};

use crate::support::{drain, json, query, stored};

/// A world with letters: `whole` ones that nothing can read, and `newer` ones that are sound by now.
fn with_letters(whole: usize, sound: u64) -> (World, Isolate) {
    let world = World::new(1);
    (0..whole).for_each(|number| world.send(Body::Text(format!("no JSON {number}"))));
    drain(&world);
    for number in 0..sound {
        let text = message::write([rig::event(number, 0)]).unwrap().remove(0);
        world.d1().script(&format!(
            "INSERT INTO dead_letters (id, received_at, sent_at, source, reason, attempts, bytes, payload)
             VALUES ('sound/{number}', {}, NULL, 'dlq', '`v`: newer', 0, {}, '{text}')",
            world.now_ms() + number,
            text.len()
        ));
    }
    let isolate = world.isolate();
    (world, isolate)
}

fn list(world: &World, isolate: &Isolate, text: &str) -> Value {
    json(world.run(letters::list(&query(text), &isolate.app)).unwrap())
}

fn redrive(world: &World, isolate: &Isolate, body: &str) -> Value {
    json(world.run(letters::redrive(body, &isolate.app)).unwrap())
}

#[test]
fn letters_are_listed_page_by_page_without_their_payloads_and_shown_whole() {
    let (world, isolate) = with_letters(7, 3);
    let page = list(&world, &isolate, "limit=4");
    assert_eq!((page["count"].as_u64(), page["letters"].as_array().unwrap().len()), (Some(10), 4));
    assert!(page["letters"][0].get("payload").is_none());
    let rest = list(&world, &isolate, &format!("limit=6&after={}", page["next"].as_str().unwrap()));
    assert_eq!(rest["letters"].as_array().unwrap().len(), 6);
    for (filter, count) in [("source=dlq", 3), ("reason=newer", 3), ("source=consumer", 7), ("before=1", 0)] {
        assert_eq!(list(&world, &isolate, filter)["count"], count, "{filter}");
    }
    let id = rest["letters"][5]["id"].as_str().unwrap();
    let shown = json(world.run(letters::show(id, &isolate.app)).unwrap());
    assert!(shown["payload"].as_str().unwrap().starts_with("no JSON"));
    world.run(letters::show("none", &isolate.app)).err().unwrap();
}

#[test]
fn what_is_sound_by_now_is_counted_once_and_the_rest_stays_with_its_reason() {
    let (world, isolate) = with_letters(2, 120);
    let first = redrive(&world, &isolate, r#"{"source":"dlq"}"#);
    assert_eq!((&first["redriven"], &first["stored"], &first["left"]), (&json!(120), &json!(120), &json!(0)));
    let rest = redrive(&world, &isolate, r#"{"all":true}"#);
    assert_eq!((&rest["redriven"], &rest["refused"]), (&json!(0), &json!(2)));
    assert_eq!((stored(&world, "new").len(), world.d1().count("dead_letters")), (120, 2));
    assert_eq!(isolate.app.counts()["dead_letters_redriven"], 120);
}

#[test]
fn a_redrive_that_ends_in_between_is_repeated_without_counting_twice() {
    let (world, isolate) = with_letters(0, 60);
    world.break_all(&[Port::D1Write], Fault::FailsAfterPersisting);
    world.run(letters::redrive(r#"{"all":true}"#, &isolate.app)).err().unwrap();
    world.calm();
    let again = redrive(&world, &isolate, r#"{"all":true}"#);
    assert_eq!(again["stored"].as_u64().unwrap() + again["absorbed"].as_u64().unwrap(), 60);
    assert_eq!((stored(&world, "new").len(), world.d1().count("dead_letters")), (60, 0));
}

#[test]
fn what_is_purged_is_named_and_gone() {
    let (world, isolate) = with_letters(3, 2);
    let purged = json(world.run(letters::purge(r#"{"source":"consumer"}"#, &isolate.app)).unwrap());
    assert_eq!(purged, json!({"purged": 3, "left": 0}));
    assert_eq!((world.d1().count("dead_letters"), isolate.app.counts()["dead_letters_purged"]), (2, 3));
}

#[test]
fn an_order_that_names_no_letters_or_too_many_is_refused() {
    let (world, isolate) = with_letters(1, 0);
    for body in ["", "{}", r#"{"all":true,"id":"x"}"#, r#"{"everything":true}"#, r#"{"id":"x","after":"nowhere"}"#] {
        let error = world.run(letters::redrive(body, &isolate.app)).err().unwrap();
        assert!(matches!(error, flow::error::Error::Input(_)), "{body}: {error}");
    }
    world.run(letters::purge("{}", &isolate.app)).err().unwrap();
    for text in ["limit=0", "limit=201", "limit=x", "before=x", "after=x"] {
        let error = world.run(letters::list(&query(text), &isolate.app)).err().unwrap();
        assert!(matches!(error, flow::error::Error::Input(_)), "{text}: {error}");
    }
    assert_eq!(world.d1().count("dead_letters"), 1);
}

#[test]
fn without_d1_there_is_no_answer_and_what_it_said_is_in_the_log_alone() {
    let (world, isolate) = with_letters(1, 0);
    world.break_all(&Port::D1, Fault::Fails);
    let errors = [
        world.run(letters::list(&query(""), &isolate.app)).err().unwrap(),
        world.run(letters::show("x", &isolate.app)).err().unwrap(),
        world.run(letters::redrive(r#"{"all":true}"#, &isolate.app)).err().unwrap(),
        world.run(letters::purge(r#"{"all":true}"#, &isolate.app)).err().unwrap(),
    ];
    for error in errors {
        assert!(matches!(&error, flow::error::Error::Unavailable(text) if !text.contains("told to fail")), "{error}");
    }
    assert!(world.lines("told to fail").len() >= 4);
}

#[test]
fn a_letter_that_d1_stored_and_denied_is_one_in_the_slow_lane_too() {
    let world = World::new(9);
    world.break_all(&[Port::D1Write], Fault::FailsAfterPersisting);
    world.send(Body::Bytes(vec![0xff]));
    world.pass_ms(600_000);
    assert_eq!((world.in_slow_lane().len(), world.d1().count("dead_letters")), (1, 1));
    world.calm();
    world.pass_ms(600_000);
    assert_eq!((world.in_slow_lane().len(), world.d1().count("dead_letters")), (0, 1));
}
