//! Reading figures and events of a time range.
//!
//! Invariant: a read sees one state. Rollups, and the segments that are not folded into them yet, are read in one
//! transaction.

use model::counting::grain::{DAY_MS, Grain, HOUR_MS};
use model::counting::rollup::{self, ALL_ROUTES, Rollups};
use model::event::identity::IdempotentId;
use model::event::{Cohort, Event, MAX_AHEAD_MS};
use model::log::ledger::Arrivals;
use model::log::segment;
use model::reading::answers::{LogState, SelectedRollups, Sighting};
use model::reading::selection::{self, FoldId, KnownIntervals, RouteSelection, Selection, Span};

use super::rollup_rows::{decode, encode};
use crate::sql::{Database, Row, Statement, StoreError, Value, json_list, rows};
use crate::statements::statements;

/// How much later than the start of its ID window an event's time may be, in ms.
pub(crate) const REACH_MS: u64 = model::event::MAX_ID_DISTANCE_MS;

statements!("read.sql":
    LAST_FOLD, IN_RANGE, ONE_ROUTE, TAIL, EVENTS_BETWEEN, STATE, BY_WINDOW,
);

/// UTC days before today whose events the state counts.
const STATE_DAYS: u64 = 7;

/// Most events that one read returns.
pub const MAX_EVENTS: usize = 50_000;

/// The event store over a database, for code that only reads: it can't record, fold or delete.
#[derive(Debug, Clone)]
pub struct EventReader {
    pub(crate) sql: Database,
}

impl EventReader {
    /// Over this database.
    pub fn new(sql: impl Into<Database>) -> Self {
        Self { sql: sql.into() }
    }

    /// Reads the selected figures.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rollups(&self, selection: &Selection) -> Result<Rollups, StoreError> {
        let SelectedRollups { folded, waiting, .. } = self.find(selection, None).await?;
        summed(folded.iter().chain(&waiting))
    }

    /// Reads the selected figures, except those that the caller knows and that have not changed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find(
        &self,
        selection: &Selection,
        known: Option<&KnownIntervals>,
    ) -> Result<SelectedRollups, StoreError> {
        let mut known = known;
        loop {
            let found = self.look_for(selection, known).await?;
            if known.is_none() || found.is_continued {
                return Ok(found);
            }
            known = None;
        }
    }

    async fn look_for(
        &self,
        selection: &Selection,
        known: Option<&KnownIntervals>,
    ) -> Result<SelectedRollups, StoreError> {
        let spans = &selection.spans;
        let (Some(first), Some(last)) =
            (spans.iter().map(|span| span.from).min(), spans.iter().map(|span| span.to).max())
        else {
            return Ok(SelectedRollups::default());
        };
        let id = |fold: FoldId| [fold.from_seq, fold.folded_at, fold.mark].map(Value::from);
        let heard_of = known.map_or([const { Value::Null }; 6], |known| {
            let mut ids = id(known.fold).into_iter().chain(id(known.newest));
            std::array::from_fn(|_| ids.next().unwrap_or(Value::Null))
        });
        let mut statements =
            vec![Statement::new(LAST_FOLD, heard_of), Statement::new(TAIL, [first.into(), last.into()])];
        let spans_known = known.map_or(&[][..], |known| &known.spans);
        statements.extend(selection::without(spans, spans_known).iter().map(|span| stored(span, selection)));
        if let Some(known) = known {
            let changed = |span: &Span| {
                let mut params = range_params(span, selection);
                params.extend(id(known.fold));
                params.push(match &selection.routes {
                    RouteSelection::Each => Value::Null,
                    RouteSelection::Together => ALL_ROUTES.into(),
                    RouteSelection::One(path) => path.as_str().into(),
                });
                Statement::new(IN_RANGE, params)
            };
            statements.extend(spans_known.iter().map(changed));
        }
        let results = self.sql.batch(statements).await?;
        let mut found = SelectedRollups::default();
        if let Some(row) = rows(&results, 0).first() {
            found.fold = Some(FoldId {
                from_seq: row.integer("from_seq")?,
                folded_at: row.integer("folded_at")?,
                mark: row.integer("mark")?,
            });
            found.changed_from = row.integer("changed_from")?;
            found.is_continued = row.integer("is_continued")? == 1;
        }
        for row in results.iter().skip(2).flatten() {
            found.folded.push(row.text("rollup")?.to_owned());
        }
        for (key, rollup) in &unfolded(rows(&results, 1), selection)? {
            let parts = if key.cohort == Cohort::Dual { selection.dual } else { selection.parts };
            found.waiting.push(encode(key, rollup, parts)?.to_string());
        }
        Ok(found)
    }

    /// Events in `from_ms..to_ms`, in the order in which they were stored, and whether there are more. Stops after
    /// about [`MAX_EVENTS`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn events(&self, from_ms: u64, to_ms: u64) -> Result<(Vec<Event>, bool), StoreError> {
        // The least events in a segment is 1, so this many segments can't hold fewer than the limit allows.
        let params = [from_ms, to_ms, REACH_MS, MAX_EVENTS as u64].map(Into::into);
        let results = self.sql.batch(vec![Statement::new(EVENTS_BETWEEN, params)]).await?;
        let mut events = Vec::new();
        for row in rows(&results, 0) {
            if events.len() >= MAX_EVENTS {
                return Ok((events, true));
            }
            events.extend(events_of(row)?.into_iter().filter(|event| (from_ms..to_ms).contains(&event.timestamp)));
        }
        Ok((events, rows(&results, 0).len() >= MAX_EVENTS))
    }

    /// Every stored event and every repeat with this ID, in order of arrival.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn trace(&self, id: IdempotentId) -> Result<Sighting, StoreError> {
        let half = hex::encode(id.hash8().to_be_bytes());
        let statement = Statement::new(BY_WINDOW, [id.timestamp_ms().into(), half.into()]);
        let results = self.sql.batch(vec![statement]).await?;
        let mut found = Sighting::default();
        for row in rows(&results, 0) {
            let at = row.integer("stored_at")?;
            let of_id = |events: Vec<Event>| {
                events.into_iter().filter(|event| event.idempotent_id == id).map(move |event| (event, at))
            };
            found.stored.extend(of_id(events_of(row)?));
            found.absorbed.extend(of_id(absorbed_of(row)?));
        }
        Ok(found)
    }

    /// How many events the store holds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn state(&self, now_ms: u64) -> Result<LogState, StoreError> {
        let days = Span::around(Grain::Day, now_ms.saturating_sub(STATE_DAYS * DAY_MS), now_ms + MAX_AHEAD_MS);
        let recent = now_ms.saturating_sub(2 * HOUR_MS);
        let params = [Grain::Day.ms().into(), json_list(days.starts()), recent.into()];
        let results = self.sql.batch(vec![Statement::new(STATE, params)]).await?;
        let row = rows(&results, 0).first().ok_or_else(|| StoreError::Corrupt("no state".into()))?;
        Ok(LogState {
            events: row.integer("events")?,
            absorbed: row.integer("absorbed")?,
            unfolded: row.integer("unfolded")?,
            bytes: None,
        })
    }
}

/// The stored events in a row of `segments`.
pub(crate) fn events_of(row: &Row) -> Result<Vec<Event>, StoreError> {
    unpack(row, "digests", "body")
}

/// The absorbed repeats in a row of `segments`.
pub(crate) fn absorbed_of(row: &Row) -> Result<Vec<Event>, StoreError> {
    unpack(row, "absorbed_digests", "absorbed_body")
}

fn unpack(row: &Row, digests: &str, body: &str) -> Result<Vec<Event>, StoreError> {
    segment::unpack(row.integer("window_start")?, &row.bytes(digests)?, &row.bytes(body)?)
        .map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// The sequence numbers in a row of `ledger`.
pub(crate) fn arrivals_of(row: &Row) -> Result<Arrivals, StoreError> {
    Arrivals::unpack(&row.bytes("body")?).map_err(|error| StoreError::Corrupt(format!("ledger: {error}")))
}

/// Adds up rollups from their texts (`rollup_rows.rs`).
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn summed<'a>(texts: impl IntoIterator<Item = &'a String>) -> Result<Rollups, StoreError> {
    let mut rollups = Rollups::new();
    for text in texts {
        let (key, rollup) = decode(text)?;
        rollup::merge(&mut rollups, key, &rollup);
    }
    Ok(rollups)
}

/// Parameters of the statements that read a range of rollups.
fn range_params(span: &Span, selection: &Selection) -> Vec<Value> {
    let Span { from, to, grain } = *span;
    [grain.ms(), from, to, selection.parts as u64, selection.dual as u64].map(Value::from).to_vec()
}

/// The statement that reads the folded rollups of a span.
fn stored(span: &Span, selection: &Selection) -> Statement {
    let [grain, parts, dual] = [span.grain.ms(), selection.parts as u64, selection.dual as u64].map(Value::from);
    let one = |path: &str| {
        Statement::new(ONE_ROUTE, [grain.clone(), json_list(span.starts()), path.into(), parts.clone(), dual.clone()])
    };
    match &selection.routes {
        RouteSelection::Each => {
            let unknown_fold_and_no_route = [const { Value::Null }; 4];
            Statement::new(IN_RANGE, range_params(span, selection).into_iter().chain(unknown_fold_and_no_route))
        }
        RouteSelection::Together => one(ALL_ROUTES),
        RouteSelection::One(path) => one(path),
    }
}

/// Rollups of the segments that are not folded yet.
fn unfolded(tail: &[Row], selection: &Selection) -> Result<Rollups, StoreError> {
    let mut rollups = Rollups::new();
    for row in tail {
        for event in events_of(row)? {
            let Some(span) = selection.spans.iter().find(|span| span.holds(event.timestamp)) else { continue };
            match &selection.routes {
                RouteSelection::One(path) if *path != event.path => {}
                RouteSelection::Together => rollup::add(&mut rollups, span.grain, ALL_ROUTES, &event),
                RouteSelection::One(_) | RouteSelection::Each => {
                    rollup::add(&mut rollups, span.grain, &event.path, &event);
                }
            }
        }
    }
    Ok(rollups)
}
