//! The result for each compared event, from all of its copies in both stores.
//!
//! Invariant: an event counts once in the union of both stores, however many copies of it there are.

use crate::event::{Cohort, Event};
use crate::sorted::{self, distinct};

use super::ask::EventCopy;
use super::difference::{Difference, DifferenceKind, DifferenceReason, FieldDifference};
use super::evidence::Evidence;

/// The result for one compared event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventOutcome {
    /// Minute under which it is reported: that of the old store's copy if that is dual, else that of the new store's
    /// copy.
    pub minute: u64,
    /// Route under which it is reported.
    pub path: String,
    /// The write that carried it: its producer, and the number.
    pub write: (u64, u32),
    /// Whether the old store's sums of dual events don't include it.
    pub beyond_old: bool,
    /// Whether it is an extra copy of an event that the old store's sums of dual events already include.
    pub surplus_old: bool,
    /// In what the stores differ.
    pub difference: Option<Difference>,
    /// Extra copies, beyond one per request, that the difference reports: in the old store and in the new one.
    pub further: [u64; 2],
}

/// Compares all copies of some events in both stores. An event without a stored dual copy was not meant for both
/// stores, and is left out unless a store counts it twice.
pub fn outcomes(old: &[EventCopy], new: &[EventCopy], window_ms: u64, evidence: &Evidence) -> Vec<EventOutcome> {
    let mut copies: Vec<(&EventCopy, bool)> =
        old.iter().map(|copy| (copy, true)).chain(new.iter().map(|copy| (copy, false))).collect();
    // Stable: copies of a store keep their order.
    sorted::sort_by_key(&mut copies, |(copy, _)| copy.event.digest);
    let group = |copies: &[(&EventCopy, bool)]| {
        let of = |side: bool| -> Vec<&EventCopy> {
            copies.iter().filter(|(_, is_old)| *is_old == side).map(|(copy, _)| *copy).collect()
        };
        let (old, new) = (of(true), of(false));
        let around = Surroundings { old: &old, new: &new, window_ms, evidence };
        let (old, new) = (stored(&old), stored(&new));
        let (old, new) = (Counted::of(&old, &new, window_ms), Counted::of(&new, &old, window_ms));
        let pairs = pairs(&old.once, &new.once, window_ms);
        pairs.into_iter().flat_map(|pair| outcomes_of(pair, [&old, &new], &around)).collect::<Vec<_>>()
    };
    copies.chunk_by(|(a, _), (b, _)| a.event.digest == b.event.digest).flat_map(group).collect()
}

fn stored<'a>(copies: &[&'a EventCopy]) -> Vec<&'a Event> {
    let mut events: Vec<&Event> = copies.iter().filter(|copy| !copy.absorbed).map(|copy| &copy.event).collect();
    sorted::sort_by_key(&mut events, |event| event.timestamp);
    events
}

fn window(event: &Event) -> u64 {
    event.idempotent_id.timestamp_ms()
}

fn same_request(one: &Event, other: &Event) -> bool {
    (one.producer, one.seq) == (other.producer, other.seq)
}

/// The stored copies of one digest in one store: those that should be there, and those that should not.
struct Counted<'a> {
    /// Each counts once, by time.
    once: Vec<&'a Event>,
    /// Copies that dedup should have absorbed, each with the one of which it is a further copy.
    further: Vec<(&'a Event, &'a Event)>,
}

impl<'a> Counted<'a> {
    /// Of two copies that dedup takes for one event, or that are of one request, one is too many. The one that stays
    /// is dual if one is, and has the values that the other store has, if one does: what is told of both is then the
    /// second copy alone.
    fn of(stored: &[&'a Event], other: &[&Event], window_ms: u64) -> Self {
        let is_confirmed = |event: &Event| {
            other.iter().any(|theirs| same_request(event, theirs) && differing(event, theirs).is_none())
        };
        let mut preferred = stored.to_vec();
        sorted::sort_by_key(&mut preferred, |event| {
            (event.cohort != Cohort::Dual, !is_confirmed(event), event.timestamp)
        });
        let mut counted = Self { once: Vec::new(), further: Vec::new() };
        for event in preferred {
            let is_same =
                |kept: &&&Event| same_request(kept, event) || window(kept).abs_diff(window(event)) <= window_ms;
            match counted.once.iter().find(is_same) {
                Some(kept) => counted.further.push((event, kept)),
                None => counted.once.push(event),
            }
        }
        sorted::sort_by_key(&mut counted.once, |event| event.timestamp);
        counted
    }

    /// Further copies of an event.
    fn further(&self, event: Option<&Event>) -> Vec<&'a Event> {
        let of_this = |kept: &Event| event.is_some_and(|event| std::ptr::eq(event, kept));
        self.further.iter().filter(|(_, kept)| of_this(kept)).map(|(copy, _)| *copy).collect()
    }
}

/// Copies of one digest, each counted once, in twos: those of the same window first, then those of neighbours, which dedup takes
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
    old: &'a [&'a EventCopy],
    new: &'a [&'a EventCopy],
    window_ms: u64,
    evidence: &'a Evidence,
}

/// What is told of one event, given one copy of each store that has it.
fn outcomes_of(
    (old, new): (Option<&Event>, Option<&Event>),
    [counted_by_old, counted_by_new]: [&Counted<'_>; 2],
    around: &Surroundings<'_>,
) -> Vec<EventOutcome> {
    let further = [counted_by_old.further(old), counted_by_new.further(new)];
    let is_dual = |event: &&Event| event.cohort == Cohort::Dual;
    let (told, beyond_old) = match (old.filter(is_dual), new.filter(is_dual)) {
        (Some(event), _) => (event, false),
        (None, Some(event)) => (event, true),
        (None, None) => return twice(old.or(new), (old, new), &further, true).into_iter().collect(),
    };
    let surplus = further[0]
        .iter()
        .filter(|copy| is_dual(copy))
        .map(|copy| EventOutcome { surplus_old: true, ..EventOutcome::of(copy) });
    let Some(twice) = twice(Some(told), (old, new), &further, false) else {
        let found = match (old, new) {
            (Some(old), Some(new)) => differing(old, new),
            (Some(event), None) => Some((DifferenceKind::OnlyOld, around.why_only_old(event), Vec::new())),
            (None, Some(event)) => Some((DifferenceKind::OnlyNew, around.why_only_new(event), Vec::new())),
            (None, None) => None,
        };
        let difference = found.map(|(kind, reason, fields)| Difference::of(told, kind, reason, fields));
        return vec![EventOutcome { beyond_old, difference, ..EventOutcome::of(told) }];
    };
    [EventOutcome { beyond_old, ..EventOutcome::of(told) }, twice].into_iter().chain(surplus).collect()
}

/// What is told of an event of which a store has further copies. It is told of in the minute of the first of those: that
/// is a minute of which the stores' sums say that something is wrong.
fn twice(
    told: Option<&Event>,
    (old, new): (Option<&Event>, Option<&Event>),
    further: &[Vec<&Event>; 2],
    beyond_old: bool,
) -> Option<EventOutcome> {
    let (told, first) = told.zip(further.iter().flatten().next())?;
    let count = |one: Option<&Event>, further: &[&Event]| (usize::from(one.is_some()) + further.len()).to_string();
    let [of_old, of_new] = further;
    let copies = FieldDifference { field: "copies".to_owned(), old: count(old, of_old), new: count(new, of_new) };
    let values = old.zip(new).and_then(|(old, new)| differing(old, new)).map_or_else(Vec::new, |(_, _, fields)| fields);
    let fields = std::iter::once(copies).chain(values).collect();
    let beyond_requests = |one: Option<&Event>, further: &[&Event]| {
        let copies = || one.into_iter().chain(further.iter().copied());
        (copies().count() - distinct(copies().map(|copy| (copy.producer, copy.seq))).len()) as u64
    };
    Some(EventOutcome {
        minute: first.minute(),
        beyond_old,
        difference: Some(Difference::of(told, DifferenceKind::CountedTwice, None, fields)),
        further: [beyond_requests(old, of_old), beyond_requests(new, of_new)],
        ..EventOutcome::of(told)
    })
}

impl EventOutcome {
    /// Told of an event, and nothing of it yet.
    fn of(event: &Event) -> Self {
        Self {
            minute: event.minute(),
            path: event.path.clone(),
            write: (event.producer.0, event.write),
            beyond_old: false,
            surplus_old: false,
            difference: None,
            further: [0, 0],
        }
    }
}

impl Surroundings<'_> {
    fn why_only_old(&self, event: &Event) -> Option<DifferenceReason> {
        if self.is_repeat(self.new, event) {
            return Some(DifferenceReason::Repeat);
        }
        if self.came_as_fallback(self.old, event) {
            return Some(DifferenceReason::Fallback);
        }
        if self.evidence.is_dead(event.digest) {
            return Some(DifferenceReason::DeadLettered);
        }
        self.evidence.may_be_on_its_way(event).then_some(DifferenceReason::Queued)
    }

    fn why_only_new(&self, event: &Event) -> Option<DifferenceReason> {
        if self.is_repeat(self.old, event) {
            return Some(DifferenceReason::Repeat);
        }
        self.came_as_fallback(self.new, event).then_some(DifferenceReason::Fallback)
    }

    /// Copies whose windows are those that dedup looks at for an event.
    fn near<'b>(&self, copies: &'b [&'b EventCopy], event: &Event) -> impl Iterator<Item = &'b EventCopy> {
        let (here, reach) = (window(event), self.window_ms);
        copies.iter().copied().filter(move |copy| window(&copy.event).abs_diff(here) <= reach)
    }

    /// Whether a store that does not count an event counts another one in its place: it absorbed a copy of it because
    /// it holds a neighbour, or holds the copy of another request that was sent with the same ID.
    fn is_repeat(&self, copies: &[&EventCopy], event: &Event) -> bool {
        let is_held = |absorbed: &EventCopy| self.near(copies, &absorbed.event).any(|copy| !copy.absorbed);
        self.near(copies, event)
            .any(|copy| if copy.absorbed { is_held(copy) } else { !same_request(&copy.event, event) })
    }

    fn came_as_fallback(&self, copies: &[&EventCopy], event: &Event) -> bool {
        self.near(copies, event).any(|copy| copy.event.is_fallback())
    }
}

/// The values in which two copies differ. Copies of different requests are a repeat, of which each store kept one.
fn differing(old: &Event, new: &Event) -> Option<(DifferenceKind, Option<DifferenceReason>, Vec<FieldDifference>)> {
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
    let reason = (!same_request(old, new)).then_some(DifferenceReason::Repeat);
    (!fields.is_empty()).then_some((DifferenceKind::ValueDiffers, reason, fields))
}

#[cfg(test)]
mod tests;
