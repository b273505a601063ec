//! Compares two event stores over a window.
//!
//! Invariants: where sums agree no ID is fetched. What was found in a minute is kept, so that a run that is interrupted
//! goes on where it stood; on the same stores, repeating a run gives the same report. Nothing is concluded from what is
//! left of something: a window of which minutes or events are gone is refused.

use litemap::LiteMap;

use crate::events::retention::MIN_SEGMENT_AGE_MS;
use crate::sql::{LocalFuture, StoreError};
use model::counting::grain::{DAY_MS, MINUTE_MS, PROOF_MS, first_proof};
use model::event::MAX_ID_DISTANCE_MS;
use model::parity::admitted;
use model::parity::ask::Minute;
use model::parity::evidence::Evidence;
use model::parity::loss::ArrivalCounts;
use model::parity::minute::MinuteFindings;
use model::parity::report::ParityReport;
use model::parity::reporting::{ReportInputs, report};
use model::parity::unresolved::{UnresolvedDifferences, total};
use model::parity::window::Window;

use super::comparer::Comparer;
use super::numbers::{AROUND_MS, WindowNumbers};
use super::overview::Overview;

/// Minutes that one run looks into; the next run goes on.
pub const MAX_MINUTES: usize = 120;

/// How a window is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComparisonSettings {
    /// Length of the ID window, in ms.
    pub id_window_ms: u64,
    /// Time that stragglers have, in ms.
    pub lag_ms: u64,
    /// Largest mismatch rate that passes, in ppm.
    pub limit_ppm: u32,
}

/// How far a run came.
#[derive(Debug, Clone, PartialEq)]
pub enum ComparisonRun {
    /// To the end.
    Done(Box<ParityReport>),
    /// So many minutes are still to be looked into: run again.
    Interrupted(usize),
    /// Nowhere, and why: something of the window is no longer kept, so that the stores can't say what they held.
    Refused(String),
}

/// What becomes of what is found in a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Findings {
    /// It is kept for later runs.
    Kept,
    /// It is dropped: whoever asks only reads.
    Dropped,
}

impl Comparer<'_> {
    /// Compares a window, as far as one run goes, and keeps what it found by minute.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Conflict`] if events arrived meanwhile. Repeating is harmless.
    pub fn run(
        &self,
        window: Window,
        now_ms: u64,
        settings: ComparisonSettings,
    ) -> LocalFuture<'_, Result<ComparisonRun, StoreError>> {
        Box::pin(self.compare(window, now_ms, settings, Findings::Kept))
    }

    /// The same, for those who only read: nothing is written.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn look(
        &self,
        window: Window,
        now_ms: u64,
        settings: ComparisonSettings,
    ) -> LocalFuture<'_, Result<ComparisonRun, StoreError>> {
        Box::pin(self.compare(window, now_ms, settings, Findings::Dropped))
    }

    async fn compare(
        &self,
        window: Window,
        now_ms: u64,
        settings: ComparisonSettings,
        findings: Findings,
    ) -> Result<ComparisonRun, StoreError> {
        if window.from.saturating_sub(AROUND_MS) < first_proof(now_ms) {
            let days = PROOF_MS / DAY_MS;
            return Ok(ComparisonRun::Refused(format!(
                "{window} is too old: what is compared is kept for {days} days"
            )));
        }
        let overview = self.overview(window.from, window.to, settings.id_window_ms).await?;
        if let Some(reason) = overview.gone() {
            return Ok(ComparisonRun::Refused(reason));
        }
        let mut evidence = self.kept.evidence(window.from).await?;
        (evidence.newest_window, evidence.now_ms) = (overview.newest_window, now_ms);
        let found = match self.look_into(&overview, window, settings, &evidence, findings).await? {
            Looked::Into(found) => found,
            Looked::Partly(left) => return Ok(ComparisonRun::Interrupted(left)),
            Looked::TooLate(start) => {
                let reason = "differs, and its events are no longer kept: they can't be compared any more";
                return Ok(ComparisonRun::Refused(format!("the minute that begins at {start} {reason}")));
            }
        };
        self.conclude(window, settings, &overview, found, &evidence).await
    }

    /// Makes the report, of what was found and of what both stores say of the whole window.
    async fn conclude(
        &self,
        window: Window,
        settings: ComparisonSettings,
        overview: &Overview,
        mut found: Vec<MinuteFindings>,
        evidence: &Evidence,
    ) -> Result<ComparisonRun, StoreError> {
        let Some(mut paths) = self.paths(window.from, window.to).await? else {
            let reason =
                "single routes are no longer kept by minute, or their sums were changed: compare whole hours or days";
            return Ok(ComparisonRun::Refused(format!("of {window} {reason}")));
        };
        let [old_minutes, new_minutes] = overview.minutes(window);
        for (minutes, paths) in [(&old_minutes, &paths.0), (&new_minutes, &paths.1)] {
            if total(minutes.values().map(|minute| &minute.dual)) != total(paths.values()) {
                return Err(StoreError::Conflict);
            }
        }
        let WindowNumbers { arrived, counted, missing } = self.ledger(window).await?;
        let events = |minutes: &LiteMap<u64, Minute>| minutes.values().map(|minute| minute.events).sum::<u64>();
        let counted_twice =
            [events(&old_minutes).saturating_sub(counted[0]), events(&new_minutes).saturating_sub(counted[1])];
        let (writes, mut written) = self.writes(window).await?;
        admitted::pool(&mut paths, &mut found, &mut written);
        let report = report(&ReportInputs {
            window,
            now_ms: evidence.now_ms,
            lag_ms: settings.lag_ms,
            limit_ppm: settings.limit_ppm,
            old_minutes: &old_minutes,
            new_minutes: &new_minutes,
            old_paths: &paths.0,
            new_paths: &paths.1,
            found: &found,
            arrived: ArrivalCounts { numbers: arrived, writes },
            written: &written,
            missing: &missing,
            counted_twice,
            unresolved: UnresolvedDifferences::of(&found, &paths),
            evidence,
            fingerprint: overview.fingerprint(window.from, window.to),
        });
        Ok(ComparisonRun::Done(Box::new(report)))
    }

    /// Finds what differs in each minute whose sums differ.
    async fn look_into(
        &self,
        overview: &Overview,
        window: Window,
        settings: ComparisonSettings,
        evidence: &Evidence,
        findings: Findings,
    ) -> Result<Looked, StoreError> {
        let differing = overview.differing(window);
        if differing.is_empty() {
            return Ok(Looked::Into(Vec::new()));
        }
        let mut known = self.kept.minutes(window.from, window.to).await?;
        let (mut all, mut budget, mut left) = (Vec::new(), MAX_MINUTES, 0);
        for start in differing {
            let print = overview.fingerprint(start, start + MINUTE_MS);
            let before = known.remove(&start).filter(|(same, _)| *same == print).map(|(_, found)| found);
            match before {
                Some(found) if found.still_holds(evidence) => all.push(found),
                _ if budget == 0 => left += 1,
                before => {
                    budget -= 1;
                    let found = self.find(start, overview.minute(start), settings.id_window_ms, evidence).await?;
                    let Some(found) = found else {
                        // What was found while the events were there still holds: the sums are the same.
                        match before {
                            Some(found) => all.push(found),
                            None if may_have_events(start, evidence.now_ms) => return Err(StoreError::Conflict),
                            None => return Ok(Looked::TooLate(start)),
                        }
                        continue;
                    };
                    // A crash before this: the minute is looked into again, as is one that was not resolved.
                    if findings == Findings::Kept && !found.is_unresolved {
                        self.kept.keep_minute(&print, &found).await?;
                    }
                    all.push(found);
                }
            }
        }
        Ok(if left > 0 { Looked::Partly(left) } else { Looked::Into(all) })
    }
}

/// How far the minutes that differ were looked into.
enum Looked {
    /// All of them.
    Into(Vec<MinuteFindings>),
    /// But for so many, which are left for another run.
    Partly(usize),
    /// The events of the minute that begins at this time (ms) are gone.
    TooLate(u64),
}

/// Whether the events of a minute must still be there: whatever is set, segments are kept for so long.
const fn may_have_events(start: u64, now_ms: u64) -> bool {
    start.saturating_sub(MAX_ID_DISTANCE_MS).saturating_add(MIN_SEGMENT_AGE_MS) >= now_ms
}
