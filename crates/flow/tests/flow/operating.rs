//! What operators are told: health, readiness, metrics, and the dashboard's summary.

use flow::operating::{health, metrics, readiness, snapshot, summary, vitals};
use serde_json::{Value, json};
use sim::world::trouble::{Fault, Port, Trouble};
use sim::world::{Body, Isolate, World};

use crate::support::{DUAL, QUEUE, drain, json, serve, set_flag};

/// A world that works, and has for some minutes.
fn at_work() -> (World, Isolate) {
    let world = World::new(1);
    set_flag(&world, DUAL);
    let isolate = world.isolate();
    serve(&world, &isolate, 0..30);
    drain(&world);
    world.cron();
    world.pass_ms(60_000);
    serve(&world, &isolate, 30..40);
    drain(&world);
    world.cron();
    (world, isolate)
}

fn health_of(world: &World) -> Value {
    let isolate = world.isolate();
    json(world.run(health::read(&isolate.app)))
}

fn codes(health: &Value) -> Vec<&str> {
    health["reasons"].as_array().unwrap().iter().map(|reason| reason["code"].as_str().unwrap()).collect()
}

#[test]
fn what_works_is_well_and_its_counters_are_those_of_all_isolates() {
    let (world, isolate) = at_work();
    world.pass_ms(60_000);
    world.run(vitals::report_if_due(&isolate.app));
    let health = health_of(&world);
    assert_eq!((&health["status"], codes(&health)), (&json!("ok"), vec![]), "{health:#}");
    assert_eq!((&health["sends"]["tried"], &health["sends"]["lost"]), (&json!(80), &json!(0)));
    assert_eq!((&health["consumer"]["stored"], &health["stores"]["new"]["events"]), (&json!(40), &json!(40)));
    assert_eq!(health["cron"].as_array().unwrap().len(), 8);
    assert!(health["stores"]["new"]["bytes"].is_u64() && health["queue"]["backlog"] == 0);
}

#[test]
fn what_can_not_be_read_is_a_reason_and_never_fine() {
    type Sabotage = fn(&World);
    let cases: [(&[&str], Sabotage); 6] = [
        (&["new-store-unreadable", "dead-letters-unreadable"], |world| world.break_all(&Port::D1, Fault::Fails)),
        (&["new-store-unreadable", "dead-letters-unreadable"], |world| world.break_all(&Port::D1, Fault::Hangs)),
        (&["old-store-unreadable"], |world| world.break_all(&[Port::Ask], Fault::Fails)),
        (&["old-store-unreadable", "flag-unreadable"], |world| {
            world.break_all(&[Port::Ask, Port::KvGet], Fault::Fails);
        }),
        (&["slow-lane"], |world| {
            let from = world.now_ms();
            for port in Port::D1 {
                world.trouble(Trouble::new(port, Fault::Fails).between(from, from + 300_000));
            }
            world.send(Body::Text(r#"{"v":9}"#.into()));
            world.pass_ms(400_000);
        }),
        (&["dead-letters"], |world| {
            world.send(Body::Text("no JSON".into()));
            drain(world);
        }),
    ];
    for (expected, sabotage) in cases {
        let (world, _) = at_work();
        sabotage(&world);
        let health = health_of(&world);
        let codes = codes(&health);
        assert!(expected.iter().all(|code| codes.contains(code)), "{expected:?} {codes:?}");
        assert_ne!(health["status"], "ok");
    }
}

#[test]
fn what_happened_of_late_is_a_reason() {
    let (world, isolate) = at_work();
    world.trouble(Trouble::new(Port::Send, Fault::Fails));
    serve(&world, &isolate, 100..110);
    drain(&world);
    world.break_all(&[Port::Ask], Fault::Fails);
    serve(&world, &isolate, 110..120);
    drain(&world);
    world.calm();
    world.pass_ms(61_000);
    serve(&world, &isolate, 120..121);
    drain(&world);
    let health = health_of(&world);
    let codes = codes(&health);
    assert!(["fallback", "events-lost"].iter().all(|code| codes.contains(code)), "{codes:?}");
    assert_eq!(health["status"], "failing");
    // A day later it is history.
    world.pass_ms(25 * 3_600_000);
    world.cron();
    assert_eq!(codes_of(&world), Vec::<String>::new());
}

fn codes_of(world: &World) -> Vec<String> {
    codes(&health_of(world)).into_iter().map(str::to_owned).collect()
}

#[test]
fn silence_of_cron_a_stop_and_refused_settings_are_reasons() {
    let (world, isolate) = at_work();
    world.pass_ms(10 * 60_000);
    let codes = codes_of(&world);
    assert!(codes.iter().any(|code| code == "cron-late"), "{codes:?}");
    world.run(flow::flag::orders::stop(&isolate.app, r#"{"updatedBy":"op","reason":"on fire"}"#)).unwrap();
    world.settings.borrow_mut().insert("COLLECTOR_SHARDS".into(), "9".into());
    let codes = codes_of(&world);
    assert!(["stopped", "shards-refused"].iter().all(|code| codes.iter().any(|one| one == code)), "{codes:?}");
    for fault in [Fault::Fails, Fault::Hangs] {
        world.break_all(&[Port::Backlog], fault);
        let health = health_of(&world);
        assert_eq!(health["queue"]["backlog"], Value::Null, "unknown, and not 0");
        assert_eq!(health["slowLane"]["backlog"], Value::Null, "unknown, and not 0");
        world.calm();
    }
}

#[test]
fn an_isolate_reports_once_a_minute_and_a_lost_report_changes_nothing() {
    let world = World::new(2);
    let isolate = world.isolate();
    let counted = || {
        let counts = health_of(&world)["counters"].clone();
        counts["do_record_tried"].as_u64().unwrap_or_default()
    };
    serve(&world, &isolate, 0..5);
    drain(&world);
    let first = counted();
    serve(&world, &isolate, 5..10);
    drain(&world);
    assert_eq!(counted(), first, "within the minute nothing is reported");
    world.trouble(Trouble::new(Port::Ask, Fault::FailsAfterPersisting));
    world.pass_ms(60_000);
    world.run(vitals::report_if_due(&isolate.app));
    world.calm();
    assert_eq!(world.lines("Vital signs are left for the next report").len(), 1);
    world.pass_ms(60_000);
    world.run(vitals::report_if_due(&isolate.app));
    assert_eq!(counted(), 10);
}

#[test]
fn readiness_holds_what_is_known_against_the_plan_and_what_is_not_known_does_not_hold() {
    let (world, isolate) = at_work();
    let criterion = |readiness: &Value, name: &str| {
        let criteria = readiness["criteria"].as_array().unwrap().clone();
        criteria.into_iter().find(|criterion| criterion["name"] == name).unwrap()["holds"].clone()
    };
    let ready = json(world.run(readiness::read(&isolate.app)));
    let of = |name| criterion(&ready, name);
    assert_eq!(
        [of("backlog"), of("counted-once"), of("traceable")],
        [json!(true), json!(true), json!(true)],
        "{ready:#}"
    );
    assert_eq!((of("seven-days"), &ready["ready"]), (Value::Null, &json!(false)));
    world.d1().script("DELETE FROM segments; DELETE FROM ledger; DELETE FROM rollups; DELETE FROM folds");
    let ready = json(world.run(readiness::read(&isolate.app)));
    let backlog =
        ready["criteria"].as_array().unwrap().iter().find(|criterion| criterion["name"] == "backlog").unwrap();
    assert_eq!(backlog["figure"], "40", "{ready:#}");
    for fault in [Fault::Fails, Fault::Hangs] {
        world.break_all(&[Port::Ask], fault);
        let ready = json(world.run(readiness::read(&isolate.app)));
        assert_eq!((criterion(&ready, "traceable"), criterion(&ready, "backlog")), (Value::Null, Value::Null));
        world.calm();
    }
}

#[test]
fn metrics_leave_out_what_can_not_be_read_and_are_read_seldom() {
    let (world, isolate) = at_work();
    let text = || world.run(metrics::text(&isolate.app));
    let has = |text: &str, name: &str| text.lines().any(|line| line.starts_with(name));
    let first = text();
    let names = ["path_collector_requests_total", "path_collector_flag_version", "path_collector_health{"];
    assert!(names.iter().all(|name| has(&first, name)), "{first}");
    world.break_all(&Port::D1, Fault::Fails);
    let again = text();
    assert!(has(&again, names[0]), "it lives for some seconds");
    world.pass_ms(6_000);
    world.break_all(&[Port::Ask], Fault::Fails);
    assert!(!has(&text(), names[0]));
}

#[test]
fn the_summary_is_kept_ready_and_computed_where_it_is_not() {
    let (world, isolate) = at_work();
    let text = || serde_json::from_str::<Value>(&world.run(snapshot::text(&isolate.app)).unwrap()).unwrap();
    world.pass_ms(10_000);
    let kept = text();
    assert!(kept["ageMs"].as_u64().unwrap() >= 10_000);
    assert_eq!((&kept["stats"]["total"]["requests"], &kept["flag"]["mode"]), (&json!(40), &json!("dual-write")));
    assert_eq!(kept["health"]["status"], "ok", "{:#}", kept["health"]);
    for garbage in ["no JSON", "[]", "{}"] {
        world.object("default").sqlite.script(&format!("UPDATE snapshot SET text = '{garbage}'"));
        assert!(text()["ageMs"].as_u64().unwrap() < 1_000, "{garbage}");
    }
    world.break_all(&[Port::Ask, Port::D1Read, Port::D1Write], Fault::Hangs);
    let bare = text();
    assert_eq!((&bare["stats"], &bare["paths"], &bare["parity"]["hour"]), (&Value::Null, &Value::Null, &Value::Null));
    assert_eq!(bare["health"]["status"], "failing");
    world.run(summary::text(&isolate.app)).unwrap();
    world.run(snapshot::refresh(&isolate.app)).unwrap_err();
}

#[test]
fn with_nothing_but_the_queue_the_first_answers_of_a_new_gateway_are_there() {
    let world = World::new(3);
    let empty = health_of(&world);
    assert!(codes(&empty).contains(&"cron-never"), "{empty:#}");
    set_flag(&world, QUEUE);
    let isolate = world.isolate();
    let text = world.run(metrics::text(&isolate.app));
    assert!(text.contains("path_collector_flag_version"));
}
