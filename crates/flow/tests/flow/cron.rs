//! Scheduled work: every job runs each minute, whatever became of the others.

use flow::objects::ask;
use model::operating::health::Job;
use sim::world::World;
use sim::world::trouble::{Fault, Port, Trouble};

use crate::support::{DUAL, drain, serve, set_flag, total};

const JOBS: [&str; 8] = ["archive", "clean", "dead-letters", "flag", "parity", "ramp", "snapshot", "write-probe"];

/// Jobs as they were reported last, by name.
fn jobs(world: &World) -> Vec<Job> {
    let isolate = world.isolate();
    let mut jobs = world.run(ask::vitals(&isolate.app, isolate.app.deadline(1_000))).unwrap().jobs;
    jobs.sort_by(|one, other| one.job.cmp(&other.job));
    jobs
}

fn with_traffic() -> World {
    let world = World::new(1);
    world.bind_bucket();
    set_flag(&world, DUAL);
    serve(&world, &world.isolate(), 0..40);
    drain(&world);
    world.cron();
    world
}

/// A trigger that makes writes of a table fail.
fn refuse(table: &str) -> String {
    let on = |act: &str| {
        format!(
            "CREATE TRIGGER no_{table}_{act} BEFORE {act} ON {table} BEGIN SELECT RAISE(ABORT, 'told to refuse'); END;"
        )
    };
    ["INSERT", "UPDATE", "DELETE"].map(on).concat()
}

#[test]
fn all_jobs_run_and_say_so() {
    let world = with_traffic();
    let jobs = jobs(&world);
    assert_eq!(jobs.iter().map(|job| job.job.as_str()).collect::<Vec<_>>(), JOBS);
    assert!(jobs.iter().all(|job| job.error.is_none() && job.succeeded_at >= Some(job.started_at)), "{jobs:?}");
    assert!(world.d1().count("folds") == 1 && world.lines("left for the next run").is_empty());
}

#[test]
fn a_job_that_fails_keeps_no_other_from_running() {
    type Sabotage = fn(&World);
    let sabotages: [(&str, Sabotage); 7] = [
        ("write-probe", |world| world.d1().script(&refuse("write_probe"))),
        ("flag", |world| world.trouble(Trouble::new(Port::KvGet, Fault::Fails).named("stop"))),
        ("parity", |world| world.d1().script("ALTER TABLE parity_reports RENAME TO elsewhere")),
        ("dead-letters", |world| world.d1().script("DROP TABLE dead_letters_dropped")),
        ("archive", |world| world.d1().script("DROP TABLE archive_lease")),
        ("clean", |world| world.d1().script(&refuse("folds"))),
        ("snapshot", |world| world.object("default").sqlite.script(&refuse("snapshot"))),
    ];
    for (failing, sabotage) in sabotages {
        let world = with_traffic();
        let before = jobs(&world);
        serve(&world, &world.isolate(), 40..50);
        drain(&world);
        sabotage(&world);
        world.cron();
        // What fails, and what needs it: no step of a ramp where a stop may hold that can't be read.
        let fails = |job: &str| job == failing;
        let is_left_out = |job: &str| failing == "flag" && job == "ramp";
        for (job, before) in jobs(&world).iter().zip(&before) {
            assert_eq!(job.error.is_some(), fails(&job.job), "{failing}: {job:?}");
            assert_eq!(job.started_at > before.started_at, !is_left_out(&job.job), "{failing}: {job:?}");
            assert_eq!(job.succeeded_at > before.succeeded_at, !fails(&job.job) && !is_left_out(&job.job), "{job:?}");
        }
        assert_eq!(world.lines(&format!("Scheduled job {failing} is left")).len(), 1);
    }
}

#[test]
fn jobs_that_hang_end_at_their_deadlines_and_a_run_that_is_ended_is_done_by_the_next() {
    let world = with_traffic();
    world.break_all(&Port::D1, Fault::Hangs);
    let began = world.now_ms();
    world.cron();
    assert!(world.now_ms() - began < 10 * 60_000, "{}", world.now_ms() - began);
    world.calm();
    for ms in 0..40 {
        let worker = world.worker();
        let app = worker.app.clone();
        serve(&world, &world.isolate(), 100 + ms * 5..105 + ms * 5);
        worker.spawn_long(async move { flow::cron::scheduled(&app).await });
        world.pass_ms(1 + ms * 9);
        worker.kill();
    }
    drain(&world);
    world.cron();
    let jobs = jobs(&world);
    assert!(jobs.iter().all(|job| job.error.is_none()), "{jobs:?}");
    assert_eq!(total(&world), 240);
}

#[test]
fn cron_reports_its_probe_at_once_so_that_a_slow_database_hides_nothing() {
    let world = with_traffic();
    let before = jobs(&world);
    let worker = world.worker();
    let app = worker.app.clone();
    for port in Port::D1 {
        world.trouble(Trouble::new(port, Fault::Slow(9_000)));
    }
    worker.spawn_long(async move { flow::cron::scheduled(&app).await });
    world.pass_ms(10_000);
    worker.kill();
    let probe = |jobs: &[Job]| jobs.iter().find(|job| job.job == "write-probe").cloned().unwrap();
    assert!(probe(&jobs(&world)).succeeded_at > probe(&before).succeeded_at);
}
