//! Readiness for the founding plan's next phase: each criterion with its figure, the source of the figure, and whether
//! it is met.
//!
//! Invariant: a criterion whose figure is unknown is not met. Without any events (0 of 0) a figure is unknown. So lack
//! of evidence never makes anything ready.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::parity::verdict::Verdict;

/// Consecutive days on which parity must pass.
pub const DAYS: usize = 7;

/// Most events that may be on their way to D1.
const MAX_BACKLOG: u64 = 100;

/// How many in a thousand may fail: 0.1 %.
const PER_MILLE: u64 = 1;

/// A day, from its parity report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportedDay {
    /// Its start, in ms.
    pub start: u64,
    /// The report's verdict.
    pub verdict: Verdict,
    /// Events that arrived in either store.
    pub arrived: u64,
    /// Events in neither store, found by gaps in the sequence numbers.
    pub missing: u64,
    /// How many of the missing events are in dead letters.
    pub dead_lettered: u64,
    /// Events that were written to the object because the queue failed.
    pub queue_failed: u64,
    /// Events that were written to the queue because the object failed.
    pub object_failed: u64,
}

/// The last hour, compared just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastHour {
    /// Events that arrived in either store, of any mode.
    pub arrived: u64,
    /// How many of them were meant for both stores.
    pub compared: u64,
    /// Events that are not in the new store: on their way, or lost.
    pub outstanding: u64,
    /// How many more events are stored than distinct sequence numbers arrived: counted twice.
    pub counted_twice: u64,
    /// Repeats that dedup absorbed.
    pub absorbed: u64,
    /// Events whose ID was looked up, and how many of them were found.
    pub traced: (u64, u64),
}

/// Everything that the criteria are judged by. What could not be read is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadinessFacts {
    /// Days that are over and have a report, newest first.
    pub days: Vec<ReportedDay>,
    /// Dead letters received during these days.
    pub dead_events: Option<u64>,
    /// The last hour.
    pub hour: Option<LastHour>,
}

/// A criterion's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum CriterionName {
    /// Queue sends succeed.
    QueueSendSuccess,
    /// The consumer applies events.
    ConsumerSuccess,
    /// Few events are on their way.
    Backlog,
    /// No event is counted twice.
    CountedOnce,
    /// Parity passed on seven days in a row.
    SevenDays,
    /// The other path takes the events of failed writes.
    Fallback,
    /// Events are found by their ID.
    Traceable,
    /// No event is lost on both paths.
    Loss,
}

/// A criterion, and how it is met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Criterion {
    /// Its name.
    pub name: CriterionName,
    /// What it is about, in words.
    pub title: Cow<'static, str>,
    /// What is required, in words.
    pub wanted: Cow<'static, str>,
    /// The figure. `None` if it is unknown.
    pub figure: Option<String>,
    /// Whether it is met. `None` if that is unknown.
    pub holds: Option<bool>,
    /// Where the figure comes from.
    pub source: Cow<'static, str>,
}

/// Whether all criteria are met.
pub fn is_ready(criteria: &[Criterion]) -> bool {
    criteria.iter().all(|criterion| criterion.holds == Some(true))
}

/// Judges the plan's criteria by these facts.
pub fn criteria(facts: &ReadinessFacts) -> Vec<Criterion> {
    let sum = |field: fn(&ReportedDay) -> u64| facts.days.iter().take(DAYS).map(field).sum::<u64>();
    let arrived = sum(|day| day.arrived);
    let lost = sum(|day| day.missing.saturating_sub(day.dead_lettered));
    let fallbacks = sum(|day| day.queue_failed + day.object_failed);
    let passing = facts.days.iter().take_while(|day| day.verdict == Verdict::Pass).count();
    let in_a_row = passing.min(unbroken(&facts.days));
    let [backlog, counted_once, traceable] = of_last_hour(facts.hour.as_ref());
    vec![
        new(
            CriterionName::QueueSendSuccess,
            "queue sends that succeed",
            "> 99.9 %",
            "7 days: events that came to the object because the queue failed, of all events",
            success(sum(|day| day.queue_failed), arrived),
        ),
        new(
            CriterionName::ConsumerSuccess,
            "events that the consumer applies",
            "> 99.9 %",
            "7 days: events in dead letters, of all events",
            facts.dead_events.and_then(|dead| success(dead, arrived.max(dead))),
        ),
        backlog,
        counted_once,
        new(
            CriterionName::SevenDays,
            "days in a row in which parity passes",
            "7",
            "parity's daily reports: GET parity?kind=day",
            (!facts.days.is_empty()).then(|| (in_a_row >= DAYS, in_a_row.to_string())),
        ),
        new(
            CriterionName::Fallback,
            "failed writes that the other path took",
            "some, and no loss",
            "7 days: fallback events; events in neither store and no dead letter. Not known until a write has failed",
            (fallbacks > 0).then(|| (lost == 0, format!("{fallbacks} taken, {lost} lost"))),
        ),
        traceable,
        new(
            CriterionName::Loss,
            "events lost on both paths",
            "< 0.1 %",
            "7 days: sequence numbers in neither store and no dead letter, of all",
            success(lost, arrived + lost).map(|(holds, _)| (holds, format!("{lost} of {}", arrived + lost))),
        ),
    ]
}

/// The criteria that are judged by the last hour.
fn of_last_hour(known: Option<&LastHour>) -> [Criterion; 3] {
    let hour = |figure: &dyn Fn(&LastHour) -> Option<(bool, String)>| known.and_then(figure);
    [
        new(
            CriterionName::Backlog,
            "events on their way",
            "< 100",
            "the last hour: events that the new store lacks, or neither store has",
            hour(&|hour| {
                let LastHour { compared, outstanding, .. } = *hour;
                (compared + outstanding > 0).then(|| (outstanding < MAX_BACKLOG, outstanding.to_string()))
            }),
        ),
        new(
            CriterionName::CountedOnce,
            "no event counted twice",
            "0",
            "the last hour: events stored beyond the distinct sequence numbers that arrived",
            hour(&|hour| {
                let LastHour { arrived, counted_twice, absorbed, .. } = *hour;
                let figure = || format!("{counted_twice} ({absorbed} repeats absorbed)");
                (arrived + counted_twice > 0).then(|| (counted_twice == 0, figure()))
            }),
        ),
        new(
            CriterionName::Traceable,
            "events that are found by their ID",
            "all",
            "a sample of the last hour, looked up in both stores",
            hour(&|hour| {
                let (looked_up, found) = hour.traced;
                (looked_up > 0).then(|| (found == looked_up, format!("{found} of {looked_up}")))
            }),
        ),
    ]
}

/// Makes a criterion from whether it is met and its figure.
fn new(
    name: CriterionName,
    title: &'static str,
    wanted: &'static str,
    source: &'static str,
    found: Option<(bool, String)>,
) -> Criterion {
    let (holds, figure) = found.unzip();
    Criterion { name, title: title.into(), wanted: wanted.into(), figure, holds, source: source.into() }
}

/// How many of the newest days are consecutive.
fn unbroken(days: &[ReportedDay]) -> usize {
    let day_ms = crate::counting::grain::DAY_MS;
    let follows = |pair: &&[ReportedDay]| matches!(pair, [newer, older] if newer.start == older.start + day_ms);
    if days.is_empty() { 0 } else { 1 + days.windows(2).take_while(follows).count() }
}

/// Whether less than 0.1 % failed, and the share that did not. `None` if there was nothing.
#[allow(clippy::cast_precision_loss)] // counts stay far below 2^53
fn success(failed: u64, all: u64) -> Option<(bool, String)> {
    let percent = 100.0 - 100.0 * failed.min(all) as f64 / all.max(1) as f64;
    (all > 0).then(|| (failed * 1_000 < all * PER_MILLE, format!("{percent:.3} %")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counting::grain::DAY_MS;

    fn days(verdicts: &[Verdict]) -> Vec<ReportedDay> {
        let day = |(ago, verdict): (u64, &Verdict)| ReportedDay {
            start: (100 - ago) * DAY_MS,
            verdict: *verdict,
            arrived: 10_000,
            missing: 3,
            dead_lettered: 3,
            queue_failed: 1,
            object_failed: 0,
        };
        (0..).zip(verdicts).map(day).collect()
    }

    fn ready() -> ReadinessFacts {
        let hour =
            LastHour { arrived: 900, compared: 500, outstanding: 99, counted_twice: 0, absorbed: 5, traced: (5, 5) };
        ReadinessFacts { days: days(&[Verdict::Pass; 7]), dead_events: Some(21), hour: Some(hour) }
    }

    fn missing(facts: &ReadinessFacts) -> Vec<CriterionName> {
        criteria(facts).iter().filter(|c| c.holds != Some(true)).map(|c| c.name).collect()
    }

    #[test]
    fn what_is_not_known_does_not_hold() {
        assert!(is_ready(&criteria(&ready())), "{:?}", missing(&ready()));
        let nothing = criteria(&ReadinessFacts::default());
        assert!(nothing.iter().all(|criterion| criterion.holds.is_none() && criterion.figure.is_none()));
        assert!(!is_ready(&nothing));
    }

    #[test]
    fn of_nothing_nothing_is_known() {
        let hour = LastHour { arrived: 0, compared: 0, outstanding: 0, counted_twice: 0, absorbed: 0, traced: (0, 0) };
        let empty = |day: ReportedDay| ReportedDay { arrived: 0, missing: 0, dead_lettered: 0, queue_failed: 0, ..day };
        let days = days(&[Verdict::Inconclusive]).into_iter().map(empty).collect();
        let facts = ReadinessFacts { days, dead_events: Some(0), hour: Some(hour) };
        let said: Vec<_> =
            criteria(&facts).into_iter().map(|c| (c.name, c.holds)).filter(|(_, h)| h.is_some()).collect();
        assert_eq!(
            said,
            [(CriterionName::SevenDays, Some(false))],
            "a day without traffic does not pass; the rest is unknown"
        );
    }

    #[test]
    fn where_all_became_dead_letters_the_consumer_applies_none() {
        let mut facts = ready();
        facts.days.iter_mut().for_each(|day| day.arrived = 0);
        assert!(missing(&facts).contains(&CriterionName::ConsumerSuccess));
        let consumer = criteria(&facts).into_iter().find(|c| c.name == CriterionName::ConsumerSuccess).unwrap();
        assert_eq!(consumer.holds, Some(false));
    }

    #[test]
    fn each_criterion_can_fail_by_itself() {
        let with = |change: &dyn Fn(&mut ReadinessFacts)| {
            let mut facts = ready();
            change(&mut facts);
            missing(&facts)
        };
        assert_eq!(with(&|f| f.days[0].queue_failed = 70), [CriterionName::QueueSendSuccess]);
        assert_eq!(with(&|f| f.dead_events = Some(70)), [CriterionName::ConsumerSuccess]);
        assert_eq!(with(&|f| f.hour.as_mut().unwrap().outstanding = 100), [CriterionName::Backlog]);
        assert_eq!(with(&|f| f.hour.as_mut().unwrap().counted_twice = 1), [CriterionName::CountedOnce]);
        assert_eq!(with(&|f| f.days[6].verdict = Verdict::Inconclusive), [CriterionName::SevenDays]);
        assert_eq!(with(&|f| f.days[3].start -= 1), [CriterionName::SevenDays], "a day without a report");
        assert_eq!(with(&|f| f.days[2].missing = 4), [CriterionName::Fallback]);
        assert_eq!(
            with(&|f| f.days.iter_mut().for_each(|day| day.queue_failed = 0)),
            [CriterionName::Fallback],
            "never needed"
        );
        assert_eq!(with(&|f| f.hour.as_mut().unwrap().traced = (5, 4)), [CriterionName::Traceable]);
        assert_eq!(with(&|f| f.days[2].missing = 80), [CriterionName::Fallback, CriterionName::Loss]);
    }
}
