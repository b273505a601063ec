//! A difference between the stores: which event, in what, and why if that is known.

use serde::{Deserialize, Serialize};

use crate::domain::event::{Cohort, Event};
use crate::domain::identity::{Digest, IdempotentId};

use super::ask::Copy;
use super::evidence::Evidence;

/// In what the stores differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The old store has it, the new one does not.
    OnlyOld,
    /// The new store has it, the old one does not.
    OnlyNew,
    /// Both have it, with different values.
    ValueDiffers,
}

/// Why, where there is evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// A copy came by this path as a fallback: the producer saw the write to the other one fail.
    Fallback,
    /// It is in a dead letter.
    DeadLettered,
    /// The new store has nothing of its time yet, and it is young enough to be on its way.
    Queued,
    /// The client sent it twice, and the stores kept different ones of the pair. Healthy: it counts once in both.
    Repeat,
}

/// A value that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldDifference {
    /// Name of the field.
    pub field: String,
    /// What the old store has.
    pub old: String,
    /// What the new store has.
    pub new: String,
}

/// One event in which the stores differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// Its ID.
    pub idempotent_id: IdempotentId,
    /// Its digest.
    pub digest: Digest,
    /// Its route.
    pub path: String,
    /// When the request arrived, in ms.
    pub timestamp: u64,
    /// In what the stores differ.
    pub kind: Kind,
    /// Why, if that is known.
    pub reason: Option<Reason>,
    /// Which values, if both have it.
    pub fields: Vec<FieldDifference>,
}

/// One compared event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Minute that it is told of in: that of the old store's copy if it is dual, else that of the new store's.
    pub minute: u64,
    /// Route that it is told of under.
    pub path: String,
    /// The write that carried it: its producer, and the number.
    pub write: (u64, u32),
    /// Whether the old store's sums of dual events leave it out.
    pub beyond_old: bool,
    /// In what the stores differ.
    pub difference: Option<Difference>,
}

/// Compares all copies of some events that both stores gave. An event of which no stored copy is dual was not meant
/// for both, and is left out.
pub fn outcomes(old: &[Copy], new: &[Copy], window_ms: u64, evidence: &Evidence) -> Vec<Outcome> {
    let mut copies: Vec<(&Copy, bool)> =
        old.iter().map(|copy| (copy, true)).chain(new.iter().map(|copy| (copy, false))).collect();
    // Stable: copies of a store keep their order.
    copies.sort_by_key(|(copy, _)| copy.event.digest);
    let group = |copies: &[(&Copy, bool)]| {
        let of = |side: bool| -> Vec<&Copy> {
            copies.iter().filter(|(_, is_old)| *is_old == side).map(|(copy, _)| *copy).collect()
        };
        let (old, new) = (of(true), of(false));
        let pairs = pairs(&stored(&old), &stored(&new), window_ms);
        let judge = |pair| outcome(pair, &Surroundings { old: &old, new: &new, window_ms, evidence });
        pairs.into_iter().filter_map(judge).collect::<Vec<_>>()
    };
    copies.chunk_by(|(a, _), (b, _)| a.event.digest == b.event.digest).flat_map(group).collect()
}

fn stored<'a>(copies: &[&'a Copy]) -> Vec<&'a Event> {
    let mut events: Vec<&Event> = copies.iter().filter(|copy| !copy.absorbed).map(|copy| &copy.event).collect();
    events.sort_by_key(|event| event.timestamp);
    events
}

fn window(event: &Event) -> u64 {
    event.idempotent_id.timestamp_ms()
}

/// Stored copies of one digest in twos: those of the same window first, then those of neighbours, which dedup takes
/// for one event.
fn pairs<'a>(old: &[&'a Event], new: &[&'a Event], window_ms: u64) -> Vec<(Option<&'a Event>, Option<&'a Event>)> {
    let mut left: Vec<&Event> = new.to_vec();
    let mut twins: Vec<Option<&Event>> = vec![None; old.len()];
    for reach in [0, window_ms] {
        for (mine, twin) in old.iter().zip(&mut twins).filter(|(_, twin)| twin.is_none()) {
            let near = left.iter().position(|theirs| window(theirs).abs_diff(window(mine)) <= reach);
            *twin = near.map(|at| left.remove(at));
        }
    }
    let of_old = old.iter().zip(twins).map(|(mine, twin)| (Some(*mine), twin));
    of_old.chain(left.into_iter().map(|theirs| (None, Some(theirs)))).collect()
}

/// All that is known around one event.
struct Surroundings<'a> {
    old: &'a [&'a Copy],
    new: &'a [&'a Copy],
    window_ms: u64,
    evidence: &'a Evidence,
}

fn outcome((old, new): (Option<&Event>, Option<&Event>), around: &Surroundings<'_>) -> Option<Outcome> {
    let is_dual = |event: &&Event| event.cohort == Cohort::Dual;
    let (told, beyond_old) = match old.filter(is_dual) {
        Some(event) => (event, false),
        None => (new.filter(is_dual)?, true),
    };
    let found = match (old, new) {
        (Some(old), Some(new)) => differing(old, new),
        (Some(event), None) => Some((Kind::OnlyOld, around.why_only_old(event), Vec::new())),
        (None, Some(event)) => Some((Kind::OnlyNew, around.why_only_new(event), Vec::new())),
        (None, None) => None,
    };
    let difference = found.map(|(kind, reason, fields)| Difference {
        idempotent_id: told.idempotent_id,
        digest: told.digest,
        path: told.path.clone(),
        timestamp: told.timestamp,
        kind,
        reason,
        fields,
    });
    let write = (told.producer.0, told.write);
    Some(Outcome { minute: told.minute(), path: told.path.clone(), write, beyond_old, difference })
}

impl Surroundings<'_> {
    fn why_only_old(&self, event: &Event) -> Option<Reason> {
        if self.near(self.new, event).next().is_some() {
            return Some(Reason::Repeat);
        }
        if self.came_as_fallback(self.old, event) {
            return Some(Reason::Fallback);
        }
        if self.evidence.is_dead(event.digest) {
            return Some(Reason::DeadLettered);
        }
        self.evidence.may_be_on_its_way(event).then_some(Reason::Queued)
    }

    fn why_only_new(&self, event: &Event) -> Option<Reason> {
        if self.near(self.old, event).next().is_some() {
            return Some(Reason::Repeat);
        }
        self.came_as_fallback(self.new, event).then_some(Reason::Fallback)
    }

    /// Copies that dedup takes for the same event.
    fn near<'b>(&self, copies: &'b [&'b Copy], event: &Event) -> impl Iterator<Item = &'b Event> {
        let (here, reach) = (window(event), self.window_ms);
        copies.iter().map(|copy| &copy.event).filter(move |copy| window(copy).abs_diff(here) <= reach)
    }

    fn came_as_fallback(&self, copies: &[&Copy], event: &Event) -> bool {
        self.near(copies, event).any(|copy| copy.cohort == Cohort::Fallback)
    }
}

/// The values in which two copies differ. Copies of different requests are a repeat, of which each store kept one.
fn differing(old: &Event, new: &Event) -> Option<(Kind, Option<Reason>, Vec<FieldDifference>)> {
    let values = |event: &Event| {
        [
            ("path", event.path.clone()),
            ("method", event.method.clone()),
            ("status", event.status.to_string()),
            ("timestamp", event.timestamp.to_string()),
            ("responseTime", event.response_time.to_string()),
            ("clientIpHash", event.client_ip_hash.to_string()),
        ]
    };
    let fields: Vec<FieldDifference> = values(old)
        .into_iter()
        .zip(values(new))
        .filter(|((_, old), (_, new))| old != new)
        .map(|((field, old), (_, new))| FieldDifference { field: field.to_owned(), old, new })
        .collect();
    let same_request = (old.producer, old.seq) == (new.producer, new.seq);
    let reason = (!same_request).then_some(Reason::Repeat);
    (!fields.is_empty()).then_some((Kind::ValueDiffers, reason, fields))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::parity::evidence::QUEUE_PATIENCE_MS;
    use crate::domain::segment::tests::{WINDOW_MS, at};

    const START: u64 = 1_730_956_800_000;

    fn copy(ms: u64, cohort: Cohort, absorbed: bool) -> Copy {
        Copy { event: Event { cohort, ..at(START + ms, 1) }, absorbed }
    }

    fn dual(ms: u64) -> Copy {
        copy(ms, Cohort::Dual, false)
    }

    type Found = (bool, Option<(Kind, Option<Reason>)>);

    fn found(old: &[Copy], new: &[Copy]) -> Vec<Found> {
        let mut evidence = Evidence::default();
        evidence.newest_window = u64::MAX;
        let outcomes = outcomes(old, new, WINDOW_MS, &evidence);
        outcomes.into_iter().map(|o| (o.beyond_old, o.difference.map(|d| (d.kind, d.reason)))).collect()
    }

    #[test]
    fn what_one_store_lacks_is_named() {
        assert_eq!(found(&[dual(0)], &[dual(0)]), [(false, None)]);
        assert_eq!(found(&[dual(0)], &[]), [(false, Some((Kind::OnlyOld, None)))]);
        assert_eq!(found(&[], &[dual(0)]), [(true, Some((Kind::OnlyNew, None)))]);
        let singles = [copy(0, Cohort::Single, false)];
        assert_eq!(found(&singles, &[]), [], "it was not meant for both");
        assert_eq!(found(&singles, &[dual(0)]), [(true, None)], "its first copy met another flag");
    }

    #[test]
    fn evidence_explains() {
        let fallback = copy(0, Cohort::Fallback, true);
        assert_eq!(found(&[dual(0), fallback.clone()], &[]), [(false, Some((Kind::OnlyOld, Some(Reason::Fallback))))]);
        assert_eq!(found(&[], &[dual(0), fallback]), [(true, Some((Kind::OnlyNew, Some(Reason::Fallback))))]);
        let absorbed = copy(60_000, Cohort::Dual, true);
        assert_eq!(found(&[dual(0)], &[absorbed]), [(false, Some((Kind::OnlyOld, Some(Reason::Repeat))))]);
        let mut evidence = Evidence::default();
        let reason = |evidence: &Evidence| {
            let outcome = outcomes(&[dual(0)], &[], WINDOW_MS, evidence).remove(0);
            outcome.difference.unwrap().reason
        };
        assert_eq!(reason(&evidence), Some(Reason::Queued));
        evidence.now_ms = START + QUEUE_PATIENCE_MS;
        assert_eq!(reason(&evidence), None, "nothing is on its way for so long");
        (evidence.newest_window, evidence.now_ms) = (START, 0);
        assert_eq!(reason(&evidence), None);
        evidence.add_letter(&serde_json::to_string(&dual(0).event).unwrap());
        assert_eq!(reason(&evidence), Some(Reason::DeadLettered));
    }

    #[test]
    fn values_that_differ_are_named_with_both() {
        let altered = Copy { event: Event { status: 599, ..dual(0).event }, absorbed: false };
        let outcome = outcomes(&[dual(0)], &[altered], WINDOW_MS, &Evidence::default()).remove(0);
        let difference = outcome.difference.unwrap();
        assert_eq!((difference.kind, difference.reason), (Kind::ValueDiffers, None));
        let field = &difference.fields[0];
        assert_eq!((field.field.as_str(), field.old.as_str(), field.new.as_str()), ("status", "200", "599"));
        let later = Copy { event: Event { seq: 99, write: 99, ..dual(9).event }, absorbed: false };
        assert_eq!(found(&[dual(0)], &[later]), [(false, Some((Kind::ValueDiffers, Some(Reason::Repeat))))]);
    }

    #[test]
    fn copies_of_one_window_are_twins_before_those_of_neighbours() {
        let found = found(&[dual(0), dual(120_000)], &[dual(120_000)]);
        assert_eq!(found, [(false, Some((Kind::OnlyOld, None))), (false, None)]);
    }
}
