//! What the operator sees: results on standard output, notes on standard error, progress only on a terminal.

use std::fmt::Display;
use std::io::{self, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::error::CliError;

/// Writes a result to standard output. A reader that has gone away (`| head`) is no error.
pub fn say(text: &impl Display) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// Writes a result to standard output as one line of JSON, its fields in the order of the type's.
///
/// # Errors
/// Only when a value has no form in JSON.
pub fn say_json(value: &impl Serialize) -> Result<(), CliError> {
    let text = serde_json::to_string(value)
        .map_err(|error| CliError::failed("writing JSON", &error, "report it as a fault of this tool"))?;
    say(&text);
    Ok(())
}

/// Writes a note to standard error, where it never mixes with results.
pub fn note(text: &impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// A bar over `total` of something; nothing is drawn unless standard error is a terminal.
pub fn bar(total: u64, what: &'static str, template: &str) -> ProgressBar {
    // A template that doesn't parse would be a slip of ours: the default style still shows progress.
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total).with_style(style).with_message(what)
}

/// A bar that counts requests.
pub fn request_bar(total: u64, what: &'static str) -> ProgressBar {
    bar(total, what, "{msg:12} {wide_bar} {human_pos}/{human_len} requests, {eta} left")
}

/// A bar over the bytes of a file.
pub fn byte_bar(total: u64, what: &'static str) -> ProgressBar {
    bar(total, what, "{msg:12} {wide_bar} {bytes}/{total_bytes}, {eta} left")
}

/// A sign of life for a step of unknown length.
pub fn spinner(what: impl Into<String>) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {msg} ({elapsed})")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    let spinner = ProgressBar::new_spinner().with_style(style).with_message(what.into());
    spinner.enable_steady_tick(Duration::from_millis(120));
    spinner
}
