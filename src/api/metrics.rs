//! `GET metrics`: what Prometheus scrapes.
//!
//! Invariant: a text lives for some seconds in the isolate, so that however many scrape, the stores are read seldom.

use std::cell::RefCell;

use futures_util::future::join;
use web_sys::Request;
use worker::{Env, Response};

use crate::config::Config;
use crate::deadline::Deadline;
use crate::problem::Problem;
use crate::{clock, flag_admin, flag_cache, parity, stores};
use model::counting::grain::{DAY_MS, Grain};
use model::counting::rollup::Rollups;
use model::operating::exposition;
use model::operating::metrics::pipeline::Pipeline;
use model::operating::metrics::rollout::Rollout;
use model::operating::metrics::traffic::Traffic;
use model::operating::metrics::{self};
use model::parity::filed::Filed;
use model::parity::window::Kind;
use model::reading::selection::{Parts, Routes, Selection, Span};

use super::{accept, health};

/// How long a text is given out again, in ms: the least time between two scrapes that is usual.
const LIFE_MS: u64 = 5_000;

/// Reports that are counted by verdict: the last day's hours, and 30 days.
const HOURS: u64 = 24;
const DAYS: u64 = 30;

/// A text, its time (ms), and whether it is `OpenMetrics`.
type Kept = (u64, bool, String);

thread_local! { static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) }; }

/// The metrics, in the format that the reader prefers.
pub async fn respond(request: &Request, env: &Env, config: &Config) -> Result<Response, Problem> {
    let accept = request.headers().get("Accept").ok().flatten().unwrap_or_default();
    // Who takes anything gets the older format, which everything reads.
    let (open, text) = ("application/openmetrics-text", "text/plain");
    let open = accept::names(&accept, open) && accept::weight(&accept, open) >= accept::weight(&accept, text);
    let now_ms = clock::now_ms();
    let kept = KEPT.with_borrow(|kept| match kept {
        Some((at, of, text)) if *of == open && now_ms.saturating_sub(*at) < LIFE_MS => Some(text.clone()),
        _ => None,
    });
    let text = if let Some(text) = kept {
        text
    } else {
        let text = read(env, config, now_ms, open).await;
        KEPT.set(Some((now_ms, open, text.clone())));
        text
    };
    let content_type = if open { exposition::OPEN_METRICS } else { exposition::TEXT };
    super::respond_with(200, Some(text), content_type, None)
}

/// Asks everyone; what does not answer is left out.
async fn read(env: &Env, config: &Config, now_ms: u64, open: bool) -> String {
    let deadline = Deadline::to_read(config);
    let flag = async { flag_admin::known(env).await.map(|known| (known.document, known.changed_at)) };
    let reports = join(reports(env, Kind::Hour, HOURS, deadline), reports(env, Kind::Day, DAYS, deadline));
    let ((held, known), (flag, (hours, days))) = join(
        join(traffic(env, config, now_ms, deadline), Box::pin(health::gather(env, config, deadline))),
        join(flag, reports),
    )
    .await;
    // Health has just read it.
    let stops = flag_cache::is_known().then(|| flag_cache::stops().holding().len() as u64);
    let (old, new) = &held;
    let traffic = Traffic { since_ms: Grain::Day.floor(now_ms), old: old.as_ref(), new: new.as_ref() };
    metrics::text(&traffic, &Rollout { flag, stops, hours, days }, &pipeline(known), open)
}

fn pipeline(known: health::Known) -> Pipeline {
    let (status, reasons) = known.judge();
    let archived_until_ms = known.archive.as_ref().and_then(crate::archive::ArchiveState::until_ms);
    let health::Known { now_ms, facts, counts, .. } = known;
    Pipeline { now_ms, facts, status, reasons, counts, archived_until_ms }
}

/// What each store holds of this UTC day, as far as it can be read whole.
async fn traffic(env: &Env, config: &Config, now_ms: u64, deadline: Deadline) -> (Option<Rollups>, Option<Rollups>) {
    let from = Grain::Day.floor(now_ms);
    let spans = vec![Span { from, to: from + DAY_MS, grain: Grain::Day }];
    let selection = Selection { spans, routes: Routes::Each, parts: Parts::Latency, dual: Parts::Latency };
    let (old, new) = stores::rollups(env, config, &selection, deadline).await;
    (old.whole().ok(), new.whole().ok())
}

async fn reports(env: &Env, kind: Kind, most: u64, deadline: Deadline) -> Option<Vec<Filed>> {
    let read = async { parity::reports_until(env, deadline)?.newest_filed(kind, most).await };
    read.await.inspect_err(|error| worker::console_error!("Metrics without parity: {error}")).ok()
}
