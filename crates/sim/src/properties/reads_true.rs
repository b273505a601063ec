//! Where a read says that it is exact, it is the truth.

use std::collections::{BTreeMap, BTreeSet};

use api::stats::StatsAnswer;
use api::url::Query;
use flow::reading::stats;
use model::event::Event;
use model::event::identity::Digest;

use super::{Happening, Property, Reading, ensure};
use crate::sight::Sight;
use crate::truth::Stored;

pub struct ReadsTrue;

/// Events that have a copy in a time, and those all of whose copies are in it.
fn within(stored: &Stored, answer: &StatsAnswer) -> (BTreeSet<Digest>, BTreeSet<Digest>) {
    let is_in = |event: &&Event| (answer.from..answer.to).contains(&event.timestamp);
    let all = || stored.old.iter().chain(&stored.new);
    let some: BTreeSet<Digest> = all().filter(is_in).map(|event| event.digest).collect();
    let elsewhere: BTreeSet<Digest> = all().filter(|event| !is_in(event)).map(|event| event.digest).collect();
    let whole = some.difference(&elsewhere).copied().collect();
    (some, whole)
}

fn while_others_write(reading: &Reading) -> Result<(), String> {
    let Reading { before, answer, after } = reading;
    if !answer.exact {
        return Ok(());
    }
    let (least, most) = (within(before, answer).1.len() as u64, within(after, answer).0.len() as u64);
    let told = answer.total.requests;
    ensure((least..=most).contains(&told), || format!("told {told} requests, exactly, of {least} to {most}"))
}

/// Longest range that is always exact, in ms: of a longer one, hours in which both paths wrote are not looked into.
const EXACT_MS: u64 = 4 * 3_600_000;

/// How long minutes are kept at least, in ms, less what a story takes.
const MINUTES_MS: u64 = 40 * 3_600_000;

/// All that there is, in pieces.
fn at_rest(sight: &Sight<'_>) -> Result<(), String> {
    let stored = sight.stored();
    let times = || stored.old.iter().chain(&stored.new).map(|event| event.timestamp);
    let (Some(first), Some(last)) = (times().min(), times().max()) else { return Ok(()) };
    let mut from = first - first % EXACT_MS;
    while from <= last {
        piece(sight, from, from + EXACT_MS)?;
        from += EXACT_MS;
    }
    Ok(())
}

fn piece(sight: &Sight<'_>, from: u64, to: u64) -> Result<(), String> {
    let (reader, stored) = (sight.world.isolate(), sight.stored());
    let query = Query::of(&format!("https://x/?from={from}&to={to}"));
    let answer = sight.world.run(stats::read(&query, &reader.app)).map_err(|error| error.to_string())?;
    let is_old = from + MINUTES_MS < sight.world.now_ms();
    ensure(answer.exact || is_old, || format!("not exact, though nothing is away: {:?}", answer.missing))?;
    if !answer.exact {
        return Ok(());
    }
    let (some, whole) = within(stored, &answer);
    let (least, most, told) = (whole.len() as u64, some.len() as u64, answer.total.requests);
    ensure((least..=most).contains(&told), || format!("told {told} requests of {least} to {most}"))?;
    if least < most {
        // Copies on both sides of an end: the rest can't be told apart.
        return Ok(());
    }
    let mut routes: BTreeMap<&str, BTreeSet<Digest>> = BTreeMap::new();
    let mut errors = BTreeSet::new();
    for event in stored.old.iter().chain(&stored.new).filter(|event| some.contains(&event.digest)) {
        routes.entry(&event.path).or_default().insert(event.digest);
        if event.status >= 500 {
            errors.insert(event.digest);
        }
    }
    for route in &answer.paths {
        let truth = routes.get(route.path.as_str()).map_or(0, BTreeSet::len) as u64;
        ensure(route.requests == truth, || format!("{}: told {} requests of {truth}", route.path, route.requests))?;
    }
    let (told, truth) = (answer.total.status.server_error, errors.len() as u64);
    ensure(told == truth, || format!("told {told} server errors of {truth}"))
}

impl Property for ReadsTrue {
    fn name(&self) -> &'static str {
        "what is read as exact is true"
    }

    fn on_event(&mut self, happening: &Happening, sight: &Sight<'_>) -> Result<(), String> {
        match happening {
            // What D1 holds twice is counted twice: that is what comparisons are for.
            Happening::Read(reading) if sight.truth.twice.is_empty() => while_others_write(reading),
            _ => Ok(()),
        }
    }

    fn at_end(&mut self, sight: &Sight<'_>) -> Result<(), String> {
        if sight.truth.twice.is_empty() { at_rest(sight) } else { Ok(()) }
    }
}
