//! How much there is of what, and along which axis it grows.

use model::event::known_routes::MAX_ROUTES;

/// Size of a deployment, as far as an operation meets it.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// Routes.
    pub paths: u64,
    /// Events: of a call, waiting, or held, as the operation says.
    pub events: u64,
    /// UTC days of which figures are kept.
    pub days: u64,
}

/// What grows, alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    Paths,
    Events,
    Days,
}

impl Axis {
    pub const ALL: [Self; 3] = [Self::Paths, Self::Events, Self::Days];

    /// 1×, 10×, 100× and 1,000×; of days 400×, for no more are kept.
    pub const fn sizes(self) -> [u64; 4] {
        match self {
            Self::Paths => [10, 100, 1_000, 10_000],
            Self::Events => [100, 1_000, 10_000, 100_000],
            Self::Days => [1, 10, 100, 400],
        }
    }

    /// Everything of one size, with the two others as they stay.
    pub const fn scale(self, size: u64) -> Scale {
        match self {
            Self::Paths => Scale { paths: size, events: 10_000, days: 1 },
            Self::Events => Scale { paths: 100, events: size, days: 1 },
            Self::Days => Scale { paths: 100, events: 10_000, days: size },
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Paths => "paths",
            Self::Events => "events",
            Self::Days => "days",
        }
    }

    /// What stays, and what bounds what grows.
    pub fn terms(self) -> String {
        match self {
            Self::Paths => format!(
                "With 10,000 events and one day. One isolate tells {MAX_ROUTES} routes apart that no template names, so \
                 that 10,000 take several, or templates."
            ),
            Self::Events => {
                "With 100 paths and one day. Events of one call, or held, or waiting to be folded.".to_owned()
            }
            Self::Days => "With 100 paths, and 10,000 events on the last day. Figures by day are kept for 400 days \
                           (`KEEP_DAYS_DAYS`): 1,000 days are never there."
                .to_owned(),
        }
    }
}
