//! Scheduled work.
//!
//! Invariant: every job may be interrupted anywhere and repeated; one that fails doesn't keep the others from running.

use worker::{Env, console_error};

use crate::store::dead_letters::DeadLetters;
use crate::store::events::EventStore;
use crate::store::sql::StoreError;

use super::config::Config;
use super::sql_d1::D1Sql;
use super::{archive, clock, consumer, counters, flag_admin, parity, ramp};

/// Steps of deletion in one run: the rest waits for the next minute.
const MAX_STEPS: usize = 20;

/// Every minute: repairs the flag's copy, compares what has closed, takes a ramp's step if one is due, folds what waits,
/// deletes what has had its time.
pub async fn scheduled(env: &Env) {
    let config = Config::of(env);
    let repaired = flag_admin::repair(env).await;
    if let Err(error) = &repaired {
        console_error!("Repair of the flag's copy is left for the next run: {error}");
    }
    // Before the ramp, which asks for its reports.
    if let Err(error) = parity::scheduled(env, &config).await {
        console_error!("Parity is left for the next run: {error}");
    }
    // A copy that could not be compared may hold an emergency stop: no step is taken then.
    if repaired.is_ok()
        && let Err(error) = ramp::advance(env, &config).await
    {
        console_error!("The flag's ramp is left for the next run: {error}");
    }
    if let Err(error) = expire_dead_letters(env).await {
        console_error!("Deleting old dead letters is left for the next run: {error}");
    }
    if let Err(error) = archive::scheduled(env, &config).await {
        console_error!("The archive is left for the next run: {error}");
    }
    if let Err(error) = clean(env).await {
        console_error!("Scheduled cleaning is left for the next run: {error}");
    }
}

async fn expire_dead_letters(env: &Env) -> Result<(), StoreError> {
    // 1. A crash here: they are gone or are not.
    let expired = DeadLetters::new(D1Sql::of(env)?).expire(clock::now_ms()).await?;
    counters::add("dead_letters_expired", expired);
    Ok(())
}

async fn clean(env: &Env) -> Result<(), StoreError> {
    let now_ms = clock::now_ms();
    let store = EventStore::new(D1Sql::of(env)?, Config::of(env).window_ms);
    // 1. Each fold is a transaction; a crash leaves the rest to the next run.
    consumer::fold(&store, now_ms).await;
    // ARCHIVE: details that are not archived yet are kept.
    let age_ms = archive::details_age_ms(env, now_ms).await?;
    for _ in 0..MAX_STEPS {
        // 2. So is each deletion.
        if !store.prune(now_ms, age_ms).await? {
            break;
        }
    }
    Ok(())
}
