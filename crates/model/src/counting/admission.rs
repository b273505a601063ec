//! Which routes a store counts separately on a day; the rest is counted together, as [`OTHER`].
//!
//! Invariant: what clients send can't raise the number of routes of a day beyond the limit, over all isolates. What is
//! admitted stays so for the day, and depends on the segments before alone, however they are divided into folds.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use litemap::LiteMap;

use super::grain::Grain;
use crate::event::Event;
use crate::event::path::{OTHER, UNMATCHED};
use crate::sorted;

/// Routes that a store counts separately on a day, unless it is told otherwise.
pub const DEFAULT_ROUTES: usize = 1_000;

/// Most routes of a day that differ in one segment alone which is no placeholder: more are data, and need a template.
pub const MAX_SIBLINGS: usize = 250;

/// What a store may count separately.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteLimit {
    /// Most routes of a day, besides those of `always`.
    pub most: usize,
    /// Routes that are always admitted: the configuration's templates, and what overrides name.
    pub always: Rc<HashSet<String>>,
}

impl Default for RouteLimit {
    fn default() -> Self {
        Self { most: DEFAULT_ROUTES, always: Rc::default() }
    }
}

impl RouteLimit {
    fn admits_always(&self, route: &str) -> bool {
        [UNMATCHED, OTHER].contains(&route) || self.always.contains(route)
    }
}

/// The routes that are admitted on one day.
#[derive(Debug, Clone, Default)]
pub struct AdmittedRoutes {
    routes: HashSet<String>,
    /// By path of a parent: how many different names follow.
    children: HashMap<String, HashSet<String>>,
}

impl AdmittedRoutes {
    /// Those that a store has figures of.
    pub fn stored(routes: impl IntoIterator<Item = String>, limit: &RouteLimit) -> Self {
        let mut admitted = Self::default();
        routes.into_iter().filter(|route| !limit.admits_always(route)).for_each(|route| admitted.insert(&route));
        admitted
    }

    /// How many there are, besides those that always are.
    pub fn len(&self) -> usize {
        self.routes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }

    /// The name under which a route is counted.
    pub fn name<'r>(&self, route: &'r str, limit: &RouteLimit) -> &'r str {
        if limit.admits_always(route) || self.routes.contains(route) { route } else { OTHER }
    }

    /// Admits what is new among the events of a segment. Routes with a success come first, then the busiest. Routes that
    /// have only errors take at most half of the room, so that a scanner can't take that of routes that work.
    pub fn admit<'e>(&mut self, events: impl IntoIterator<Item = &'e Event>, limit: &RouteLimit) {
        let mut new: BTreeMap<&str, RouteTally> = BTreeMap::new();
        for event in events {
            let route = event.path.as_str();
            if !limit.admits_always(route) && !self.routes.contains(route) {
                let tally = new.entry(route).or_default();
                tally.requests += 1;
                tally.has_success |= event.status < 400;
            }
        }
        let mut new: Vec<(&str, RouteTally)> = new.into_iter().collect();
        sorted::sort_by_key(&mut new, |(_, tally)| (Reverse(tally.has_success), Reverse(tally.requests)));
        for (route, tally) in new {
            let room = if tally.has_success { limit.most } else { limit.most / 2 };
            if self.routes.len() < room && self.has_room_beside(route) {
                self.insert(route);
            }
        }
    }

    fn insert(&mut self, route: &str) {
        for (parent, name) in names(route) {
            self.children.entry(parent.to_owned()).or_default().insert(name.to_owned());
        }
        self.routes.insert(route.to_owned());
    }

    /// Whether no parent of a route has too many children, unless the route's is one of them.
    fn has_room_beside(&self, route: &str) -> bool {
        names(route).all(|(parent, name)| {
            self.children.get(parent).is_none_or(|names| names.len() < MAX_SIBLINGS || names.contains(name))
        })
    }
}

/// How a new route was asked for.
#[derive(Debug, Clone, Copy, Default)]
struct RouteTally {
    requests: u64,
    has_success: bool,
}

/// Each segment of a route that is no placeholder, with what is before it.
fn names(route: &str) -> impl Iterator<Item = (&str, &str)> {
    let starts = route.match_indices('/').map(|(slash, _)| slash);
    starts.filter_map(move |slash| {
        let name = route.get(slash + 1..)?.split('/').next()?;
        let is_name = !name.is_empty() && !name.starts_with('{');
        is_name.then_some((route.get(..slash)?, name))
    })
}

/// The routes that are admitted on each day of some events.
#[derive(Debug, Clone, Default)]
pub struct AdmittedByDay {
    days: LiteMap<u64, AdmittedRoutes>,
}

impl AdmittedByDay {
    /// Learns which routes a store has figures of on a day (its start, in ms), unless that is known.
    pub fn learn(&mut self, day: u64, stored: Vec<String>, limit: &RouteLimit) {
        self.days.entry(day).or_insert_with(|| AdmittedRoutes::stored(stored, limit));
    }

    /// Admits what is new among the events of a segment.
    pub fn admit(&mut self, events: &[Event], limit: &RouteLimit) {
        let mut days: LiteMap<u64, Vec<&Event>> = LiteMap::new();
        for event in events {
            days.entry(Grain::Day.floor(event.timestamp)).or_default().push(event);
        }
        for (day, events) in days {
            self.days.entry(day).or_default().admit(events, limit);
        }
    }

    /// The name under which an event is counted.
    pub fn name<'e>(&self, event: &'e Event, limit: &RouteLimit) -> &'e str {
        let day = self.days.get(&Grain::Day.floor(event.timestamp));
        day.map_or(OTHER, |admitted| admitted.name(&event.path, limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::known_routes::ordinary_path;
    use crate::event::tests::example;

    fn event(path: &str, status: u16) -> Event {
        Event { path: path.to_owned(), status, ..example() }
    }

    fn limit(most: usize) -> RouteLimit {
        RouteLimit { most, always: Rc::new(HashSet::from(["/users/{name}".to_owned()])) }
    }

    #[test]
    fn routes_that_work_come_before_errors_and_then_the_busiest() {
        let (limit, mut admitted) = (limit(4), AdmittedRoutes::default());
        let events = [("/bad", 401), ("/bad", 401), ("/b", 404), ("/c", 200), ("/d", 302), ("/d", 500), ("/a", 200)];
        admitted.admit(&events.map(|(path, status)| event(path, status)), &limit);
        // `/d` is the busiest that works; errors may take two of four places, which are taken.
        assert_eq!(
            ["/a", "/b", "/bad", "/c", "/d"].map(|route| admitted.name(route, &limit)),
            ["/a", OTHER, OTHER, "/c", "/d"]
        );
        admitted.admit(&[event("/bad", 200), event("/e", 200)], &limit);
        assert_eq!(["/bad", "/e", "/a"].map(|route| admitted.name(route, &limit)), ["/bad", OTHER, "/a"]);
    }

    #[test]
    fn a_scanner_takes_no_more_than_half_of_the_room_and_templates_need_none() {
        let (limit, mut admitted) = (limit(100), AdmittedRoutes::default());
        for n in 0..1_000 {
            admitted.admit(&[event(&ordinary_path(n), 401)], &limit);
        }
        assert_eq!(admitted.len(), 50);
        admitted.admit(&[event("/users/{name}", 404), event("/works", 200)], &limit);
        for route in ["/users/{name}", "/works", UNMATCHED, OTHER] {
            assert_eq!(admitted.name(route, &limit), route);
        }
        assert_eq!(admitted.len(), 51);
    }

    #[test]
    fn one_parent_does_not_take_all_the_room() {
        let (limit, mut admitted) = (limit(1_000), AdmittedRoutes::default());
        let under = |parent: &str, n| event(&format!("{parent}{}/orders", ordinary_path(n)), 200);
        for n in 0..500 {
            admitted.admit(&[under("/users", n), under("/shops/{id}", n)], &limit);
        }
        assert_eq!(admitted.len(), 2 * MAX_SIBLINGS);
        admitted.admit(&[event("/carts", 200)], &limit);
        assert_eq!(admitted.name("/carts", &limit), "/carts");
    }

    #[test]
    fn what_a_store_has_figures_of_is_admitted_as_before() {
        let limit = limit(100);
        let mut before = AdmittedRoutes::default();
        before.admit(&(0..60).map(|n| event(&ordinary_path(n), 200)).collect::<Vec<_>>(), &limit);
        let routes = before.routes.iter().cloned().chain(["/users/{name}".into(), OTHER.into()]);
        let mut after = AdmittedRoutes::stored(routes, &limit);
        assert_eq!(after.len(), 60);
        for n in 0..200 {
            for admitted in [&mut before, &mut after] {
                admitted.admit(&[event(&ordinary_path(n), 200)], &limit);
            }
        }
        assert_eq!(before.routes, after.routes);
        assert_eq!(after.len(), 100);
    }

    #[test]
    fn each_day_has_room_of_its_own() {
        let (limit, mut by_day) = (limit(1), AdmittedByDay::default());
        let tomorrow = |path| Event { timestamp: example().timestamp + Grain::Day.ms(), ..event(path, 200) };
        let events = [event("/a", 200), tomorrow("/b")];
        by_day.admit(&events, &limit);
        // What is known is newer than what is stored.
        by_day.learn(Grain::Day.floor(example().timestamp), Vec::new(), &limit);
        let names =
            [&event("/a", 200), &event("/b", 200), &tomorrow("/b")].map(|event| by_day.name(event, &limit).to_owned());
        assert_eq!(names, ["/a", OTHER, "/b"]);
    }
}
