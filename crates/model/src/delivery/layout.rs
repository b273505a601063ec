//! In how many objects the old path keeps its events.
//!
//! Invariant: the number never changes once an event may be in one of them. An event's object follows from it, so that
//! with another number repeats would count again, and what the objects of the old number hold would be read, compared
//! and archived by nobody.

use std::rc::Rc;

use litemap::LiteMap;
use serde::{Deserialize, Serialize};

use crate::event::message::EncodedEvent;

/// The number of objects, as recorded by the object that keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// How many objects.
    pub shards: u64,
    /// Whether the number is recorded and therefore fixed. Until then no object has any event, and the setting applies.
    pub is_recorded: bool,
}

impl Layout {
    /// The layout in force: the recorded number, else the setting.
    pub const fn of(recorded: Option<u64>, setting: u64) -> Self {
        match recorded {
            Some(shards) => Self { shards, is_recorded: true },
            None => Self { shards: setting, is_recorded: false },
        }
    }

    /// Why the setting is not in force, and what to do. None if it is in force.
    pub fn refusal(&self, setting: u64) -> Option<String> {
        (self.shards != setting).then(|| {
            let shards = self.shards;
            format!(
                "COLLECTOR_SHARDS is {setting}, but events are kept in {shards} and stay there: {shards} is in force. Set \
                 COLLECTOR_SHARDS to {shards}; another number needs a new deployment with objects of its own"
            )
        })
    }
}

/// Splits events by the object that keeps them.
pub fn by_shard(events: Vec<Rc<EncodedEvent>>, shards: u64) -> Vec<Vec<Rc<EncodedEvent>>> {
    if shards <= 1 {
        return vec![events];
    }
    let mut groups: LiteMap<u64, Vec<Rc<EncodedEvent>>> = LiteMap::new();
    for written in events {
        groups.entry(written.event().digest.0 % shards).or_default().push(written);
    }
    groups.into_iter().map(|(_, events)| events).collect()
}

/// Name of an object.
pub fn shard_name(shard: u64, shards: u64) -> String {
    if shards <= 1 { "default".to_owned() } else { format!("default-{shard}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::event::identity::Digest;
    use crate::event::tests::example;

    #[test]
    fn what_is_recorded_holds_and_another_setting_is_refused_with_both_numbers_and_the_remedy() {
        assert_eq!(Layout::of(None, 4), Layout { shards: 4, is_recorded: false });
        assert_eq!(Layout::of(None, 4).refusal(4), None);
        let recorded = Layout::of(Some(4), 8);
        assert_eq!(recorded, Layout { shards: 4, is_recorded: true });
        assert_eq!(recorded.refusal(4), None);
        let refusal = recorded.refusal(8).unwrap();
        assert!(refusal.contains("is 8") && refusal.contains("Set COLLECTOR_SHARDS to 4"), "{refusal}");
    }

    #[test]
    fn repeats_meet_in_one_object_whatever_their_route() {
        let event = |n, copy| Event { digest: Digest(n), path: format!("/{copy}"), ..example() };
        let copies = |n| [0, 1].map(|copy| Rc::new(EncodedEvent::of(event(n, copy)).unwrap()));
        let events: Vec<Rc<EncodedEvent>> = (0..50).flat_map(copies).collect();
        let groups = by_shard(events.clone(), 4);
        assert_eq!(groups.iter().map(Vec::len).sum::<usize>(), events.len());
        for n in 0..50 {
            let has = |group: &&Vec<Rc<EncodedEvent>>| group.iter().any(|written| written.event().digest == Digest(n));
            assert_eq!(groups.iter().filter(has).count(), 1);
        }
        assert_eq!(by_shard(events.clone(), 1), [events]);
    }
}
