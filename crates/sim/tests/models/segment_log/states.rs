//! The states of the log and of all who write to it, and what must hold in each.

use std::collections::{BTreeSet, HashMap};

use rig::{Sqlite, block_on, days, store};
use store::sql::{Row, Sql, Statement, Value};

use super::isolates::{EVENTS, Isolates, MESSAGES, NEVER_OLD, Task, Variant, at};
use super::{Bounds, Left};
use crate::databases::Databases;
use crate::lives::{Answer, Call, Lives, Number};
use crate::search::{Interned, Model, Step};

pub const TWICE: &str = "an event is stored twice";
pub const MISSING: &str = "an event that was acknowledged is missing";
pub const FIGURES: &str = "figures are not those of the events that are stored";
pub const OTHER_TIMELINE: &str = "what was decided on by reading one timeline was written to another";
pub const ONE_NUMBER: &str = "two writers believe that they wrote one number with different contents";
pub const STUCK: &str = "a writer that nobody disturbs does not get through";

const TABLES: [&str; 5] = ["segments", "folds", "rollups", "ledger", "producers"];

const SEGMENTS: &str = "SELECT seq, mark, hex(digests) AS digests FROM segments ORDER BY seq, mark";

/// What a database holds, and what may be said of it. All of it goes back when the database is restored.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Log {
    database: Number,
    /// All segments that were ever written to it, in order.
    lineage: Number,
    /// Events that it ever held: a bit for each.
    held: u8,
    /// Events of messages that were acknowledged.
    acked: u8,
    /// Numbers and marks that somebody was told to have written.
    believed: Vec<(u64, u64)>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
struct Actor {
    node: Number,
    task: Option<Task>,
    /// The lineage that a writer read last.
    read: Option<Number>,
}

/// A state.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    log: Log,
    earlier: Option<Log>,
    /// Writers, then the others; of each kind in any order.
    actors: Vec<Actor>,
    /// Batches that nobody waits for and that may yet take effect.
    late: Vec<(Task, Number, Option<Number>)>,
    /// How often each message may still be delivered.
    deliveries: [u8; 3],
    /// Old events were deleted, and are accepted no more.
    is_late: bool,
    left: Left,
    broken: Option<&'static str>,
}

/// What a database's state says.
#[derive(Debug, Clone)]
struct Facts {
    /// Numbers and marks.
    segments: Vec<(u64, u64)>,
    held: u8,
    is_held_twice: bool,
    /// Requests, and the sum of their digests, as figures say.
    counted: (u64, u64),
}

impl Facts {
    fn of(sqlite: &Sqlite) -> Self {
        let rows = sqlite.try_batch(&[Statement::new(SEGMENTS, [])]).unwrap().remove(0);
        let number = |row: &Row, column| row.integer(column).unwrap();
        let digests: Vec<u64> = rows.iter().flat_map(|row| unpacked(&row.bytes("digests").unwrap())).collect();
        let held = (0..EVENTS).filter(|number| digests.contains(&at(*number, 0).digest.0));
        let sum = |sum: (u64, u64), day: &(u64, u64, u64)| (sum.0 + day.1, sum.1.wrapping_add(day.2));
        Self {
            segments: rows.iter().map(|row| (number(row, "seq"), number(row, "mark"))).collect(),
            held: mask(held),
            is_held_twice: digests.iter().collect::<BTreeSet<_>>().len() != digests.len(),
            counted: days(&store(sqlite)).iter().fold((0, 0), sum),
        }
    }
}

fn unpacked(packed: &[u8]) -> Vec<u64> {
    model::log::segment::unpack_digests(packed).map(|digest| digest.0).collect()
}

fn mask(events: impl IntoIterator<Item = u8>) -> u8 {
    events.into_iter().fold(0, |mask, number| mask | 1 << number)
}

/// Number and mark of the segment that a statement inserts.
fn inserted(statement: &Statement) -> Option<(u64, u64)> {
    let number = |at: usize| match statement.params.get(at) {
        Some(Value::Integer(number)) => number.cast_unsigned(),
        _ => 0,
    };
    statement.sql.contains("INSERT INTO segments").then(|| (number(0), number(12)))
}

/// The model of a variant within some bounds.
pub struct SegmentLog {
    variant: Variant,
    bounds: Bounds,
    lives: Lives<Isolates>,
    databases: Databases,
    lineages: Interned<Vec<(u64, u64)>>,
    facts: HashMap<Number, Facts>,
    /// What a batch answers in a state of the database, and the state after it.
    batches: HashMap<(Number, Number), (Number, Number)>,
    /// Whether an isolate gets through by itself.
    passing: HashMap<(Number, Number), bool>,
}

impl SegmentLog {
    pub fn new(variant: Variant, bounds: Bounds) -> Self {
        let mut lineages = Interned::default();
        lineages.number(Vec::new());
        let databases = Databases::new(&TABLES, &variant.schema(), variant.rewrite());
        let (facts, batches, passing) = Default::default();
        Self { variant, bounds, lives: Lives::new(Isolates(variant)), databases, lineages, facts, batches, passing }
    }

    fn facts(&mut self, database: Number) -> &Facts {
        self.facts
            .entry(database)
            .or_insert_with(|| self.databases.act(database, |database| Facts::of(&database.sqlite)).0)
    }

    fn batch(&self, call: Number) -> Vec<Statement> {
        let Call::D1(batch) = &*self.lives.calls.get(call) else { unreachable!("a store asks nothing else") };
        batch.clone()
    }

    /// Runs a batch; the log after it, and the answer.
    fn run(&mut self, log: &Log, call: Number) -> (Log, Number) {
        let key = (log.database, call);
        let (answer, database) = self.batches.get(&key).copied().unwrap_or_else(|| {
            let batch = self.batch(call);
            let (rows, after) = self.databases.act(log.database, |database| block_on(database.batch(batch)));
            (self.lives.answers.number(Answer::Rows(rows)), after)
        });
        self.batches.insert(key, (answer, database));
        (self.changed(log, database), answer)
    }

    fn changed(&mut self, log: &Log, database: Number) -> Log {
        if log.database == database {
            return log.clone();
        }
        let before = self.facts(log.database).segments.clone();
        let Facts { segments, held, .. } = self.facts(database).clone();
        let mut lineage = (*self.lineages.get(log.lineage)).clone();
        lineage.extend(segments.into_iter().filter(|segment| !before.contains(segment)));
        Log { database, lineage: self.lineages.number(lineage), held: log.held | held, ..log.clone() }
    }

    fn is_of_timeline(&self, read: Option<Number>, log: &Log) -> bool {
        read.is_none_or(|read| self.lineages.get(log.lineage).starts_with(&self.lineages.get(read)))
    }

    /// A call of an isolate works.
    fn works(&mut self, state: &State, at: usize, slot: usize, call: Number) -> State {
        let mut next = state.clone();
        let Actor { node, task, read } = state.actors[at].clone();
        let (log, answer) = self.run(&state.log, call);
        let is_write = log.database != state.log.database;
        if is_write && !self.is_of_timeline(read, &state.log) {
            next.broken = Some(OTHER_TIMELINE);
        }
        next.log = log;
        if is_write {
            for (seq, mark) in self.batch(call).iter().filter_map(inserted) {
                if next.log.believed.iter().any(|known| known.0 == seq && known.1 != mark) {
                    next.broken = Some(ONE_NUMBER);
                }
                next.log.believed.push((seq, mark));
            }
            next.log.believed.sort_unstable();
            next.log.believed.dedup();
        }
        // A fold is held to its figures: it may leave out segments that it read of.
        let read = if is_write || task == Some(Task::Fold) { read } else { Some(next.log.lineage) };
        let node = self.lives.answered(node, slot, answer);
        next.actors[at] = self.after(&mut next.log, Actor { node, task, read });
        next
    }

    /// An isolate once a call was answered: if its task has ended well, its message is acknowledged.
    fn after(&self, log: &mut Log, actor: Actor) -> Actor {
        let Some(succeeded) = self.lives.node(actor.node).outcome else { return actor };
        if let (Some(Task::Record(message)), true) = (actor.task, succeeded) {
            log.acked |= mask(MESSAGES[usize::from(message)].iter().map(|event| event.0));
        }
        Actor { node: actor.node, task: None, read: None }
    }

    /// A call fails; with `late` it takes effect when it likes.
    fn fails(&mut self, state: &State, at: usize, slot: usize, call: Number, late: bool) -> State {
        let mut next = state.clone();
        next.left.faults -= 1;
        let Actor { node, task, read } = state.actors[at].clone();
        if late {
            next.late.push((task.unwrap(), call, read));
            next.late.sort_unstable();
        } else if self.variant == Variant::FoldIsTwoTransactions && task == Some(Task::Fold) {
            let batch = self.batch(call);
            let (_, database) = self.databases.act(state.log.database, |it| it.sqlite.try_batch(&batch[..1]));
            next.log = self.changed(&state.log, database);
        }
        let failure = self.lives.answers.number(Answer::failure(&Call::D1(Vec::new())));
        let node = self.lives.answered(node, slot, failure);
        next.actors[at] = self.after(&mut next.log, Actor { node, task, read });
        next
    }

    /// The state in which a task may begin, if it may.
    fn before(&self, state: &State, at: usize, task: Task) -> Option<State> {
        let mut next = state.clone();
        let is_writer = at < self.bounds.writers;
        match task {
            Task::Record(number) if is_writer && !(state.is_late && task.is_of_old()) => {
                let left = &mut next.deliveries[usize::from(number)];
                *left = left.checked_sub(1)?;
            }
            Task::Fold if !is_writer => next.left.folds = next.left.folds.checked_sub(1)?,
            Task::Delete if !is_writer => {
                next.left.deletions = next.left.deletions.checked_sub(1)?;
                let tasks =
                    state.actors.iter().filter_map(|actor| actor.task).chain(state.late.iter().map(|late| late.0));
                if tasks.into_iter().any(Task::is_of_old) {
                    return None;
                }
                next.is_late = true;
            }
            _ => return None,
        }
        Some(next)
    }

    /// Whether an isolate with this memory, which nobody disturbs, records what it is given.
    fn passes(&mut self, log: &Log, node: Number) -> bool {
        if let Some(known) = self.passing.get(&(log.database, node)) {
            return *known;
        }
        let (mut then, mut at) = (log.clone(), self.lives.begun(node, Task::Record(NEVER_OLD)));
        while let Some((slot, call)) = self.lives.node(at).waiting.first().copied() {
            let (after, answer) = self.run(&then, call);
            then = after;
            at = self.lives.answered(at, slot, answer);
        }
        let recorded = mask(MESSAGES[usize::from(NEVER_OLD)].iter().map(|event| event.0));
        let passes = self.lives.node(at).outcome == Some(true) && then.held & recorded == recorded;
        self.passing.insert((log.database, node), passes);
        passes
    }

    /// What an isolate can do next.
    fn steps_of(&mut self, state: &State, at: usize) -> Vec<(Step, State)> {
        let Actor { node, task, .. } = state.actors[at].clone();
        let mut steps: Vec<(Step, State)> = Vec::new();
        let Some(task) = task else {
            for task in (0..3).map(Task::Record).chain([Task::Fold, Task::Delete]) {
                if let Some(mut next) = self.before(state, at, task) {
                    next.actors[at] = Actor { node: self.lives.begun(node, task), task: Some(task), read: None };
                    steps.push((Box::new(move || format!("{task:?} begins")), next));
                }
            }
            return steps;
        };
        if let Some((slot, call)) = self.lives.node(node).waiting.first().copied() {
            steps.push((Box::new(move || format!("{task:?}: a call works")), self.works(state, at, slot, call)));
            if state.left.faults > 0 {
                let [fails, late] = [false, true].map(|late| self.fails(state, at, slot, call, late));
                steps.push((Box::new(move || format!("{task:?}: a call fails")), fails));
                steps.push((Box::new(move || format!("{task:?}: a call is late")), late));
            }
        }
        if state.left.ends > 0 {
            let mut next = state.clone();
            next.left.ends -= 1;
            next.actors[at] = Actor::default();
            steps.push((Box::new(move || format!("{task:?}: its isolate ends")), next));
        }
        steps
    }

    /// A late call takes effect.
    fn takes_effect(&mut self, state: &State, at: usize) -> (Step, State) {
        let (task, call, read) = state.late[at];
        let mut next = state.clone();
        next.late.remove(at);
        next.log = self.run(&state.log, call).0;
        if next.log.database != state.log.database && !self.is_of_timeline(read, &state.log) {
            next.broken = Some(OTHER_TIMELINE);
        }
        (Box::new(move || format!("{task:?}: a late call takes effect")), next)
    }
}

/// A copy of the database is made, or put in its place.
fn restored(state: &State) -> (Step, State) {
    match &state.earlier {
        None => (Box::new(|| "a copy is made".into()), State { earlier: Some(state.log.clone()), ..state.clone() }),
        Some(earlier) => {
            let left = Left { restores: state.left.restores - 1, ..state.left };
            let next = State { log: earlier.clone(), earlier: None, left, ..state.clone() };
            (Box::new(|| "the copy is restored".into()), next)
        }
    }
}

impl Model for SegmentLog {
    type State = State;

    fn initial(&mut self) -> State {
        let Bounds { writers, others, deliveries, left, .. } = self.bounds;
        let log = Log { database: 0, lineage: 0, held: 0, acked: 0, believed: Vec::new() };
        let actors = vec![Actor::default(); writers + others];
        State { log, earlier: None, actors, late: Vec::new(), deliveries, is_late: false, left, broken: None }
    }

    fn next(&mut self, state: &State) -> Vec<(Step, State)> {
        let mut steps: Vec<(Step, State)> = (0..state.actors.len()).flat_map(|at| self.steps_of(state, at)).collect();
        steps.extend((0..state.late.len()).map(|at| self.takes_effect(state, at)));
        if state.left.restores > 0 {
            steps.push(restored(state));
        }
        for (_, next) in &mut steps {
            let (writers, others) = next.actors.split_at_mut(self.bounds.writers);
            writers.sort_unstable();
            others.sort_unstable();
        }
        steps
    }

    fn violation(&mut self, state: &State) -> Option<&'static str> {
        let Log { database, held, acked, .. } = state.log;
        let events = (0..EVENTS).filter(|number| held & 1 << number != 0);
        let sum = events.fold((0, 0u64), |sum, number| (sum.0 + 1, sum.1.wrapping_add(at(number, 0).digest.0)));
        let facts = self.facts(database);
        let violated = [(facts.is_held_twice, TWICE), (acked & !held != 0, MISSING), (facts.counted != sum, FIGURES)];
        let violated = violated.into_iter().find_map(|(is_violated, property)| is_violated.then_some(property));
        if let Some(property) = state.broken.or(violated) {
            return Some(property);
        }
        let at_rest = state.actors.iter().all(|actor| actor.task.is_none());
        let is_stuck = at_rest && state.actors.iter().any(|actor| !self.passes(&state.log, actor.node));
        is_stuck.then_some(STUCK)
    }
}
