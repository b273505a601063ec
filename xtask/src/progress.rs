//! Signs of progress on standard error, where that is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over `total` of something; `template` is indicatif's.
pub fn bar(total: u64, what: &'static str, template: &str) -> ProgressBar {
    // A template that doesn't parse would be a slip of ours: the default style still shows progress.
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total).with_style(style).with_message(what)
}

/// A bar that counts requests.
pub fn request_bar(total: u64, what: &'static str) -> ProgressBar {
    bar(total, what, "{msg:12} {wide_bar} {human_pos}/{human_len} requests, {eta} left")
}

/// A sign of life for a step of unknown length.
pub fn spinner(what: impl Into<String>) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {msg} ({elapsed})")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    let spinner = ProgressBar::new_spinner().with_style(style).with_message(what.into());
    spinner.enable_steady_tick(Duration::from_millis(120));
    spinner
}
