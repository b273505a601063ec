//! A failure, told to a person.

use std::fmt;

use crate::run::{Outcome, Violation, run};
use crate::shrink::shrink;
use crate::story::{Story, clock};

/// Last lines of what happened that are shown.
const SHOWN_LINES: usize = 120;

/// A failure, and the shortest story in which it was seen.
#[derive(Debug, Clone)]
pub struct FailedStory {
    /// The seed whose story failed first.
    pub seed: u64,
    pub story: Story,
    pub outcome: Outcome,
}

impl FailedStory {
    /// Shrinks a story that failed.
    pub fn of(seed: u64, story: &Story, violation: &Violation) -> Self {
        let story = shrink(story, violation);
        let outcome = run(&story, true);
        Self { seed, story, outcome }
    }

    /// The story as a file of past failures.
    ///
    /// # Panics
    /// Never: a story is plain data.
    pub fn file(&self) -> String {
        serde_json::to_string_pretty(&self.story).unwrap()
    }

    fn violation(&self) -> Violation {
        let lost = Violation { property: "none any more".to_owned(), text: String::new() };
        self.outcome.violation.clone().unwrap_or(lost)
    }

    /// What such a file may be called.
    pub fn file_name(&self) -> String {
        let property = self.violation().property;
        let words: String = property.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        format!("{words}-{}.json", self.seed)
    }
}

impl fmt::Display for FailedStory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Violation { property, text } = self.violation();
        writeln!(f, "seed {}: \"{property}\" does not hold: {text}", self.seed)?;
        writeln!(f, "\nThe shortest story in which that was seen:\n{}\n", self.story)?;
        let lines = &self.outcome.lines;
        let from = lines.len().saturating_sub(SHOWN_LINES);
        writeln!(f, "What happened ({} lines, the last {} of them):", lines.len(), lines.len() - from)?;
        for (at_ms, line) in &lines[from..] {
            writeln!(f, "  {} {line}", clock(at_ms.saturating_sub(rig::START)))?;
        }
        writeln!(f, "\nTo keep it as a test, save this as crates/sim/past/{}:\n{}", self.file_name(), self.file())
    }
}
