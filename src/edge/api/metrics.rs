//! `GET metrics`: what Prometheus scrapes.
//!
//! Invariant: a text lives for some seconds in the isolate, so that however many scrape, the stores are read seldom.

use std::cell::RefCell;

use futures_util::future::join;
use web_sys::Request;
use worker::{Env, Response};

use crate::domain::exposition;
use crate::domain::grain::{DAY_MS, Grain};
use crate::domain::metrics::pipeline::Pipeline;
use crate::domain::metrics::rollout::Rollout;
use crate::domain::metrics::{self, traffic::Traffic};
use crate::domain::parity::report::Filed;
use crate::domain::parity::window::Kind;
use crate::domain::rollup::Rollups;
use crate::domain::selection::{Parts, Routes, Selection, Span};
use crate::edge::config::Config;
use crate::edge::problem::Problem;
use crate::edge::{clock, flag_admin, parity, stores};

use super::health;

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
    let open = accept.contains("application/openmetrics-text");
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
    let ((held, known), flag) = join(join(traffic(env, config, now_ms), health::gather(env, config)), async {
        flag_admin::known(env).await.map(|known| (known.document, known.changed_at))
    })
    .await;
    let (hours, days) = join(reports(env, Kind::Hour, HOURS), reports(env, Kind::Day, DAYS)).await;
    let held = held.inspect_err(|error| worker::console_error!("Metrics without traffic: {error}")).ok();
    let since_ms = Grain::Day.floor(now_ms);
    let traffic = held.as_ref().map(|(old, new)| Traffic { since_ms, old, new });
    metrics::text(traffic.as_ref(), &Rollout { flag, hours, days }, &pipeline(known), open)
}

fn pipeline(known: health::Known) -> Pipeline {
    let (status, reasons) = known.judge();
    let archived_until_ms = known.archive.as_ref().and_then(super::super::archive::ArchiveState::until_ms);
    let health::Known { now_ms, facts, counts, .. } = known;
    Pipeline { now_ms, facts, status, reasons, counts, archived_until_ms }
}

/// What both stores hold of this UTC day. One alone would look as if the other's events had never been.
async fn traffic(env: &Env, config: &Config, now_ms: u64) -> Result<(Rollups, Rollups), String> {
    let from = Grain::Day.floor(now_ms);
    let spans = vec![Span { from, to: from + DAY_MS, grain: Grain::Day }];
    let selection = Selection { spans, routes: Routes::Each, parts: Parts::Latency, dual: Parts::Latency };
    let (old, new) = stores::rollups(env, config, &selection).await;
    Ok((old?, new?))
}

async fn reports(env: &Env, kind: Kind, most: u64) -> Option<Vec<Filed>> {
    let read = async { parity::reports(env)?.newest_filed(kind, most).await };
    read.await.inspect_err(|error| worker::console_error!("Metrics without parity: {error}")).ok()
}
