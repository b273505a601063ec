//! Comparing the paths by cron and on demand, the guard, and the ramp that goes on while they agree.

use flow::error::Error;
use flow::flag::{admin, orders, ramp, status};
use flow::parity::{reports, runs};
use model::flag::stop::Latch;
use serde_json::{Value, json};
use sim::world::World;
use sim::world::trouble::{Fault, Port, Trouble};

use crate::support::{DUAL, drain, json, query, serve_every, set_flag, stats_of, until_minute};

const GUARDED: &str = r#"{"mode":"dual-write","samplePpm":1000000,
    "guard":{"maxDiffPpm":10000,"minEvents":50,"action":"rollback"}}"#;

const RAMPED: &str = r#"{"mode":"dual-write","samplePpm":1000000,"ramp":{"steps":[100000,500000],"everyMs":3600000}}"#;

/// 06:00, which an hour begins at.
const SIX: u64 = 40;

/// The hour from 06:00 on, in which every event went to both, by many writes, and as many minutes after it as it takes to
/// compare it. `lost` says which messages the queue loses.
fn compared(rule: &str, lost: fn(u64) -> bool) -> World {
    let world = World::new(1);
    set_flag(&world, rule);
    until_minute(&world, SIX - 5);
    let isolate = world.isolate();
    for number in 0..320 {
        serve_every(&world, &isolate, number..number + 1, 2_000);
        if lost(number) {
            world.lose(|_| true);
        }
        world.pass_ms(10_000);
    }
    until_minute(&world, SIX + 60 + 16);
    world
}

fn newest(world: &World, kind: &str) -> Value {
    let reader = world.isolate();
    json(world.run(reports::list(&query(&format!("kind={kind}&limit=1")), &reader.app)).unwrap())["reports"][0].clone()
}

#[test]
fn an_hour_in_which_both_paths_agree_passes_and_is_reported_once() {
    let world = compared(DUAL, |_| false);
    world.cron();
    let report = newest(&world, "hour");
    assert_eq!((&report["verdict"], &report["mismatches"]), (&json!("pass"), &json!(0)), "{report:#}");
    assert!(report["union"].as_u64().unwrap() > 200);
    let stored = world.d1().count("parity_reports");
    world.pass_ms(60_000);
    world.cron();
    assert_eq!(world.d1().count("parity_reports"), stored, "the same again is no report");
    let window = format!("hour:{}", report["window"]["from"]);
    let reader = world.isolate();
    let whole = json(world.run(reports::read(&window, &reader.app)).unwrap());
    assert_eq!(whole["paths"].as_array().unwrap().len(), 3);
    // A day as well, once it is closed.
    until_minute(&world, 19 * 60);
    world.cron();
    assert_eq!(newest(&world, "day")["verdict"], "pass");
}

#[test]
fn what_the_queue_lost_fails_the_hour_and_the_guard_goes_back_once() {
    let world = compared(GUARDED, |number| number % 5 == 4);
    world.cron();
    let report = newest(&world, "hour");
    assert_eq!(report["verdict"], "fail", "{report:#}");
    let operator = world.isolate();
    let changes = world.run(admin::newest(&operator.app, 9)).unwrap();
    assert_eq!(
        (changes.len(), changes[0].document.updated_by.as_str(), changes[0].document.mode.name()),
        (2, "guard", "do-only")
    );
    // A person goes on all the same: the guard does not act on the same report again.
    set_flag(&world, GUARDED);
    world.cron();
    world.cron();
    assert_eq!(world.run(admin::newest(&operator.app, 9)).unwrap().len(), 3);
    assert_eq!(stats_of(&world, "range=6h")["total"]["requests"], 320, "nothing was lost: the object had all");
}

#[test]
fn a_guard_that_could_not_act_does_so_a_minute_later_and_a_stop_makes_it_needless() {
    let world = compared(GUARDED, |number| number % 5 == 4);
    world.d1().script("CREATE TRIGGER no BEFORE INSERT ON flags BEGIN SELECT RAISE(ABORT, 'told to refuse'); END");
    world.cron();
    assert_eq!(world.lines("The guard could not stop").len(), 1);
    world.d1().script("DROP TRIGGER no");
    world.run(orders::stop(&world.isolate().app, r#"{"updatedBy":"op","reason":"on fire"}"#)).unwrap();
    world.pass_ms(60_000);
    world.cron();
    assert_eq!(world.lines("The guard could not stop").len(), 1, "while a stop holds nothing moves");
    assert_eq!(world.run(admin::newest(&world.isolate().app, 9)).unwrap().len(), 1);
}

#[test]
fn a_report_that_can_not_be_made_is_left_for_the_next_run() {
    let world = compared(DUAL, |_| false);
    world.trouble(Trouble::new(Port::Ask, Fault::Fails));
    world.cron();
    assert!(!world.lines("Scheduled job parity is left").is_empty());
    world.calm();
    world.pass_ms(60_000);
    world
        .d1()
        .script("CREATE TRIGGER no BEFORE INSERT ON parity_reports BEGIN SELECT RAISE(ABORT, 'told to refuse'); END");
    world.cron();
    assert!(!world.lines("is left for a later run").is_empty());
    world.d1().script("DROP TRIGGER no");
    world.cron();
    assert_eq!(newest(&world, "hour")["verdict"], "pass");
}

#[test]
fn an_event_that_comes_late_makes_a_new_revision() {
    let world = compared(DUAL, |_| false);
    world.cron();
    let first = newest(&world, "hour");
    // A copy of the queue alone, of the hour that was compared.
    let mut event = rig::event(7_000, 50 * 60_000);
    event.cohort = model::event::Cohort::Dual;
    let text = model::event::message::write([event]).unwrap().remove(0);
    world.send(sim::world::Body::Text(text));
    // Recent windows are looked at every ten minutes.
    world.start_cron();
    world.pass_ms(20 * 60_000);
    let second = newest(&world, "hour");
    assert_eq!((first["revision"].as_u64(), second["revision"].as_u64()), (Some(1), Some(2)), "{second:#}");
    assert_eq!(second["mismatches"], 1);
}

#[test]
fn any_window_is_compared_on_demand_and_what_is_none_is_refused_by_name() {
    let world = compared(DUAL, |_| false);
    let isolate = world.isolate();
    let from = rig::START + SIX * 60_000;
    let run = |window: &str| world.run(reports::run(&query(&format!("window={window}")), &isolate.app)).map(json);
    let report = run(&format!("range:{from}-{}", from + 600_000)).unwrap();
    assert_eq!((&report["mismatches"], &report["union"]), (&json!(0), &json!(50)));
    assert_eq!(world.d1().count("parity_reports"), 1, "the window is closed, and so the report is kept");
    let open = run(&format!("hour:{}", world.now_ms())).unwrap();
    assert_eq!((&open["union"], world.d1().count("parity_reports")), (&json!(0), 1));
    for window in ["", "hour:5", "range:1-2", "week:1"] {
        assert!(matches!(run(window), Err(Error::Input(_))), "{window}");
    }
    for text in ["kind=week", "limit=0", "limit=201", "limit=x"] {
        assert!(matches!(world.run(reports::list(&query(text), &isolate.app)).err(), Some(Error::Input(_))), "{text}");
    }
    let unknown = world.run(reports::read("hour:1730908800000", &isolate.app)).err();
    assert!(matches!(unknown, Some(Error::Missing(_))));
    world.break_all(&Port::D1, Fault::Fails);
    assert!(matches!(run(&format!("hour:{from}")), Err(Error::Unavailable(_))));
    assert!(matches!(world.run(reports::list(&query(""), &isolate.app)).err(), Some(Error::Unavailable(_))));
    assert!(matches!(
        world.run(reports::read(&format!("hour:{from}"), &isolate.app)).err(),
        Some(Error::Unavailable(_))
    ));
}

#[test]
fn a_window_whose_minutes_are_gone_is_not_compared() {
    let world = compared(DUAL, |_| false);
    let isolate = world.isolate();
    let window = model::parity::window::Window::parse(&format!("hour:{}", rig::START + SIX * 60_000)).unwrap();
    world.pass_ms(11 * 24 * 3_600_000);
    (0..5).for_each(|_| world.cron());
    let refused = world.run(reports::run(&query(&format!("window={window}")), &isolate.app)).err();
    assert!(matches!(refused, Some(Error::Conflict(_))), "{refused:?}");
    assert!(world.run(runs::look(&isolate.app, window)).is_ok());
}

#[test]
fn a_ramp_takes_its_step_while_the_newest_hour_passes_and_waits_for_the_next_one() {
    let world = compared(RAMPED, |_| false);
    let isolate = world.isolate();
    // The first step was due at once, and there was no report.
    world.run(ramp::advance(&isolate.app, &Latch::default())).unwrap();
    assert_eq!(world.lines("Flag ramp held: there is no parity report yet").len(), 1);
    serve_every(&world, &isolate, 1_000..1_010, 1_000);
    drain(&world);
    world.cron();
    let newest_of = |world: &World| world.run(admin::newest(&world.isolate().app, 1)).unwrap().remove(0).document;
    let stepped = newest_of(&world);
    assert_eq!((stepped.version, stepped.queue_ppm, stepped.updated_by.as_str()), (2, 100_000, "ramp"));
    world.cron();
    assert_eq!(newest_of(&world).version, 2, "the next one is not due");
    let shown = json(world.run(status::read(&query(""), &isolate.app)).unwrap());
    assert_eq!((&shown["ramp"]["state"], &shown["ramp"]["next"]), (&json!("waiting"), &json!(1)));
    // Due, but the newest report is on the time before the step.
    world.pass_ms(3_600_000);
    world.cron();
    assert_eq!(newest_of(&world).version, 2);
    let shown = json(world.run(status::read(&query(""), &isolate.app)).unwrap());
    assert_eq!(shown["ramp"]["state"], "holding");
    assert!(shown["ramp"]["holding"].is_string());
}

#[test]
fn a_ramp_is_held_by_letters_fallbacks_a_stop_and_by_what_can_not_be_read() {
    type Sabotage = fn(&World);
    let holds: [(&str, Sabotage); 5] = [
        ("dead letters were received", |world| {
            world.send(sim::world::Body::Text("no JSON".into()));
            drain(world);
        }),
        ("took the other path (fallback)", |world| {
            let event = rig::event(2_000, world.now_ms() - rig::START);
            let event = model::event::Event { cohort: model::event::Cohort::Fallback, ..event };
            world.send(sim::world::Body::Text(model::event::message::write([event]).unwrap().remove(0)));
            drain(world);
        }),
        ("the old store (object) can't be read", |world| world.trouble(Trouble::new(Port::Ask, Fault::Hangs))),
        ("the new store (D1) can't be read", |world| world.d1().script("DROP TABLE dead_letters")),
        ("parity's reports can't be read", |world| world.d1().script("DROP TABLE parity_reports")),
    ];
    for (why, sabotage) in holds {
        let world = World::new(2);
        set_flag(&world, RAMPED);
        let isolate = world.isolate();
        serve_every(&world, &isolate, 0..10, 1_000);
        drain(&world);
        sabotage(&world);
        for _ in 0..2 {
            world.run(ramp::advance(&isolate.app, &Latch::default())).unwrap();
        }
        assert_eq!(world.lines("Flag ramp held: ").len(), 1, "{why}: said once");
        assert_eq!(world.lines(why).iter().filter(|line| line.starts_with("Flag ramp held")).count(), 1, "{why}");
        assert_eq!(isolate.app.counts()["ramp_held"], 2);
    }
    let world = World::new(3);
    set_flag(&world, RAMPED);
    let isolate = world.isolate();
    world.run(orders::stop(&isolate.app, r#"{"updatedBy":"op","reason":"on fire"}"#)).unwrap();
    world.cron();
    assert_eq!(world.lines("Flag ramp held: ").len(), 1);
    let shown = json(world.run(status::read(&query(""), &isolate.app)).unwrap());
    assert!(shown["ramp"]["holding"].as_str().unwrap().contains("on fire"));
}
