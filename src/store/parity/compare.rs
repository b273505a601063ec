//! Compares two event stores over a window.
//!
//! Invariants: where sums agree no ID is fetched. What was found in a minute is kept, so that a run that is interrupted
//! goes on where it stood; on the same stores, repeating a run gives the same report. Nothing is concluded from what is
//! left of something: a window of which minutes or events are gone is refused.

use litemap::LiteMap;

use crate::domain::ambiguous::reach_ms;
use crate::domain::event::{Cohort, Event, MAX_ID_DISTANCE_MS};
use crate::domain::grain::{DAY_MS, HOUR_MS, MINUTE_MS, PROOF_MS, first_proof};
use crate::domain::ledger::{self, Arrivals, Ledger, Missing};
use crate::domain::parity::ask::{AnotherQuestion, Answer, Ask, Copy, Minute, Sum};
use crate::domain::parity::comparison::Written;
use crate::domain::parity::evidence::Evidence;
use crate::domain::parity::loss::Arrived;
use crate::domain::parity::minute::{Found, candidates, fingerprint, repeated};
use crate::domain::parity::report::{Inputs, Report, report};
use crate::domain::parity::unresolved::{PathSums, Unresolved, apart, total};
use crate::domain::parity::window::Window;
use crate::domain::sorted::{distinct, within};
use crate::domain::writes::Writes;
use crate::store::retention::MIN_SEGMENT_AGE_MS;
use crate::store::sql::StoreError;

use super::reports::Reports;
use super::side::Side;

/// Minutes that one run looks into; the next run goes on.
pub const MAX_MINUTES: usize = 120;

/// Digests whose copies are fetched at once.
const COPIES_AT_ONCE: usize = 2_000;

/// How far around a window sequence numbers are looked for: a slow request's number is older than its time.
const AROUND_MS: u64 = HOUR_MS;

/// Ledgers that are fetched at once, in ms: runs join as they are merged, so that memory holds only gaps.
const LEDGER_STEP_MS: u64 = 30 * MINUTE_MS;

/// How a window is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Length of the ID window, in ms.
    pub id_window_ms: u64,
    /// Time that stragglers have, in ms.
    pub lag_ms: u64,
    /// Largest mismatch rate that passes, in ppm.
    pub limit_ppm: u32,
}

/// How far a run came.
#[derive(Debug, Clone, PartialEq)]
pub enum Run {
    /// To the end.
    Done(Box<Report>),
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

/// Two stores, and what is kept of comparing them.
#[derive(Debug)]
pub struct Comparer<'a> {
    /// The old path's store.
    pub old: &'a dyn Side,
    /// The new path's store.
    pub new: &'a dyn Side,
    /// Findings and reports.
    pub kept: &'a Reports,
}

/// What both stores say of each minute of a window and those around it.
#[derive(Debug, Default)]
pub struct Overview {
    old: LiteMap<u64, Minute>,
    new: LiteMap<u64, Minute>,
    /// Hours of which a store no longer keeps all minutes: of the old, and of the new one.
    incomplete: [Vec<u64>; 2],
    newest_window: u64,
    reach_ms: u64,
}

impl Overview {
    /// Minutes of a window in which the dual events differ, or a store counts an event twice: if both do, the sums
    /// agree.
    fn differing(&self, window: Window) -> Vec<u64> {
        let known = [&self.old, &self.new].into_iter().flat_map(|minutes| within(minutes, window.from..window.to));
        let differs = |start: &u64| {
            let [old, new] = self.minute(*start);
            old.dual != new.dual || old.counted_twice() > 0 || new.counted_twice() > 0
        };
        distinct(known.map(|(start, _)| *start).filter(differs))
    }

    /// What both stores say of a minute.
    fn minute(&self, start: u64) -> [Minute; 2] {
        [&self.old, &self.new].map(|minutes| minutes.get(&start).copied().unwrap_or_default())
    }

    /// Why this can't be compared, if minutes are gone: a sum over what is left of them would say less than a report that
    /// was made before.
    fn gone(&self) -> Option<String> {
        let gone =
            ["old", "new"].into_iter().zip(&self.incomplete).find_map(|(side, hours)| Some((side, hours.first()?)));
        gone.map(|(side, hour)| {
            format!(
                "the {side} store no longer has all minutes of the hour that begins at {hour}: it can't be compared"
            )
        })
    }

    /// Whether there is nothing in a window.
    pub fn is_empty(&self, window: Window) -> bool {
        let none = |minutes: &LiteMap<u64, Minute>| within(minutes, window.from..window.to).next().is_none();
        none(&self.old) && none(&self.new)
    }

    /// Fingerprint of what was said of a time and, as far as dedup reaches, around it.
    pub fn fingerprint(&self, from: u64, to: u64) -> String {
        let range = from.saturating_sub(self.reach_ms)..to.saturating_add(self.reach_ms);
        fingerprint(within(&self.old, range.clone()).chain(within(&self.new, range)))
    }
}

impl Comparer<'_> {
    /// Asks both stores about each minute of a time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn overview(&self, from: u64, to: u64, id_window_ms: u64) -> Result<Overview, StoreError> {
        let reach_ms = reach_ms(id_window_ms);
        let ask = Ask::Minutes { from: from.saturating_sub(reach_ms), to: to.saturating_add(reach_ms) };
        match (self.old.ask(&ask).await?, self.new.ask(&ask).await?) {
            (Answer::Minutes(old), Answer::Minutes(new)) => Ok(Overview {
                old: old.by_start,
                new: new.by_start,
                incomplete: [old.incomplete, new.incomplete],
                newest_window: new.newest_window,
                reach_ms,
            }),
            _ => Err(unfitting()),
        }
    }

    /// Compares a window, as far as one run goes, and keeps what it found by minute.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Conflict`] if events arrived meanwhile. Repeating is harmless.
    pub async fn run(&self, window: Window, now_ms: u64, settings: Settings) -> Result<Run, StoreError> {
        self.compare(window, now_ms, settings, Findings::Kept).await
    }

    /// The same, for those who only read: nothing is written.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn look(&self, window: Window, now_ms: u64, settings: Settings) -> Result<Run, StoreError> {
        self.compare(window, now_ms, settings, Findings::Dropped).await
    }

    async fn compare(
        &self,
        window: Window,
        now_ms: u64,
        settings: Settings,
        findings: Findings,
    ) -> Result<Run, StoreError> {
        if window.from.saturating_sub(AROUND_MS) < first_proof(now_ms) {
            let days = PROOF_MS / DAY_MS;
            return Ok(Run::Refused(format!("{window} is too old: what is compared is kept for {days} days")));
        }
        let overview = self.overview(window.from, window.to, settings.id_window_ms).await?;
        if let Some(reason) = overview.gone() {
            return Ok(Run::Refused(reason));
        }
        let mut evidence = self.kept.evidence(window.from).await?;
        (evidence.newest_window, evidence.now_ms) = (overview.newest_window, now_ms);
        let found = match self.look_into(&overview, window, settings, &evidence, findings).await? {
            Looked::Into(found) => found,
            Looked::Partly(left) => return Ok(Run::Interrupted(left)),
            Looked::TooLate(start) => {
                let reason = "differs, and its events are no longer kept: they can't be compared any more";
                return Ok(Run::Refused(format!("the minute that begins at {start} {reason}")));
            }
        };
        let Some(paths) = self.paths(window.from, window.to).await? else {
            let reason = "single routes are no longer kept by minute: compare whole hours or days";
            return Ok(Run::Refused(format!("of {window} {reason}")));
        };
        let of_window = |minutes: &LiteMap<u64, Minute>| -> LiteMap<u64, Minute> {
            within(minutes, window.from..window.to).map(|(start, minute)| (*start, *minute)).collect()
        };
        let (old_minutes, new_minutes) = (of_window(&overview.old), of_window(&overview.new));
        for (minutes, paths) in [(&old_minutes, &paths.0), (&new_minutes, &paths.1)] {
            if total(minutes.values().map(|minute| &minute.dual)) != total(paths.values()) {
                return Err(StoreError::Conflict);
            }
        }
        let Numbers { arrived, counted, missing } = self.ledger(window).await?;
        let events = |minutes: &LiteMap<u64, Minute>| minutes.values().map(|minute| minute.events).sum::<u64>();
        let counted_twice =
            [events(&old_minutes).saturating_sub(counted[0]), events(&new_minutes).saturating_sub(counted[1])];
        let (writes, written) = self.writes(window).await?;
        let report = report(&Inputs {
            window,
            now_ms,
            lag_ms: settings.lag_ms,
            limit_ppm: settings.limit_ppm,
            old_minutes: &old_minutes,
            new_minutes: &new_minutes,
            old_paths: &paths.0,
            new_paths: &paths.1,
            found: &found,
            arrived: Arrived { numbers: arrived, writes },
            written: &written,
            missing: &missing,
            counted_twice,
            unresolved: Unresolved::of(&found, &paths),
            evidence: &evidence,
            fingerprint: overview.fingerprint(window.from, window.to),
        });
        Ok(Run::Done(Box::new(report)))
    }

    /// Finds what differs in each minute whose sums differ.
    async fn look_into(
        &self,
        overview: &Overview,
        window: Window,
        settings: Settings,
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
                    // 1. A crash here: this minute is looked into again, as is one that was not resolved.
                    if findings == Findings::Kept && !found.is_unresolved {
                        self.kept.keep_minute(&print, &found).await?;
                    }
                    all.push(found);
                }
            }
        }
        Ok(if left > 0 { Looked::Partly(left) } else { Looked::Into(all) })
    }

    /// Finds what differs in one minute: first which routes, then which digests, then all copies of those. None if a
    /// store no longer has the events that its sums are made of, or has others by now.
    async fn find(
        &self,
        start: u64,
        [old_minute, new_minute]: [Minute; 2],
        id_window_ms: u64,
        evidence: &Evidence,
    ) -> Result<Option<Found>, StoreError> {
        let (from, to) = (start, start + MINUTE_MS);
        let mut found = Found::at(start, evidence);
        let Some(routes) = self.paths(from, to).await? else { return Ok(None) };
        found.apart = apart(&routes);
        let expected = [&routes.0, &routes.1].map(|sums| total(found.apart.keys().filter_map(|path| sums.get(path))));
        let ask = Ask::Pairs { from, to, paths: found.apart.keys().cloned().collect() };
        let (Answer::Pairs(old), Answer::Pairs(new)) = (self.old.ask(&ask).await?, self.new.ask(&ask).await?) else {
            return Err(unfitting());
        };
        if [&old, &new].map(|pairs| total_of_pairs(pairs)) != expected {
            return Ok(None);
        }
        found.fetched = (old.len() + new.len()) as u64;
        let mut digests = candidates(&old, &new);
        for (side, minute) in [(self.old, old_minute), (self.new, new_minute)] {
            if minute.counted_twice() > 0 {
                let Answer::Stored(stored) = side.ask(&Ask::Stored { from, to }).await? else {
                    return Err(unfitting());
                };
                if stored.len() as u64 != minute.events {
                    return Ok(None);
                }
                found.fetched += stored.len() as u64;
                digests.extend(repeated(stored));
            }
        }
        // An event's window may begin up to a window before its time; its twins are in neighbouring windows, and what
        // may be their twins in those beyond.
        let (first, last) = (from.saturating_sub(3 * id_window_ms), to.saturating_add(3 * id_window_ms));
        let mut seen = [Sum::default(); 2];
        for digests in distinct(digests).chunks(COPIES_AT_ONCE) {
            let ask = Ask::Copies { digests: digests.to_vec(), from: first, to: last };
            let (old, new) = (copies(self.old.ask(&ask).await?)?, copies(self.new.ask(&ask).await?)?);
            found.fetched += (old.len() + new.len()) as u64;
            found.add(&old, &new, id_window_ms, evidence);
            for (seen, copies) in seen.iter_mut().zip([&old, &new]) {
                dual_of_minute(copies, start).for_each(|event| seen.add(&Sum::of(event)));
            }
        }
        // What was looked at must be all that makes the sums differ.
        let by_minute = old_minute.dual.less(&new_minute.dual);
        found.is_unresolved = seen[0].less(&seen[1]) != by_minute || total(found.apart.values()) != by_minute;
        Ok(Some(found))
    }

    /// Dual events by route, in both stores; none if one of them no longer keeps what they are made of.
    async fn paths(&self, from: u64, to: u64) -> Result<Option<PathSums>, StoreError> {
        let ask = Ask::Paths { from, to };
        match (self.old.ask(&ask).await?, self.new.ask(&ask).await?) {
            (Answer::Paths(old), Answer::Paths(new)) => {
                Ok((!old.incomplete && !new.incomplete).then_some((old.sums, new.sums)))
            }
            _ => Err(unfitting()),
        }
    }

    /// Which sequence numbers arrived in a window.
    async fn ledger(&self, window: Window) -> Result<Numbers, StoreError> {
        let [old, new] = self.arrivals(window.from, window.to).await?;
        let counted = [old.stored.len(), new.stored.len()];
        let here = union([old, new]);
        let mut around = union(self.arrivals(window.from.saturating_sub(AROUND_MS), window.from).await?);
        around.merge(&union(self.arrivals(window.to, window.to.saturating_add(AROUND_MS)).await?));
        let late = ledger::late_starters(&here, &around);
        let mut first: LiteMap<u64, u64> = LiteMap::new();
        if !late.is_empty() {
            let ask = Ask::Producers(late);
            let mut answer = self.old.ask(&ask).await?;
            answer.add(self.new.ask(&ask).await?)?;
            let Answer::Producers(known) = answer else { return Err(unfitting()) };
            first = known;
        }
        let is_new = |producer| first.get(&producer).is_some_and(|start| *start >= window.from);
        Ok(Numbers { arrived: here.len(), counted, missing: ledger::missing(&here, &around, is_new) })
    }

    /// How many writes carried any event of a window, and which carried dual ones. Sets of an hour are held at once: the
    /// events of one write lie no further apart than a request lasts.
    async fn writes(&self, window: Window) -> Result<(u64, Written), StoreError> {
        let mut written = Written::default();
        let (mut all, mut earlier) = (0, Writes::default());
        let mut start = window.from;
        while start < window.to {
            let ask = Ask::Writes { from: start, to: window.to.min(start.saturating_add(LEDGER_STEP_MS)) };
            let mut here = Writes::default();
            for (answer, by_route) in
                [(self.old.ask(&ask).await?, &mut written.old), (self.new.ask(&ask).await?, &mut written.new)]
            {
                let Answer::Writes(writes) = answer else { return Err(unfitting()) };
                for (path, count) in &writes.by_route {
                    *by_route.entry(path.clone()).or_default() += count;
                }
                here.all.merge(&writes.all);
                here.dual.merge(&writes.dual);
                written.is_cut |= writes.is_cut;
            }
            all += here.all.beyond(&earlier.all);
            written.dual += here.dual.beyond(&earlier.dual);
            earlier = here;
            start = start.saturating_add(LEDGER_STEP_MS);
        }
        Ok((all, written))
    }

    /// Both stores' ledgers of a time.
    async fn arrivals(&self, from: u64, to: u64) -> Result<[Arrivals; 2], StoreError> {
        let mut all = [Arrivals::default(), Arrivals::default()];
        let mut start = from;
        while start < to {
            let ask = Ask::Ledger { from: start, to: to.min(start.saturating_add(LEDGER_STEP_MS)) };
            for (side, all) in [self.old, self.new].into_iter().zip(&mut all) {
                let Answer::Ledger(ledger) = side.ask(&ask).await? else { return Err(unfitting()) };
                all.merge(&ledger);
            }
            start = start.saturating_add(LEDGER_STEP_MS);
        }
        Ok(all)
    }
}

/// How far the minutes that differ were looked into.
enum Looked {
    /// All of them.
    Into(Vec<Found>),
    /// But for so many, which are left for another run.
    Partly(usize),
    /// The events of the minute that begins at this time (ms) are gone.
    TooLate(u64),
}

/// Whether the events of a minute must still be there: whatever is set, segments are kept for so long.
const fn may_have_events(start: u64, now_ms: u64) -> bool {
    start.saturating_sub(MAX_ID_DISTANCE_MS).saturating_add(MIN_SEGMENT_AGE_MS) >= now_ms
}

fn total_of_pairs(pairs: &[(u64, u64)]) -> Sum {
    let mut total = Sum::default();
    for (digests, values) in pairs {
        total.add(&Sum { requests: 1, digests: *digests, values: *values });
    }
    total
}

/// What sequence numbers say of a window.
struct Numbers {
    /// Distinct numbers that arrived in either store.
    arrived: u64,
    /// Distinct numbers of the events that the old store and the new one hold.
    counted: [u64; 2],
    /// What is missing between them.
    missing: Missing,
}

/// Both stores' ledgers as one.
fn union([old, new]: [Arrivals; 2]) -> Ledger {
    let mut all = old.all();
    all.merge(&new.all());
    all
}

/// Dual events that a store counts in the minute that begins at `start`.
fn dual_of_minute(copies: &[Copy], start: u64) -> impl Iterator<Item = &Event> {
    let stored = copies.iter().filter(|copy| !copy.absorbed).map(|copy| &copy.event);
    stored.filter(move |event| event.cohort == Cohort::Dual && event.minute() * MINUTE_MS == start)
}

fn copies(answer: Answer) -> Result<Vec<Copy>, StoreError> {
    match answer {
        Answer::Copies(copies) => Ok(copies),
        _ => Err(unfitting()),
    }
}

fn unfitting() -> StoreError {
    AnotherQuestion.into()
}

impl From<AnotherQuestion> for StoreError {
    fn from(error: AnotherQuestion) -> Self {
        Self::Corrupt(error.to_string())
    }
}
