//! What must hold: each property is one file of one idea, and [`all`] lists them.
//!
//! To add one: write a file whose struct implements [`Property`], and name it in the list. A property watches one run; it
//! is asked after each step, at each run of cron, at each read, and at the end, when all trouble is over and everything
//! that waited was done. Plant a fault that only it finds, so that it is known to see.

mod archived_once;
mod balanced;
mod bounded;
mod changes_proven;
mod cohorts_true;
mod compared_whole;
mod counted_once;
mod flag_goes_forward;
mod health_honest;
mod letters_unreadable;
mod lost_in_silence;
mod lost_only_without_paths;
mod numbered_once;
mod places_agree;
mod private;
mod reads_true;
mod release_ends;
mod settled;
mod stop_obeyed;
mod unknown_is_old;
mod verdicts_true;

use std::collections::BTreeSet;

use api::health::HealthAnswer;
use api::stats::StatsAnswer;
use model::event::identity::Digest;

use crate::sight::Sight;
use crate::truth::Stored;

/// A read, and what the stores held before and after it.
#[derive(Debug)]
pub struct Reading {
    pub before: Stored,
    pub answer: StatsAnswer,
    pub after: Stored,
}

/// What happened.
#[derive(Debug)]
pub enum Happening {
    /// A step of the story was taken.
    Step,
    /// Cron is about to run.
    CronBegins,
    /// Somebody read figures.
    Read(Box<Reading>),
    /// All days were archived; these events were in the stores before.
    Archived(BTreeSet<Digest>),
    /// Somebody looked at health.
    Health(Box<HealthAnswer>),
}

/// Something that must hold.
pub trait Property {
    /// Its name: a claim.
    fn name(&self) -> &'static str;

    /// Looks at what happened.
    ///
    /// # Errors
    /// What was seen that must not be.
    fn on_event(&mut self, _happening: &Happening, _sight: &Sight<'_>) -> Result<(), String> {
        Ok(())
    }

    /// Looks at the end.
    ///
    /// # Errors
    /// What was seen that must not be.
    fn at_end(&mut self, _sight: &Sight<'_>) -> Result<(), String> {
        Ok(())
    }

    /// Reports that it held against the truth since this was asked last.
    fn take_checked(&mut self) -> u64 {
        0
    }
}

/// All of them, as a run begins.
pub fn all() -> Vec<Box<dyn Property>> {
    vec![
        Box::new(counted_once::CountedOnce),
        Box::new(lost_in_silence::LostInSilence),
        Box::new(lost_only_without_paths::LostOnlyWithoutPaths),
        Box::new(numbered_once::NumberedOnce),
        Box::new(cohorts_true::CohortsTrue),
        Box::new(reads_true::ReadsTrue),
        Box::<verdicts_true::VerdictsTrue>::default(),
        Box::<compared_whole::ComparedWhole>::default(),
        Box::<changes_proven::ChangesProven>::default(),
        Box::new(stop_obeyed::StopObeyed),
        Box::new(flag_goes_forward::FlagGoesForward),
        Box::new(unknown_is_old::UnknownIsOld),
        Box::new(places_agree::PlacesAgree),
        Box::new(release_ends::ReleaseEnds),
        Box::new(balanced::Balanced),
        Box::new(letters_unreadable::LettersUnreadable),
        Box::new(settled::Settled),
        Box::new(bounded::Bounded),
        Box::new(health_honest::HealthHonest),
        Box::new(archived_once::ArchivedOnce),
        Box::new(private::Private),
    ]
}

/// An error unless it holds.
fn ensure(holds: bool, text: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(text()) }
}
