//! Makes the story of a failure as short as may be, while the same property fails.

use crate::run::{Violation, run};
use crate::story::{Setup, Step, Story};

/// Runs that shrinking may take.
const MOST_RUNS: usize = 600;

/// Leaves a part of a setup as it is by default.
type Simplify = Box<dyn Fn(&mut Setup)>;

struct Shrinking {
    property: String,
    runs_left: usize,
}

impl Shrinking {
    fn fails(&mut self, story: &Story) -> bool {
        self.runs_left = self.runs_left.saturating_sub(1);
        run(story, false).violation.is_some_and(|violation| violation.property == self.property)
    }

    /// Leaves out as many steps as it can: chunks first, which halve until single steps are tried
    /// (Zeller, Hildebrandt, *Simplifying and isolating failure-inducing input*, IEEE TSE 28, 2002).
    fn without_steps(&mut self, mut story: Story) -> Story {
        let mut chunk = story.steps.len().div_ceil(2);
        while chunk > 0 && self.runs_left > 0 {
            let mut at = 0;
            let mut left_out = false;
            while at < story.steps.len() && self.runs_left > 0 {
                let end = (at + chunk).min(story.steps.len());
                let steps: Vec<Step> = [&story.steps[..at], &story.steps[end..]].concat();
                let shorter = Story { steps, ..story.clone() };
                if self.fails(&shorter) {
                    (story, left_out) = (shorter, true);
                } else {
                    at = end;
                }
            }
            if chunk == 1 && !left_out {
                break;
            }
            chunk = if chunk == 1 { 1 } else { chunk / 2 };
        }
        story
    }

    /// Leaves each part of the setup as it is by default, if it can.
    fn with_less_setup(&mut self, mut story: Story) -> Story {
        let plain = Setup::default();
        let names: Vec<String> = story.setup.settings.keys().cloned().collect();
        let mut candidates: Vec<Simplify> = Vec::new();
        for name in names {
            candidates.push(Box::new(move |setup| drop(setup.settings.remove(&name))));
        }
        candidates.push(Box::new(|setup| setup.repeats_ppm = 0));
        candidates.push(Box::new(|setup| setup.has_bucket = false));
        candidates.push(Box::new(|setup| setup.clocks_ms.iter_mut().for_each(|clock| *clock = 0)));
        candidates.push(Box::new(move |setup| setup.clocks_ms.clone_from(&plain.clocks_ms)));
        for simplify in candidates {
            let mut simpler = story.clone();
            simplify(&mut simpler.setup);
            if simpler != story && self.runs_left > 0 && self.fails(&simpler) {
                story = simpler;
            }
        }
        story
    }

    fn with_earlier_end(&mut self, story: Story) -> Story {
        let mut sooner = Story { calm_at_ms: 0, ..story.clone() };
        sooner.add([]);
        if self.fails(&sooner) { sooner } else { story }
    }
}

/// A shorter story in which the same property fails.
pub fn shrink(story: &Story, violation: &Violation) -> Story {
    let mut shrinking = Shrinking { property: violation.property.clone(), runs_left: MOST_RUNS };
    let story = shrinking.without_steps(story.clone());
    let story = shrinking.with_less_setup(story);
    shrinking.with_earlier_end(story)
}
