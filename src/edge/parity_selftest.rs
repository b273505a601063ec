//! The comparator's test of itself, in the real runtime: two objects of its own play both stores, so that no figure of
//! the traffic is touched.

use worker::{Env, console_error};

use crate::domain::message;
use crate::domain::parity::report::Report;
use crate::domain::parity::selftest::{Outcome, SelfTest};
use crate::store::parity::compare::{Run, Settings};
use crate::store::sql::StoreError;

use super::collector_client::Collector;
use super::config::Config;
use super::{address_key, clock, parity};

/// Limit of the test's reports, in ppm: that of the daily comparison.
const LIMIT_PPM: u32 = 10_000;

/// Fills both objects, compares, adds what was delayed, compares again, and erases them.
///
/// # Errors
/// Why it could not be carried out; what it left behind is in objects that nobody asks again.
pub async fn run(env: &Env, config: &Config) -> Result<Outcome, StoreError> {
    let seed = u64::from_be_bytes(address_key::random_bytes::<8>());
    let end_ms = clock::now_ms();
    let test = SelfTest::new(seed, end_ms, config.window_ms).map_err(|e| StoreError::Corrupt(e.to_string()))?;
    let names = ["old", "new"].map(|side| format!("selftest-{side}-{seed:016x}"));
    let [old, new] = names.each_ref().map(|name| Collector { env, name });
    let outcome = compare(env, config, &test, end_ms, old, new).await;
    for collector in [old, new] {
        if let Err(error) = collector.erase().await {
            console_error!("Self-test: object {} is not erased: {error}", collector.name);
        }
    }
    outcome
}

async fn compare(
    env: &Env,
    config: &Config,
    test: &SelfTest,
    end_ms: u64,
    old: Collector<'_>,
    new: Collector<'_>,
) -> Result<Outcome, StoreError> {
    record(old, &test.old).await?;
    record(new, &test.new).await?;
    let first = report(env, config, end_ms, old, new).await?;
    record(new, &test.late).await?;
    let second = report(env, config, end_ms, old, new).await?;
    Ok(test.outcome(first, second))
}

async fn record(collector: Collector<'_>, events: &[crate::domain::event::Event]) -> Result<(), StoreError> {
    let texts = message::write(events.to_vec()).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    for text in texts {
        collector.record(text).await.map_err(StoreError::Unavailable)?;
    }
    Ok(())
}

async fn report(
    env: &Env,
    config: &Config,
    end_ms: u64,
    old: Collector<'_>,
    new: Collector<'_>,
) -> Result<Report, StoreError> {
    let settings = Settings { id_window_ms: config.window_ms, lag_ms: 0, limit_ppm: LIMIT_PPM };
    match parity::look_at(&old, &new, env, SelfTest::window(end_ms), settings).await? {
        Run::Done(report) => Ok(*report),
        Run::Interrupted(left) => Err(StoreError::Corrupt(format!("{left} minutes of a short window were left"))),
    }
}
