//! `GET flag`: the flag as this isolate obeys it.

use serde::Serialize;
use worker::Env;

use crate::edge::config::Config;
use crate::edge::flag_cache;

/// The flag in force.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FlagInForce {
    version: u32,
    mode: &'static str,
    sample_ppm: u32,
    queue_ppm: u32,
    overrides: usize,
}

/// Reads it as the next request would.
pub async fn read(env: &Env, config: &Config) -> FlagInForce {
    let flag = flag_cache::current(env, config).await;
    FlagInForce {
        version: flag.version,
        mode: flag.rule.mode.name(),
        sample_ppm: flag.rule.sample_ppm,
        queue_ppm: flag.rule.queue_ppm,
        overrides: flag.overrides.len(),
    }
}
