//! The routes that one isolate counts separately.
//!
//! Invariant: their number is limited, whatever paths clients make up.

use std::collections::HashSet;

use super::path::{OTHER, RequestPath, UNMATCHED};

/// Most routes without a template that one isolate counts separately. Templates are limited by the configuration.
pub const MAX_ROUTES: usize = 2_000;

/// The routes that one isolate has seen. Limits their number, whatever paths clients make up.
#[derive(Debug, Default)]
pub struct KnownRoutes {
    routes: HashSet<String>,
}

impl KnownRoutes {
    /// The route under which a request with this response `status` is counted: its own route while there are few, then
    /// [`OTHER`]. Templates and [`UNMATCHED`] are bounded anyway, so they always count under their own name and don't
    /// use up the limit.
    pub fn admit(&mut self, place: RequestPath<'_>, status: u16) -> String {
        let bounded = place.has_template;
        let route = place.counted(status);
        if bounded || route == UNMATCHED || self.routes.contains(&*route) {
            return route.into_owned();
        }
        if self.routes.len() >= MAX_ROUTES {
            return OTHER.to_owned();
        }
        let route = route.into_owned();
        self.routes.insert(route.clone());
        route
    }
}

/// A path of its own for each number, that looks like a name.
#[cfg(test)]
pub(crate) fn ordinary_path(n: usize) -> String {
    let syllables = ["ba", "de", "fi", "lo", "mu", "na", "re", "si", "to", "lu"];
    let digits = [n / 1_000, n / 100, n / 10, n].map(|n| syllables[n % 10]);
    format!("/{}", digits.concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::path::Normalizer;

    #[test]
    fn routes_beyond_the_bound_are_counted_together() {
        let (mut known, n) = (KnownRoutes::default(), Normalizer::default());
        let mut admit = |path: &str, status| known.admit(n.place(path), status);
        let routes: Vec<String> = (0..=MAX_ROUTES).map(|n| admit(&ordinary_path(n), 200)).collect();
        assert_eq!(routes[MAX_ROUTES - 1], ordinary_path(MAX_ROUTES - 1));
        assert_eq!((routes[MAX_ROUTES].as_str(), admit(&ordinary_path(7), 200)), (OTHER, ordinary_path(7)));
    }

    #[test]
    fn a_template_is_told_apart_however_many_odd_paths_came_before() {
        let (mut known, n) = (KnownRoutes::default(), Normalizer::new(["/payments/{id}"]).0);
        for odd in 0..2 * MAX_ROUTES {
            known.admit(n.place(&ordinary_path(odd)), 200);
        }
        for status in [200, 404, 500] {
            assert_eq!(known.admit(n.place("/payments/7"), status), "/payments/{id}");
        }
        assert_eq!(known.admit(n.place("/odd"), 404), UNMATCHED);
        assert_eq!(known.admit(n.place("/new"), 200), OTHER);
    }
}
