//! A report never passes while the stores differ by more than its limit, and never fails without a difference.

use std::collections::{BTreeMap, BTreeSet};

use model::counting::grain::HOUR_MS;
use model::event::identity::Digest;
use model::event::{Cohort, Event, ProducerId};
use model::parity::filed_report::FiledReport;
use model::parity::verdict::Verdict;
use model::parity::window::{Window, WindowKind};
use store::parity::reports::Reports;

use super::lost_in_silence::lost_by_queue;
use super::{Happening, Property, ensure};
use crate::sight::Sight;
use crate::truth::Stored;

/// Newest reports that are looked at: a story has fewer windows.
const MOST: u64 = 100;

#[derive(Default)]
pub struct VerdictsTrue {
    /// Revisions that were held against the truth.
    known: BTreeSet<(Window, u64)>,
    /// What the stores held when cron began last.
    before: Option<Stored>,
    checked: u64,
}

/// What is true of a window.
#[derive(Debug, Clone, Copy)]
pub struct StoreDifference {
    /// Events that were meant for both stores and are in one.
    pub union: u64,
    /// Those that one store lacks or holds twice, or whose values differ.
    pub differing: u64,
    /// Those that were meant for one and are twice in it.
    pub twice: u64,
    /// Numbers before those that arrived which nobody has.
    pub gaps: u64,
    /// Events of any cohort.
    pub held: u64,
    /// Events that the queue lost and nobody else has, of isolates that were heard of later.
    pub lost: u64,
}

impl StoreDifference {
    /// Of the events of a window, by their times.
    pub fn of(stored: &Stored, window: Window, lost: &[Event]) -> Self {
        let is_in = |event: &&Event| (window.from..window.to).contains(&event.timestamp);
        let mut dual: BTreeMap<Digest, (Vec<&Event>, Vec<&Event>)> = BTreeMap::new();
        let is_dual = |event: &&Event| event.cohort == Cohort::Dual;
        stored
            .old
            .iter()
            .filter(is_in)
            .filter(is_dual)
            .for_each(|event| dual.entry(event.digest).or_default().0.push(event));
        stored
            .new
            .iter()
            .filter(is_in)
            .filter(is_dual)
            .for_each(|event| dual.entry(event.digest).or_default().1.push(event));
        let differs = |(old, new): &&(Vec<&Event>, Vec<&Event>)| match (old.as_slice(), new.as_slice()) {
            ([one], [other]) => !same(one, other),
            _ => true,
        };
        let differing = dual.values().filter(differs).count() as u64;
        let mut others = BTreeSet::new();
        let is_other = |event: &&Event| is_in(event) && event.cohort != Cohort::Dual;
        let sides = [(&stored.old, false), (&stored.new, true)];
        let copies =
            sides.into_iter().flat_map(|(events, side)| events.iter().filter(is_other).map(move |e| (side, e)));
        let twice = copies.filter(|(side, event)| !others.insert((*side, event.digest))).count() as u64;
        let events = || stored.old.iter().chain(&stored.new);
        let all: BTreeSet<Digest> = events().map(|event| event.digest).collect();
        let held = events().filter(is_in).map(|event| event.digest).collect::<BTreeSet<Digest>>().len() as u64;
        // A number is missing once a later one came, soon enough to be compared with it.
        let is_noticed = |event: &Event| {
            let is_later = |other: &Event| other.producer == event.producer && other.seq > event.seq;
            events().any(|other| is_later(other) && other.timestamp < window.to + HOUR_MS)
        };
        let is_gone = |event: &&Event| is_in(event) && !all.contains(&event.digest) && is_noticed(event);
        let lost = lost.iter().filter(is_gone).count() as u64;
        Self { union: dual.len() as u64, differing, twice, gaps: gaps(stored, window), held, lost }
    }

    /// Whether what differs is more than so many of a million.
    fn exceeds(self, limit_ppm: u64) -> bool {
        self.differing * 1_000_000 > self.union * limit_ppm
            || self.lost * 1_000_000 > (self.held + self.lost) * limit_ppm
    }

    /// Whether there is anything to fail for.
    const fn is_any(self) -> bool {
        self.differing + self.twice + self.gaps > 0
    }
}

fn same(one: &Event, other: &Event) -> bool {
    (&one.path, &one.method, one.status, one.response_time)
        == (&other.path, &other.method, other.status, other.response_time)
}

/// Numbers before those of a window that no stored event has. Repeats have numbers, too. Like a comparison, it looks an
/// hour around: an isolate that was silent for longer can't be judged.
fn gaps(stored: &Stored, window: Window) -> u64 {
    let around = window.from.saturating_sub(HOUR_MS)..window.to + HOUR_MS;
    let mut numbers: BTreeMap<ProducerId, BTreeMap<u32, bool>> = BTreeMap::new();
    for event in stored.old.iter().chain(&stored.new).filter(|event| around.contains(&event.timestamp)) {
        let is_in = (window.from..window.to).contains(&event.timestamp);
        *numbers.entry(event.producer).or_default().entry(event.seq).or_default() |= is_in;
    }
    let mut missing = 0;
    for numbers in numbers.values() {
        let before = [None].into_iter().chain(numbers.keys().map(|number| Some(*number)));
        for (before, (number, _)) in before.zip(numbers).filter(|(_, (_, is_in))| **is_in) {
            missing += before.map_or(0, |before| u64::from(number - before) - 1);
        }
    }
    missing
}

/// The newest reports on hours and days.
pub fn filed(sight: &Sight<'_>) -> Vec<FiledReport> {
    let reports = Reports::new(sight.world.d1().clone());
    let of = |kind| rig::block_on(reports.newest_filed(kind, MOST)).unwrap();
    [WindowKind::Hour, WindowKind::Day].into_iter().flat_map(of).collect()
}

fn check(report: &FiledReport, before: &Stored, sight: &Sight<'_>) -> Result<(), String> {
    let lost = lost_by_queue(sight.world);
    let both =
        [StoreDifference::of(before, report.window, &lost), StoreDifference::of(sight.stored(), report.window, &lost)];
    let setting = |name: &str, otherwise| {
        sight.story.setup.settings.get(name).map_or(otherwise, |value| value.parse::<u64>().unwrap())
    };
    let limit_ppm = match report.window.kind {
        WindowKind::Day => setting("PARITY_DAY_LIMIT_PPM", 10_000),
        WindowKind::Hour | WindowKind::Range => setting("PARITY_HOUR_LIMIT_PPM", 50_000),
    };
    let says = || format!("{} revision {} says {}: {both:?}", report.window, report.revision, report.summary);
    match report.verdict {
        Verdict::Pass => ensure(!both.iter().all(|difference| difference.exceeds(limit_ppm)), says),
        // What a store held once and lost is no difference that can still be seen.
        Verdict::Fail if sight.truth.restored_ms.is_some() => Ok(()),
        Verdict::Fail => ensure(both.iter().any(|difference| difference.is_any()), says),
        Verdict::Inconclusive | Verdict::Pending => Ok(()),
    }
}

impl Property for VerdictsTrue {
    fn name(&self) -> &'static str {
        "verdicts are true"
    }

    fn on_event(&mut self, happening: &Happening, sight: &Sight<'_>) -> Result<(), String> {
        if sight.world.d1().count("parity_reports") > self.known.len() as u64 {
            let stored = sight.stored();
            let before = self.before.as_ref().unwrap_or(stored);
            for report in filed(sight) {
                if self.known.insert((report.window, report.revision)) {
                    self.checked += 1;
                    check(&report, before, sight)?;
                }
            }
        }
        // Only reports that run over an hour's end need to know what was before.
        if matches!(happening, Happening::CronBegins) && sight.world.now_ms() > rig::START + 40 * 60_000 {
            self.before = Some(sight.stored().clone());
        }
        Ok(())
    }

    fn at_end(&mut self, sight: &Sight<'_>) -> Result<(), String> {
        self.on_event(&Happening::Step, sight)?;
        // What can still change was compared again until it was settled: the newest revisions tell how it is.
        for report in filed(sight) {
            check(&report, sight.stored(), sight)?;
        }
        Ok(())
    }

    fn take_checked(&mut self) -> u64 {
        std::mem::take(&mut self.checked)
    }
}
