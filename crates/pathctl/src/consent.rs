//! The operator's yes.
//!
//! Invariant: only a person at a terminal is asked, and only a plain yes is one.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::error::CliError;

/// How the operator agrees to a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// It was given with the command.
    Given,
    /// It must be asked for.
    Asked,
}

impl Consent {
    /// How it can be had for `step`: `yes` is whether the command says `--yes`.
    pub fn by(yes: bool, step: &'static str) -> Result<Self, CliError> {
        match (yes, io::stdin().is_terminal()) {
            (true, _) => Ok(Self::Given),
            (false, true) => Ok(Self::Asked),
            (false, false) => Err(CliError::NobodyToAsk { step }),
        }
    }

    /// Whether the operator agrees to `question`, which goes to standard error, where it never mixes with results.
    pub fn is_granted(self, question: &str) -> bool {
        if self == Self::Given {
            return true;
        }
        let mut terminal = io::stderr().lock();
        // Without a question there is no answer either: the default is no.
        let _ = write!(terminal, "{question} [y/N] ");
        let _ = terminal.flush();
        is_yes(&mut io::stdin().lock())
    }
}

fn is_yes(input: &mut impl BufRead) -> bool {
    let mut answer = String::new();
    input.read_line(&mut answer).is_ok() && ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_yes_is_one() {
        for (answer, expected) in
            [("y\n", true), ("YES\n", true), ("", false), ("\n", false), ("n\n", false), ("yo\n", false)]
        {
            assert_eq!(is_yes(&mut answer.as_bytes()), expected, "{answer:?}");
        }
    }
}
