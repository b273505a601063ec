//! One request, as it is recorded.
//!
//! Invariant: an event is checked once, where it enters ([`Event::check`]); everything behind may trust it.

pub mod address;
pub mod canonical;
pub mod identity;
pub mod known_routes;
pub mod message;
pub mod path;
pub mod template;
mod token;
pub mod value_hash;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::InputError;
use crate::event::address::ClientIpHash;
use crate::event::identity::{Digest, IdempotentId, serde_as_text};

/// Longest normalised path in an event, in bytes.
pub const MAX_PATH_BYTES: usize = 256;

/// Longest method name, in bytes; the longest registered one has 17.
pub const MAX_METHOD_BYTES: usize = 20;

/// How far ahead of the reader's clock an event may be, in ms: 10 min of clock skew.
pub const MAX_AHEAD_MS: u64 = 10 * 60 * 1000;

/// How old an event may be when it is recorded, in ms: 7 days, as long as its digest is kept for dedup.
pub const MAX_AGE_MS: u64 = 7 * 24 * 60 * 60 * 1000;

/// How far an event's exact time may lie from its ID's, in ms: 1 hour, the longest ID window.
pub const MAX_ID_DISTANCE_MS: u64 = 60 * 60 * 1000;

/// Most events that one write carries: far above what a flush may hold, and low enough that a wrong number shows.
pub const MAX_WRITE_EVENTS: u32 = 1_000;

/// Where an event was meant to be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Cohort {
    /// On one path alone.
    Single,
    /// On both paths, to compare them.
    Dual,
    /// On the other path than intended, because the intended one failed or seemed to. An event meant for both stays
    /// dual; its `fellBack` says that it fell back.
    Fallback,
}

impl Cohort {
    /// All cohorts, in the order of their codes.
    pub const ALL: [Self; 3] = [Self::Single, Self::Dual, Self::Fallback];

    /// Position in [`Cohort::ALL`]: the code in stored segments.
    pub const fn index(self) -> usize {
        match self {
            Self::Single => 0,
            Self::Dual => 1,
            Self::Fallback => 2,
        }
    }
}

/// Random name of the isolate that produced an event: 16 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProducerId(pub u64);

impl fmt::Display for ProducerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for ProducerId {
    type Err = InputError;

    fn from_str(text: &str) -> Result<Self, InputError> {
        identity::hex16(text)
            .map(Self)
            .ok_or_else(|| InputError::field("producer", text, "give 16 lower-case hex digits"))
    }
}

serde_as_text!(ProducerId, "^[0-9a-f]{16}$", "Random name of the isolate that produced an event.");

/// One request, as it is recorded. In JSON the names are camelCase; unknown ones are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// The ID for people and logs; carries the start of the event's ID window.
    pub idempotent_id: IdempotentId,
    /// The dedup key.
    pub digest: Digest,
    /// When the request arrived, in ms since 1970.
    pub timestamp: u64,
    /// The normalised route.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_PATH_BYTES)))]
    pub path: String,
    /// The request method.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_METHOD_BYTES)))]
    pub method: String,
    /// The response's status, 100 to 599.
    #[cfg_attr(feature = "schema", schemars(range(min = 100, max = 599)))]
    pub status: u16,
    /// Time until the upstream's headers, in ms.
    pub response_time: u32,
    /// Hash of the client's address.
    pub client_ip_hash: ClientIpHash,
    /// Where it was meant to be recorded.
    pub cohort: Cohort,
    /// Version of the flag document that routed it; 0 is the built-in default.
    pub flag_version: u32,
    /// The isolate that produced it.
    pub producer: ProducerId,
    /// Its number within that isolate, from 0.
    pub seq: u32,
    /// The number of the first event of the flush that carried it. A flush carries a contiguous run of numbers and is
    /// lost or kept together, so that `producer` and `write` name the unit of evidence.
    pub write: u32,
    /// Whether this copy of a dual event is here because the write by the other path failed, or seemed to. The event
    /// stays dual: otherwise it would be left out of every comparison if this copy arrived first, or alone.
    #[serde(default)]
    pub fell_back: bool,
}

impl Event {
    /// Checks what the types alone don't: bounds, and that ID, digest and time belong together.
    ///
    /// # Errors
    /// The first field that breaks a rule.
    pub fn check(&self, now_ms: u64) -> Result<(), InputError> {
        let fail = |field: &str, found: &dyn fmt::Display, remedy: String| Err(InputError::field(field, found, remedy));
        if self.path.is_empty() || self.path.len() > MAX_PATH_BYTES {
            return fail("path", &self.path, format!("give 1 to {MAX_PATH_BYTES} bytes"));
        }
        if self.method.is_empty() || self.method.len() > MAX_METHOD_BYTES {
            return fail("method", &self.method, format!("give 1 to {MAX_METHOD_BYTES} bytes"));
        }
        if !(100..=599).contains(&self.status) {
            return fail("status", &self.status, "give an HTTP status from 100 to 599".into());
        }
        if self.timestamp > now_ms.saturating_add(MAX_AHEAD_MS) {
            return fail(
                "timestamp",
                &self.timestamp,
                format!("it is over {MAX_AHEAD_MS} ms in the future: check the sender's clock and that it sends ms"),
            );
        }
        if self.timestamp < now_ms.saturating_sub(MAX_AGE_MS) {
            return fail(
                "timestamp",
                &self.timestamp,
                format!("it is over {MAX_AGE_MS} ms old, and digests are not kept longer: it can't be counted once"),
            );
        }
        if self.timestamp.abs_diff(self.idempotent_id.timestamp_ms()) > MAX_ID_DISTANCE_MS {
            return fail(
                "idempotentId",
                &self.idempotent_id,
                "its timestamp must lie within an hour of the event's".into(),
            );
        }
        if self.idempotent_id.hash8() != self.digest.hash8() {
            return fail("idempotentId", &self.idempotent_id, "its hash must be the first half of `digest`".into());
        }
        if self.seq.checked_sub(self.write).is_none_or(|behind| behind >= MAX_WRITE_EVENTS) {
            return fail(
                "write",
                &self.write,
                format!(
                    "give the `seq` of the first event of its flush: at most `seq`, and less than {MAX_WRITE_EVENTS} before it"
                ),
            );
        }
        Ok(())
    }

    /// The copy for the other path, sent because the write by the intended one failed, or seemed to.
    #[must_use]
    pub fn as_fallback(&self) -> Self {
        match self.cohort {
            Cohort::Dual => Self { fell_back: true, ..self.clone() },
            Cohort::Single | Cohort::Fallback => Self { cohort: Cohort::Fallback, ..self.clone() },
        }
    }

    /// Whether this copy is here because the write by the other path failed, or seemed to.
    pub fn is_fallback(&self) -> bool {
        self.fell_back || self.cohort == Cohort::Fallback
    }

    /// Minute of the event, counted from 1970: the finest grain of a rollup.
    pub const fn minute(&self) -> u64 {
        self.timestamp / 60_000
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A valid event at 2024-11-07 05:20 UTC.
    pub(crate) fn example() -> Event {
        let digest = Digest::of("192.168.1.1", "/api/users", "req-123");
        Event {
            idempotent_id: IdempotentId::with_digest(1_730_956_800_000, digest).unwrap(),
            digest,
            timestamp: 1_730_956_800_123,
            path: "/api/users".into(),
            method: "GET".into(),
            status: 200,
            response_time: 12,
            client_ip_hash: ClientIpHash(1),
            cohort: Cohort::Single,
            flag_version: 3,
            producer: ProducerId(2),
            seq: 4,
            write: 4,
            fell_back: false,
        }
    }

    type Damage = (&'static str, fn(&mut Event));

    #[test]
    fn json_names_are_camel_case_and_survive_a_round_trip() {
        let text = serde_json::to_string(&example()).unwrap();
        for name in [
            "idempotentId",
            "digest",
            "timestamp",
            "path",
            "method",
            "status",
            "responseTime",
            "clientIpHash",
            "cohort",
            "flagVersion",
            "producer",
            "seq",
            "write",
            "fellBack",
        ] {
            assert!(text.contains(&format!("\"{name}\":")), "{name} in {text}");
        }
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), example());
    }

    #[test]
    fn a_copy_that_fell_back_says_so_in_every_form() {
        for event in [example(), Event { cohort: Cohort::Dual, ..example() }.as_fallback()] {
            let packed = postcard::to_allocvec(&[event.clone(), example()]).unwrap();
            assert_eq!(postcard::from_bytes::<[Event; 2]>(&packed).unwrap(), [event.clone(), example()]);
            let text = serde_json::to_string(&event).unwrap();
            assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
        }
        let without = serde_json::to_string(&example()).unwrap().replace(",\"fellBack\":false", "");
        assert_eq!(serde_json::from_str::<Event>(&without).unwrap(), example());
    }

    #[test]
    fn each_broken_rule_names_its_field() {
        let now = example().timestamp;
        assert_eq!(example().check(now), Ok(()));
        let damages: [Damage; 11] = [
            ("path", |e| e.path.clear()),
            ("path", |e| e.path = "/x".repeat(MAX_PATH_BYTES)),
            ("method", |e| e.method = "M".repeat(MAX_METHOD_BYTES + 1)),
            ("status", |e| e.status = 99),
            ("status", |e| e.status = 600),
            ("timestamp", |e| e.timestamp += MAX_AHEAD_MS + 1),
            ("timestamp", |e| e.timestamp -= MAX_AGE_MS + 1),
            ("idempotentId", |e| e.idempotent_id = IdempotentId::with_digest(1_600_000_000_000, e.digest).unwrap()),
            ("idempotentId", |e| e.digest = Digest(0)),
            ("write", |e| e.write = e.seq + 1),
            ("write", |e| e.seq = e.write + MAX_WRITE_EVENTS),
        ];
        for (field, damage) in damages {
            let mut event = example();
            damage(&mut event);
            let error = event.check(now).unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{field}`")), "{error}");
        }
    }

    #[test]
    fn an_event_may_lie_on_every_bound() {
        let id_at = |timestamp| IdempotentId::with_digest(timestamp, example().digest).unwrap();
        let now = example().timestamp;
        for (event, now) in [
            (Event { path: "x".repeat(MAX_PATH_BYTES), ..example() }, now),
            (Event { method: "M".repeat(MAX_METHOD_BYTES), ..example() }, now),
            (Event { status: 100, ..example() }, now),
            (Event { status: 599, ..example() }, now),
            (example(), now - MAX_AHEAD_MS),
            (example(), now + MAX_AGE_MS),
            (Event { idempotent_id: id_at(now - MAX_ID_DISTANCE_MS), ..example() }, now),
            (Event { idempotent_id: id_at(now + MAX_ID_DISTANCE_MS), ..example() }, now),
            (Event { seq: example().write + MAX_WRITE_EVENTS - 1, ..example() }, now),
        ] {
            assert_eq!(event.check(now), Ok(()), "{event:?}");
        }
    }

    #[test]
    fn an_event_that_takes_the_other_path_is_a_fallback_and_a_dual_one_stays_dual() {
        for (meant, cohort, fell_back) in [
            (Cohort::Single, Cohort::Fallback, false),
            (Cohort::Fallback, Cohort::Fallback, false),
            (Cohort::Dual, Cohort::Dual, true),
        ] {
            let event = Event { cohort: meant, ..example() };
            let copy = event.as_fallback();
            assert_eq!((copy.cohort, copy.fell_back, copy.is_fallback()), (cohort, fell_back, true));
            assert_eq!(event.is_fallback(), meant == Cohort::Fallback);
            assert_eq!(Event { cohort: meant, fell_back: false, ..copy }, event, "all else is the same");
        }
    }

    #[test]
    fn an_event_belongs_to_the_minute_in_which_it_arrived() {
        let minute = |timestamp| Event { timestamp, ..example() }.minute();
        assert_eq!([0, 59_999, 60_000, 1_730_956_800_123].map(minute), [0, 0, 1, 28_849_280]);
    }
}
