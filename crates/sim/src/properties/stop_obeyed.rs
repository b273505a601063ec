//! An accepted stop is obeyed by every isolate that can read, until somebody releases it by its name.

use model::event::{Cohort, Event};

use super::{Property, ensure};
use crate::sight::Sight;
use crate::story::Act;
use crate::truth::AcceptedStop;

/// How long a stop may take to reach everyone, in ms: KV shows what is a minute old, an isolate reads every 5 s, and asks
/// the object every third time.
const SPREAD_MS: u64 = 90_000;

pub struct StopObeyed;

/// What goes to the new path on purpose.
fn is_meant_for_new(event: &Event) -> bool {
    event.cohort == Cohort::Dual || (event.cohort == Cohort::Single && !event.fell_back)
}

/// Whether KV could not take the stop, and an isolate is of a version whose questions the object can't read yet.
fn is_out_of_reach(sight: &Sight<'_>) -> bool {
    let any = |is: fn(&Act) -> bool| sight.story.steps.iter().any(|step| is(&step.act));
    any(|act| matches!(act, Act::KvQuota(_))) && any(|act| matches!(act, Act::Upgrade(_)))
}

fn disobeyed<'a>(stop: &AcceptedStop, sight: &'a Sight<'_>) -> Option<&'a Event> {
    let until_ms = stop.released_ms.unwrap_or(u64::MAX);
    sight.stored().new.iter().find(|event| {
        let served = sight.truth.served.get(&event.digest);
        // Repeats may be another copy's.
        let Some([copy]) = served.map(Vec::as_slice) else { return false };
        let from_ms = stop.at_ms + SPREAD_MS;
        (from_ms..until_ms).contains(&copy.at_ms)
            && is_meant_for_new(event)
            // An isolate that can read no place that has the stop goes on with what it knows.
            && !sight.was_broken(stop.at_ms, copy.at_ms)
            && !is_out_of_reach(sight)
    })
}

impl Property for StopObeyed {
    fn name(&self) -> &'static str {
        "a stop is obeyed until it is released"
    }

    fn at_end(&mut self, sight: &Sight<'_>) -> Result<(), String> {
        for stop in &sight.truth.stops {
            let event = disobeyed(stop, sight);
            ensure(event.is_none(), || format!("{stop:?}, and yet {event:?}"))?;
        }
        Ok(())
    }
}
