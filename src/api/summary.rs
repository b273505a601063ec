//! `GET snapshot`: what the dashboard paints first, of the last hour.

use futures_util::future::{join, join5};
use serde::Serialize;
use serde_json::value::RawValue;
use worker::Env;

use crate::config::Config;
use crate::deadline::Deadline;
use crate::problem::Problem;
use crate::{clock, parity};
use model::parity::window::Kind;
use model::reading::selection::Routes;

use super::flag::{self, FlagInForce};
use super::health::{self, Health};
use super::paths::{self, Table};
use super::series::{self, Series};
use super::stats::{self, Whole};

/// The range that it shows, as a request of it would say.
const RANGE: &str = "1h";
const QUERY: &str = "https://collector/?range=1h&limit=50";

/// The summary.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    computed_at: u64,
    range: &'static str,
    stats: Option<Whole>,
    series: Option<Series>,
    paths: Option<Table>,
    flag: FlagInForce,
    parity: Newest,
    health: Health,
}

/// The newest reports.
#[derive(Serialize)]
struct Newest {
    hour: Option<Box<RawValue>>,
    day: Option<Box<RawValue>>,
}

/// Computes it. What can't be read is null.
///
/// # Errors
/// If the encoder fails, which for these types it can't.
pub async fn text(env: &Env, config: &Config) -> Result<String, String> {
    let known = |problem: Problem| worker::console_error!("Summary: {}", problem.detail);
    let deadline = Deadline::to_read(config);
    // All at once, so that a store which does not answer is waited for once.
    let (stats, series, paths, (health, flag), (hour, day)) = join5(
        Box::pin(stats::total(QUERY, env, config)),
        Box::pin(series::read(Routes::Together, QUERY, env, config)),
        Box::pin(paths::table(QUERY, env, config)),
        join(health::read(env, config), flag::read(env, config)),
        join(newest(env, Kind::Hour, deadline), newest(env, Kind::Day, deadline)),
    )
    .await;
    let summary = Summary {
        computed_at: clock::now_ms(),
        range: RANGE,
        stats: stats.map_err(known).ok(),
        series: series.map_err(known).ok(),
        paths: paths.map_err(known).ok(),
        flag,
        parity: Newest { hour, day },
        health,
    };
    serde_json::to_string(&summary).map_err(|error| error.to_string())
}

async fn newest(env: &Env, kind: Kind, deadline: Deadline) -> Option<Box<RawValue>> {
    let reports = parity::reports_until(env, deadline).ok()?.newest(kind, 1).await.ok()?;
    RawValue::from_string(reports.into_iter().next()?).ok()
}
