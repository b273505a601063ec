//! The archive: days go to the bucket once, whole, and only then from the stores.

use std::collections::BTreeSet;

use api::archive::ArchiveState;
use flow::archive;
use flow::error::Error;
use sim::world::World;
use sim::world::trouble::{Fault, Port, Trouble};

use crate::support::{DUAL, drain, json, query, serve, set_flag, stored};

const DAY_MS: u64 = 24 * 3_600_000;

/// A world with a bucket and 60 events of the day 2024-11-07, in both stores.
fn with_a_day() -> (World, BTreeSet<String>) {
    let world = World::new(1);
    world.bind_bucket();
    set_flag(&world, DUAL);
    serve(&world, &world.isolate(), 0..60);
    drain(&world);
    let ids = stored(&world, "old").iter().map(|event| event.idempotent_id.to_string()).collect();
    (world, ids)
}

/// IDs in the bucket, of which none is there twice.
fn archived(world: &World) -> BTreeSet<String> {
    let parts = world.file_names().into_iter().filter(|name| name.contains("/part-"));
    let mut ids = BTreeSet::new();
    for part in parts {
        for line in world.file(&part).unwrap().lines() {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(ids.insert(event["idempotentId"].as_str().unwrap().to_owned()), "twice: {line}");
        }
    }
    ids
}

/// Runs cron some times, a minute apart, around the time when the day is due.
fn run_cron(world: &World, times: usize) {
    for _ in 0..times {
        world.cron();
        world.pass_ms(60_000);
    }
}

#[test]
fn a_day_is_written_once_with_its_manifest_and_then_its_details_are_deleted() {
    let (world, ids) = with_a_day();
    world.pass_ms(9 * DAY_MS);
    run_cron(&world, 8);
    assert_eq!(archived(&world), ids);
    let manifest: serde_json::Value =
        serde_json::from_str(&world.file("events/2024/11/07/manifest.json").unwrap()).unwrap();
    assert_eq!(manifest["rows"], 60);
    assert_eq!(world.lines("Archived: 2024-11-07").len(), 1);
    let reader = world.isolate();
    let listed = json(world.run(archive::list(&query(""), &reader.app)).unwrap());
    let days: Vec<&str> = listed["days"].as_array().unwrap().iter().map(|day| day["day"].as_str().unwrap()).collect();
    assert!(listed["bound"] == true && days.contains(&"2024-11-07"), "{days:?}");
    // The day's last two hours are kept until the next day is done; all of it is gone some days later.
    for _ in 0..3 {
        world.pass_ms(DAY_MS);
        run_cron(&world, 3);
    }
    assert_eq!((world.d1().count("segments"), world.object("default").sqlite.count("segments")), (0, 0));
    assert_eq!(archived(&world), ids);
}

#[test]
fn whatever_fails_and_wherever_a_run_ends_each_event_is_there_once() {
    for seed in 0..12 {
        let (world, ids) = with_a_day();
        world.pass_ms(9 * DAY_MS + seed);
        let faults = [Fault::Fails, Fault::FailsAfterPersisting, Fault::HangsAfterPersisting];
        let fault = faults[usize::try_from(seed % 3).unwrap()];
        for port in [Port::BucketPut, Port::BucketGet, Port::D1Write, Port::Ask] {
            world.trouble(Trouble::new(port, fault).for_ppm(150_000));
        }
        for ms in 0..15 {
            let worker = world.worker();
            let app = worker.app.clone();
            worker.spawn_long(async move { drop(archive::scheduled(&app).await) });
            world.pass_ms(3 + (seed * 37 + ms * 13) % 200);
            worker.kill();
            world.pass_ms(60_000);
        }
        world.calm();
        // A lease that a run left ends by itself.
        world.pass_ms(20 * 60_000);
        run_cron(&world, 8);
        assert_eq!(archived(&world), ids, "{seed}");
        assert!(world.file("events/2024/11/07/manifest.json").is_some(), "{seed}");
    }
}

#[test]
fn a_bucket_that_refuses_is_counted_and_health_says_how_late_the_archive_is() {
    let (world, _) = with_a_day();
    world.pass_ms(9 * DAY_MS);
    run_cron(&world, 8);
    serve(&world, &world.isolate(), 100..120);
    drain(&world);
    world.trouble(Trouble::new(Port::BucketPut, Fault::Fails));
    world.pass_ms(12 * DAY_MS);
    run_cron(&world, 2);
    assert!(world.counted("archive_failed") > 0);
    let reader = world.isolate();
    let state: ArchiveState = world.run(archive::state(&reader.app, reader.app.read_deadline())).unwrap();
    assert!(state.behind_ms(world.now_ms()) > Some(0) && state.until_ms() > Some(0));
    assert_eq!(json(state)["bound"], true);
    let health = json(world.run(flow::operating::health::read(&reader.app)));
    let late = health["reasons"].as_array().unwrap().iter().any(|reason| reason["code"] == "archive-late");
    assert!(late, "{health:#}");
    assert!(world.object("default").sqlite.count("segments") > 0, "what is not archived is kept");
}

#[test]
fn without_a_bucket_details_go_unarchived_and_that_is_said_once() {
    let world = World::new(2);
    serve(&world, &world.isolate(), 0..10);
    world.pass_ms(60_000);
    run_cron(&world, 3);
    assert_eq!(world.lines("unarchived").len(), 1);
    let reader = world.isolate();
    let listed = json(world.run(archive::list(&query(""), &reader.app)).unwrap());
    assert_eq!((&listed["bound"], &listed["days"]), (&false.into(), &serde_json::json!([])));
    let refused = world.run(archive::list(&query("before=yesterday"), &reader.app)).err();
    assert!(matches!(refused, Some(Error::Input(_))));
    world.break_all(&Port::D1, Fault::Fails);
    let refused = world.run(archive::list(&query("before=2024-11-07"), &reader.app)).err();
    assert!(matches!(refused, Some(Error::Unavailable(_))));
}

#[test]
fn a_file_is_named_by_its_day_and_part() {
    let name = |day: &str, part: Option<&str>| archive::file_name(day, part).ok();
    assert_eq!(name("2024-11-07", None).as_deref(), Some("events/2024/11/07/manifest.json"));
    let part = model::archive::part_file(3);
    assert_eq!(name("2024-11-07", Some(&part)), Some(format!("events/2024/11/07/{part}")));
    assert_eq!((name("2024-02-30", None), name("2024-11-07", Some("../x"))), (None, None));
}

#[test]
fn a_trace_of_an_archived_id_says_where_its_details_are() {
    let (world, ids) = with_a_day();
    world.pass_ms(9 * DAY_MS);
    run_cron(&world, 8);
    let reader = world.isolate();
    let id = ids.first().unwrap();
    let trace = json(world.run(flow::reading::trace::read(id, &reader.app)).unwrap());
    assert_eq!((&trace["archive"]["state"], &trace["details"]["place"]), (&"done".into(), &"archive".into()));
}
