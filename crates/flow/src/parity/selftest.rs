//! The comparator's self-test in the real runtime. Objects of its own play both stores, so that the traffic's figures
//! are not affected.

use model::error::InputError;
use model::event::Event;
use model::event::message;
use model::parity::report::ParityReport;
use model::parity::selftest::{self, FaultyWorld, SelfTest, SelfTestOutcome};
use model::parity::window::Window;
use store::parity::compare::{ComparisonRun, ComparisonSettings};
use store::sql::StoreError;

use super::runs;
use crate::app::App;
use crate::objects::ask::Collector;

/// Limit of the test's reports, in ppm: that of the daily comparison.
const LIMIT_PPM: u32 = 10_000;

/// Two objects that play the stores.
type Pair<'a> = [Collector<'a>; 2];

/// Fills pairs of objects, compares, and erases them.
///
/// # Errors
/// Why it could not be completed. Anything left behind is in objects that are never read again.
pub async fn run(app: &App) -> Result<SelfTestOutcome, StoreError> {
    let seed = u64::from_be_bytes(app.unique::<8>());
    let end_ms = app.now_ms();
    let refused = |error: InputError| StoreError::Corrupt(error.to_string());
    let test = SelfTest::new(seed, end_ms, app.config.window_ms).map_err(refused)?;
    let worlds = selftest::worlds(seed, end_ms, app.config.window_ms).map_err(refused)?;
    let names = |purpose| ["old", "new"].map(|side| format!("selftest-{side}{purpose}-{seed:016x}"));
    let (shared, alone) = (names(""), names("-alone"));
    let [shared, alone] = [&shared, &alone].map(|names| names.each_ref().map(|name| Collector { app, name }));
    let outcome = compare_all(app, (&test, end_ms), &worlds, [shared, alone]).await;
    for collector in [shared, alone].concat() {
        if let Err(error) = collector.erase().await {
            app.error(format_args!("Self-test: object {} is not erased: {error}", collector.name));
        }
    }
    outcome
}

async fn compare_all(
    app: &App,
    (test, end_ms): (&SelfTest, u64),
    worlds: &[FaultyWorld],
    [shared, alone]: [Pair<'_>; 2],
) -> Result<SelfTestOutcome, StoreError> {
    let [old, new] = shared;
    record(old, &test.old).await?;
    record(new, &test.new).await?;
    let window = SelfTest::window(end_ms);
    let first = report(app, window, shared).await?;
    record(new, &test.late).await?;
    let mut outcome = test.outcome(first, report(app, window, shared).await?);
    for world in worlds {
        let pair = if world.is_alone { alone } else { shared };
        for ((collector, events), again) in pair.into_iter().zip(&world.given).zip(&world.again) {
            record(collector, events).await?;
            store_again(collector, again).await?;
        }
        outcome.add(world, report(app, world.window, pair).await?);
    }
    Ok(outcome)
}

fn messages(events: &[Event]) -> Result<Vec<String>, StoreError> {
    message::write(events.to_vec()).map_err(|error| StoreError::Corrupt(error.to_string()))
}

async fn record(collector: Collector<'_>, events: &[Event]) -> Result<(), StoreError> {
    for text in messages(events)? {
        collector.record(text).await?;
    }
    Ok(())
}

async fn store_again(collector: Collector<'_>, events: &[Event]) -> Result<(), StoreError> {
    for text in messages(events)? {
        collector.store_again(text).await?;
    }
    Ok(())
}

async fn report(app: &App, window: Window, [old, new]: Pair<'_>) -> Result<ParityReport, StoreError> {
    let settings = ComparisonSettings { id_window_ms: app.config.window_ms, lag_ms: 0, limit_ppm: LIMIT_PPM };
    match runs::look_at(&old, &new, app, window, settings).await? {
        ComparisonRun::Done(report) => Ok(*report),
        ComparisonRun::Refused(reason) => Err(StoreError::Corrupt(reason)),
        ComparisonRun::Interrupted(left) => {
            Err(StoreError::Corrupt(format!("{left} minutes of a short window were left")))
        }
    }
}
