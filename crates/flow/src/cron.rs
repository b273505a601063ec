//! Scheduled work.
//!
//! Invariant: every job may be interrupted anywhere and repeated. A job that fails doesn't stop the others.

use std::fmt::Display;
use std::future::Future;

use model::counting::grain::MINUTE_MS;
use model::operating::health::{Job, WRITE_PROBE};
use store::keeper::write_probe::WriteProbe;
use store::letters::dead_letters::DeadLetters;
use store::sql::StoreError;

use crate::app::App;
use crate::flag::{admin, ramp};
use crate::operating::{snapshot, vitals};
use crate::parity::runs;
use crate::{archive, folding};

/// Steps of deletion in one run: the rest waits for the next minute.
const MAX_STEPS: usize = 20;

/// How long D1 may take for a small write, in ms.
const PROBE_MS: u64 = 10_000;

/// Runs every minute: writes a row to D1 to see whether it can, brings the copies of the flag and of the stops
/// together, compares closed windows, takes a ramp's step if one is due, folds waiting segments, deletes what is past
/// its retention, and makes a new snapshot. Reports the result of the first job at once, and of all jobs at the end.
pub async fn scheduled(app: &App) {
    let mut jobs = Jobs(Vec::new());
    jobs.run(app, WRITE_PROBE, probe(app)).await;
    // At once: what follows waits for D1 as long as it may.
    vitals::report(app, jobs.0.clone()).await;
    let mut stops = None;
    jobs.run(app, "flag", async { admin::repair(app).await.map(|latch| stops = Some(latch)) }).await;
    // Before the ramp, which asks for its reports.
    jobs.run(app, "parity", runs::scheduled(app)).await;
    // A place that could not be read may hold an emergency stop: no step is taken then.
    if let Some(stops) = stops {
        jobs.run(app, "ramp", ramp::advance(app, &stops)).await;
    }
    jobs.run(app, "dead-letters", dead_letters(app)).await;
    jobs.run(app, "archive", archive::scheduled(app)).await;
    jobs.run(app, "clean", clean(app)).await;
    jobs.run(app, "snapshot", snapshot::refresh(app)).await;
    vitals::report(app, jobs.0).await;
}

/// Jobs that have run.
struct Jobs(Vec<Job>);

impl Jobs {
    /// Runs a job.
    async fn run<T, E: Display>(&mut self, app: &App, job: &str, work: impl Future<Output = Result<T, E>>) {
        let started_at = app.now_ms();
        let error = work.await.err().map(|error| brief(&error));
        if let Some(error) = &error {
            app.error(format_args!("Scheduled job {job} is left for the next run: {error}"));
        }
        let succeeded_at = error.is_none().then(|| app.now_ms());
        self.0.push(Job { job: job.to_owned(), started_at, succeeded_at, error });
    }
}

/// What an error says first: the platform appends where in the code it was.
fn brief(error: &impl Display) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

async fn probe(app: &App) -> Result<(), StoreError> {
    WriteProbe::new(app.new_store_until(app.deadline(PROBE_MS))?).write(app.now_ms()).await
}

/// How often letters that a newer version wrote are tried again, in ms.
const NEWER_EVERY_MS: u64 = 10 * MINUTE_MS;

/// Deletes what has had its time; and reads some of what a newer version wrote: this Worker may be the newer one by now.
async fn dead_letters(app: &App) -> Result<(), StoreError> {
    let now_ms = app.now_ms();
    let letters = DeadLetters::new(app.new_store()?);
    let expired = letters.expire(now_ms).await?;
    app.count("dead_letters_expired", expired);
    let after = app.isolate.newer_letters.take();
    if after.is_some() || now_ms % NEWER_EVERY_MS < MINUTE_MS {
        let step = letters.read_newer(&app.event_store()?, after.as_ref(), now_ms).await?;
        app.count("dead_letters_redriven", step.redriven);
        // The next run goes on behind what still can't be read.
        app.isolate.newer_letters.replace(step.next);
    }
    Ok(())
}

async fn clean(app: &App) -> Result<(), StoreError> {
    let now_ms = app.now_ms();
    let store = app.event_store()?;
    // Each fold is a transaction, and so is each deletion; a crash leaves the rest to the next run.
    let folded = folding::fold(&store, now_ms).await;
    // Details that are not archived yet are kept.
    let archived = archive::details_until(app).await?;
    for _ in 0..MAX_STEPS {
        if !store.prune(now_ms, archived).await? {
            break;
        }
    }
    // A full database can't fold, and deletes all the same: told last, so that it is not told as done.
    folded
}
