//! Prometheus' text format.
//!
//! Source: <https://prometheus.io/docs/instrumenting/exposition_formats/>.
//! Invariants: a sample is one line, whatever its labels contain. Values are decimal fractions made from integers, so
//! none is infinite or NaN. A metric without samples is left out; it is not shown as 0.

use std::fmt::{self, Write as _};

/// Content type of the text format.
pub const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The type of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only grows, or starts again at 0. `_total` is added to its name.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts of observations up to given bounds.
    Histogram,
}

/// A decimal fraction, zero or positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimal {
    digits: u64,
    /// How many of the digits are after the decimal point.
    decimals: u32,
}

impl Decimal {
    /// Seconds, from milliseconds.
    pub const fn seconds(ms: u64) -> Self {
        Self { digits: ms, decimals: 3 }
    }

    /// Seconds, from nanoseconds.
    pub const fn nanoseconds(ns: u64) -> Self {
        Self { digits: ns, decimals: 9 }
    }

    /// A share from 0 to 1, from parts per million.
    pub fn ppm(ppm: u32) -> Self {
        Self { digits: u64::from(ppm), decimals: 6 }
    }

    /// A share from 0 to 1, with nine decimals. NaN gives 0.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // from 0 to 10^9
    pub fn share(share: f64) -> Self {
        Self { digits: (share.clamp(0.0, 1.0) * 1e9).round() as u64, decimals: 9 }
    }
}

impl From<u64> for Decimal {
    fn from(digits: u64) -> Self {
        Self { digits, decimals: 0 }
    }
}

impl From<bool> for Decimal {
    fn from(holds: bool) -> Self {
        u64::from(holds).into()
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = 10_u64.saturating_pow(self.decimals);
        let (mut rest, mut width) = (self.digits % unit, self.decimals as usize);
        write!(f, "{}", self.digits / unit)?;
        if rest == 0 {
            return Ok(());
        }
        while rest % 10 == 0 {
            (rest, width) = (rest / 10, width - 1);
        }
        write!(f, ".{rest:0width$}")
    }
}

/// Labels of a sample, as names and values. Values may contain anything; names are not escaped.
pub type Labels<'a> = &'a [(&'static str, &'a str)];

/// The text, built metric by metric.
#[derive(Debug, Default)]
pub struct Exposition {
    text: String,
}

impl Exposition {
    /// Begins a metric. Call it once for each metric, and add all its samples before the next one. The name ends with
    /// the unit, without `_total`.
    pub const fn metric(&mut self, kind: MetricKind, name: &'static str, help: &'static str) -> Metric<'_> {
        Metric { to: self, kind, name, help, begun: false }
    }

    /// Adds a gauge without labels, unless its value is `None`.
    pub fn gauge(&mut self, name: &'static str, help: &'static str, value: Option<impl Into<Decimal>>) {
        if let Some(value) = value {
            self.metric(MetricKind::Gauge, name, help).sample(&[], value);
        }
    }

    /// Adds a counter without labels, unless its value is `None`.
    pub fn counter(&mut self, name: &'static str, help: &'static str, value: Option<u64>) {
        if let Some(value) = value {
            self.metric(MetricKind::Counter, name, help).sample(&[], value);
        }
    }

    /// Adds a gauge for each state: 1 for the current one, 0 for the others.
    pub fn states(&mut self, name: &'static str, help: &'static str, label: &'static str, states: &[&str], now: &str) {
        let mut metric = self.metric(MetricKind::Gauge, name, help);
        for state in states {
            metric.sample(&[(label, state)], *state == now);
        }
    }

    /// The whole text.
    pub fn finish(self) -> String {
        self.text
    }
}

/// A metric of an [`Exposition`].
#[derive(Debug)]
pub struct Metric<'a> {
    to: &'a mut Exposition,
    kind: MetricKind,
    name: &'static str,
    help: &'static str,
    begun: bool,
}

impl Metric<'_> {
    /// Adds a sample. No other sample of the metric may have the same labels.
    pub fn sample(&mut self, labels: Labels<'_>, value: impl Into<Decimal>) -> &mut Self {
        self.line(if self.kind == MetricKind::Counter { "_total" } else { "" }, labels, None, value.into())
    }

    /// Adds a series of a histogram: for each upper bound, the number of observations up to it; then the number of all
    /// observations, and their sum.
    pub fn histogram(
        &mut self,
        labels: Labels<'_>,
        buckets: impl Iterator<Item = (Decimal, u64)>,
        count: u64,
        sum: Decimal,
    ) {
        for (bound, up_to) in buckets {
            self.line("_bucket", labels, Some(&bound.to_string()), up_to.into());
        }
        self.line("_bucket", labels, Some("+Inf"), count.into());
        self.line("_sum", labels, None, sum).line("_count", labels, None, count.into());
    }

    fn line(&mut self, ending: &str, labels: Labels<'_>, bound: Option<&str>, value: Decimal) -> &mut Self {
        if !self.begun {
            self.begun = true;
            self.begin();
        }
        let text = &mut self.to.text;
        text.push_str(self.name);
        text.push_str(ending);
        let mut separator = '{';
        for (label, value) in labels.iter().copied().chain(bound.map(|bound| ("le", bound))) {
            text.push(separator);
            text.push_str(label);
            text.push_str("=\"");
            escape(value, text);
            text.push('"');
            separator = ',';
        }
        if separator == ',' {
            text.push('}');
        }
        // Writing to a string can't fail.
        let _ = writeln!(text, " {value}");
        self
    }

    fn begin(&mut self) {
        let Self { kind, name, help, .. } = *self;
        let text = &mut self.to.text;
        let ending = if kind == MetricKind::Counter { "_total" } else { "" };
        let word = match kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };
        for part in ["# HELP ", name, ending, " "] {
            text.push_str(part);
        }
        escape(help, text);
        for part in ["\n# TYPE ", name, ending, " ", word, "\n"] {
            text.push_str(part);
        }
    }
}

fn escape(value: &str, text: &mut String) {
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            // Other control characters can't be escaped, and some readers treat them as the end of a line.
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => text.push(' '),
            c => text.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn example() -> String {
        let mut all = Exposition::default();
        all.metric(MetricKind::Counter, "sent", "Events.").sample(&[("to", "a\"\\\n")], 7).sample(&[("to", "b")], 0);
        all.metric(MetricKind::Gauge, "nothing", "No samples.");
        all.gauge("age_seconds", "Age.", Some(Decimal::seconds(1_050)));
        all.gauge("none", "Not known.", None::<u64>);
        let buckets = [(Decimal::nanoseconds(250_000_000), 1), (Decimal::nanoseconds(1_000_000_000), 2)];
        let mut metric = all.metric(MetricKind::Histogram, "took_seconds", "Time.");
        metric.histogram(&[("path", "/")], buckets.into_iter(), 3, Decimal::seconds(2_000));
        all.states("mode", "Mode.", "mode", &["x", "y"], "y");
        all.finish()
    }

    #[test]
    fn the_text_is_as_its_specification_says() {
        let text = "# HELP sent_total Events.\n# TYPE sent_total counter\nsent_total{to=\"a\\\"\\\\\\n\"} 7\n\
            sent_total{to=\"b\"} 0\n\
            # HELP age_seconds Age.\n# TYPE age_seconds gauge\nage_seconds 1.05\n\
            # HELP took_seconds Time.\n# TYPE took_seconds histogram\n\
            took_seconds_bucket{path=\"/\",le=\"0.25\"} 1\ntook_seconds_bucket{path=\"/\",le=\"1\"} 2\n\
            took_seconds_bucket{path=\"/\",le=\"+Inf\"} 3\ntook_seconds_sum{path=\"/\"} 2\n\
            took_seconds_count{path=\"/\"} 3\n\
            # HELP mode Mode.\n# TYPE mode gauge\nmode{mode=\"x\"} 0\nmode{mode=\"y\"} 1\n";
        assert_eq!(example(), text);
    }

    #[test]
    fn shares_stay_between_none_and_all() {
        let shares = [f64::NAN, -1.0, 0.0, 0.125, 1e-9, 1.0, f64::INFINITY].map(|s| Decimal::share(s).to_string());
        assert_eq!(shares, ["0", "0", "0", "0.125", "0.000000001", "1", "1"]);
        assert_eq!(Decimal::ppm(10_000).to_string(), "0.01");
    }

    proptest! {
        #[test]
        fn whatever_a_label_holds_a_sample_is_one_line_that_gives_it_back(value: String, number: u64) {
            let mut all = Exposition::default();
            all.metric(MetricKind::Gauge, "g", "G.").sample(&[("l", &value)], number);
            let text = all.finish();
            let lines: Vec<&str> = text.lines().collect();
            prop_assert_eq!(lines.len(), 3);
            let label = lines[2].strip_prefix("g{l=\"").and_then(|l| l.strip_suffix(&format!("\"}} {number}"))).unwrap();
            let read = label.replace("\\\\", "\u{1}").replace("\\n", "\n").replace("\\\"", "\"").replace('\u{1}', "\\");
            let plain = |c: char| if (c.is_control() && c != '\n') || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c };
            prop_assert_eq!(read, value.chars().map(plain).collect::<String>());
        }

        #[test]
        fn a_number_is_read_as_it_was(digits in 0u64..1 << 53) {
            for number in [Decimal::from(digits), Decimal::seconds(digits), Decimal::nanoseconds(digits)] {
                let text = number.to_string();
                let read: f64 = text.parse().unwrap();
                #[allow(clippy::cast_precision_loss)]
                let truth = digits as f64 / 10f64.powi(i32::try_from(number.decimals).unwrap());
                prop_assert!((read - truth).abs() <= truth * 1e-15, "{}", text);
                prop_assert!(!text.ends_with('.') && (!text.contains('.') || !text.ends_with('0')));
            }
        }
    }
}
