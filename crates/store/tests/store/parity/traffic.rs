//! Traffic in which some events go wrong, each in a known way, and what a comparison must find of it.

use std::collections::{BTreeMap, BTreeSet};

use model::delivery::kept_letter::LetterSource;
use model::event::identity::{IdempotentId, window_start};
use model::event::{Cohort, Event, ProducerId};
use model::parity::difference::{DifferenceKind, DifferenceReason};
use proptest::prelude::*;
use store::letters::dead_letters::DeadLetter;

use super::{AFTER, SETTINGS, WINDOW_MS};
use rig::event;

pub const PRODUCERS: u64 = 3;

/// What becomes of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// Not meant for both: to one store alone.
    Single,
    DropOld,
    DropNew,
    /// The stores get different values.
    AlterStatus,
    /// One store gets it a minute later.
    ShiftMinute,
    /// Nobody gets it.
    Lose,
    /// The new store gets it twice.
    Duplicate,
    /// The queue fails: it comes to the object a second time, as a fallback.
    QueueFails,
    /// As before, but the queue had taken it.
    QueueSeemsToFail,
    ObjectFails,
    /// As before, and the fallback overtakes the message that was sent first.
    ObjectFailsAndFallbackIsFirst,
    /// Both first writes fail: of the fallbacks, the object's alone arrives.
    BothFail,
    DeadLetter,
    /// The client sends it again some seconds later; the new store gets the second one first.
    Repeat,
}

pub const FAULTS: [Fault; 14] = [
    Fault::Single,
    Fault::DropOld,
    Fault::DropNew,
    Fault::AlterStatus,
    Fault::ShiftMinute,
    Fault::Lose,
    Fault::Duplicate,
    Fault::QueueFails,
    Fault::QueueSeemsToFail,
    Fault::ObjectFails,
    Fault::ObjectFailsAndFallbackIsFirst,
    Fault::BothFail,
    Fault::DeadLetter,
    Fault::Repeat,
];

/// What the comparison must find.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Truth {
    pub union: u64,
    pub unexplained: BTreeSet<(u64, DifferenceKind)>,
    pub explained: BTreeSet<(u64, DifferenceReason)>,
    pub lost: u64,
}

#[derive(Default)]
pub struct Traffic {
    pub old: Vec<Event>,
    pub new: Vec<Event>,
    pub letters: Vec<DeadLetter>,
    pub truth: Truth,
    pub next: BTreeMap<u64, u32>,
    pub requests: u64,
}

impl Traffic {
    pub fn event(&mut self, ms: u64, producer: u64) -> Event {
        self.requests += 1;
        let seq = self.next.entry(producer).or_default();
        let event = Event {
            cohort: Cohort::Dual,
            producer: ProducerId(producer),
            seq: *seq,
            write: *seq,
            ..event(self.requests, ms)
        };
        *seq += 1;
        event
    }

    pub fn both(&mut self, event: &Event) {
        self.old.push(event.clone());
        self.new.push(event.clone());
    }

    fn unexplained(&mut self, event: &Event, kind: DifferenceKind) {
        self.truth.unexplained.insert((event.digest.0, kind));
    }

    pub fn send(&mut self, ms: u64, producer: u64, fault: Fault) {
        let sent = self.event(ms, producer);
        let as_fallback = sent.as_fallback();
        self.truth.union += u64::from(!matches!(fault, Fault::Single | Fault::Lose));
        match fault {
            Fault::None => self.both(&sent),
            Fault::Single => {
                let side = if producer == 0 { &mut self.old } else { &mut self.new };
                side.push(Event { cohort: Cohort::Single, ..sent });
            }
            Fault::DropOld => {
                self.unexplained(&sent, DifferenceKind::OnlyNew);
                self.new.push(sent);
            }
            Fault::DropNew => {
                self.unexplained(&sent, DifferenceKind::OnlyOld);
                self.old.push(sent);
            }
            Fault::AlterStatus => {
                self.unexplained(&sent, DifferenceKind::ValueDiffers);
                self.new.push(Event { status: 418, ..sent.clone() });
                self.old.push(sent);
            }
            Fault::ShiftMinute => {
                self.unexplained(&sent, DifferenceKind::ValueDiffers);
                self.new.push(Event { timestamp: sent.timestamp + 60_000, ..sent.clone() });
                self.old.push(sent);
            }
            Fault::Lose => self.truth.lost += 1,
            Fault::Duplicate => {
                self.both(&sent);
                self.new.push(sent);
            }
            Fault::QueueFails => {
                self.truth.explained.insert((sent.digest.0, DifferenceReason::Fallback));
                self.old.extend([sent, as_fallback]);
            }
            Fault::QueueSeemsToFail => {
                self.both(&sent);
                self.old.push(as_fallback);
            }
            Fault::ObjectFails => {
                self.truth.explained.insert((sent.digest.0, DifferenceReason::Fallback));
                self.new.extend([sent, as_fallback]);
            }
            Fault::ObjectFailsAndFallbackIsFirst => {
                self.truth.explained.insert((sent.digest.0, DifferenceReason::Fallback));
                self.new.extend([as_fallback, sent]);
            }
            Fault::BothFail => {
                self.truth.explained.insert((sent.digest.0, DifferenceReason::Fallback));
                self.old.push(as_fallback);
            }
            Fault::DeadLetter => {
                self.truth.explained.insert((sent.digest.0, DifferenceReason::DeadLettered));
                self.letters.push(letter(&sent));
                self.old.push(sent);
            }
            Fault::Repeat => self.repeat(ms, producer, sent),
        }
    }

    /// The client sends it again 9 s later, and each store keeps another one of the two.
    fn repeat(&mut self, ms: u64, producer: u64, sent: Event) {
        let seq = self.event(ms, producer).seq;
        let timestamp = sent.timestamp + 9_000;
        let window = window_start(timestamp, SETTINGS.id_window_ms);
        let idempotent_id = IdempotentId::with_digest(window, sent.digest).unwrap();
        let again = Event { idempotent_id, timestamp, seq, write: seq, ..sent.clone() };
        self.old.extend([sent.clone(), again.clone()]);
        self.new.extend([again, sent]);
    }
}

fn letter(event: &Event) -> DeadLetter {
    let payload = serde_json::to_string(event).unwrap();
    DeadLetter {
        id: event.digest.to_string(),
        received_at: AFTER,
        sent_at: None,
        source: LetterSource::Dlq,
        reason: "test".into(),
        payload,
    }
}

/// Each producer begins and ends clean, and something later has arrived, so that every loss shows.
pub fn traffic(requests: &[(u64, u64, Fault)]) -> Traffic {
    let mut traffic = Traffic::default();
    let mut sorted = requests.to_vec();
    sorted.sort_by_key(|(ms, ..)| *ms);
    for producer in 0..PRODUCERS {
        traffic.send(0, producer, Fault::None);
    }
    for (ms, producer, fault) in sorted {
        traffic.send(ms, producer, fault);
    }
    for producer in 0..PRODUCERS {
        traffic.send(WINDOW_MS - 1, producer, Fault::None);
    }
    let later = traffic.event(WINDOW_MS + 120_000, 0);
    traffic.both(&later);
    traffic
}

pub fn requests(fault: impl Strategy<Value = Fault>) -> impl Strategy<Value = Vec<(u64, u64, Fault)>> {
    prop::collection::vec((1u64..WINDOW_MS - 70_000, 0..PRODUCERS, fault), 1..120)
}

pub fn some_fault() -> impl Strategy<Value = Fault> {
    prop_oneof![3 => Just(Fault::None), 1 => prop::sample::select(&FAULTS[..])]
}
