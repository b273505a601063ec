//! Isolates that run real code, as state machines.
//!
//! A future can't be copied, so a search could never go back to one. But what code does is a function of what it was told
//! to do and of the answers that it got. So the state of an isolate ([`Node`]) is that list, and the next state is found by
//! running the code anew with one more answer. That is done once for each: the search itself only looks numbers up.
//!
//! An isolate that waits for nothing is the same as another that remembers the same, whatever lies before, but for what
//! the model itself noted of it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use store::sql::{LocalFuture, Row, Statement, StoreError};

use crate::search::Interned;

/// What code asks of its platform.
#[derive(Debug, Clone, PartialEq)]
pub enum Call {
    D1(Vec<Statement>),
    Object(Vec<u8>),
    KvGet(String),
    KvPut(String, String),
    KvList(String),
    KvDelete(String),
    /// Comes to its end when nothing else is waited for: no deadline passes. A call that is late fails, and may take
    /// effect later.
    Sleep(u64),
}

/// What it is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    Rows(Result<Vec<Vec<Row>>, StoreError>),
    Bytes(Vec<u8>),
    Text(Option<String>),
    Keys(Vec<String>),
    Done,
    Failed,
}

impl Answer {
    /// What a call is told that fails.
    pub fn failure(call: &Call) -> Self {
        match call {
            Call::D1(_) => Self::Rows(Err(StoreError::Unavailable("told to fail".into()))),
            _ => Self::Failed,
        }
    }
}

/// Number of an [`Answer`], of a [`Call`], of a [`Node`], of a state of a database.
pub type Number = u32;

/// Where an isolate's calls lie until they are answered.
#[derive(Debug, Default)]
pub struct Desk {
    calls: RefCell<Vec<Slot>>,
    /// What its clock says, in ms.
    pub now_ms: Cell<u64>,
}

#[derive(Debug)]
struct Slot {
    call: Call,
    answer: Option<Answer>,
    is_waited_for: bool,
}

impl Desk {
    /// Asks.
    pub fn ask(self: &Rc<Self>, call: Call) -> Asked {
        self.calls.borrow_mut().push(Slot { call, answer: None, is_waited_for: true });
        Asked { desk: self.clone(), at: self.calls.borrow().len() - 1 }
    }

    fn answer(&self, at: usize, answer: Answer) {
        self.calls.borrow_mut()[at].answer = Some(answer);
    }

    /// Calls that are waited for: those of the platform, and the shortest sleep.
    fn waiting(&self) -> (Vec<(usize, Call)>, Option<usize>) {
        let calls = self.calls.borrow();
        let mut waiting: Vec<(usize, Call)> = Vec::new();
        let mut sleeps = Vec::new();
        for (at, slot) in calls.iter().enumerate().filter(|(_, slot)| slot.is_waited_for && slot.answer.is_none()) {
            match slot.call {
                Call::Sleep(ms) => sleeps.push((ms, at)),
                _ => waiting.push((at, slot.call.clone())),
            }
        }
        (waiting, sleeps.into_iter().min().map(|(_, at)| at))
    }
}

/// A call that was made.
pub struct Asked {
    desk: Rc<Desk>,
    at: usize,
}

impl Future for Asked {
    type Output = Answer;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Answer> {
        self.desk.calls.borrow()[self.at].answer.clone().map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.desk.calls.borrow_mut()[self.at].is_waited_for = false;
    }
}

/// An isolate of a kind.
pub trait Kind {
    /// What it can be told to do.
    type Task: Copy + Eq + Hash + Debug;
    /// What it is made of.
    type Life;
    /// What the model notes of it.
    type Notes: Clone + Default + Debug;

    fn born(&self, desk: &Rc<Desk>) -> Self::Life;

    /// Begins a task; its future returns whether it succeeded.
    fn begin(&self, life: &Rc<Self::Life>, desk: &Rc<Desk>, task: Self::Task) -> LocalFuture<'static, bool>;

    /// All that it remembers.
    fn memory(&self, life: &Self::Life) -> String;

    /// Notes what it was told, or (without an answer) that it has ended a task.
    fn note(&self, life: &Self::Life, notes: &mut Self::Notes, answer: Option<&Answer>);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Entry<T> {
    Began(T),
    Answered(usize, Number),
}

/// A state of an isolate.
pub struct Node<K: Kind> {
    log: Vec<Entry<K::Task>>,
    /// What it waits for.
    pub waiting: Vec<(usize, Number)>,
    /// Whether its last task succeeded; none while it goes on.
    pub outcome: Option<bool>,
    pub notes: K::Notes,
}

/// All isolates of a kind, in every state that was met.
pub struct Lives<K: Kind> {
    kind: K,
    nodes: Vec<Node<K>>,
    steps: HashMap<(Number, Entry<K::Task>), Number>,
    /// By what tells them apart.
    numbers: HashMap<String, Number>,
    pub calls: Interned<Call>,
    pub answers: Interned<Answer>,
}

impl<K: Kind> Lives<K> {
    /// With the one that was just born, which has number 0.
    pub fn new(kind: K) -> Self {
        let newborn = Node { log: Vec::new(), waiting: Vec::new(), outcome: None, notes: K::Notes::default() };
        let (steps, numbers, calls, answers) = Default::default();
        Self { kind, nodes: vec![newborn], steps, numbers, calls, answers }
    }

    pub fn node(&self, number: Number) -> &Node<K> {
        &self.nodes[number as usize]
    }

    /// The isolate once it has begun a task.
    pub fn begun(&mut self, from: Number, task: K::Task) -> Number {
        self.grown(from, Entry::Began(task))
    }

    /// The isolate once a call was answered.
    pub fn answered(&mut self, from: Number, call: usize, answer: Number) -> Number {
        self.grown(from, Entry::Answered(call, answer))
    }

    fn grown(&mut self, from: Number, entry: Entry<K::Task>) -> Number {
        if let Some(known) = self.steps.get(&(from, entry)) {
            return *known;
        }
        let Node { log, notes, .. } = self.node(from);
        let (mut log, notes) = (log.clone(), notes.clone());
        log.push(entry);
        let (node, key) = self.lived(log, notes);
        let number = u32::try_from(self.nodes.len()).unwrap();
        let known = *self.numbers.entry(key).or_insert(number);
        if known == number {
            self.nodes.push(node);
        }
        self.steps.insert((from, entry), known);
        known
    }

    /// Lives a life up to its last entry; with what tells it from others. While a task goes on, that is its calls and
    /// their answers, in whatever order these came: code that asks for several things at once takes them as they come.
    fn lived(&mut self, log: Vec<Entry<K::Task>>, mut notes: K::Notes) -> (Node<K>, String) {
        let desk = Rc::new(Desk::default());
        let life = Rc::new(self.kind.born(&desk));
        let mut work: Option<LocalFuture<'static, bool>> = None;
        let mut outcome = None;
        for entry in &log {
            match *entry {
                Entry::Began(task) => work = Some(self.kind.begin(&life, &desk, task)),
                Entry::Answered(call, answer) => desk.answer(call, (*self.answers.get(answer)).clone()),
            }
            outcome = work.as_mut().and_then(|work| advance(work, &desk));
            if outcome.is_some() {
                work = None;
            }
        }
        if let Some(Entry::Answered(_, answer)) = log.last() {
            self.kind.note(&life, &mut notes, Some(&*self.answers.get(*answer)));
        }
        if outcome.is_some() {
            self.kind.note(&life, &mut notes, None);
        }
        let slots: Vec<Number> = desk.calls.borrow().iter().map(|slot| self.calls.number(slot.call.clone())).collect();
        let waiting = desk.waiting().0.into_iter().map(|(at, _)| (at, slots[at])).collect();
        let mut doing = Vec::new();
        if outcome.is_none() {
            doing.clone_from(&log);
            doing.sort_by_key(|entry| if let Entry::Answered(call, _) = entry { *call + 1 } else { 0 });
        }
        let memory = self.kind.memory(&life);
        let slots = if outcome.is_none() { slots } else { Vec::new() };
        let key = format!("{outcome:?} {notes:?} {memory} {doing:?} {slots:?}");
        (Node { log, waiting, outcome, notes }, key)
    }
}

/// Goes on until the platform has to answer, or the work has ended.
fn advance(work: &mut LocalFuture<'static, bool>, desk: &Desk) -> Option<bool> {
    loop {
        if let Poll::Ready(outcome) = work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Some(outcome);
        }
        match desk.waiting() {
            (calls, Some(sleep)) if calls.is_empty() => desk.answer(sleep, Answer::Done),
            _ => return None,
        }
    }
}
