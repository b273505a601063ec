//! What a merged read tells apart: routes, and steps of time.

use super::selection::RouteSelection;
use crate::counting::rollup::ALL_ROUTES;
use crate::event::Event;

/// What is told apart in a merged read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grouping {
    /// Which routes, and whether each by itself.
    pub routes: RouteSelection,
    /// Length of the steps of a series, in ms; none: the whole range is one.
    pub step_ms: Option<u64>,
}

impl Grouping {
    /// Each route over the whole range.
    pub const BY_ROUTE: Self = Self { routes: RouteSelection::Each, step_ms: None };

    /// Start of the step that holds a time, in ms.
    pub const fn step(&self, start: u64) -> u64 {
        match self.step_ms {
            Some(ms) => start - start % ms,
            None => 0,
        }
    }

    /// The route under which an event counts here, if any.
    pub(super) fn route<'a>(&self, event: &'a Event) -> Option<&'a str> {
        match &self.routes {
            RouteSelection::Each => Some(&event.path),
            RouteSelection::Together => Some(ALL_ROUTES),
            RouteSelection::One(path) => (*path == event.path).then_some(&event.path),
        }
    }
}
