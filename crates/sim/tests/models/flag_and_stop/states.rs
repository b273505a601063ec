//! The states of all places and of all who read and change the flag, and what must hold in each.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Scenario;
use super::isolates::{Isolates, TWO_DOCUMENTS, Task, Variant, mask};
use super::places::{Known, Map, Places, is_write};
use crate::lives::{Answer, Call, Lives, Number};
use crate::search::{Model, Step};

pub const LOST: &str = "a stop that was accepted, and that nobody released, is in no place that keeps it";
pub const UNNAMED: &str = "a stop was released that nobody named";
pub const UNRELEASED: &str = "a release that was accepted is in no place that is always consistent";
pub const APART: &str = "a repair does not bring all places together";
pub const UNDONE: &str = "a stop that was accepted, and that nobody released, does not hold";
pub const CAME_BACK: &str = "a stop that was released holds";
pub const IGNORED: &str = "a router that read every place does not obey what they hold";

/// Places that may be away: bits.
pub const D1: u8 = 1;
pub const OBJECT: u8 = 2;
pub const KV_READS: u8 = 4;
pub const KV_WRITES: u8 = 8;

fn place_of(call: &Call) -> u8 {
    match call {
        Call::D1(_) => D1,
        Call::Object(_) => OBJECT,
        Call::KvGet(_) | Call::KvList(_) => KV_READS,
        Call::KvPut(..) | Call::KvDelete(_) => KV_WRITES,
        Call::Sleep(_) => 0,
    }
}

/// What a call is, in short.
fn named(call: &Call) -> String {
    match call {
        Call::D1(_) if is_write(call) => "writing to D1".into(),
        Call::D1(_) => "reading D1".into(),
        Call::Object(_) if is_write(call) => "telling the object".into(),
        Call::Object(_) => "asking the object".into(),
        other => format!("{other:?}").chars().take(40).collect(),
    }
}

/// An isolate, and what it does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Actor {
    node: Number,
    task: Option<Task>,
    /// Tasks that it has begun.
    begun: usize,
}

/// A state.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    places: Places,
    actors: Vec<Actor>,
    /// Places that are away, once that is decided.
    away: Option<u8>,
    /// Writes that nobody waits for and that may yet take effect, each with where it came from.
    late: Vec<(u8, Number)>,
    /// Stops that were accepted: a bit for each.
    accepted: u8,
    /// Stops whose release was asked for.
    asked: u8,
    /// Stops whose release was accepted.
    released: u8,
    /// Stops of which a restored D1 forgot what it alone had.
    forgotten: u8,
    faults: u8,
    ends: u8,
    restores: u8,
}

/// Stops that have to hold, and those that must not: a bit for each.
type Due = (u8, u8);

/// The model of a variant in a scenario.
pub struct FlagAndStop {
    variant: Variant,
    scenario: Scenario,
    lives: Lives<Isolates>,
    map: Map,
    initial: Places,
    /// What calls may answer, and the places after them.
    answers: HashMap<(Places, u8, Number), Vec<(Number, Places)>>,
    /// What is wrong with places and an isolate at rest.
    settled: HashMap<(Places, Number, Due), Option<&'static str>>,
}

impl FlagAndStop {
    pub fn new(variant: Variant, scenario: Scenario) -> Self {
        let (lives, map) =
            (Lives::new(Isolates(variant)), Map::new(variant.rewrite(), variant != Variant::KvKeepsOneCopyAlone));
        let (answers, settled) = Default::default();
        let initial = Places { d1: 0, object: 0, kv: 0 };
        let mut model = Self { variant, scenario, lives, map, initial, answers, settled };
        let empty = model.map.empty();
        let (_, changed) = model.undisturbed(empty, 0, Task::Change(0));
        model.initial = model.map.settled(changed);
        model
    }

    fn answers(&mut self, from: Places, place: u8, number: Number) -> Vec<(Number, Places)> {
        if let Some(known) = self.answers.get(&(from, place, number)) {
            return known.clone();
        }
        let call = self.lives.calls.get(number);
        let found = self.map.answers(from, place, number, &call);
        let found: Vec<_> = found.into_iter().map(|(answer, to)| (self.lives.answers.number(answer), to)).collect();
        self.answers.insert((from, place, number), found.clone());
        found
    }

    /// An isolate does a task, and nothing goes wrong meanwhile; the isolate and the places then.
    fn undisturbed(&mut self, from: Places, node: Number, task: Task) -> (Number, Places) {
        let (mut node, mut places) = (self.lives.begun(node, task), from);
        while let Some((slot, number)) = self.lives.node(node).waiting.first().copied() {
            let (answer, after) = self.answers(places, 0, number).pop().unwrap();
            places = after;
            node = self.lives.answered(node, slot, answer);
        }
        assert_eq!(self.lives.node(node).outcome, Some(true), "{task:?}");
        (node, places)
    }

    /// A call of an isolate is answered.
    fn answered(&mut self, state: &State, at: usize, slot: usize, answer: Number) -> State {
        let mut next = state.clone();
        let Actor { node, task, begun } = state.actors[at].clone();
        let node = self.lives.answered(node, slot, answer);
        let outcome = self.lives.node(node).outcome;
        if let (Some(true), Some(task)) = (outcome, task) {
            next.accepted |= if let Task::Stop(number) = task { 1 << number } else { 0 };
            next.released |= task.releases().map_or(0, |number| 1 << number);
        }
        next.actors[at] = Actor { node, task: task.filter(|_| outcome.is_none()), begun };
        next
    }

    /// Everything that can become of a call.
    fn calls(&mut self, state: &State, at: usize, slot: usize, number: Number) -> Vec<(Step, State)> {
        let call = self.lives.calls.get(number);
        let (place, task) = (self.scenario.actors[at].0, state.actors[at].task);
        let step = |what: &'static str| -> Step {
            let call = call.clone();
            Box::new(move || format!("isolate {at}, {}: {} {what}", shown(task), named(&call)))
        };
        let failure = self.lives.answers.number(Answer::failure(&call));
        let works = self.answers(state.places, place, number);
        if state.away.unwrap_or_default() & place_of(&call) != 0 {
            let answer = match works.first() {
                Some((answer, _)) if self.variant == Variant::D1AcknowledgesFirst && place_of(&call) == D1 => *answer,
                _ => failure,
            };
            return vec![(step("is in vain"), self.answered(state, at, slot, answer))];
        }
        let mut steps = Vec::new();
        for (answer, places) in works {
            let next = State { places, ..self.answered(state, at, slot, answer) };
            steps.push((step("works"), next));
        }
        if state.faults > 0 {
            let next = State { faults: state.faults - 1, ..self.answered(state, at, slot, failure) };
            if is_write(&call) {
                let mut late = next.clone();
                late.late.push((place, number));
                steps.push((step("is late"), late));
            }
            steps.push((step("fails"), next));
        }
        steps
    }

    /// What an isolate can do next.
    fn steps_of(&mut self, state: &State, at: usize) -> Vec<(Step, State)> {
        let Actor { node, task, begun } = state.actors[at].clone();
        let mut steps: Vec<(Step, State)> = Vec::new();
        let tasks = self.scenario.actors[at].1;
        if let (None, Some(task)) = (task, tasks.get(begun).copied()) {
            let mut next = state.clone();
            next.actors[at] = Actor { node: self.lives.begun(node, task), task: Some(task), begun: begun + 1 };
            next.asked |= task.releases().map_or(0, |number| 1 << number);
            steps.push((Box::new(move || format!("isolate {at}: {task:?} begins")), next));
        }
        for (slot, number) in self.lives.node(node).waiting.clone() {
            steps.extend(self.calls(state, at, slot, number));
        }
        if task.is_some() && state.ends > 0 {
            let mut next = State { ends: state.ends - 1, ..state.clone() };
            next.actors[at] = Actor { node: 0, task: None, begun };
            steps.push((Box::new(move || format!("isolate {at} ends")), next));
        }
        steps
    }

    /// A late write takes effect.
    fn takes_effect(&mut self, state: &State, at: usize) -> (Step, State) {
        let (place, number) = state.late[at];
        let call = self.lives.calls.get(number);
        let (_, places) = self.answers(state.places, place, number).pop().unwrap();
        let mut next = State { places, ..state.clone() };
        next.late.remove(at);
        (Box::new(move || format!("{} takes effect, late", named(&call))), next)
    }

    /// D1 is set back to its beginning, while nobody changes the flag. What it alone had is forgotten.
    fn restored(&mut self, state: &State) -> Option<(Step, State)> {
        let is_changed = state.actors.iter().filter_map(|actor| actor.task).any(Task::changes);
        let restores = state.restores.checked_sub(1).filter(|_| !is_changed)?;
        let Known { d1, object, alone, .. } = self.map.known(state.places);
        let (stops, releases) = (mask(&d1, true) | mask(&d1, false), mask(&d1, false));
        let elsewhere = mask(&object, true) | mask(&object, false) | mask(&alone, true);
        let forgotten = state.forgotten | stops & !elsewhere | releases & !mask(&object, false);
        let places = Places { d1: self.initial.d1, ..state.places };
        Some((Box::new(|| "D1 is restored".into()), State { places, forgotten, restores, ..state.clone() }))
    }

    fn due(state: &State) -> Due {
        (state.accepted & !state.asked & !state.forgotten, state.released & !state.forgotten)
    }

    /// What is wrong once nothing fails any more, a repair has run, and this isolate has read all places.
    fn wrong_when_settled(&mut self, state: &State, node: Number) -> Option<&'static str> {
        let (held, ended) = Self::due(state);
        let key = (state.places, node, (held, ended));
        if let Some(known) = self.settled.get(&key) {
            return *known;
        }
        let settled = self.map.settled(state.places);
        let (_, repaired) = self.undisturbed(settled, 0, Task::Repair);
        let repaired = self.map.settled(repaired);
        let (router, _) = self.undisturbed(repaired, node, Task::Read);
        let Known { d1, object, copy, newest, .. } = self.map.known(repaired);
        let holding = mask(&d1, true);
        let notes = &self.lives.node(router).notes;
        let obeyed = notes.documents.get(&notes.newest);
        let is_newest = newest.is_some_and(|(version, document)| {
            notes.newest == version && (notes.is_stopped || obeyed == Some(&document))
        });
        let wrong = [
            (d1 != object || mask(&copy, true) != holding, APART),
            (held & !holding != 0, UNDONE),
            (ended & holding != 0, CAME_BACK),
            (notes.is_stopped != d1.holds() || !is_newest, IGNORED),
        ];
        let wrong = wrong.into_iter().find_map(|(is_wrong, property)| is_wrong.then_some(property)).or(notes.broken);
        self.settled.insert(key, wrong);
        wrong
    }

    /// What routers did that none may do.
    fn wrong_with_routers(&self, state: &State) -> Option<&'static str> {
        let mut documents: BTreeMap<u32, BTreeSet<&String>> = BTreeMap::new();
        for actor in &state.actors {
            let notes = &self.lives.node(actor.node).notes;
            if notes.broken.is_some() {
                return notes.broken;
            }
            for (version, document) in &notes.documents {
                documents.entry(*version).or_default().insert(document);
            }
        }
        documents.values().any(|documents| documents.len() > 1).then_some(TWO_DOCUMENTS)
    }
}

fn shown(task: Option<Task>) -> String {
    task.map_or_else(String::new, |task| format!("{task:?}"))
}

impl Model for FlagAndStop {
    type State = State;

    fn initial(&mut self) -> State {
        let Scenario { actors, faults, ends, restores, .. } = self.scenario;
        let (places, known) = (self.initial, self.undisturbed(self.initial, 0, Task::Read).0);
        let is_router = |tasks: &[Task]| tasks.first().is_some_and(|task| task.is_of_router());
        let begin =
            |(_, tasks): &(u8, &[Task])| Actor { node: if is_router(tasks) { known } else { 0 }, task: None, begun: 0 };
        let actors = actors.iter().map(begin).collect();
        let (accepted, asked, released, forgotten) = (0, 0, 0, 0);
        State {
            places,
            actors,
            away: None,
            late: Vec::new(),
            accepted,
            asked,
            released,
            forgotten,
            faults,
            ends,
            restores,
        }
    }

    fn next(&mut self, state: &State) -> Vec<(Step, State)> {
        let then = |away: u8| State { away: Some(away), ..state.clone() };
        let Some(away) = state.away else {
            let away = |away: &u8| -> (Step, State) {
                let away = *away;
                (Box::new(move || format!("what is away: {away:04b}")), then(away))
            };
            return self.scenario.away.iter().map(away).collect();
        };
        let mut steps: Vec<(Step, State)> = (0..state.actors.len()).flat_map(|at| self.steps_of(state, at)).collect();
        if away != 0 {
            steps.push((Box::new(|| "all places are back".into()), then(0)));
        }
        steps.extend((0..state.late.len()).map(|at| self.takes_effect(state, at)));
        steps.extend(self.restored(state));
        steps
    }

    fn violation(&mut self, state: &State) -> Option<&'static str> {
        let Known { d1, object, copy, alone, .. } = self.map.known(state.places);
        let consistent = d1.merged(object);
        // Not KV's one copy: a merge into an older one drops what it lacks.
        let keepers = consistent.clone().merged(alone);
        let all = keepers.clone().merged(copy);
        let (held, ended) = Self::due(state);
        let wrong = [
            (mask(&all, false) & !state.asked != 0, UNNAMED),
            (held & !mask(&keepers, true) != 0, LOST),
            (ended & !mask(&consistent, false) != 0, UNRELEASED),
        ];
        let wrong = wrong.into_iter().find_map(|(is_wrong, property)| is_wrong.then_some(property));
        if let Some(property) = self.wrong_with_routers(state).or(wrong) {
            return Some(property);
        }
        let is_quiet = state.late.is_empty() && state.actors.iter().all(|actor| actor.task.is_none());
        let isolates: BTreeSet<Number> = state.actors.iter().map(|actor| actor.node).chain([0]).collect();
        isolates.into_iter().filter(|_| is_quiet).find_map(|node| self.wrong_when_settled(state, node))
    }
}
