//! The queue's message: JSON text `{"v":1,"events":[…]}`.
//!
//! Invariant: a bad event never takes the good ones beside it along; what is rejected is kept with its reason.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::error::InputError;
use super::event::Event;

/// Largest message in bytes: 60 KB stays below the queue's billing unit of 64 KB with its metadata.
pub const MAX_MESSAGE_BYTES: usize = 60_000;

/// The format's version.
pub const VERSION: u32 = 1;

#[derive(Serialize)]
struct Outgoing<'a> {
    v: u32,
    events: &'a [Event],
}

/// As nearly all messages are. Whatever it is that makes another one differ, [`parse`] finds out piece by piece.
#[derive(Deserialize)]
struct Sound {
    v: u32,
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Incoming<'a> {
    v: u32,
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
}

/// A part of a message that can't be applied, to be stored as a dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The text as it came.
    pub payload: String,
    /// What is wrong with it.
    pub error: InputError,
}

/// A message taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parsed {
    /// Events that passed [`Event::check`].
    pub events: Vec<Event>,
    /// What did not, piece by piece.
    pub rejected: Vec<Rejected>,
}

/// Writes events as one or more messages of at most [`MAX_MESSAGE_BYTES`] each, in order; gives each message's events
/// with its text, or with why it can't be written (none of the present fields can cause that).
pub fn write(mut events: Vec<Event>) -> Vec<(Vec<Event>, Result<String, InputError>)> {
    if events.is_empty() {
        return Vec::new();
    }
    let text = serde_json::to_string(&Outgoing { v: VERSION, events: &events }).map_err(|error| malformed(&error));
    let too_long = text.as_ref().is_ok_and(|text| text.len() > MAX_MESSAGE_BYTES);
    if !too_long || events.len() == 1 {
        return vec![(events, text)];
    }
    let right = events.split_off(events.len() / 2);
    let mut messages = write(events);
    messages.extend(write(right));
    messages
}

/// Takes a message apart, event by event. Never fails: what can't be read is in `rejected`.
pub fn parse(text: &str, now_ms: u64) -> Parsed {
    if let Ok(Sound { v: VERSION, events }) = serde_json::from_str(text)
        && events.iter().all(|event| event.check(now_ms).is_ok())
    {
        return Parsed { events, rejected: Vec::new() };
    }
    let whole = |error| Parsed { events: Vec::new(), rejected: vec![Rejected { payload: text.to_owned(), error }] };
    let incoming: Incoming<'_> = match serde_json::from_str(text) {
        Ok(incoming) => incoming,
        Err(error) => return whole(malformed(&error)),
    };
    if incoming.v != VERSION {
        return whole(InputError::field(
            "v",
            incoming.v,
            format!("this Worker reads version {VERSION}; deploy one that knows the newer format, then redrive"),
        ));
    }
    let mut parsed = Parsed::default();
    for raw in incoming.events {
        match event(raw.get(), now_ms) {
            Ok(event) => parsed.events.push(event),
            Err(error) => parsed.rejected.push(Rejected { payload: raw.get().to_owned(), error }),
        }
    }
    parsed
}

/// A message whose body is no text at all: rejected whole. `hex` is the body in hexadecimal.
pub fn not_text(hex: &str) -> Parsed {
    let error = InputError::Field {
        field: "body".into(),
        found: "binary data (kept in hexadecimal)".into(),
        remedy: "send the message as text in UTF-8".into(),
    };
    Parsed { events: Vec::new(), rejected: vec![Rejected { payload: hex.to_owned(), error }] }
}

/// Reads and checks one event.
///
/// # Errors
/// Names the field that is missing, of the wrong type, or out of bounds.
pub fn event(text: &str, now_ms: u64) -> Result<Event, InputError> {
    let event: Event = serde_json::from_str(text).map_err(|error| InputError::json("event", text, &error, REMEDY))?;
    event.check(now_ms)?;
    Ok(event)
}

fn malformed(error: &serde_json::Error) -> InputError {
    InputError::Malformed { what: "queue message", reason: error.to_string(), remedy: REMEDY }
}

const REMEDY: &str = "send {\"v\":1,\"events\":[…]} with every field of an event";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::event::tests::example;

    #[test]
    fn what_is_written_is_read_and_stays_below_the_limit() {
        let events: Vec<Event> = (0..1_000).map(|seq| Event { seq, ..example() }).collect();
        let messages = write(events.clone());
        assert!(messages.len() > 1);
        for (events, text) in &messages {
            let text = text.as_ref().unwrap();
            assert!(text.len() <= MAX_MESSAGE_BYTES);
            assert_eq!(&parse(text, example().timestamp).events, events);
        }
        assert_eq!(messages.into_iter().flat_map(|(events, _)| events).collect::<Vec<_>>(), events);
        assert_eq!(write(Vec::new()), []);
    }

    #[test]
    fn a_bad_event_leaves_the_good_ones_beside_it() {
        let good = serde_json::to_string(&example()).unwrap();
        let bad = good.replace("\"status\":200", "\"status\":\"ok\"");
        let missing = good.replace("\"responseTime\":12,", "");
        let parsed = parse(&format!("{{\"v\":1,\"events\":[{bad},{good},{missing},7]}}"), example().timestamp);
        assert_eq!(parsed.events, [example()]);
        let reasons: Vec<String> = parsed.rejected.iter().map(|r| r.error.to_string()).collect();
        assert!(reasons[0].contains("`status`") && reasons[0].contains("string \"ok\""), "{reasons:?}");
        assert!(reasons[1].contains("`responseTime`"), "{reasons:?}");
        assert_eq!(parsed.rejected[0].payload, bad);
        assert_eq!(parsed.rejected.len(), 3);
    }

    #[test]
    fn another_version_and_no_json_are_kept_whole() {
        for text in ["", "null", "[]", "{}", "{\"v\":2,\"events\":[]}", "{\"v\":1}", "{\"v\":1,\"events\":{}}", "\u{0}"]
        {
            let parsed = parse(text, 0);
            assert_eq!(parsed.rejected.len(), 1, "{text:?}");
            assert_eq!(parsed.rejected[0].payload, text);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text: String) {
            parse(&text, 1_730_956_800_000);
        }
    }
}
