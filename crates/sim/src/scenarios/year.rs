//! A year, in which details go to the archive, minutes and hours are deleted, and no total changes.

use std::collections::BTreeSet;

use api::stats::StatsAnswer;
use api::url::Query;
use flow::flag::orders;
use flow::reading::stats;

use crate::acts::request;
use crate::world::World;

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// What a year came to.
#[derive(Debug, PartialEq, Eq)]
pub struct Year {
    /// Requests that were served.
    pub served: u64,
    /// Of them, those that the last read told, over all days.
    pub told: u64,
    /// Events in the archive, and distinct ones.
    pub archived: (usize, usize),
    /// Events whose details are still in D1.
    pub details: u64,
}

/// Tells it, with a read every so many days, each of which must tell all that was served until then.
///
/// # Panics
/// A read told something else.
pub fn tell(days: u64, read_every_days: u64) -> Year {
    let world = World::new(8);
    world.bind_bucket();
    let operator = world.isolate();
    let rule = r#"{"schema":1,"version":0,"mode":"dual-write","samplePpm":1000000,"updatedBy":"op","reason":"a year"}"#;
    world.run(orders::change(&operator.app, 0, rule)).unwrap();
    let mut served = 0;
    let mut told = 0;
    for day in 0..days {
        let gateway = world.isolate();
        for _ in 0..3 {
            world.pass_ms(5 * HOUR_MS);
            gateway.serve(request(&gateway, served));
            served += 1;
            world.pass_ms(20_000);
        }
        // At night, as often as the archive needs for a day.
        world.pass_ms((rig::START + (day + 1) * DAY_MS).saturating_sub(world.now_ms()));
        for _ in 0..3 {
            world.cron();
            world.pass_ms(60_000);
        }
        if (day + 1) % read_every_days == 0 {
            told = read(&world).total.requests;
            assert_eq!(told, served, "on day {day}");
        }
    }
    let ids = archived(&world);
    let distinct: BTreeSet<&String> = ids.iter().collect();
    let archived = (ids.len(), distinct.len());
    Year { served, told, archived, details: world.d1().count("segments") }
}

/// All days, of which the last may still be told by hours.
fn read(world: &World) -> StatsAnswer {
    let query = Query::of(&format!("https://x/?from={}", rig::START - rig::START % DAY_MS));
    world.run(stats::read(&query, &world.isolate().app)).unwrap()
}

fn archived(world: &World) -> Vec<String> {
    let files = world.file_names().into_iter().filter(|name| name.contains(".ndjson"));
    let lines = files.flat_map(|name| world.file(&name).unwrap().lines().map(str::to_owned).collect::<Vec<String>>());
    let id = |line: String| serde_json::from_str::<serde_json::Value>(&line).unwrap()["digest"].to_string();
    lines.map(id).collect()
}
