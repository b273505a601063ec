//! Looks into one minute whose sums differ: first at its routes, then at digests, then at all copies of those.

use litemap::LiteMap;

use crate::sql::StoreError;
use model::counting::grain::MINUTE_MS;
use model::event::path::OTHER;
use model::event::{Cohort, Event};
use model::parity::ask::{EventCopy, Minute, ParityAnswer, ParityQuestion, SetSum};
use model::parity::evidence::Evidence;
use model::parity::minute::{MinuteFindings, candidates, repeated};
use model::parity::unresolved::{apart, total};
use model::sorted::distinct;

use super::comparer::{Comparer, unfitting};

/// Digests whose copies are fetched at once.
const COPIES_AT_ONCE: usize = 2_000;

impl Comparer<'_> {
    /// Finds what differs in one minute: first which routes, then which digests, then all copies of those. None if a
    /// store no longer has the events that its sums are made of, or has others by now.
    pub(super) async fn find(
        &self,
        start: u64,
        [old_minute, new_minute]: [Minute; 2],
        id_window_ms: u64,
        evidence: &Evidence,
    ) -> Result<Option<MinuteFindings>, StoreError> {
        let (from, to) = (start, start + MINUTE_MS);
        let mut found = MinuteFindings::at(start, evidence);
        let Some(routes) = self.paths(from, to).await? else { return Ok(None) };
        found.apart = apart(&routes);
        // Of others the events have other names: all of the minute are fetched.
        let all = found.apart.contains_key(OTHER);
        let is_fetched = |path: &str| all || found.apart.contains_key(path);
        let fetched = |sums: &LiteMap<String, SetSum>| {
            total(sums.iter().filter(|(path, _)| is_fetched(path)).map(|(_, sum)| sum))
        };
        let expected = [&routes.0, &routes.1].map(fetched);
        let ask = ParityQuestion::Pairs { from, to, paths: found.apart.keys().cloned().collect() };
        let (ParityAnswer::Pairs(old), ParityAnswer::Pairs(new)) =
            (self.old.ask(&ask).await?, self.new.ask(&ask).await?)
        else {
            return Err(unfitting());
        };
        if [&old, &new].map(|pairs| total_of_pairs(pairs)) != expected {
            return Ok(None);
        }
        found.fetched = (old.len() + new.len()) as u64;
        let mut digests = candidates(&old, &new);
        for (side, minute) in [(self.old, old_minute), (self.new, new_minute)] {
            if minute.counted_twice() > 0 {
                let ParityAnswer::Stored(stored) = side.ask(&ParityQuestion::Stored { from, to }).await? else {
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
        let mut seen = [SetSum::default(); 2];
        for digests in distinct(digests).chunks(COPIES_AT_ONCE) {
            let ask = ParityQuestion::Copies { digests: digests.to_vec(), from: first, to: last };
            let (old, new) = (copies(self.old.ask(&ask).await?)?, copies(self.new.ask(&ask).await?)?);
            found.fetched += (old.len() + new.len()) as u64;
            found.add(&old, &new, id_window_ms, evidence);
            for (seen, copies) in seen.iter_mut().zip([&old, &new]) {
                dual_of_minute(copies, start).for_each(|event| seen.add(&SetSum::of(event)));
            }
        }
        // What was looked at must be all that makes the sums differ.
        let by_minute = old_minute.dual.less(&new_minute.dual);
        found.is_unresolved = seen[0].less(&seen[1]) != by_minute || total(found.apart.values()) != by_minute;
        found.bound();
        Ok(Some(found))
    }
}

fn total_of_pairs(pairs: &[(u64, u64)]) -> SetSum {
    let mut total = SetSum::default();
    for (digests, values) in pairs {
        total.add(&SetSum { requests: 1, digests: *digests, values: *values });
    }
    total
}

/// Dual events that a store counts in the minute that begins at `start`.
fn dual_of_minute(copies: &[EventCopy], start: u64) -> impl Iterator<Item = &Event> {
    let stored = copies.iter().filter(|copy| !copy.absorbed).map(|copy| &copy.event);
    stored.filter(move |event| event.cohort == Cohort::Dual && event.minute() * MINUTE_MS == start)
}

fn copies(answer: ParityAnswer) -> Result<Vec<EventCopy>, StoreError> {
    match answer {
        ParityAnswer::Copies(copies) => Ok(copies),
        _ => Err(unfitting()),
    }
}
