//! What the operator sees: results on standard output, notes on standard error, progress only on a terminal.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::time::Duration;

use indicatif::ProgressBar;
use model::reading::missing::MissingData;
use serde::Serialize;

use crate::error::CliError;

/// Writes a result to standard output. A reader that has gone away (`| head`) is no error.
pub fn say(text: &impl Display) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// Writes a result to standard output as one line of JSON.
pub fn say_json(value: &impl Serialize) -> Result<(), CliError> {
    say(&serde_json::to_string(value)?);
    Ok(())
}

/// Writes a note to standard error, where it never mixes with results.
pub fn note(text: &impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Text that others have written, on one line and without what a terminal would obey.
pub fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// The name that a value has in JSON.
pub fn name(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// A line for each part of the system that an answer lacks; empty if it is whole.
pub fn notice(missing: &[MissingData]) -> String {
    let line = |MissingData { store, reason }: &MissingData| {
        one_line(&format!("MISSING: {}: {reason}. What only it holds is in no figure here.", store.name())) + "\n"
    };
    missing.iter().map(line).collect()
}

/// A sign of life for a step of unknown length.
pub fn spinner(what: &'static str) -> ProgressBar {
    let spinner = ProgressBar::new_spinner().with_message(what);
    spinner.enable_steady_tick(Duration::from_millis(120));
    spinner
}
