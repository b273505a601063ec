//! A part of the platform is away for an hour, with cron and traffic going on: counting goes on, and afterwards all is as
//! if nothing had been.

use flow::operating::health;
use serde_json::{Value, json};
use sim::world::World;
use sim::world::trouble::{Fault, Port, Trouble};

use crate::support::{DUAL, QUEUE, json, serve_every, set_flag, stats_of};

const HOUR_MS: u64 = 3_600_000;

/// What health said in the middle of the hour and an hour after it, and the world by then.
fn outage(rule: &str, ports: &[Port], fault: Fault) -> (Value, Value, World) {
    let world = World::new(1);
    set_flag(&world, rule);
    world.start_cron();
    let isolate = world.isolate();
    serve_every(&world, &isolate, 0..20, 3_000);
    let from = world.now_ms();
    for port in ports {
        world.trouble(Trouble::new(*port, fault).between(from, from + HOUR_MS));
    }
    serve_every(&world, &isolate, 20..80, 30_000);
    let health = || json(world.run(health::read(&world.isolate().app)));
    let during = health();
    serve_every(&world, &isolate, 80..150, 30_000);
    world.pass_ms(HOUR_MS);
    // What it counted until now is reported with its next request.
    serve_every(&world, &isolate, 150..152, 61_000);
    world.pass_ms(60_000);
    let after = health();
    let stats = stats_of(&world, "range=6h");
    assert_eq!((&stats["exact"], &stats["total"]["requests"]), (&json!(true), &json!(152)), "{ports:?} {fault:?}");
    assert_eq!((world.counted("lost"), world.overran(), world.d1().count("dead_letters")), (0, 0, 0));
    assert_eq!((world.queued().len(), world.in_slow_lane().len(), world.dropped().len()), (0, 0, 0));
    (during, after, world)
}

fn codes(health: &Value) -> Vec<&str> {
    health["reasons"].as_array().unwrap().iter().map(|reason| reason["code"].as_str().unwrap()).collect()
}

#[test]
fn d1_is_away_for_an_hour() {
    for fault in [Fault::Fails, Fault::Hangs] {
        let (during, after, world) = outage(DUAL, &Port::D1, fault);
        assert!(codes(&during).contains(&"new-store-unreadable"), "{during:#}");
        assert_eq!(after["status"], "ok", "{after:#}");
        let stats = stats_of(&world, "range=6h");
        assert_eq!((&stats["stores"]["both"], &stats["stores"]["old"]["fallback"]), (&json!(152), &json!(0)));
    }
}

#[test]
fn d1_takes_no_writes_for_an_hour_though_it_can_be_read() {
    let (during, after, _) = outage(QUEUE, &[Port::D1Write], Fault::Fails);
    assert!(codes(&during).contains(&"new-store-refuses-writes"), "{during:#}");
    assert_eq!(after["status"], "ok", "{after:#}");
}

#[test]
fn the_objects_are_away_for_an_hour() {
    for fault in [Fault::Fails, Fault::Hangs] {
        let (during, after, world) = outage(r#"{"mode":"do-only"}"#, &[Port::Ask], fault);
        assert!(codes(&during).contains(&"old-store-unreadable"), "{during:#}");
        assert!(codes(&after).iter().all(|code| *code == "cron-late" || *code == "fallback"), "{after:#}");
        let stats = stats_of(&world, "range=6h");
        assert!(stats["stores"]["new"]["fallback"].as_u64().unwrap() > 100, "{stats:#}");
    }
}

#[test]
fn the_objects_database_refuses_everything_for_an_hour() {
    let (during, _, world) = outage(DUAL, &[Port::ObjectSql], Fault::FailsAfterPersisting);
    assert_ne!(during["status"], "ok");
    let stats = stats_of(&world, "range=6h");
    assert_eq!((&stats["stores"]["both"], &stats["stores"]["onlyNew"]), (&json!(32), &json!(120)));
}

#[test]
fn kv_is_away_for_an_hour_and_the_flag_goes_on_by_the_object() {
    for fault in [Fault::Fails, Fault::Hangs] {
        let (during, after, world) = outage(QUEUE, &Port::KV, fault);
        assert!(!codes(&during).contains(&"flag-unreadable"), "{during:#}");
        assert_eq!(after["status"], "ok", "{after:#}");
        assert_eq!(stats_of(&world, "range=6h")["stores"]["new"]["requests"], 152);
    }
}

#[test]
fn the_queue_takes_nothing_for_an_hour() {
    let (_, _, world) = outage(QUEUE, &[Port::Send], Fault::Hangs);
    assert!(stats_of(&world, "range=6h")["stores"]["old"]["fallback"].as_u64().unwrap() > 100);
}
