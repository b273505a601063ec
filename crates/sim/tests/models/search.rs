//! A breadth-first search over every state that can be reached: the first violation that it meets has a shortest way.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::rc::Rc;

/// What is searched.
pub trait Model {
    type State: Clone + Eq + Hash + Debug;

    fn initial(&mut self) -> Self::State;

    /// All that can happen next: what it is, and the state that it leads to.
    fn next(&mut self, state: &Self::State) -> Vec<(Step, Self::State)>;

    /// Which property a state violates, if any.
    fn violation(&mut self, state: &Self::State) -> Option<&'static str>;
}

/// What happens, in words. They are put together only for a way that is shown.
pub type Step = Box<dyn Fn() -> String>;

/// What a search found.
#[derive(Debug, Default)]
pub struct Explored {
    pub states: usize,
    pub transitions: usize,
    /// Steps from the beginning to the farthest state.
    pub depth: usize,
    pub violation: Option<Violation>,
}

/// A property that does not hold, and the steps that lead there.
#[derive(Debug)]
pub struct Violation {
    pub property: &'static str,
    #[expect(dead_code, reason = "it is shown when a test fails")]
    pub way: Vec<String>,
}

/// Explores all states, or up to the first violation.
pub fn explore<M: Model>(model: &mut M) -> Explored {
    let mut found = Explored::default();
    let initial = Rc::new(model.initial());
    let mut numbers = HashMap::from([(initial.clone(), 0)]);
    // Of each state: itself, the one it was first reached from, and its distance from the beginning.
    let mut states = vec![(initial, 0, 0)];
    let mut at = 0;
    while let Some((state, _, depth)) = states.get(at).cloned() {
        found.depth = depth;
        if let Some(property) = model.violation(&state) {
            found.violation = Some(Violation { property, way: way(model, &states, at) });
            break;
        }
        for (_, next) in model.next(&state) {
            found.transitions += 1;
            let next = Rc::new(next);
            numbers.entry(next.clone()).or_insert_with(|| {
                states.push((next, at, depth + 1));
                states.len() - 1
            });
        }
        at += 1;
    }
    found.states = states.len();
    found
}

/// The steps from the beginning to a state.
fn way<M: Model>(model: &mut M, states: &[(Rc<M::State>, usize, usize)], mut at: usize) -> Vec<String> {
    let mut steps = Vec::new();
    while at != 0 {
        let (state, from, _) = &states[at];
        let (step, _) = model.next(&states[*from].0).into_iter().find(|(_, next)| next == &**state).unwrap();
        steps.push(step());
        at = *from;
    }
    steps.reverse();
    steps
}

/// Values by number: a state holds the number, and equal values have the same.
#[derive(Debug)]
pub struct Interned<T> {
    values: Vec<Rc<T>>,
    numbers: HashMap<String, u32>,
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self { values: Vec::new(), numbers: HashMap::new() }
    }
}

impl<T: Debug> Interned<T> {
    pub fn number(&mut self, value: T) -> u32 {
        *self.numbers.entry(format!("{value:?}")).or_insert_with(|| {
            self.values.push(Rc::new(value));
            u32::try_from(self.values.len() - 1).unwrap()
        })
    }

    pub fn get(&self, number: u32) -> Rc<T> {
        self.values[number as usize].clone()
    }
}
