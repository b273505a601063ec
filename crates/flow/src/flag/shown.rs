//! What is shown of the flag: what holds, what held, what a change starts from, and what one would do.

use futures_util::future::join;
use model::flag::document::Document;
use model::flag::preview::{self, Preview};
use model::reading::merge::{Merged, busiest};
use model::reading::selection::{self, RollupParts, RouteSelection};

use super::admin::{self, NewestFlag};
use super::{cache, places};
use crate::app::App;
use crate::error::Error;
use crate::reading::merged;
use api::flag::{FlagAnswer, FlagDocumentAnswer, FlagHistoryAnswer, PreviewAnswer, PreviewBasis};

/// What a look at the last day is based on, in ms.
const BASIS_MS: u64 = 24 * 60 * 60 * 1000;

/// Documents that one read of the history shows.
const SHOWN: u64 = 100;

/// `GET flag`: as the next request of this isolate would obey it.
pub async fn read(app: &App) -> FlagAnswer {
    let flag = cache::current(app).await;
    FlagAnswer {
        version: flag.version,
        mode: flag.rule.mode,
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
pub async fn history(app: &App) -> Result<FlagHistoryAnswer, Error> {
    let read = join(admin::newest(app, SHOWN), places::history(app));
    let Some((history, stops)) = app.within_ms(app.config.read_deadline_ms, read).await else { return Err(unknown()) };
    Ok(FlagHistoryAnswer { history: history?, stops: stops?.all().into_iter().cloned().collect() })
}

/// `GET flag/document`: what a change starts from.
///
/// # Errors
/// [`Error`].
pub async fn document(app: &App) -> Result<FlagDocumentAnswer, Error> {
    let (known, flag) = join(admin::known(app), cache::current(app)).await;
    let NewestFlag { document, source, .. } = known.ok_or_else(unknown)?;
    Ok(FlagDocumentAnswer { document, source, stop: flag.stop.clone() })
}

fn unknown() -> Error {
    Error::unavailable("neither the flag's history nor its copy can be read now; POST flag/stop works without them")
}

/// `POST flag/preview`: what the document in the body would do to the traffic of the last 24 hours. Changes nothing.
///
/// # Errors
/// [`Error`].
pub async fn preview(proposed: Document, app: &App) -> Result<PreviewAnswer, Error> {
    let current = admin::known(app).await.ok_or_else(unknown)?.document;
    let to = app.now_ms();
    let from = to.saturating_sub(BASIS_MS);
    // Without the stores there still are the rules.
    let spans = selection::cover(from, to, to, &app.config.retention);
    let both = merged::read(app, spans, RouteSelection::Each, RollupParts::Counts).await;
    let (merged, missing) = both.ok().map(|both| (both.merged(app, None), both.missing)).unzip();
    let by_route = merged.as_ref().map(Merged::by_route).unwrap_or_default();
    let traffic: Vec<(String, u64)> =
        busiest(&by_route).into_iter().map(|(path, rollup)| (path.to_owned(), rollup.requests)).collect();
    let requests = traffic.iter().map(|(_, requests)| requests).sum();
    let missing = missing.unwrap_or_default();
    let basis = merged.map(|merged| PreviewBasis { from, to, requests, exact: merged.exact, missing });
    let Preview { differences, current: before, proposed, paths, more, warnings } =
        preview::preview(&current, &proposed, &traffic);
    let stop = cache::current(app).await.stop.as_ref().map(|stop| stop.id.clone());
    let stopped =
        stop.map(|id| format!("changes are refused while {id} holds: the old path alone is taken until its release"));
    let warnings = stopped.into_iter().chain(warnings).collect();
    Ok(PreviewAnswer { basis, base: current.version, differences, current: before, proposed, paths, more, warnings })
}
