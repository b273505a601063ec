//! What a cost is projected for: traffic, and the settings that a gateway would have.

use anyhow::{Context as _, bail};
use flow::config::Config;
use model::counting::grain::{DAY_MS, HOUR_MS};
use serde::Deserialize;

/// Traffic and settings. Times of settings are in the unit that their names end in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CostLoad {
    /// Requests each second.
    pub rps: f64,
    /// Routes, all of which are requested about equally often.
    pub paths: f64,
    /// Isolates that the requests come to.
    pub isolates: f64,
    /// Part of the events that goes to both stores, of 1.
    pub dual: f64,
    /// Part that goes to the object alone.
    pub only_old: f64,
    /// Part that goes to the queue alone.
    pub only_new: f64,
    /// Readers' looks at the last hour, each minute.
    pub reads_per_minute: f64,
    pub linger_ms: f64,
    pub flush_events: f64,
    pub shards: f64,
    pub window_ms: f64,
    pub flag_ttl_ms: f64,
    pub minutes_hours: f64,
    pub hours_days: f64,
    pub days_days: f64,
    pub details_days: f64,
    /// The queue's consumer, as `wrangler.toml` has it.
    pub consumer: Consumer,
}

/// How the platform hands messages to the consumer.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Consumer {
    #[serde(rename = "max_batch_size")]
    pub batch_messages: f64,
    #[serde(rename = "max_batch_timeout")]
    pub batch_wait_s: f64,
    /// Batches that are handled at once.
    #[serde(rename = "max_concurrency")]
    pub lanes: f64,
}

/// Settings that move a cost or a limit.
const SETTINGS: [&str; 9] = [
    "LINGER_MS",
    "FLUSH_EVENTS",
    "COLLECTOR_SHARDS",
    "ID_WINDOW_MS",
    "FLAG_TTL_MS",
    "KEEP_MINUTES_HOURS",
    "KEEP_HOURS_DAYS",
    "KEEP_DAYS_DAYS",
    "KEEP_DETAILS_DAYS",
];

impl CostLoad {
    /// 1,000 requests/s over 100 routes and 20 isolates, all to both stores, with these settings and else the gateway's
    /// defaults.
    #[allow(clippy::cast_precision_loss)] // settings are far below 2^53
    pub fn with(settings: &[(String, String)]) -> anyhow::Result<Self> {
        if let Some((name, _)) = settings.iter().find(|(name, _)| !SETTINGS.contains(&name.as_str())) {
            bail!("{name} moves neither cost nor limits; those that do: {}", SETTINGS.join(", "));
        }
        let get = |wanted: &str| settings.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
        let (config, errors) = Config::read(&get);
        if let Some(error) = errors.into_iter().next() {
            bail!(error);
        }
        let kept = &config.retention;
        Ok(Self {
            rps: 1_000.0,
            paths: 100.0,
            isolates: 20.0,
            dual: 1.0,
            only_old: 0.0,
            only_new: 0.0,
            reads_per_minute: 6.0,
            linger_ms: config.limits.linger_ms as f64,
            flush_events: config.limits.events as f64,
            shards: config.shards as f64,
            window_ms: config.window_ms as f64,
            flag_ttl_ms: config.flag_ttl_ms as f64,
            minutes_hours: (kept.minutes_ms / HOUR_MS) as f64,
            hours_days: (kept.hours_ms / DAY_MS) as f64,
            days_days: (kept.days_ms / DAY_MS) as f64,
            details_days: (kept.details_ms / DAY_MS) as f64,
            consumer: Consumer::configured()?,
        })
    }

    /// So many times as much, by as many times the isolates: each has as many requests as before.
    pub fn times(&self, factor: f64) -> Self {
        Self { rps: self.rps * factor, isolates: self.isolates * factor, ..*self }
    }
}

impl Consumer {
    fn configured() -> anyhow::Result<Self> {
        #[derive(Deserialize)]
        struct Wrangler {
            queues: Queues,
        }
        #[derive(Deserialize)]
        struct Queues {
            consumers: Vec<Consumer>,
        }
        let text = include_str!("../../../wrangler.toml");
        let Wrangler { queues } = toml::from_str(text).context("reading wrangler.toml")?;
        queues.consumers.first().copied().context("wrangler.toml has no consumer")
    }
}
