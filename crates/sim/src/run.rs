//! One run: a story, told in a world, while properties watch.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use model::parity::schedule;
use rig::START;

use crate::numbers::Numbers;
use crate::properties::{self, Happening, Property};
use crate::sight::Sight;
use crate::story::{Act, Story};
use crate::truth::{Record, Stored};
use crate::world::{Isolate, KvLaws, QueueLaws, World};

/// How long is waited for the last message at most, in ms: as long as the slow lane keeps any.
const PATIENCE_MS: u64 = 14 * 24 * 3_600_000;

const MINUTE_MS: u64 = 60_000;

/// How old the last day of a story is when it may be archived, in ms, and the runs of cron that this takes.
const ARCHIVED_AFTER_MS: u64 = 9 * 24 * 3_600_000;
const ARCHIVING_CRONS: usize = 10;

/// Windows that ended within this time, in ms, are looked at again every ten minutes; older days, as many as these, in turn.
const RECENT_MS: u64 = 20 * 3_600_000;
const OLDER_DAYS: usize = 9;

/// A property that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Its name, or `no panic`.
    pub property: String,
    /// What was seen.
    pub text: String,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub numbers: Numbers,
    pub violation: Option<Violation>,
    /// The hash of all that happened.
    pub trace: u64,
    /// All that happened, with its time in ms, where that was kept.
    pub lines: Vec<(u64, String)>,
}

/// Tells a story; with `keep_lines`, so that it can be read.
pub fn run(story: &Story, keep_lines: bool) -> Outcome {
    run_with(story, keep_lines, Vec::new())
}

/// The same, with what must hold in this story besides.
pub fn run_with(story: &Story, keep_lines: bool, besides: Vec<Box<dyn Property>>) -> Outcome {
    let mut run = Run::of(story);
    run.properties.extend(besides);
    if keep_lines {
        run.world.trace.keep();
    }
    // A panic of ours would end all requests of an isolate: it is a violation like any other.
    let told = catch_unwind(AssertUnwindSafe(|| run.tell()));
    let violation = match told {
        Ok(told) => told.err(),
        Err(panic) => Some(Violation { property: "no panic".to_owned(), text: panic_text(&*panic) }),
    };
    let (trace, happenings) = run.world.trace.digest();
    run.numbers.runs = 1;
    run.numbers.simulated_ms = run.world.now_ms() - START;
    run.numbers.happenings = happenings;
    run.numbers.crons = run.truth.borrow().crons;
    Outcome { numbers: run.numbers.clone(), violation, trace, lines: run.world.trace.kept() }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// A copy of both stores.
pub(crate) struct Backup {
    pub(crate) d1: rig::Sqlite,
    /// Objects that there were, by name.
    pub(crate) objects: Vec<(String, rig::Sqlite)>,
}

/// A run under way.
pub(crate) struct Run<'a> {
    pub(crate) story: &'a Story,
    pub(crate) world: World,
    pub(crate) gateways: Vec<Isolate>,
    /// Who acts for operators and readers.
    pub(crate) operator: Isolate,
    pub(crate) truth: Rc<RefCell<Record>>,
    pub(crate) properties: Vec<Box<dyn Property>>,
    pub(crate) backup: Option<Backup>,
    pub(crate) next_cron_ms: u64,
    pub(crate) numbers: Numbers,
}

impl<'a> Run<'a> {
    fn of(story: &'a Story) -> Self {
        let setup = &story.setup;
        let settings: Vec<(&str, &str)> = setup.settings.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let world = World::with(story.seed, &settings);
        world.queue_laws(QueueLaws {
            repeats_ppm: setup.repeats_ppm,
            retention_ms: setup.retention_ms,
            ..QueueLaws::default()
        });
        if setup.has_bucket {
            world.bind_bucket();
        }
        let gateways = (0..).zip(&setup.clocks_ms).map(|(place, ahead)| world.isolate_at(*ahead, place)).collect();
        let operator = world.isolate();
        Self {
            story,
            gateways,
            operator,
            world,
            truth: Rc::default(),
            properties: properties::all(),
            backup: None,
            next_cron_ms: setup.cron_every_ms,
            numbers: Numbers::default(),
        }
    }

    fn tell(&mut self) -> Result<(), Violation> {
        for step in &self.story.steps {
            self.pass_until(step.at_ms)?;
            self.act(&step.act)?;
        }
        self.pass_until(self.story.calm_at_ms)?;
        self.settle()?;
        self.ask(None)?;
        self.archive()
    }

    /// Waits until all days are old enough to be archived, and lets cron do it.
    fn archive(&mut self) -> Result<(), Violation> {
        if !self.story.setup.has_bucket {
            return Ok(());
        }
        let held = Stored::of(&self.world).counted();
        self.pass(self.world.now_ms() - START + ARCHIVED_AFTER_MS);
        for _ in 0..ARCHIVING_CRONS {
            self.cron()?;
            self.pass(self.world.now_ms() - START + MINUTE_MS + 10_000);
        }
        self.ask(Some(&Happening::Archived(held)))
    }

    /// Lets time pass until so many ms after the beginning, with cron as often as the story says.
    fn pass_until(&mut self, at_ms: u64) -> Result<(), Violation> {
        while self.next_cron_ms <= at_ms {
            self.pass(self.next_cron_ms);
            self.next_cron_ms += self.story.setup.cron_every_ms;
            self.cron()?;
        }
        self.pass(at_ms);
        Ok(())
    }

    fn pass(&self, at_ms: u64) {
        self.world.pass_ms((START + at_ms).saturating_sub(self.world.now_ms()));
    }

    pub(crate) fn cron(&mut self) -> Result<(), Violation> {
        self.ask(Some(&Happening::CronBegins))?;
        let (worker, truth) = (self.world.worker(), self.truth.clone());
        let app = worker.app.clone();
        worker.spawn_long(async move {
            flow::cron::scheduled(&app).await;
            truth.borrow_mut().crons += 1;
        });
        Ok(())
    }

    /// Ends all trouble, and waits until everything that can be done is done.
    fn settle(&mut self) -> Result<(), Violation> {
        self.world.calm();
        self.world.kv_laws(KvLaws::default());
        if self.story.steps.iter().any(|step| matches!(step.act, Act::Upgrade(_))) {
            self.world.deploy();
        }
        let elapsed = |run: &Self| run.world.now_ms() - START;
        // Hours and their reports close meanwhile.
        for minutes in [1, 12, 50, 25] {
            self.pass(elapsed(self) + minutes * MINUTE_MS);
            self.cron()?;
        }
        let patient_until = elapsed(self) + PATIENCE_MS;
        while !self.world.queued().is_empty() || !self.world.in_slow_lane().is_empty() {
            if elapsed(self) > patient_until {
                break;
            }
            self.pass(elapsed(self) + 20 * MINUTE_MS);
        }
        // What came late is compared anew: recent windows every ten minutes, older days in turn.
        self.pass(elapsed(self) + 15 * MINUTE_MS);
        let is_long = self.story.steps.last().is_some_and(|step| elapsed(self) > step.at_ms + RECENT_MS);
        for _ in 0..if is_long { OLDER_DAYS } else { 2 } {
            self.pass(elapsed(self).next_multiple_of(schedule::RECHECK_MS));
            for _ in 0..3 {
                self.cron()?;
                self.pass(elapsed(self) + MINUTE_MS);
            }
            self.ask(Some(&Happening::Step))?;
        }
        Ok(())
    }

    /// Asks all properties: of something that happened, or at the end.
    pub(crate) fn ask(&mut self, happening: Option<&Happening>) -> Result<(), Violation> {
        let truth = self.truth.borrow();
        let sight = Sight::new(&self.world, self.story, &truth);
        for property in &mut self.properties {
            let held = match happening {
                Some(happening) => property.on_event(happening, &sight),
                None => property.at_end(&sight),
            };
            held.map_err(|text| Violation { property: property.name().to_owned(), text })?;
            self.numbers.reports += property.take_checked();
        }
        Ok(())
    }

    pub(crate) fn fault(&mut self, kind: &str) {
        *self.numbers.faults.entry(kind.to_owned()).or_default() += 1;
    }
}
