//! Stories that are told by hand: what a deployment goes through sooner or later, from its first day to its last.

mod deployment;
mod outage;
mod restore;
mod rollout;
mod scanner;
pub mod year;

use crate::properties::Property;
use crate::sight::Sight;
use crate::story::{Act, Step, Story};

/// A story, and what must hold in it besides what always does.
pub struct Scenario {
    pub name: &'static str,
    pub story: Story,
    pub besides: Vec<Box<dyn Property>>,
}

/// All of them but [`year`], which lasts longer than details are kept.
pub fn all() -> Vec<Scenario> {
    vec![
        rollout::rollout(),
        outage::d1_is_away_for_six_hours(),
        outage::d1_is_away_for_four_days(),
        outage::d1_is_full_for_a_day(),
        deployment::two_versions_for_a_week(),
        restore::restored_d1(),
        scanner::scanner(),
    ]
}

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;

/// Requests at a steady pace, by all gateways in turn; their numbers begin at `first`.
fn traffic(first: u64, from_ms: u64, to_ms: u64, every_ms: u64, gateways: u64) -> Vec<Step> {
    let times = (from_ms..to_ms).step_by(usize::try_from(every_ms).unwrap());
    (first..)
        .zip(times)
        .map(|(number, at_ms)| {
            let gateway = usize::try_from(number % gateways).unwrap();
            Step::new(at_ms, Act::Request { gateway, number })
        })
        .collect()
}

/// Something that must hold at the end of one scenario.
struct InTheEnd<F>(&'static str, F);

impl<F: Fn(&Sight<'_>) -> Result<(), String>> Property for InTheEnd<F> {
    fn name(&self) -> &'static str {
        self.0
    }

    fn at_end(&mut self, sight: &Sight<'_>) -> Result<(), String> {
        self.1(sight)
    }
}

fn in_the_end(name: &'static str, holds: impl Fn(&Sight<'_>) -> Result<(), String> + 'static) -> Box<dyn Property> {
    Box::new(InTheEnd(name, holds))
}

/// Every request is in a store: nothing was lost, by whatever excuse.
fn all_counted() -> Box<dyn Property> {
    in_the_end("every request is counted", |sight| {
        let (counted, served) = (sight.stored().counted().len(), sight.truth.served.len());
        if counted == served { Ok(()) } else { Err(format!("{counted} of {served} are counted")) }
    })
}
