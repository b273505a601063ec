//! Each request is in a store, or was logged as lost, or was held by an isolate that ended, or was undone with D1.

use std::collections::BTreeSet;

use model::event::Event;
use model::event::identity::Digest;
use model::event::message;

use super::{Property, ensure};
use crate::sight::Sight;
use crate::story::clock;
use crate::world::World;

pub struct LostInSilence;

/// Events that the log names as lost.
pub fn logged(world: &World) -> BTreeSet<Digest> {
    let whole = |line: &String| serde_json::from_str::<Event>(&line[line.find('{')?..]).ok();
    world.lines("event lost: ").iter().filter_map(whole).map(|event| event.digest).collect()
}

/// Events of messages that the queue took and lost.
pub fn lost_by_queue(world: &World) -> Vec<Event> {
    let lost = world.lost.borrow();
    lost.iter().flat_map(|text| message::parse(text, world.now_ms()).events).collect()
}

impl Property for LostInSilence {
    fn name(&self) -> &'static str {
        "nothing is lost in silence"
    }

    fn at_end(&mut self, sight: &Sight<'_>) -> Result<(), String> {
        let (counted, logged) = (sight.stored().counted(), logged(sight.world));
        let by_queue: BTreeSet<Digest> = lost_by_queue(sight.world).iter().map(|event| event.digest).collect();
        let lost = sight.truth.served.iter().find(|(digest, _)| {
            !counted.contains(digest)
                && !logged.contains(digest)
                && !sight.truth.may_be_lost(digest)
                && !by_queue.contains(digest)
        });
        ensure(lost.is_none(), || {
            let (digest, copies) = lost.unwrap();
            let copies: Vec<String> = copies
                .iter()
                .map(|copy| format!("by isolate {} at {}", copy.by, clock(copy.at_ms - rig::START)))
                .collect();
            format!("{digest:?}, served {}, is nowhere", copies.join(" and "))
        })
    }
}
