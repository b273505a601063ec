//! A dead letter's payload, tried again.
//!
//! Invariant: every event of a payload is either checked again and returned, or stays in the rest of the letter.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::event::message;

/// The result of parsing a payload again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetriedPayload {
    /// Events that passed every check.
    pub events: Vec<crate::event::Event>,
    /// What did not pass. None if everything did.
    pub rest: Option<LetterRemainder>,
}

/// The rest of a letter: what still can't be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterRemainder {
    /// An event by itself, several as a message, or what can't be read at all.
    pub payload: String,
    /// Why it was refused.
    pub reason: String,
}

/// Whether a text is a message: a single event has neither field.
#[derive(Deserialize)]
struct Shape {
    v: Option<IgnoredAny>,
    events: Option<IgnoredAny>,
}

/// Parses a payload again at `now_ms`. It is a message, or one event of a message. `bytes` is its original length: a
/// payload that was cut has lost events, and is refused as a whole.
pub fn retry(payload: &str, bytes: u64, now_ms: u64) -> RetriedPayload {
    if bytes > payload.len() as u64 {
        let reason = format!("it was cut from {bytes} bytes to {} when it was stored; purge it", payload.len());
        return RetriedPayload {
            events: Vec::new(),
            rest: Some(LetterRemainder { payload: payload.to_owned(), reason }),
        };
    }
    let shape = serde_json::from_str::<Shape>(payload);
    if shape.is_ok_and(|shape| shape.v.is_some() || shape.events.is_some()) {
        let parsed = message::parse(payload, now_ms);
        return RetriedPayload { events: parsed.events, rest: rest(&parsed.rejected) };
    }
    match message::event(payload, now_ms) {
        Ok(event) => RetriedPayload { events: vec![event], rest: None },
        Err(error) => {
            let rest = LetterRemainder { payload: payload.to_owned(), reason: error.to_string() };
            RetriedPayload { events: Vec::new(), rest: Some(rest) }
        }
    }
}

fn rest(rejected: &[message::RejectedPart]) -> Option<LetterRemainder> {
    let first = rejected.first()?;
    let reason = first.error.to_string();
    Some(match rejected.len() - 1 {
        0 => LetterRemainder { payload: first.payload.clone(), reason },
        others => {
            let payload = message::around(rejected.iter().map(|rejected| rejected.payload.as_str()));
            LetterRemainder { payload, reason: format!("{reason} (and {others} more)") }
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::tests::example;
    use crate::event::{Event, MAX_AGE_MS};

    fn retry_whole(payload: &str, now_ms: u64) -> RetriedPayload {
        retry(payload, payload.len() as u64, now_ms)
    }

    #[test]
    fn an_event_is_read_by_itself_and_in_a_message() {
        let text = serde_json::to_string(&example()).unwrap();
        let message = message::write([example()]).unwrap().remove(0);
        for payload in [text, message] {
            assert_eq!(
                retry_whole(&payload, example().timestamp),
                RetriedPayload { events: vec![example()], rest: None }
            );
        }
    }

    #[test]
    fn what_is_too_old_for_dedup_is_refused_with_the_reason() {
        let text = serde_json::to_string(&example()).unwrap();
        let at = |age: u64| retry_whole(&text, example().timestamp + age);
        assert_eq!(at(MAX_AGE_MS).rest, None);
        let RetriedPayload { events, rest } = at(MAX_AGE_MS + 1);
        let rest = rest.unwrap();
        assert!(events.is_empty() && rest.reason.contains("digests are not kept longer"), "{rest:?}");
        assert_eq!(rest.payload, text);
    }

    #[test]
    fn what_was_cut_is_refused_though_its_rest_may_be_read() {
        let text = serde_json::to_string(&example()).unwrap();
        let refused = retry(&text, text.len() as u64 + 1, example().timestamp);
        assert!(refused.events.is_empty() && refused.rest.unwrap().reason.contains("was cut"));
    }

    proptest! {
        #[test]
        fn good_events_leave_and_bad_ones_stay_however_often(good in prop::collection::vec(any::<bool>(), 0..12)) {
            let events: Vec<Event> = (0..).zip(&good)
                .map(|(seq, good)| Event { seq, write: seq, status: if *good { 200 } else { 99 }, ..example() }).collect();
            let payload = message::write(events.clone()).unwrap().pop().unwrap_or_else(|| message::around([]));
            let once = retry_whole(&payload, example().timestamp);
            let expected: Vec<Event> = events.iter().filter(|event| event.status == 200).cloned().collect();
            prop_assert_eq!(&once.events, &expected);
            prop_assert_eq!(once.rest.is_some(), expected.len() < events.len());
            if let Some(rest) = once.rest {
                let again = retry_whole(&rest.payload, example().timestamp);
                prop_assert!(again.events.is_empty());
                prop_assert_eq!(again.rest.unwrap(), rest);
            }
        }

        #[test]
        fn no_text_makes_it_panic(text: String) {
            let retried = retry_whole(&text, example().timestamp);
            prop_assert!(retried.events.is_empty());
        }
    }
}
