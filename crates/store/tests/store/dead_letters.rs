//! Dead letters: what is kept of them, and that a redriven event counts once.

use model::delivery::kept_letter::{KeptLetter, LetterSource};
use model::event::message;
use model::event::{Event, MAX_AGE_MS};
use model::operating::health::LetterGauge;
use proptest::prelude::*;
use rig::{Fate, Faulty, START, Sqlite, block_on, days, deliver, event, figures, store};
use store::events::event_store::WriterMemory;
use store::events::retention::MIN_SEGMENT_AGE_MS;
use store::letters::dead_letters::{DeadLetter, DeadLetters, Filter, KEEP_MS, LetterPosition, MAX_PAYLOAD_BYTES};
use store::letters::redrive::{RedriveStep, STEP};
use store::sql::{Sql, StoreError};

const ALL: Filter = Filter { id: None, source: None, reason: None, before_ms: None };

fn letter(id: &str, received_at: u64, payload: String) -> DeadLetter {
    let (source, reason) = (LetterSource::Dlq, "queue message: another format".into());
    DeadLetter { id: id.into(), received_at, sent_at: Some(received_at - 1), source, reason, payload }
}

/// A letter with these events in one message.
fn message_letter(id: &str, events: &[Event]) -> DeadLetter {
    letter(id, START, message::write(events.to_vec()).unwrap().remove(0))
}

fn newest(sqlite: &Sqlite, filter: &Filter) -> Vec<KeptLetter> {
    block_on(DeadLetters::new(sqlite.clone()).newest(filter, None, 1_000)).unwrap().1
}

fn ids(letters: &[KeptLetter]) -> Vec<&str> {
    letters.iter().map(|letter| letter.id.as_str()).collect()
}

/// Redrives all that match, step by step, each step again until it succeeds.
fn sweep(sql: &(impl Sql + Clone + 'static), filter: &Filter, now_ms: u64) -> RedriveStep {
    let (letters, store) = (DeadLetters::new(sql.clone()), store(sql));
    let (mut sum, mut place) = (RedriveStep::default(), None);
    for _ in 0..10_000 {
        match block_on(letters.redrive(&store, filter, place.as_ref(), now_ms)) {
            Err(StoreError::Conflict | StoreError::Unavailable(_)) => {}
            Err(error) => panic!("{error}"),
            Ok(step) => {
                sum.recorded.stored += step.recorded.stored;
                sum.recorded.absorbed += step.recorded.absorbed;
                sum.redriven += step.redriven;
                sum.refused.extend(step.refused);
                match step.next {
                    None => return sum,
                    next => place = next,
                }
            }
        }
    }
    panic!("never finished");
}

fn plain_figures(events: &[Event]) -> String {
    let sqlite = Sqlite::new();
    block_on(deliver(&store(&sqlite), &mut WriterMemory::default(), events));
    figures(&store(&sqlite))
}

#[test]
fn a_letter_is_stored_once_and_cut_on_a_characters_border() {
    let sqlite = Sqlite::new();
    let letters = DeadLetters::new(sqlite.clone());
    let long = "é".repeat(MAX_PAYLOAD_BYTES / 2 + 1);
    assert_eq!(block_on(letters.store(&[])), Ok(0));
    for _ in 0..2 {
        let both = [letter("a", START + 1, long.clone()), letter("b", START + 2, long.clone())];
        assert_eq!(block_on(letters.store(&both)), Ok(0));
    }
    let (count, newest) = block_on(letters.newest(&ALL, None, 1)).unwrap();
    assert_eq!((count, newest[0].id.as_str(), newest[0].sent_at), (2, "b", Some(START + 1)));
    assert_eq!(newest[0].payload.as_ref().unwrap().len(), MAX_PAYLOAD_BYTES);
    assert_eq!(newest[0].bytes, long.len() as u64);
    assert_eq!([0, 2, 3].map(|since| block_on(letters.count_since(START + since)).unwrap()), [2, 1, 0]);
    let gauge = LetterGauge { count: 2, oldest_at: Some(START + 1), dropped: 0 };
    assert_eq!(block_on(letters.gauge()), Ok(gauge));
    // What was cut can't be redriven, and says so.
    assert!(sweep(&sqlite, &ALL, START).refused[0].reason.contains("was cut"));
}

#[test]
fn many_letters_take_few_statements_and_come_page_by_page() {
    let sqlite = Sqlite::new();
    let letters = DeadLetters::new(sqlite);
    // Several of the same time, so that the ID decides.
    let many: Vec<DeadLetter> =
        (0..5_000).map(|n| letter(&format!("{n:04}/0"), START + n / 7, "[1,\n\u{0}2]".repeat(40))).collect();
    block_on(letters.store(&many)).unwrap();
    let (mut place, mut seen) = (None, Vec::new());
    loop {
        let (count, page) = block_on(letters.newest(&ALL, place.as_ref(), 900)).unwrap();
        assert_eq!(count, 5_000);
        let Some(last) = page.last() else { break };
        let text = LetterPosition { received_at: last.received_at, id: last.id.clone() }.to_string();
        place = LetterPosition::parse(&text);
        seen.extend(page.into_iter().map(|letter| letter.id));
    }
    let expected: Vec<String> = many.into_iter().rev().map(|letter| letter.id).collect();
    assert_eq!(seen, expected);
    assert_eq!(LetterPosition::parse("x-1").or(LetterPosition::parse("1")), None);
}

#[test]
fn letters_are_found_and_purged_by_id_source_reason_and_age() {
    let sqlite = Sqlite::new();
    let letters = DeadLetters::new(sqlite.clone());
    let bad = DeadLetter {
        source: LetterSource::Consumer,
        reason: "`status`: 99".into(),
        ..letter("b/0", START + 5, "7".into())
    };
    block_on(letters.store(&[letter("a", START, "{}".into()), bad, letter("c", START + 9, "{}".into())])).unwrap();
    let by_id = |id: &str| Filter { id: Some(id.into()), ..ALL };
    let by_source = Filter { source: Some(LetterSource::Consumer), ..ALL };
    let by_reason = Filter { reason: Some("another format".into()), ..ALL };
    let by_age = Filter { before_ms: Some(START + 5), ..ALL };
    assert_eq!(ids(&newest(&sqlite, &by_source)), ["b/0"]);
    assert_eq!(ids(&newest(&sqlite, &by_reason)), ["c", "a"]);
    assert_eq!(ids(&newest(&sqlite, &by_age)), ["a"]);
    assert_eq!(block_on(letters.purge(&by_id("nobody"))), Ok((0, 0)));
    assert_eq!(block_on(letters.purge(&by_age)), Ok((1, 0)));
    assert_eq!(block_on(letters.purge(&by_id("b/0"))), Ok((1, 0)));
    assert_eq!(ids(&newest(&sqlite, &ALL)), ["c"]);
    assert_eq!(block_on(letters.expire(START + 9 + KEEP_MS)), Ok(0));
    assert_eq!(block_on(letters.expire(START + 10 + KEEP_MS)), Ok(1));
    assert_eq!(sqlite.count("dead_letters"), 0);
}

#[test]
fn letters_with_an_id_are_found_among_those_of_its_time_or_later_as_far_as_the_bound_goes() {
    let sqlite = Sqlite::new();
    let letters = DeadLetters::new(sqlite);
    let many: Vec<DeadLetter> = (0..10)
        .map(|n| {
            letter(&n.to_string(), START + n, format!("{{\"id\":\"{}\"}}", if n % 2 == 0 { "even" } else { "odd_" }))
        })
        .collect();
    block_on(letters.store(&many)).unwrap();
    let found = |text: &str, from, bytes| {
        let (found, rest) = block_on(letters.containing(text, START + from, bytes)).unwrap();
        (found.into_iter().map(|letter| letter.id).collect::<Vec<_>>().join(" "), rest)
    };
    assert_eq!(found("even", 0, 1_000), ("0 2 4 6 8".into(), 0));
    assert_eq!(found("even", 3, 1_000), ("4 6 8".into(), 0));
    assert_eq!(found("even", 0, 13 * 3), ("0 2".into(), 7));
    assert_eq!(found("%", 0, 1_000), (String::new(), 0), "it is text, no pattern");
}

#[test]
fn much_is_purged_in_steps() {
    let sqlite = Sqlite::new();
    let letters = DeadLetters::new(sqlite);
    let many: Vec<DeadLetter> = (0..2_500).map(|n| letter(&n.to_string(), START, "7".into())).collect();
    block_on(letters.store(&many)).unwrap();
    let steps: Vec<_> = (0..3).map(|_| block_on(letters.purge(&ALL)).unwrap()).collect();
    assert_eq!(steps, [(1_000, 1_500), (1_000, 500), (500, 0)]);
}

#[test]
fn the_table_is_bounded_the_oldest_go_first_and_the_loss_is_counted() {
    let sqlite = Sqlite::new();
    let letters = DeadLetters::at_most(sqlite.clone(), 4);
    let slow = |id: &str, at| letter(id, at, "7".into());
    let main = |id: &str, at| DeadLetter { source: LetterSource::Consumer, ..slow(id, at) };
    assert_eq!(block_on(letters.store(&[main("a", START), slow("b", START + 1), main("c", START + 2)])), Ok(0));
    assert_eq!(block_on(letters.store(&[slow("d", START + 3), main("e", START + 4), main("f", START + 5)])), Ok(2));
    assert_eq!(ids(&newest(&sqlite, &ALL)), ["f", "e", "d", "c"]);
    assert_eq!(block_on(letters.gauge()).unwrap().dropped, 2);
    assert_eq!(block_on(letters.store(&[main("g", START + 6)])), Ok(1));
    assert_eq!(ids(&newest(&sqlite, &ALL)), ["g", "f", "e", "d"]);
    assert_eq!(block_on(letters.gauge()).unwrap().dropped, 3);
}

#[test]
fn a_sweep_is_bounded_by_step_and_tries_what_is_refused_once() {
    let sqlite = Sqlite::new();
    let letters = DeadLetters::new(sqlite.clone());
    let count = 2 * STEP + 10;
    let many: Vec<DeadLetter> = (0..count)
        .map(|n| {
            let payload = if n.is_multiple_of(10) { "7".into() } else { serde_json::to_string(&event(n, n)).unwrap() };
            letter(&format!("{n:03}"), START + n, payload)
        })
        .collect();
    block_on(letters.store(&many)).unwrap();
    let first = block_on(letters.redrive(&store(&sqlite), &ALL, None, START)).unwrap();
    assert_eq!((first.redriven + first.refused.len() as u64, first.left), (STEP, count - STEP));
    let rest = sweep(&sqlite, &ALL, START);
    assert_eq!(first.redriven + rest.redriven, count - count / 10);
    assert_eq!(rest.refused.len() as u64, count / 10);
    let kept = newest(&sqlite, &ALL);
    assert_eq!(kept.len() as u64, count / 10);
    let refused = kept.last().unwrap();
    assert_eq!((refused.id.as_str(), refused.attempts), ("000", 2), "once in each of the two sweeps");
    assert!(refused.refused.as_ref().unwrap().contains("event"));
}

#[test]
fn a_bad_event_in_a_message_keeps_a_letter_with_what_remains() {
    let sqlite = Sqlite::new();
    let bad = Event { status: 99, ..event(2, 2) };
    block_on(DeadLetters::new(sqlite.clone()).store(&[message_letter("m", &[event(1, 1), bad.clone(), event(3, 3)])]))
        .unwrap();
    let step = sweep(&sqlite, &Filter { id: Some("m".into()), ..ALL }, START);
    assert_eq!((step.recorded.stored, step.redriven, step.refused.len()), (2, 0, 1));
    let kept = newest(&sqlite, &ALL).remove(0);
    assert_eq!(kept.payload, Some(serde_json::to_string(&bad).unwrap()));
    assert_eq!(kept.reason, "queue message: another format");
    assert!(kept.refused.unwrap().starts_with("`status`"));
    // Again: nothing is counted twice, and the letter stays.
    assert_eq!(sweep(&sqlite, &ALL, START).recorded.stored, 0);
    assert_eq!(figures(&store(&sqlite)), plain_figures(&[event(1, 1), event(3, 3)]));
}

fn plain_days(events: &[Event]) -> Vec<(u64, u64, u64)> {
    let sqlite = Sqlite::new();
    block_on(deliver(&store(&sqlite), &mut WriterMemory::default(), events));
    days(&store(&sqlite))
}

#[test]
fn after_retention_a_redrive_is_refused_with_the_reason() {
    let sqlite = Sqlite::new();
    let store = store(&sqlite);
    let young = event(2, MIN_SEGMENT_AGE_MS);
    block_on(deliver(&store, &mut WriterMemory::default(), &[event(1, 0)]));
    let both =
        [message_letter("old", &[event(1, 0), event(3, 0)]), message_letter("young", std::slice::from_ref(&young))];
    block_on(DeadLetters::new(sqlite.clone()).store(&both)).unwrap();
    block_on(store.fold(START)).unwrap();
    let late = START + MIN_SEGMENT_AGE_MS + 60_001;
    while block_on(store.prune(late, u64::MAX)).unwrap() {}
    assert_eq!(sqlite.count("segments"), 0, "dedup knows nothing of that time any more");
    let step = sweep(&sqlite, &ALL, late);
    assert_eq!((step.recorded.stored, step.redriven, step.refused.len()), (1, 1, 1));
    assert!(step.refused[0].reason.contains("it can't be counted once"), "{step:?}");
    assert_eq!(ids(&newest(&sqlite, &ALL)), ["old"]);
    assert_eq!(days(&store), plain_days(&[event(1, 0), young]));
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let fate = prop_oneof![3 => Just(Fate::Works), 1 => Just(Fate::Fails), 1 => Just(Fate::FailsAfterPersisting)];
    prop::collection::vec(fate, 1..12).prop_map(|mut fates| {
        // One whole step (read; read and write; conclude) must be possible, or no sweep ever ends.
        fates.extend([Fate::Works; 6]);
        fates
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    /// Events that were delivered before, sit in several letters, or both; a database that fails, also after having
    /// persisted; sweeps at any time, with folding and pruning in between: each event counts once, or is refused with
    /// its letter kept.
    #[test]
    fn a_redriven_event_counts_once_or_its_letter_stays(
        events in prop::collection::vec((any::<bool>(), 0usize..3), 1..24),
        times in prop::collection::vec(0u64..=8 * 24, 1..5),
        fates in fates(),
    ) {
        let sqlite = Sqlite::new();
        let faulty = Faulty::new(&sqlite, &fates);
        // Some days apart, so that a sweep may find some too old.
        let all: Vec<Event> = (0..).zip(&events).map(|(n, _)| event(n, n * 6 * 3_600_000)).collect();
        let now = START + all.len() as u64 * 6 * 3_600_000;
        let delivered: Vec<Event> =
            all.iter().zip(&events).filter(|(_, (delivered, _))| *delivered).map(|(event, _)| event.clone()).collect();
        let direct = store(&sqlite);
        block_on(deliver(&direct, &mut WriterMemory::default(), &delivered));
        for copy in 0..2 {
            let held: Vec<Event> = all.iter().zip(&events)
                .filter(|(_, (_, copies))| *copies > copy).map(|(event, _)| event.clone()).collect();
            let letters: Vec<DeadLetter> = (0..).zip(held.chunks(3))
                .map(|(n, part): (u64, _)| message_letter(&format!("{copy}/{n}"), part)).collect();
            block_on(DeadLetters::new(sqlite.clone()).store(&letters)).unwrap();
        }
        let mut expected: std::collections::BTreeSet<u64> = delivered.iter().map(|event| event.digest.0).collect();
        let mut times = times;
        times.sort_unstable();
        for hours in times {
            let at = now + hours * 3_600_000;
            for (event, (_, copies)) in all.iter().zip(&events) {
                if *copies > 0 && event.timestamp + MAX_AGE_MS >= at {
                    expected.insert(event.digest.0);
                }
            }
            sweep(&faulty, &ALL, at);
            while block_on(direct.fold(at)).unwrap() > 0 {}
            while block_on(direct.prune(at, u64::MAX)).unwrap() {}
            // What was too old at the first sweep is still there.
            let left: String = newest(&sqlite, &ALL).into_iter().filter_map(|letter| letter.payload).collect();
            let uncounted: Vec<u64> = all.iter().zip(&events)
                .filter(|(event, (_, copies))| *copies > 0 && !expected.contains(&event.digest.0))
                .map(|(event, _)| event.digest.0).collect();
            let is_left = |digest: &u64| left.contains(&format!("{digest:016x}"));
            prop_assert!(uncounted.iter().all(is_left));
        }
        let counted: Vec<Event> = all.into_iter().filter(|event| expected.contains(&event.digest.0)).collect();
        prop_assert_eq!(days(&direct), plain_days(&counted));
    }
}

#[test]
fn what_a_newer_version_wrote_is_read_once_it_can_be_and_left_alone_until_then() {
    let sqlite = Sqlite::new();
    let letters = DeadLetters::new(sqlite.clone());
    let newer = |id: &str, payload: &str| {
        let reason = format!("`v` is 2: {}", message::NEEDS_NEWER);
        DeadLetter { reason, ..letter(id, START, payload.to_owned()) }
    };
    let readable = message::write([event(1, 0)]).unwrap().remove(0);
    let kept = [newer("a", r#"{"v":2,"events":[]}"#), newer("b", &readable), letter("c", START, readable)];
    block_on(letters.store(&kept)).unwrap();
    for expected in [1, 0] {
        let step = block_on(letters.read_newer(&store(&sqlite), None, START)).unwrap();
        assert_eq!((step.redriven, step.recorded.stored, step.next), (expected, expected, None));
    }
    let left = newest(&sqlite, &ALL);
    assert_eq!(ids(&left).len(), 2, "{left:?}");
    assert!(left.iter().all(|letter| letter.attempts == 0 && letter.refused.is_none()), "nobody was asked: {left:?}");
}
