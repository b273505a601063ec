//! The queue's message: JSON text `{"v":1,"events":[…]}`.
//!
//! Invariant: a bad event never causes the good ones in its message to be rejected. Each rejected part is kept with its
//! reason.

use std::rc::Rc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Event;
use crate::error::{InputError, read_json};

/// Largest message in bytes: 60 KB stays below the queue's billing unit of 64 KB with its metadata.
pub const MAX_MESSAGE_BYTES: usize = 60_000;

/// The format's version.
pub const VERSION: u32 = 1;

/// An event with its JSON text. The text is made once, with the event, so that sending many events only joins texts and
/// delays no request for long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedEvent {
    event: Event,
    text: String,
}

impl EncodedEvent {
    /// Serialises an event.
    ///
    /// # Errors
    /// If the event can't be serialised. No current field can cause this.
    pub fn of(event: Event) -> Result<Self, InputError> {
        let text = serde_json::to_string(&event).map_err(|error| malformed(&error))?;
        Ok(Self { event, text })
    }

    /// The event.
    pub const fn event(&self) -> &Event {
        &self.event
    }

    /// Its JSON.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// As nearly all messages are. Whatever it is that makes another one differ, [`parse`] finds out piece by piece.
#[derive(Deserialize)]
struct Sound {
    v: u32,
    events: Vec<Event>,
}

/// What messages of every version have.
#[derive(Deserialize)]
struct Versioned {
    v: u32,
}

#[derive(Deserialize)]
struct Incoming<'a> {
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
}

/// A part of a message that can't be applied, to be stored as a dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedPart {
    /// The text as it came.
    pub payload: String,
    /// What is wrong with it.
    pub error: InputError,
}

/// A message taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParsedMessage {
    /// Events that passed [`Event::check`].
    pub events: Vec<Event>,
    /// The parts that did not, each by itself.
    pub rejected: Vec<RejectedPart>,
    /// Whether the message has a newer format, which only a newer Worker can read. It is rejected as a whole here. This
    /// happens while a new version is being deployed and old consumers meet new messages.
    pub newer: bool,
}

impl ParsedMessage {
    /// A message that is rejected whole.
    fn of_rejected(text: &str, error: InputError) -> Self {
        Self { rejected: vec![RejectedPart { payload: text.to_owned(), error }], ..Self::default() }
    }
}

/// A message made of events that are already serialised.
pub fn around<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut message = format!("{{\"v\":{VERSION},\"events\":[");
    for (n, text) in texts.into_iter().enumerate() {
        message.push_str(if n == 0 { "" } else { "," });
        message.push_str(text);
    }
    message.push_str("]}");
    message
}

/// Packs events, in order, into messages of at most [`MAX_MESSAGE_BYTES`] each. Returns the events of each message with
/// its text. An event that is longer than that by itself gets a message of its own.
pub fn pack(events: Vec<Rc<EncodedEvent>>) -> Vec<(Vec<Rc<EncodedEvent>>, String)> {
    let empty = around([]).len();
    let mut parts: Vec<Vec<Rc<EncodedEvent>>> = Vec::new();
    let mut length = empty;
    for written in events {
        let more = written.text.len() + 1;
        match parts.last_mut() {
            // The first event has no comma, so that the sum is a byte too long.
            Some(part) if length + more <= MAX_MESSAGE_BYTES + 1 => part.push(written),
            _ => {
                length = empty;
                parts.push(vec![written]);
            }
        }
        length += more;
    }
    let with_text = |part: Vec<Rc<EncodedEvent>>| {
        let text = around(part.iter().map(|written| written.text()));
        (part, text)
    };
    parts.into_iter().map(with_text).collect()
}

/// Serialises events as messages.
///
/// # Errors
/// As [`EncodedEvent::of`].
pub fn write(events: impl IntoIterator<Item = Event>) -> Result<Vec<String>, InputError> {
    let written = events.into_iter().map(|event| EncodedEvent::of(event).map(Rc::new)).collect::<Result<_, _>>()?;
    Ok(pack(written).into_iter().map(|(_, text)| text).collect())
}

/// What the reason of a letter says that a newer Worker may read: cron tries such letters again by itself.
pub const NEEDS_NEWER: &str = "deploy one that knows the newer format, and it is read within minutes";

/// Parses a message, event by event. Never fails: `rejected` holds whatever can't be read.
pub fn parse(text: &str, now_ms: u64) -> ParsedMessage {
    if let Ok(Sound { v: VERSION, events }) = serde_json::from_str(text)
        && events.iter().all(|event| event.check(now_ms).is_ok())
    {
        return ParsedMessage { events, ..ParsedMessage::default() };
    }
    let whole = |newer, error| ParsedMessage { newer, ..ParsedMessage::of_rejected(text, error) };
    let v = match serde_json::from_str(text) {
        Ok(Versioned { v }) => v,
        Err(error) => return whole(false, malformed(&error)),
    };
    if v != VERSION {
        let remedy = format!("this Worker reads version {VERSION}; {NEEDS_NEWER}");
        return whole(v > VERSION, InputError::field("v", v, remedy));
    }
    let incoming: Incoming<'_> = match serde_json::from_str(text) {
        Ok(incoming) => incoming,
        Err(error) => return whole(false, malformed(&error)),
    };
    let mut parsed = ParsedMessage::default();
    for raw in incoming.events {
        match event(raw.get(), now_ms) {
            Ok(event) => parsed.events.push(event),
            Err(error) => parsed.rejected.push(RejectedPart { payload: raw.get().to_owned(), error }),
        }
    }
    parsed
}

/// A message whose body is no text at all: rejected whole. `hex` is the body in hexadecimal.
pub fn not_text(hex: &str) -> ParsedMessage {
    let error = InputError::Field {
        field: "body".into(),
        found: "binary data (kept in hexadecimal)".into(),
        remedy: "send the message as text in UTF-8".into(),
    };
    ParsedMessage::of_rejected(hex, error)
}

/// Reads and checks one event.
///
/// # Errors
/// Names the field that is missing, of the wrong type, or out of bounds.
pub fn event(text: &str, now_ms: u64) -> Result<Event, InputError> {
    // To know which field is at fault costs time, so it is asked only where one is.
    let event: Event = serde_json::from_str(text).or_else(|_| read_json("event", text, REMEDY))?;
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
    use crate::event::tests::example;

    #[test]
    fn what_is_written_is_read_and_stays_below_the_limit() {
        let events: Vec<Event> = (0..1_000).map(|seq| Event { seq, write: seq, ..example() }).collect();
        let messages = write(events.clone()).unwrap();
        assert!(messages.len() > 1);
        assert!(messages.iter().all(|text| text.len() <= MAX_MESSAGE_BYTES));
        let read: Vec<Event> = messages.iter().flat_map(|text| parse(text, example().timestamp).events).collect();
        assert_eq!(read, events);
        assert_eq!(write(Vec::new()).unwrap(), [""; 0]);
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

    #[test]
    fn a_message_is_filled_to_its_last_byte() {
        let encoded = |length: usize| Rc::new(EncodedEvent { event: example(), text: "x".repeat(length) });
        let room = MAX_MESSAGE_BYTES - around(["", ""]).len();
        let lengths = |first, second| {
            pack(vec![encoded(first), encoded(second)]).iter().map(|(_, text)| text.len()).collect::<Vec<_>>()
        };
        assert_eq!(lengths(40_000, room - 40_000), [MAX_MESSAGE_BYTES]);
        assert_eq!(lengths(40_000, room - 40_000 + 1).len(), 2);
    }

    #[test]
    fn a_body_that_is_no_text_is_kept_whole() {
        let ParsedMessage { events, rejected, newer } = not_text("ff00");
        assert_eq!((events, newer, rejected.len(), rejected[0].payload.as_str()), (Vec::new(), false, 1, "ff00"));
        assert!(rejected[0].error.to_string().starts_with("`body`"), "{}", rejected[0].error);
    }

    #[test]
    fn a_newer_version_is_told_from_what_nobody_reads_whatever_else_it_holds() {
        let newer = |text: &str| parse(text, 0).newer;
        assert!(newer("{\"v\":2,\"events\":[]}") && newer("{\"v\":3,\"packed\":\"…\"}"));
        let unreadable = ["{\"v\":0,\"events\":[]}", "{\"v\":\"2\"}", "{\"v\":1}", "{\"v\":1,\"events\":[7]}", "7", ""];
        assert!(!unreadable.into_iter().any(newer));
    }

    proptest! {
        #[test]
        fn messages_are_as_full_as_they_may_be_and_none_is_fuller(lengths in prop::collection::vec(1usize..30_000, 0..40)) {
            let written = |length: &usize| Rc::new(EncodedEvent { event: example(), text: "x".repeat(*length) });
            let messages = pack(lengths.iter().map(written).collect());
            let split: Vec<usize> = messages.iter().flat_map(|(part, _)| part.iter().map(|w| w.text.len())).collect();
            prop_assert_eq!(split, lengths);
            for (part, text) in &messages {
                prop_assert!(!part.is_empty() && text.len() <= MAX_MESSAGE_BYTES);
            }
            for pair in messages.windows(2) {
                prop_assert!(pair[0].1.len() + 1 + pair[1].0[0].text.len() > MAX_MESSAGE_BYTES, "it had room for one more");
            }
        }

        #[test]
        fn one_too_long_for_a_message_is_sent_by_itself(before in 1usize..9, after in 1usize..9) {
            let written = |length: usize| Rc::new(EncodedEvent { event: example(), text: "x".repeat(length) });
            let messages = pack([before, MAX_MESSAGE_BYTES, after].map(written).into());
            prop_assert_eq!(messages.iter().map(|(part, _)| part.len()).collect::<Vec<_>>(), [1, 1, 1]);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text: String) {
            parse(&text, 1_730_956_800_000);
        }
    }
}
