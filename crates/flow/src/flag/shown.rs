//! What is shown of the flag: what holds, what held, what a change starts from, and what one would do.

use futures_util::future::join;
use model::flag::change::Difference;
use model::flag::document::Document;
use model::flag::preview::{self, PathPreview, Preview, Shares};
use model::flag::stop::Stop;
use model::reading::merge::{Merged, busiest};
use model::reading::missing::Missing;
use model::reading::selection::{self, Parts, Routes};
use serde::Serialize;
use store::flag::history::Change;

use super::admin::{self, Known, Source};
use super::{cache, places};
use crate::app::App;
use crate::error::Error;
use crate::reading::merged;

/// What a look at the last day is based on, in ms.
const BASIS_MS: u64 = 24 * 60 * 60 * 1000;

/// Documents that one read of the history shows.
const SHOWN: u64 = 100;

/// The flag in force.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FlagInForce {
    version: u32,
    mode: &'static str,
    sample_ppm: u32,
    queue_ppm: u32,
    overrides: usize,
    stop: Option<Stop>,
}

/// The history, newest first; and the stops, the newest first.
#[derive(Serialize)]
pub struct FlagHistory {
    history: Vec<Change>,
    stops: Vec<Stop>,
}

/// The document that a change starts from.
#[derive(Serialize)]
pub struct Newest {
    document: Document,
    source: Source,
    stop: Option<Stop>,
}

impl Newest {
    /// Its version.
    pub const fn version(&self) -> u32 {
        self.document.version
    }
}

/// What a change would do, and what that is told from.
#[derive(Serialize)]
pub struct Previewed {
    basis: Option<Basis>,
    base: u32,
    differences: Vec<Difference>,
    current: Shares,
    proposed: Shares,
    paths: Vec<PathPreview>,
    more: bool,
    warnings: Vec<String>,
}

/// The traffic that a preview is based on.
#[derive(Serialize)]
struct Basis {
    from: u64,
    to: u64,
    requests: u64,
    exact: bool,
    missing: Vec<Missing>,
}

/// `GET flag`: as the next request of this isolate would obey it.
pub async fn read(app: &App) -> FlagInForce {
    let flag = cache::current(app).await;
    FlagInForce {
        version: flag.version,
        mode: flag.rule.mode.name(),
        sample_ppm: flag.rule.sample_ppm,
        queue_ppm: flag.rule.queue_ppm,
        overrides: flag.overrides.len(),
        stop: flag.stop.clone(),
    }
}

/// `GET flag/history`.
///
/// # Errors
/// [`Error`].
pub async fn history(app: &App) -> Result<FlagHistory, Error> {
    let read = join(admin::newest(app, SHOWN), places::history(app));
    let Some((history, stops)) = app.within_ms(app.config.read_deadline_ms, read).await else { return Err(unknown()) };
    Ok(FlagHistory { history: history?, stops: stops?.all().into_iter().cloned().collect() })
}

/// `GET flag/document`: what a change starts from.
///
/// # Errors
/// [`Error`].
pub async fn document(app: &App) -> Result<Newest, Error> {
    let (known, flag) = join(admin::known(app), cache::current(app)).await;
    let Known { document, source, .. } = known.ok_or_else(unknown)?;
    Ok(Newest { document, source, stop: flag.stop.clone() })
}

fn unknown() -> Error {
    Error::unavailable("neither the flag's history nor its copy can be read now; POST flag/stop works without them")
}

/// `POST flag/preview`: what the document in the body would do to the traffic of the last 24 hours. Changes nothing.
///
/// # Errors
/// [`Error`].
pub async fn preview(proposed: Document, app: &App) -> Result<Previewed, Error> {
    let current = admin::known(app).await.ok_or_else(unknown)?.document;
    let to = app.now_ms();
    let from = to.saturating_sub(BASIS_MS);
    // Without the stores there still are the rules.
    let spans = selection::cover(from, to, to, &app.config.retention);
    let both = merged::read(app, spans, Routes::Each, Parts::Counts).await;
    let (merged, missing) = both.ok().map(|both| (both.merged(app, None), both.missing)).unzip();
    let by_route = merged.as_ref().map(Merged::by_route).unwrap_or_default();
    let traffic: Vec<(String, u64)> =
        busiest(&by_route).into_iter().map(|(path, rollup)| (path.to_owned(), rollup.requests)).collect();
    let requests = traffic.iter().map(|(_, requests)| requests).sum();
    let missing = missing.unwrap_or_default();
    let basis = merged.map(|merged| Basis { from, to, requests, exact: merged.exact, missing });
    let Preview { differences, current: before, proposed, paths, more, warnings } =
        preview::preview(&current, &proposed, &traffic);
    let stop = cache::current(app).await.stop.as_ref().map(|stop| stop.id.clone());
    let stopped =
        stop.map(|id| format!("changes are refused while {id} holds: the old path alone is taken until its release"));
    let warnings = stopped.into_iter().chain(warnings).collect();
    Ok(Previewed { basis, base: current.version, differences, current: before, proposed, paths, more, warnings })
}
