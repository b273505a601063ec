//! Faults that need a world of their own, because they are judged as a whole. Each world is a window of traffic with
//! one fault, and what the report on it must say.
//!
//! Invariant: what must be said is known from how the world was made, never from a comparison.

use serde::{Deserialize, Serialize};

use crate::counting::grain::{HOUR_MS, MINUTE_MS};
use crate::error::InputError;
use crate::event::Event;

use super::{MINUTES, event};
use crate::parity::report::ParityReport;
use crate::parity::verdict::Verdict;
use crate::parity::window::{Window, WindowKind};

/// Events of a world.
const EVENTS: u32 = 400;

/// Events of the world in which a route is lost: so many that all routes together stay below the limit.
const EVENTS_AROUND_ROUTE: u32 = 1_500;

/// Events of the route that is lost whole.
const EVENTS_OF_ROUTE: u32 = 8;

/// Events of one message.
const PER_MESSAGE: u32 = 26;

/// Every so many-th message is lost.
const LOST_MESSAGE: u32 = 5;

/// Route that is lost whole.
const LOST_ROUTE: &str = "/selftest/lost";

/// How far the windows of worlds in one pair of stores lie apart, in ms.
const APART_MS: u64 = 10 * MINUTE_MS;

/// How long ago the window of the world in which the new path stops has ended, in ms: nothing of it can be queued.
const STOPPED_BEFORE_MS: u64 = 2 * HOUR_MS;

/// A world with one fault.
#[derive(Debug, Clone)]
pub struct FaultyWorld {
    /// Name of the fault.
    pub name: &'static str,
    /// The window that is compared.
    pub window: Window,
    /// Whether it needs stores of its own, because of what is not in them.
    pub is_alone: bool,
    /// Events for the old store and for the new one.
    pub given: [Vec<Event>; 2],
    /// Events that each store gets a second time, without dedup.
    pub again: [Vec<Event>; 2],
    expected: Expected,
}

/// What the report must say.
#[derive(Debug, Clone, Default)]
struct Expected {
    verdict: Option<Verdict>,
    union: u64,
    only_old: u64,
    value_differs: u64,
    counted_twice: u64,
    lost: u64,
    writes_differing: u64,
    failing_route: Option<&'static str>,
}

/// The report on a world.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct WorldReport {
    /// Name of its fault.
    pub name: String,
    /// The report.
    pub report: ParityReport,
}

impl FaultyWorld {
    /// What the report should say of the fault, but doesn't.
    pub fn failures(&self, report: &ParityReport) -> Vec<String> {
        let Expected { verdict, union, only_old, value_differs, counted_twice, lost, writes_differing, failing_route } =
            &self.expected;
        let total = &report.total;
        let figures = [
            ("union", total.union, *union),
            ("only old", total.tally.only_old, *only_old),
            ("only new", total.tally.only_new, 0),
            ("value differs", total.tally.value_differs, *value_differs),
            ("counted twice", total.tally.counted_twice, *counted_twice),
            ("lost on both sides", report.loss.missing, *lost),
            ("writes that differ", total.writes_differing, *writes_differing),
            ("what is unresolved", (report.unresolved.minutes.len() + report.unresolved.paths.len()) as u64, 0),
        ];
        let wrong = figures.into_iter().filter(|(_, found, expected)| found != expected);
        let mut failures: Vec<String> =
            wrong.map(|(what, found, expected)| format!("{}: {what} is {found}, not {expected}", self.name)).collect();
        if verdict.is_some_and(|verdict| verdict != total.verdict) {
            failures.push(format!("{}: {}, {}", self.name, total.verdict.name(), report.summary));
        }
        if let Some(route) = failing_route {
            let fails = |path: &&crate::parity::comparison::PathComparison| {
                path.path == *route && path.comparison.verdict == Verdict::Fail
            };
            if !report.paths.iter().any(|path| fails(&path)) {
                failures.push(format!("{}: the route {route} does not fail by itself", self.name));
            }
        }
        failures
    }
}

/// Makes one world.
type Make = fn(&Maker) -> Result<FaultyWorld, InputError>;

/// All worlds, of producers and digests of this `seed`, before the minute of `end_ms`.
///
/// # Errors
/// If the time is not valid for an event.
pub fn worlds(seed: u64, end_ms: u64, id_window_ms: u64) -> Result<Vec<FaultyWorld>, InputError> {
    let makers =
        [stored_twice, stored_twice_by_both, routes_swapped, route_lost, messages_lost, lost_on_both, path_stopped];
    let make = |(n, make): (u64, Make)| {
        let end_ms = end_ms - end_ms % MINUTE_MS - n * APART_MS;
        make(&Maker { seed: seed.wrapping_add(n), end_ms, id_window_ms })
    };
    (1..).zip(makers).map(make).collect()
}

/// Makes a world's events.
struct Maker {
    seed: u64,
    end_ms: u64,
    id_window_ms: u64,
}

impl Maker {
    const fn window(&self) -> Window {
        Window { kind: WindowKind::Range, from: self.end_ms - MINUTES * MINUTE_MS, to: self.end_ms }
    }

    /// So many events over the window, so many to a message.
    fn events(&self, count: u32, per_message: u32) -> Result<Vec<Event>, InputError> {
        let time = |n: u32| self.window().from + u64::from(n) * (MINUTES * MINUTE_MS - 1) / u64::from(count);
        let made = |n: u32| {
            let event = event(self.seed, n, time(n), self.id_window_ms)?;
            Ok(Event { write: n / per_message * per_message, ..event })
        };
        (0..count).map(made).collect()
    }

    fn world(&self, name: &'static str, given: [Vec<Event>; 2], expected: Expected) -> FaultyWorld {
        FaultyWorld { name, window: self.window(), is_alone: false, given, again: [Vec::new(), Vec::new()], expected }
    }
}

const fn fails(union: u32) -> Expected {
    Expected {
        verdict: Some(Verdict::Fail),
        union: union as u64,
        only_old: 0,
        value_differs: 0,
        counted_twice: 0,
        lost: 0,
        writes_differing: 0,
        failing_route: None,
    }
}

fn stored_twice(maker: &Maker) -> Result<FaultyWorld, InputError> {
    let all = maker.events(EVENTS, 1)?;
    let twice = u64::from(EVENTS);
    let expected = Expected { counted_twice: twice, writes_differing: twice, ..fails(EVENTS) };
    let world = maker.world("stored-twice", [all.clone(), all.clone()], expected);
    Ok(FaultyWorld { again: [Vec::new(), all], ..world })
}

/// The sums of both stores agree.
fn stored_twice_by_both(maker: &Maker) -> Result<FaultyWorld, InputError> {
    let world = stored_twice(maker)?;
    let again = [world.given[0].clone(), world.given[1].clone()];
    Ok(FaultyWorld { name: "stored-twice-by-both", again, ..world })
}

/// Each tenth event and the next have each other's route in the new store.
fn routes_swapped(maker: &Maker) -> Result<FaultyWorld, InputError> {
    let old = maker.events(EVENTS, 1)?;
    let mut new = old.clone();
    let mut swapped = 0;
    for pair in new.chunks_mut(10) {
        if let [first, second, ..] = pair {
            std::mem::swap(&mut first.path, &mut second.path);
            swapped += 2;
        }
    }
    let expected = Expected { value_differs: swapped, writes_differing: swapped, ..fails(EVENTS) };
    Ok(maker.world("routes-swapped", [old, new], expected))
}

/// All events of one route, while all routes together stay below the limit.
fn route_lost(maker: &Maker) -> Result<FaultyWorld, InputError> {
    let count = EVENTS_AROUND_ROUTE;
    let mut old = maker.events(count, 1)?;
    let step = usize::try_from(count / EVENTS_OF_ROUTE).unwrap_or(1);
    for event in old.iter_mut().skip(step / 2).step_by(step).take(EVENTS_OF_ROUTE as usize) {
        LOST_ROUTE.clone_into(&mut event.path);
    }
    let new = old.iter().filter(|event| event.path != LOST_ROUTE).cloned().collect();
    let lost = u64::from(EVENTS_OF_ROUTE);
    let expected = Expected { only_old: lost, writes_differing: lost, failing_route: Some(LOST_ROUTE), ..fails(count) };
    Ok(maker.world("route-lost", [old, new], expected))
}

/// Messages of a window, and those of them that arrive.
fn by_message(maker: &Maker) -> Result<(Vec<Event>, Vec<Event>, u32), InputError> {
    let messages = EVENTS / PER_MESSAGE * LOST_MESSAGE / 2;
    let all = maker.events(messages * PER_MESSAGE, PER_MESSAGE)?;
    // Neither the first nor the last one: that loss lies between numbers.
    let is_lost = |event: &&Event| event.write / PER_MESSAGE % LOST_MESSAGE == LOST_MESSAGE / 2;
    let arrived: Vec<Event> = all.iter().filter(|event| !is_lost(event)).cloned().collect();
    let lost = u32::try_from(all.len() - arrived.len()).unwrap_or(u32::MAX);
    Ok((all, arrived, lost))
}

fn messages_lost(maker: &Maker) -> Result<FaultyWorld, InputError> {
    let (all, arrived, lost) = by_message(maker)?;
    let expected = Expected {
        only_old: u64::from(lost),
        writes_differing: u64::from(lost / PER_MESSAGE),
        ..fails(u32::try_from(all.len()).unwrap_or(u32::MAX))
    };
    Ok(maker.world("messages-lost", [all, arrived], expected))
}

fn lost_on_both(maker: &Maker) -> Result<FaultyWorld, InputError> {
    let (_, arrived, lost) = by_message(maker)?;
    let expected = Expected { lost: u64::from(lost), ..fails(u32::try_from(arrived.len()).unwrap_or(u32::MAX)) };
    Ok(maker.world("messages-lost-on-both", [arrived.clone(), arrived], expected))
}

/// Nothing comes after the first quarter, and what was sent can't be on its way any more.
fn path_stopped(maker: &Maker) -> Result<FaultyWorld, InputError> {
    let end_ms = maker.end_ms - STOPPED_BEFORE_MS;
    let maker = Maker { end_ms, ..*maker };
    let all = maker.events(EVENTS, 1)?;
    let arrived: Vec<Event> = all.iter().take(EVENTS as usize / 4).cloned().collect();
    let missing = (all.len() - arrived.len()) as u64;
    let expected = Expected { only_old: missing, writes_differing: missing, ..fails(EVENTS) };
    Ok(FaultyWorld { is_alone: true, ..maker.world("new-path-stopped", [all, arrived], expected) })
}
