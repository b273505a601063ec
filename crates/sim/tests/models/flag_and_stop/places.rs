//! The places of the flag and of the stops, as states: D1, the object `default`, and KV.

use std::collections::{BTreeMap, HashMap};

use api::object::{ObjectAnswer, ObjectRequest, pack, unpack};
use model::flag::Flag;
use model::flag::obeyed::FlagCopy;
use model::flag::stop::Latch;
use rig::{START, block_on};
use store::flag::copy;
use store::flag::history::FlagHistory;
use store::flag::stops::Stops;
use store::sql::{Sql, Statement};

use crate::databases::{Databases, Rewrite};
use crate::lives::{Answer, Call, Number};
use crate::search::Interned;

const TABLES: [&str; 2] = ["flags", "flag_stops"];

/// Prefix of the keys of stops that KV alone took.
const ALONE: &str = "stop/";

/// Values of a key that KV may still show: the newest, and those before it.
const SHOWN: usize = 3;

/// What KV holds, and what each place has seen of it.
#[derive(Debug, Clone, Default)]
pub struct Kv {
    /// The newest values of each key, oldest first.
    keys: BTreeMap<String, Vec<Option<String>>>,
    /// The oldest of them that a place may still see.
    seen: BTreeMap<(u8, String), usize>,
}

impl Kv {
    /// What a place may see of a key, and KV once it has: it never sees what is older than what it saw.
    fn sights(&self, place: u8, key: &str) -> Vec<(Option<String>, Self)> {
        let key = (place, key.to_owned());
        let Some(values) = self.keys.get(&key.1) else { return vec![(None, self.clone())] };
        let from = self.seen.get(&key).copied().unwrap_or_default();
        let sight = |at: usize| {
            let mut then = self.clone();
            then.seen.insert(key.clone(), at);
            (values[at].clone(), then)
        };
        (from..values.len()).map(sight).collect()
    }

    /// A place sees at once what it wrote.
    fn write(&mut self, place: u8, key: &str, text: Option<String>) {
        let values = self.keys.entry(key.to_owned()).or_insert_with(|| vec![None]);
        values.push(text);
        if values.len() > SHOWN {
            values.remove(0);
            self.seen.iter_mut().filter(|(seen, _)| seen.1 == key).for_each(|(_, at)| *at = at.saturating_sub(1));
        }
        self.seen.insert((place, key.to_owned()), values.len() - 1);
    }

    fn newest(&self, key: &str) -> Option<&String> {
        self.keys.get(key)?.last()?.as_ref()
    }

    /// Every place sees the newest of everything.
    fn settle(&mut self) {
        self.keys.values_mut().for_each(|values| drop(values.drain(..values.len() - 1)));
        self.seen.clear();
    }
}

/// A state of all three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Places {
    pub d1: Number,
    pub object: Number,
    pub kv: Number,
}

/// What all three know of stops.
#[derive(Debug, Clone)]
pub struct Known {
    pub d1: Latch,
    pub object: Latch,
    /// KV's newest copy.
    pub copy: Latch,
    /// What lies under keys of its own.
    pub alone: Latch,
    /// The history's newest document, as routers obey it, with its version.
    pub newest: Option<(u32, String)>,
}

/// All states in which they were.
pub struct Map {
    d1: Databases,
    object: Databases,
    kv: Interned<Kv>,
    /// What D1 and the object answered to a call in a state, and the state after it.
    batches: HashMap<(Number, Number), (Answer, Number)>,
    asked: HashMap<(Number, Number), (Answer, Number)>,
    known: HashMap<Places, Known>,
    /// Whether KV takes keys of single stops.
    has_keys_alone: bool,
}

impl Map {
    pub fn new(rewrite: Rewrite, has_keys_alone: bool) -> Self {
        let databases = || Databases::new(&TABLES, "", rewrite);
        let (kv, batches, asked, known) = Default::default();
        Self { d1: databases(), object: databases(), kv, batches, asked, known, has_keys_alone }
    }

    /// Empty ones.
    pub fn empty(&mut self) -> Places {
        Places { d1: 0, object: 0, kv: self.kv.number(Kv::default()) }
    }

    /// What a call may answer, and the places after it. `number` is the call's own.
    pub fn answers(&mut self, from: Places, place: u8, number: Number, call: &Call) -> Vec<(Answer, Places)> {
        match call {
            Call::D1(batch) => {
                let (answer, d1) = self.run(from.d1, number, batch);
                vec![(answer, Places { d1, ..from })]
            }
            Call::Object(question) => {
                let (answer, object) = self.ask(from.object, number, question);
                vec![(answer, Places { object, ..from })]
            }
            Call::KvGet(key) => {
                let sights = self.kv.get(from.kv).sights(place, key);
                sights
                    .into_iter()
                    .map(|(text, kv)| (Answer::Text(text), Places { kv: self.kv.number(kv), ..from }))
                    .collect()
            }
            Call::KvList(prefix) => {
                let kv = self.kv.get(from.kv);
                let there = kv.keys.keys().filter(|key| key.starts_with(prefix) && kv.newest(key).is_some());
                vec![(Answer::Keys(there.cloned().collect()), from)]
            }
            Call::KvPut(key, _) if key.starts_with(ALONE) && !self.has_keys_alone => vec![(Answer::Done, from)],
            Call::KvPut(key, text) => vec![(Answer::Done, self.written(from, place, key, Some(text.clone())))],
            Call::KvDelete(key) => vec![(Answer::Done, self.written(from, place, key, None))],
            Call::Sleep(_) => Vec::new(),
        }
    }

    fn written(&mut self, from: Places, place: u8, key: &str, text: Option<String>) -> Places {
        let mut kv = (*self.kv.get(from.kv)).clone();
        kv.write(place, key, text);
        Places { kv: self.kv.number(kv), ..from }
    }

    fn run(&mut self, d1: Number, number: Number, batch: &[Statement]) -> (Answer, Number) {
        if let Some(known) = self.batches.get(&(d1, number)) {
            return known.clone();
        }
        let (rows, after) = self.d1.act(d1, |database| block_on(database.batch(batch.to_vec())));
        let answer = (Answer::Rows(rows), after);
        self.batches.insert((d1, number), answer.clone());
        answer
    }

    /// Stands for `flow::object`, which does this and nothing else when it is asked for the flag.
    fn ask(&mut self, object: Number, number: Number, question: &[u8]) -> (Answer, Number) {
        if let Some(known) = self.asked.get(&(object, number)) {
            return known.clone();
        }
        let Ok(ObjectRequest::Flag(told)) = unpack(question) else { unreachable!("the flag alone is asked for") };
        let (held, after) = self.object.act(object, |database| block_on(copy::hold(database, &told, START)));
        let answer = (Answer::Bytes(pack(&ObjectAnswer::Flag(held.unwrap())).unwrap()), after);
        self.asked.insert((object, number), answer.clone());
        answer
    }

    /// The same once a minute has passed without a write.
    pub fn settled(&mut self, from: Places) -> Places {
        let mut kv = (*self.kv.get(from.kv)).clone();
        kv.settle();
        Places { kv: self.kv.number(kv), ..from }
    }

    pub fn known(&mut self, at: Places) -> Known {
        if let Some(known) = self.known.get(&at) {
            return known.clone();
        }
        let of =
            |databases: &mut Databases, state| databases.act(state, |it| block_on(Stops::new(it).read())).0.unwrap();
        let kv = self.kv.get(at.kv);
        let read = |key: &str| kv.newest(key).map(|text| Latch::read(text).unwrap()).unwrap_or_default();
        let alone = kv.keys.keys().filter(|key| key.starts_with(ALONE));
        let alone = alone.fold(Latch::default(), |all, key| all.merged(read(key)));
        let copy = read("stop");
        let newest = self.d1.act(at.d1, |it| block_on(FlagHistory::new(it).newest(1))).0.unwrap();
        let obeyed = newest.first().map(|newest| {
            let flag = Flag::parse(&serde_json::to_string(&newest.document).unwrap()).unwrap();
            (flag.version, format!("{flag:?}"))
        });
        let (d1, object) = (of(&mut self.d1, at.d1), of(&mut self.object, at.object));
        let known = Known { d1, object, copy, alone, newest: obeyed };
        self.known.insert(at, known.clone());
        known
    }
}

/// Whether a call may change what a place holds.
pub fn is_write(call: &Call) -> bool {
    match call {
        Call::D1(batch) => batch.iter().any(|statement| statement.sql.contains("INSERT")),
        Call::KvPut(..) | Call::KvDelete(_) => true,
        Call::KvGet(_) | Call::KvList(_) | Call::Sleep(_) => false,
        Call::Object(question) => {
            let Ok(ObjectRequest::Flag(told)) = unpack(question) else { return true };
            let held: FlagCopy = serde_json::from_str(&told).unwrap();
            held.document.is_some() || !held.latch.all().is_empty()
        }
    }
}
