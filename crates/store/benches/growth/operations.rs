//! The hot operations, each with what it is called with and what must have come of it.

use std::rc::Rc;

use model::counting::grain::DAY_MS;
use model::event::Event;
use model::event::identity::IdempotentId;
use model::event::message;
use model::event::path::{MAX_TEMPLATES, Normalizer};
use model::flag::Flag;
use model::flag::route::route;
use store::events::event_store::WriterMemory;

use crate::case::{Case, Run, metered};
use crate::metered::{Metered, Traffic};
use crate::scale::{Axis, Scale};
use crate::traffic::{NOW, busy_minute, events, fill, fold, others, record};
use crate::{comparing, reading};
use rig::{START, block_on, store};

/// An operation, and the axes that it meets.
pub struct Operation {
    pub name: &'static str,
    pub axes: &'static [Axis],
    /// Whether its time is given for each of its events.
    pub for_each_event: bool,
    pub case: fn(Scale) -> Case,
}

use Axis::{Days, Events, Paths};

const fn operation(name: &'static str, axes: &'static [Axis], case: fn(Scale) -> Case) -> Operation {
    Operation { name, axes, for_each_event: false, case }
}

/// All of them, on an event's way from the request to the reader.
pub const ALL: [Operation; 13] = [
    Operation { for_each_event: true, ..operation("identify and route one event", &[Paths, Events], identify) },
    operation("parse messages", &[Paths, Events], parse),
    operation("record a batch", &[Paths, Events], record_batch),
    operation("record 100 more in a window that holds them", &[Events], record_more),
    operation("the same in a new isolate", &[Events], record_in_new_isolate),
    operation("fold what waits", &[Paths, Events, Days], fold_waiting),
    operation("read the total", &[Paths, Events, Days], reading::total),
    operation("read the total, nothing folded yet", &[Paths, Events], reading::total_unfolded),
    operation("read the table of paths", &[Paths, Events, Days], reading::table),
    operation("read both stores, and merge", &[Paths, Events, Days], reading::both),
    operation("parity of an hour, stores equal", &[Paths, Events, Days], comparing::equal),
    operation("parity of an hour, 1 % missing in one", &[Paths, Events, Days], comparing::differing),
    operation("a step of retention", &[Paths, Events, Days], prune),
];

/// What the gateway decides for a request: its ID, its route by template, its way.
fn identify(scale: Scale) -> Case {
    let flag = Rc::new(Flag::parse(include_str!("../../../../flags/scheme-b.json")).unwrap());
    let most = scale.paths.min(MAX_TEMPLATES as u64);
    let templates: Vec<String> = (0..most).map(|n| format!("/v1/path-{n}/{{id}}")).collect();
    let (normalizer, refused) = Normalizer::new(templates.iter().map(String::as_str));
    assert!(refused.is_empty(), "{refused:?}");
    let normalizer = Rc::new(normalizer);
    let requests: Rc<Vec<String>> = Rc::new((0..most).map(|n| format!("/v1/path-{n}/{n}")).collect());
    Box::new(move || {
        let (flag, normalizer, requests) = (flag.clone(), normalizer.clone(), requests.clone());
        Box::new(move || {
            let mut dual = 0;
            for (n, path) in (0..scale.events).zip(requests.iter().cycle()) {
                let id = IdempotentId::generate(START, "192.0.2.1", path, &n.to_string()).unwrap();
                let to = route(&flag, &normalizer.place(path), &id);
                dual += u64::from(to.collector && to.queue);
            }
            Box::new(move || {
                assert!(dual * 20 <= scale.events, "scheme B samples 1 %: {dual} of {}", scale.events);
                Traffic::default()
            })
        })
    })
}

/// Messages as full as they may be.
fn parse(scale: Scale) -> Case {
    let texts = Rc::new(message::write(events(scale)).unwrap());
    Box::new(move || {
        let texts = texts.clone();
        Box::new(move || {
            let parsed: Vec<_> = texts.iter().map(|text| message::parse(text, NOW)).collect();
            Box::new(move || {
                let events: usize = parsed.iter().map(|message| message.events.len()).sum();
                assert_eq!(events as u64, scale.events, "each event is parsed");
                Traffic { bytes: texts.iter().map(|text| text.len() as u64).sum(), written: 0 }
            })
        })
    })
}

/// Records events in one call, which must store all of them.
fn recording(sql: &Metered, mut memory: WriterMemory, events: Vec<Event>) -> Run {
    let (store, sent) = (store(sql), events.len() as u64);
    metered(
        sql,
        move || block_on(store.record(&mut memory, &events, NOW)).unwrap(),
        move |recorded| assert_eq!((recorded.stored, recorded.absorbed), (sent, 0), "each event is stored once"),
    )
}

/// Events in one call, into an empty store.
fn record_batch(scale: Scale) -> Case {
    Box::new(move || recording(&Metered::new(), WriterMemory::default(), events(scale)))
}

/// What a busy window's writer meets, with what it remembers.
fn record_more(scale: Scale) -> Case {
    let (held, more) = busy_minute(scale, 100);
    Box::new(move || {
        let (sql, mut memory) = (Metered::new(), WriterMemory::default());
        record(&sql, &mut memory, &held);
        recording(&sql, memory, more.clone())
    })
}

/// What it meets when it remembers nothing.
fn record_in_new_isolate(scale: Scale) -> Case {
    let (held, more) = busy_minute(scale, 100);
    Box::new(move || {
        let sql = Metered::new();
        record(&sql, &mut WriterMemory::default(), &held);
        recording(&sql, WriterMemory::default(), more.clone())
    })
}

/// All events wait; where there are days before, other events of the same minutes are folded already.
fn fold_waiting(scale: Scale) -> Case {
    let (events, others) = (events(scale), others(scale));
    Box::new(move || {
        let sql = Metered::new();
        let mut held = scale.events;
        if scale.days > 1 {
            fill(&sql, &others, scale.days);
            held += scale.events;
        }
        record(&sql, &mut WriterMemory::default(), &events);
        let [folding, checking] = [store(&sql), store(&sql)];
        metered(
            &sql,
            move || fold(&folding),
            move |()| assert_eq!(reading::requests(&checking, 1), held, "a fold loses no event and adds none"),
        )
    })
}

/// Everything has had its time: the step is as large as one may be.
fn prune(scale: Scale) -> Case {
    let events = events(scale);
    Box::new(move || {
        let sql = Metered::new();
        fill(&sql, &events, scale.days);
        let [pruning, checking] = [store(&sql), store(&sql)];
        metered(
            &sql,
            move || block_on(pruning.prune(NOW + 500 * DAY_MS, u64::MAX)).unwrap(),
            move |more| {
                let left = reading::requests(&checking, scale.days);
                assert!(more || left == 0, "it says that there is more while there is: {left}");
            },
        )
    })
}
