//! The comparator's self-test: traffic with known faults, and a check that the report finds exactly those.
//!
//! Invariant: what must be found is known from how the faults were made, never from a comparison.

use serde::{Deserialize, Serialize};

use crate::counting::grain::MINUTE_MS;
use crate::error::InputError;
use crate::event::address::ClientIpHash;
use crate::event::identity::{Digest, IdempotentId, window_start};
use crate::event::{Cohort, Event, ProducerId};

use super::difference::DifferenceKind;
use super::report::ParityReport;
use super::window::{Window, WindowKind};

mod worlds;

pub use worlds::{FaultyWorld, WorldReport, worlds};

/// Minutes of the test's window.
const MINUTES: u64 = 4;

/// Clean events among the faulty ones.
const CLEAN: u64 = 400;

/// Events of each kind of fault.
const EACH: u64 = 3;

/// What is done to an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Clean,
    DropOld,
    DropNew,
    Duplicate,
    AlterStatus,
    ShiftMinute,
    Delay,
    LoseBoth,
}

const FAULTS: [Fault; 7] = [
    Fault::DropOld,
    Fault::DropNew,
    Fault::Duplicate,
    Fault::AlterStatus,
    Fault::ShiftMinute,
    Fault::Delay,
    Fault::LoseBoth,
];

/// The events for each store, and what the reports must find.
#[derive(Debug, Clone, Default)]
pub struct SelfTest {
    /// What the old store gets.
    pub old: Vec<Event>,
    /// What the new store gets.
    pub new: Vec<Event>,
    /// What the new store gets after the first report.
    pub late: Vec<Event>,
    faults: Vec<(Digest, DifferenceKind)>,
    delayed: Vec<(Digest, DifferenceKind)>,
    union: u64,
    lost: u64,
    absorbed: u64,
}

/// The result of a self-test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SelfTestOutcome {
    /// Whether each report found exactly the injected faults.
    pub passed: bool,
    /// Where it did not.
    pub failures: Vec<String>,
    /// The report before the delayed events arrived.
    pub first: ParityReport,
    /// The report after.
    pub second: ParityReport,
    /// The reports on [`worlds`], each with one fault.
    pub worlds: Vec<WorldReport>,
}

impl SelfTestOutcome {
    /// Adds the report on a world.
    pub fn add(&mut self, world: &FaultyWorld, report: ParityReport) {
        self.failures.extend(world.failures(&report));
        self.passed = self.failures.is_empty();
        self.worlds.push(WorldReport { name: world.name.to_owned(), report });
    }
}

/// Whether all of these are events of a self-test. Only such events may be stored without dedup.
pub fn are_own(events: &[Event]) -> bool {
    events.iter().all(|event| event.path.starts_with("/selftest/"))
}

impl SelfTest {
    /// Traffic in the window that ends at the minute of `end_ms`, from a producer and digests of this `seed`.
    ///
    /// # Errors
    /// If the time is not valid for an event.
    pub fn new(seed: u64, end_ms: u64, id_window_ms: u64) -> Result<Self, InputError> {
        let window = Self::window(end_ms);
        let mut test = Self::default();
        let faults = FAULTS.iter().flat_map(|fault| (0..EACH).map(|_| *fault));
        let count = CLEAN + FAULTS.len() as u64 * EACH;
        // Faults are spread over the traffic, which begins and ends clean, so that each loss lies between numbers.
        let step = CLEAN / (FAULTS.len() as u64 * EACH + 1);
        let mut faults = faults.peekable();
        for n in 0..count {
            let fault = if n % (step + 1) == step { faults.next().unwrap_or(Fault::Clean) } else { Fault::Clean };
            let timestamp = window.from + n * (MINUTES * MINUTE_MS - 1) / count;
            let seq = u32::try_from(n).unwrap_or(u32::MAX);
            let event = event(seed, seq, timestamp, id_window_ms)?;
            test.send(&event, fault);
        }
        Ok(test)
    }

    /// The window that ends at the minute of `end_ms`.
    pub const fn window(end_ms: u64) -> Window {
        let to = end_ms - end_ms % MINUTE_MS;
        Window { kind: WindowKind::Range, from: to - MINUTES * MINUTE_MS, to }
    }

    fn send(&mut self, event: &Event, fault: Fault) {
        let mut both = |new: Event| {
            self.old.push(event.clone());
            self.new.push(new);
        };
        self.union += u64::from(fault != Fault::LoseBoth);
        match fault {
            Fault::Clean => both(event.clone()),
            Fault::Duplicate => {
                both(event.clone());
                self.new.push(event.clone());
                self.absorbed += 1;
            }
            Fault::AlterStatus => {
                both(Event { status: event.status + 1, ..event.clone() });
                self.faults.push((event.digest, DifferenceKind::ValueDiffers));
            }
            Fault::ShiftMinute => {
                both(Event { timestamp: event.timestamp - MINUTE_MS, ..event.clone() });
                self.faults.push((event.digest, DifferenceKind::ValueDiffers));
            }
            Fault::DropOld => {
                self.new.push(event.clone());
                self.faults.push((event.digest, DifferenceKind::OnlyNew));
            }
            Fault::DropNew => {
                self.old.push(event.clone());
                self.faults.push((event.digest, DifferenceKind::OnlyOld));
            }
            Fault::Delay => {
                self.old.push(event.clone());
                self.late.push(event.clone());
                self.delayed.push((event.digest, DifferenceKind::OnlyOld));
            }
            Fault::LoseBoth => self.lost += 1,
        }
    }

    /// Checks both reports against the injected faults.
    pub fn outcome(&self, first: ParityReport, second: ParityReport) -> SelfTestOutcome {
        let before = [self.faults.as_slice(), &self.delayed].concat();
        let mut failures = self.failures("before the delayed events", &first, &before);
        failures.extend(self.failures("after the delayed events", &second, &self.faults));
        SelfTestOutcome { passed: failures.is_empty(), failures, first, second, worlds: Vec::new() }
    }

    fn failures(&self, when: &str, report: &ParityReport, expected: &[(Digest, DifferenceKind)]) -> Vec<String> {
        let found: Vec<(Digest, DifferenceKind)> =
            report.differences.iter().filter(|d| d.reason.is_none()).map(|d| (d.digest, d.kind)).collect();
        let beyond =
            |these: &[(Digest, DifferenceKind)], those: &[(Digest, DifferenceKind)], what: &str| -> Vec<String> {
                let others = these.iter().filter(|one| !those.contains(one));
                others.map(|(digest, kind)| format!("{when}: {kind:?} {digest} {what}")).collect()
            };
        let missed = beyond(expected, &found, "was missed");
        let invented = beyond(&found, expected, "is invented");
        let figures = [
            ("union", report.total.union, self.union),
            ("mismatches", report.total.mismatches, expected.len() as u64),
            ("loss on both sides", report.loss.missing, self.lost),
            ("repeats absorbed", report.old.absorbed + report.new.absorbed, self.absorbed),
        ];
        let wrong = figures
            .into_iter()
            .filter(|(_, found, expected)| found != expected)
            .map(|(name, found, expected)| format!("{when}: {name} is {found}, not {expected}"));
        missed.into_iter().chain(invented).chain(wrong).collect()
    }
}

fn event(seed: u64, seq: u32, timestamp: u64, id_window_ms: u64) -> Result<Event, InputError> {
    let digest = Digest::of("selftest", "/selftest", &format!("{seed:016x}-{seq}"));
    Ok(Event {
        idempotent_id: IdempotentId::with_digest(window_start(timestamp, id_window_ms), digest)?,
        digest,
        timestamp,
        path: format!("/selftest/{}", seq % 3),
        method: "GET".to_owned(),
        status: 200,
        response_time: seq % 50,
        client_ip_hash: ClientIpHash(u64::from(seq % 7)),
        cohort: Cohort::Dual,
        flag_version: 1,
        producer: ProducerId(seed),
        seq,
        write: seq,
        fell_back: false,
    })
}
