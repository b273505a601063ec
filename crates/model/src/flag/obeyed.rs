//! What one isolate knows of the flag and of the stops, and what it therefore obeys.
//!
//! Invariants: a stop that was ever seen is obeyed until its release is seen, whatever is read in between. Routing
//! never goes back to an older document. Before both a document and the stops could be read, the default holds: who
//! doesn't know whether a stop holds doesn't move traffic.

use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::Flag;
use super::stop::Latch;

/// The copy of the flag in the object, as it is sent there and back: the newest document, as text, and the stops.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct FlagCopy {
    /// The stops.
    pub latch: Latch,
    /// The document. None if the object has none, or if none is sent to it.
    pub document: Option<String>,
}

/// What an isolate knows of the flag and of the stops, and obeys.
#[derive(Debug, Default)]
pub struct ObeyedFlag {
    document: Option<Rc<Flag>>,
    latch: Option<Latch>,
    in_force: Option<Rc<Flag>>,
}

impl ObeyedFlag {
    /// The flag to route by. None while it is unknown, in which case the default applies.
    pub fn in_force(&self) -> Option<&Rc<Flag>> {
        self.in_force.as_ref()
    }

    /// Version of the document; 0 before there is one.
    pub fn version(&self) -> u32 {
        self.document.as_ref().map_or(0, |flag| flag.version)
    }

    /// Whether a document is known.
    pub const fn has_document(&self) -> bool {
        self.document.is_some()
    }

    /// The known stops. None until they could be read somewhere.
    pub const fn latch(&self) -> Option<&Latch> {
        self.latch.as_ref()
    }

    /// Adopts a document.
    ///
    /// # Errors
    /// The document is older than the known one. The error is its version.
    pub fn adopt(&mut self, flag: Flag) -> Result<(), u32> {
        if flag.version < self.version() {
            return Err(flag.version);
        }
        if self.document.as_deref() != Some(&flag) {
            self.document = Some(Rc::new(flag));
            self.decide();
        }
        Ok(())
    }

    /// Adds the stops that one place knows.
    pub fn learn(&mut self, latch: Latch) {
        let before = self.latch.clone();
        self.latch.get_or_insert_default().merge(latch);
        if self.latch != before {
            self.decide();
        }
    }

    fn decide(&mut self) {
        self.in_force = match (&self.document, &self.latch) {
            (document, Some(latch)) if latch.holds() => {
                let flag = document.as_deref().cloned().unwrap_or_default();
                latch.holding().first().map(|stop| Rc::new(flag.stopped_by(stop)))
            }
            (Some(document), Some(_)) => Some(document.clone()),
            (_, None) | (None, _) => None,
        };
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::flag::stop::{Stop, StopAct};
    use crate::flag::{MILLION, Mode};

    fn flag(version: u32) -> Flag {
        Flag::parse(&format!(r#"{{"schema":1,"version":{version},"mode":"queue-only"}}"#)).unwrap()
    }

    fn act(at: u64) -> StopAct {
        StopAct { at, by: "op".into(), reason: "test".into() }
    }

    fn mode(obeyed: &ObeyedFlag) -> Option<Mode> {
        obeyed.in_force().map(|flag| flag.rule.mode)
    }

    #[test]
    fn a_document_is_obeyed_once_it_is_known_that_no_stop_holds() {
        let mut obeyed = ObeyedFlag::default();
        obeyed.adopt(flag(3)).unwrap();
        assert_eq!(mode(&obeyed), None, "a stop may hold that could not be read");
        assert_eq!((obeyed.has_document(), obeyed.latch()), (true, None));
        obeyed.learn(Latch::default());
        assert_eq!(obeyed.latch(), Some(&Latch::default()));
        assert_eq!((mode(&obeyed), obeyed.version()), (Some(Mode::QueueOnly), 3));
        assert_eq!((obeyed.adopt(flag(2)), obeyed.adopt(flag(3)), obeyed.version()), (Err(2), Ok(()), 3));
    }

    #[test]
    fn a_stop_is_obeyed_before_any_document_and_newer_documents_change_nothing() {
        let mut obeyed = ObeyedFlag::default();
        let stop = Stop::new([1; 4], act(1));
        obeyed.learn(Latch::of([stop.clone()]));
        assert_eq!(mode(&obeyed), Some(Mode::DoOnly));
        assert_eq!((obeyed.has_document(), obeyed.latch()), (false, Some(&Latch::of([stop.clone()]))));
        obeyed.adopt(flag(11)).unwrap();
        obeyed.learn(Latch::default());
        let in_force = obeyed.in_force().unwrap();
        assert_eq!((in_force.rule.mode, in_force.version, &in_force.stop), (Mode::DoOnly, 11, &Some(stop.clone())));
        obeyed.learn(Latch::of([Stop { released: Some(act(2)), ..stop }]));
        assert_eq!((mode(&obeyed), obeyed.in_force().unwrap().rule.sample_ppm), (Some(Mode::QueueOnly), MILLION / 100));
    }

    /// The three places, as they fail apart. KV is read as of any earlier write that a reader's place may still show;
    /// the object and D1 are read as they are.
    #[derive(Default)]
    struct World {
        object: Latch,
        history: Latch,
        /// Every copy that was ever written to KV.
        copies: Vec<Latch>,
        /// Records of stops that KV alone took, each under its own key.
        alone: Latch,
        /// Stops that were accepted, and have no accepted release.
        in_force: BTreeSet<String>,
        next: u8,
    }

    /// Which places can't be reached, and how many writes ago KV shows.
    #[derive(Debug, Clone, Copy)]
    struct Weather {
        object: bool,
        history: bool,
        copy: bool,
        age: usize,
    }

    impl World {
        fn copy(&self, age: usize) -> Latch {
            self.copies.len().checked_sub(age + 1).and_then(|at| self.copies.get(at)).cloned().unwrap_or_default()
        }

        /// What the edge does with a stop or a release: hand it to each place, and what all know to KV.
        fn hand_over(&mut self, record: &Stop, weather: Weather) -> bool {
            let record = Latch::of([record.clone()]);
            let mut known = record.clone();
            if weather.object {
                self.object.merge(record.clone());
                known.merge(self.object.clone());
            }
            if weather.history {
                self.history.merge(record.clone());
                known.merge(self.history.clone());
            }
            if weather.copy {
                known.merge(self.copy(weather.age));
                known.merge(self.alone.clone());
                self.copies.push(known.copy());
                if !weather.object && !weather.history {
                    self.alone.merge(record);
                }
            }
            weather.object || weather.history || weather.copy
        }

        fn stop(&mut self, weather: Weather) {
            self.next += 1;
            let stop = Stop::new([self.next, 0, 0, 0], act(self.next.into()));
            if self.hand_over(&stop, weather) {
                self.in_force.insert(stop.id);
            }
        }

        fn release(&mut self, which: usize, weather: Weather) {
            let Some(id) = self.in_force.iter().nth(which % self.in_force.len().max(1)).cloned() else { return };
            let mut known = self.copy(weather.age).merged(self.alone.clone());
            known.merge(if weather.object { self.object.clone() } else { Latch::default() });
            known.merge(if weather.history { self.history.clone() } else { Latch::default() });
            // It is accepted by a place that can't be stale alone.
            let Some(stop) = known.of_id(&id).filter(|_| weather.object || weather.history) else { return };
            let released = Stop { released: Some(act(100)), ..stop.clone() };
            self.hand_over(&released, weather);
            self.in_force.remove(&id);
        }

        fn repair(&mut self, weather: Weather) {
            let mut known = Latch::default();
            for (reached, place) in [(weather.object, &self.object), (weather.history, &self.history)] {
                known.merge(if reached { place.clone() } else { Latch::default() });
            }
            let copy = self.copy(weather.age);
            if weather.copy {
                known.merge(copy.clone());
                known.merge(self.alone.clone());
            }
            if weather.object {
                self.object.merge(known.clone());
            }
            if weather.history {
                self.history.merge(known.clone());
            }
            if weather.copy && copy != known.copy() {
                self.copies.push(known.copy());
            }
            if weather.object && weather.history && weather.copy {
                self.alone = Latch::default();
            }
        }
    }

    fn weather() -> impl Strategy<Value = Weather> {
        (any::<[bool; 3]>(), 0usize..4).prop_map(|([object, history, copy], age)| Weather {
            object,
            history,
            copy,
            age,
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn a_stop_that_was_accepted_is_obeyed_until_it_is_released_by_name(
            events in prop::collection::vec((0u8..6, 0usize..4, weather()), 0..40),
        ) {
            let mut world = World::default();
            let mut isolate = ObeyedFlag::default();
            isolate.adopt(flag(1)).unwrap();
            let mut seen = BTreeSet::new();
            for (kind, which, weather) in events {
                match kind {
                    0 => world.stop(weather),
                    1 => world.release(which, weather),
                    2 => world.repair(weather),
                    3 => { let _ = isolate.adopt(flag(isolate.version() + 1)); }
                    _ => {
                        if weather.object {
                            isolate.learn(world.object.clone());
                        }
                        if weather.copy {
                            isolate.learn(world.copy(weather.age));
                        }
                        seen.extend(isolate.latch().into_iter().flat_map(|latch| {
                            latch.holding().into_iter().map(|stop| stop.id.clone()).collect::<Vec<_>>()
                        }));
                    }
                }
                // No document and no stale read takes it back from who has seen it.
                if world.in_force.intersection(&seen).next().is_some() {
                    prop_assert_eq!(mode(&isolate), Some(Mode::DoOnly));
                }
                // Some place holds it, so that a repair in fair weather brings it to all.
                let everywhere = world.object.clone().merged(world.history.clone()).merged(world.alone.clone());
                for id in &world.in_force {
                    prop_assert!(everywhere.of_id(id).is_some_and(Stop::holds), "{} is lost", id);
                }
            }
            let fair = Weather { object: true, history: true, copy: true, age: 0 };
            world.repair(fair);
            isolate.learn(world.copy(0));
            prop_assert_eq!(world.object.holds(), !world.in_force.is_empty());
            for place in [&world.object, &world.history, &world.copy(0)] {
                prop_assert_eq!(place.holding().len(), world.in_force.len());
            }
            // Whoever reads only one place obeys what that place was told.
            prop_assert_eq!(mode(&isolate) == Some(Mode::DoOnly), !world.in_force.is_empty());
        }
    }
}
