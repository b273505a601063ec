//! Scheduled work.
//!
//! Invariant: every job may be interrupted anywhere and repeated; one that fails doesn't keep the others from running.

use std::fmt::Display;
use std::future::Future;

use worker::{Env, console_error};

use model::operating::health::{Job, WRITE_PROBE};
use store::events::event_store::EventStore;
use store::keeper::write_probe::WriteProbe;
use store::letters::dead_letters::DeadLetters;
use store::sql::StoreError;

use crate::config::Config;
use crate::deadline::Deadline;
use crate::sql_d1::D1Sql;
use crate::{archive, clock, consumer, counters, flag_admin, parity, ramp, snapshot, vitals};

/// Steps of deletion in one run: the rest waits for the next minute.
const MAX_STEPS: usize = 20;

/// How long D1 may take for a small write, in ms.
const PROBE_MS: u64 = 10_000;

/// Every minute: writes a row to D1 to see whether it can, brings the places of the flag and of stops together, compares
/// what has closed, takes a ramp's step if one is due, folds what waits, deletes what has had its time, makes the
/// snapshot anew. What became of each is reported in the end, and of the first at once.
pub async fn scheduled(env: &Env) {
    let config = Config::of(env);
    let mut runs = Runs(Vec::new());
    runs.run(WRITE_PROBE, probe(env)).await;
    // At once: what follows waits for D1 as long as it may.
    vitals::report(env, runs.0.clone()).await;
    let mut stops = None;
    runs.run("flag", async { flag_admin::repair(env).await.map(|latch| stops = Some(latch)) }).await;
    // Before the ramp, which asks for its reports.
    runs.run("parity", parity::scheduled(env, &config)).await;
    // A place that could not be read may hold an emergency stop: no step is taken then.
    if let Some(stops) = stops {
        runs.run("ramp", ramp::advance(env, &config, &stops)).await;
    }
    runs.run("dead-letters", expire_dead_letters(env)).await;
    runs.run("archive", archive::scheduled(env, &config)).await;
    runs.run("clean", clean(env)).await;
    runs.run("snapshot", snapshot::refresh(env, &config)).await;
    vitals::report(env, runs.0).await;
}

/// Jobs that have run.
struct Runs(Vec<Job>);

impl Runs {
    /// Runs a job.
    async fn run<T, E: Display>(&mut self, job: &str, work: impl Future<Output = Result<T, E>>) {
        let started_at = clock::now_ms();
        let error = work.await.err().map(|error| brief(&error));
        if let Some(error) = &error {
            console_error!("Scheduled job {job} is left for the next run: {error}");
        }
        let succeeded_at = error.is_none().then(clock::now_ms);
        self.0.push(Job { job: job.to_owned(), started_at, succeeded_at, error });
    }
}

/// What an error says first: the platform appends where in the code it was.
fn brief(error: &impl Display) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

async fn probe(env: &Env) -> Result<(), StoreError> {
    // 1. A crash here: the row is there or is not.
    WriteProbe::new(D1Sql::until(env, Deadline::in_ms(PROBE_MS))?).write(clock::now_ms()).await
}

async fn expire_dead_letters(env: &Env) -> Result<(), StoreError> {
    // 1. A crash here: they are gone or are not.
    let expired = DeadLetters::new(D1Sql::of(env)?).expire(clock::now_ms()).await?;
    counters::add("dead_letters_expired", expired);
    Ok(())
}

async fn clean(env: &Env) -> Result<(), StoreError> {
    let now_ms = clock::now_ms();
    let config = Config::of(env);
    let store = EventStore::new(D1Sql::of(env)?, config.window_ms, config.retention);
    // 1. Each fold is a transaction; a crash leaves the rest to the next run.
    let folded = consumer::fold(&store, now_ms).await;
    // Details that are not archived yet are kept.
    let archived = archive::details_until(env).await?;
    for _ in 0..MAX_STEPS {
        // 2. So is each deletion.
        if !store.prune(now_ms, archived).await? {
            break;
        }
    }
    // A full database can't fold, and deletes all the same: told last, so that it is not told as done.
    folded
}
