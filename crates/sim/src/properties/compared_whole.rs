//! A report does not pass on less than was there when the window was compared before.

use std::collections::BTreeMap;

use model::parity::verdict::Verdict;
use model::parity::window::Window;

use super::verdicts_true::filed;
use super::{Happening, Property, ensure};
use crate::sight::Sight;
use crate::truth::Stored;

/// Events of a window, in the old store and in the new one.
type EventCounts = [usize; 2];

#[derive(Default)]
pub struct ComparedWhole {
    /// The newest revision of each window, and the least that it can have been made from.
    known: BTreeMap<Window, (u64, EventCounts)>,
    /// What the stores held when cron began last.
    before: Option<Stored>,
    reports: u64,
}

fn counts(stored: &Stored, window: Window) -> EventCounts {
    let of = |events: &[model::event::Event]| {
        events.iter().filter(|event| (window.from..window.to).contains(&event.timestamp)).count()
    };
    [of(&stored.old), of(&stored.new)]
}

impl Property for ComparedWhole {
    fn name(&self) -> &'static str {
        "no report passes on what is left"
    }

    fn on_event(&mut self, happening: &Happening, sight: &Sight<'_>) -> Result<(), String> {
        let reports = sight.world.d1().count("parity_reports");
        if reports < self.reports {
            // D1 was restored, and no longer knows what it compared.
            self.known.clear();
        }
        if reports != self.reports {
            self.reports = reports;
            let before = self.before.as_ref().unwrap_or_else(|| sight.stored());
            for report in filed(sight) {
                let (then, now) = (counts(before, report.window), counts(sight.stored(), report.window));
                let (revision, least) = self.known.get(&report.window).copied().unwrap_or_default();
                // The oldest comes last, and a revision is looked at once.
                if report.revision <= revision {
                    continue;
                }
                let is_less = (0..2).any(|side| then[side].max(now[side]) < least[side]);
                ensure(report.verdict != Verdict::Pass || !is_less, || {
                    format!(
                        "{} revision {} passes on {then:?} to {now:?} events of {least:?}",
                        report.window, report.revision
                    )
                })?;
                let least = [0, 1].map(|side| then[side].min(now[side]).max(least[side]));
                self.known.insert(report.window, (report.revision, least));
            }
        }
        if matches!(happening, Happening::CronBegins) && sight.world.now_ms() > rig::START + 40 * 60_000 {
            self.before = Some(sight.stored().clone());
        }
        Ok(())
    }
}
