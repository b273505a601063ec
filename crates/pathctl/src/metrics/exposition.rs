//! Prometheus' text format, read and checked.
//!
//! Source: <https://prometheus.io/docs/instrumenting/exposition_formats/>, and `OpenMetrics` for `UNIT` and `EOF`.
//! Invariant: whatever the text, reading ends; what can't be read becomes a complaint that names its line.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::exposition_line::{Line, Sample};

/// A whole answer.
#[derive(Debug, Default)]
pub struct Exposition {
    /// Metrics in the order in which they come.
    pub families: Vec<Family>,
    unread: Vec<String>,
}

/// A metric with its samples.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Family {
    /// Its name.
    pub name: String,
    /// `counter`, `gauge`, `histogram`, `summary` or `untyped`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// What it is.
    pub help: Option<String>,
    /// What its values are measured in.
    pub unit: Option<String>,
    /// Its samples.
    pub samples: Vec<Sample>,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (word, text) in [("HELP", &self.help), ("TYPE", &self.kind), ("UNIT", &self.unit)] {
            if let Some(text) = text {
                writeln!(f, "# {word} {} {text}", self.name)?;
            }
        }
        let lines: Vec<&str> = self.samples.iter().map(|sample| sample.line.as_str()).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl Exposition {
    /// Reads a text, as far as it can be read.
    pub fn read(text: &str) -> Self {
        let mut read = Self::default();
        let mut places = BTreeMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            if let Err(complaint) = read.add(Line::read(line), &mut places) {
                read.unread.push(format!("line {number}: {complaint}"));
            }
        }
        if !text.is_empty() && !text.ends_with('\n') {
            read.unread.push("the last line has no end: it may be cut off".into());
        }
        read
    }

    fn add(&mut self, line: Result<Line, String>, places: &mut BTreeMap<String, usize>) -> Result<(), String> {
        match line? {
            Line::Nothing => Ok(()),
            Line::Fact { word, name, text } => {
                let family = self.family(&name, places);
                if word == "TYPE" && !family.samples.is_empty() {
                    return Err(format!("the type of {name} comes after its samples"));
                }
                let place = match word {
                    "TYPE" => &mut family.kind,
                    "UNIT" => &mut family.unit,
                    _ => &mut family.help,
                };
                if place.replace(text).is_some() { Err(format!("a second {word} of {name}")) } else { Ok(()) }
            }
            Line::Sample(sample) => {
                let name = family_of(&sample.name, |name| {
                    let kind = places.get(name).and_then(|place| self.families.get(*place))?.kind.as_deref()?;
                    Some(kind.to_owned())
                });
                self.family(&name, places).samples.push(sample);
                Ok(())
            }
        }
    }

    fn family(&mut self, name: &str, places: &mut BTreeMap<String, usize>) -> &mut Family {
        let end = self.families.len();
        let place = *places.entry(name.to_owned()).or_insert(end);
        if place == end {
            self.families.push(Family { name: name.to_owned(), ..Family::default() });
        }
        // Every place is of a family that was pushed.
        #[allow(clippy::indexing_slicing)]
        &mut self.families[place]
    }

    /// Metrics with the samples whose line contains `text`.
    pub fn containing(&self, text: &str) -> Vec<Family> {
        let fitting = |family: &Family| {
            let samples: Vec<Sample> = family.samples.iter().filter(|s| s.line.contains(text)).cloned().collect();
            (!samples.is_empty()).then(|| Family { samples, ..family.clone() })
        };
        self.families.iter().filter_map(fitting).collect()
    }

    /// What a scraper, or a reader of its graphs, would stumble over.
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints = self.unread.clone();
        if self.families.is_empty() {
            complaints.push("there is no metric at all".into());
        }
        for family in &self.families {
            complaints.extend(family.complaints());
        }
        complaints
    }
}

/// The metric that a sample belongs to: those of a histogram or summary have endings.
fn family_of(name: &str, kind_of: impl Fn(&str) -> Option<String>) -> String {
    for (ending, kinds) in [
        ("_bucket", &["histogram"] as &[_]),
        ("_sum", &["histogram", "summary"]),
        ("_count", &["histogram", "summary"]),
        ("_total", &["counter"]),
    ] {
        if let Some(stem) = name.strip_suffix(ending)
            && kind_of(stem).is_some_and(|kind| kinds.contains(&kind.as_str()))
        {
            return stem.to_owned();
        }
    }
    name.to_owned()
}

/// One series of a histogram.
#[derive(Default)]
struct Histogram {
    /// Bounds and values.
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
}

const KINDS: [&str; 7] = ["counter", "gauge", "histogram", "summary", "untyped", "unknown", "info"];

impl Family {
    fn complaints(&self) -> Vec<String> {
        let Self { name, kind, help, samples, .. } = self;
        let mut found = Vec::new();
        match kind.as_deref() {
            None => found.push(format!("{name}: no TYPE")),
            Some(kind) if !KINDS.contains(&kind) => found.push(format!("{name}: unknown type {kind}")),
            Some("counter") => {
                if samples.iter().any(|sample| !sample.name.ends_with("_total")) {
                    found.push(format!("{name}: a counter's name ends in _total"));
                }
                if samples.iter().any(|sample| sample.value.is_nan() || sample.value < 0.0) {
                    found.push(format!("{name}: a counter is below 0 or no number"));
                }
            }
            Some("histogram") => found.extend(self.histogram_complaints()),
            Some(_) => {}
        }
        if help.is_none() {
            found.push(format!("{name}: no HELP"));
        }
        if samples.is_empty() {
            found.push(format!("{name}: no samples"));
        }
        let mut series = BTreeSet::new();
        for sample in samples {
            if !series.insert((&sample.name, &sample.labels)) {
                found.push(format!("{name}: twice the same series: {}", sample.line));
            }
        }
        found
    }

    /// Buckets grow, the last is without bound, and it counts what `_count` says.
    fn histogram_complaints(&self) -> Vec<String> {
        let mut series: BTreeMap<BTreeMap<&str, &str>, Histogram> = BTreeMap::new();
        let mut found = Vec::new();
        for sample in &self.samples {
            let mut labels: BTreeMap<&str, &str> =
                sample.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let bound = labels.remove("le").map(str::parse::<f64>);
            let Histogram { buckets, count } = series.entry(labels).or_default();
            match (sample.name.ends_with("_bucket"), bound) {
                (true, Some(Ok(bound))) => buckets.push((bound, sample.value)),
                (true, _) => found.push(format!("{}: a bucket without a bound: {}", self.name, sample.line)),
                (false, _) if sample.name.ends_with("_count") => *count = Some(sample.value),
                (false, _) => {}
            }
        }
        for (labels, Histogram { mut buckets, count }) in series {
            buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
            if buckets.windows(2).any(|pair| matches!(pair, [a, b] if b.1 < a.1)) {
                found.push(format!("{}: buckets that do not grow: {labels:?}", self.name));
            }
            let last = buckets.last().filter(|(bound, _)| *bound == f64::INFINITY).map(|(_, value)| *value);
            match (last, count) {
                (None, _) => found.push(format!("{}: no bucket +Inf: {labels:?}", self.name)),
                (Some(last), Some(count)) if last.to_bits() == count.to_bits() => {}
                _ => found.push(format!("{}: bucket +Inf and _count differ: {labels:?}", self.name)),
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "\
# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{path=\"/a\\\"b\\\\\",class=\"2xx\"} 7
requests_total{path=\"/c\",class=\"2xx\"} 1e3 1730956800000
# HELP wait_seconds Time.
# TYPE wait_seconds histogram
# UNIT wait_seconds seconds
wait_seconds_bucket{le=\"0.1\"} 1
wait_seconds_bucket{le=\"+Inf\"} 3
wait_seconds_sum 0.5
wait_seconds_count 3

# a comment
# HELP up Whether it is up.
# TYPE up gauge
up +Inf
";

    #[test]
    fn a_good_text_gives_no_complaint() {
        let read = Exposition::read(GOOD);
        assert_eq!(read.complaints(), Vec::<String>::new());
        let names: Vec<&str> = read.families.iter().map(|family| family.name.as_str()).collect();
        assert_eq!(names, ["requests_total", "wait_seconds", "up"]);
        assert_eq!(read.families[0].samples[0].labels["path"], "/a\"b\\");
        assert_eq!(read.families[1].unit.as_deref(), Some("seconds"));
    }

    #[test]
    fn what_the_gateway_writes_gives_no_complaint() {
        use model::counting::rollup::Rollups;
        use model::operating::health::{Facts, judge};
        use model::operating::metrics::pipeline::Pipeline;
        use model::operating::metrics::rollout::Rollout;
        use model::operating::metrics::text;
        use model::operating::metrics::traffic::Traffic;
        let counts = [("id_invalid".to_owned(), 1)].into_iter().collect();
        let facts = Facts::default();
        let (status, reasons) = judge(&facts, 0);
        let pipeline = Pipeline { now_ms: 0, facts, status, reasons, counts: Some(counts), archived_until_ms: Some(0) };
        let nothing = Rollups::new();
        let traffic = Traffic { since_ms: 0, old: Some(&nothing), new: Some(&nothing) };
        for open in [false, true] {
            let read = Exposition::read(&text(&traffic, &Rollout::default(), &pipeline, open));
            assert_eq!(read.complaints(), Vec::<String>::new());
            assert!(read.families.len() > 15);
        }
    }

    #[test]
    fn only_what_contains_the_text_is_chosen() {
        let chosen = Exposition::read(GOOD).containing("/c");
        let text: Vec<String> = chosen.iter().map(ToString::to_string).collect();
        let lines: Vec<&str> = text[0].lines().collect();
        assert_eq!((text.len(), lines.len(), lines[1]), (1, 3, "# TYPE requests_total counter"));
        assert!(Exposition::read(GOOD).containing("nothing").is_empty());
    }

    #[test]
    fn each_fault_is_named() {
        for (fault, replacement, complaint) in [
            ("# TYPE up gauge\n", "", "up: no TYPE"),
            ("# TYPE up gauge", "# TYPE up gouge", "unknown type gouge"),
            ("# HELP up Whether it is up.\n", "", "up: no HELP"),
            ("up +Inf\n", "", "up: no samples"),
            ("up +Inf", "up many", "line 16: the value `many`"),
            ("up +Inf\n", "up +Inf", "the last line has no end"),
            ("up +Inf", "up 1\nup 2", "twice the same series"),
            ("up +Inf", "up{a=\"1\" 2", "line 16: "),
            ("up +Inf", "2up 2", "line 16: "),
            ("class=\"2xx\"} 7", "class=\"2xx\"} -7", "below 0"),
            ("requests_total{path=\"/c\"", "requests{path=\"/c\"", "requests: no TYPE"),
            ("le=\"0.1\"} 1", "le=\"0.1\"} 4", "do not grow"),
            ("wait_seconds_bucket{le=\"+Inf\"} 3\n", "", "no bucket +Inf"),
            ("wait_seconds_count 3", "wait_seconds_count 4", "_count differ"),
            ("# a comment", "# TYPE requests_total counter", "after its samples"),
            ("# UNIT wait_seconds seconds", "# UNIT wait_seconds seconds\n# UNIT wait_seconds s", "a second UNIT"),
        ] {
            let text = GOOD.replacen(fault, replacement, 1);
            assert_ne!(text, GOOD, "{fault}");
            let complaints = Exposition::read(&text).complaints();
            assert!(complaints.iter().any(|found| found.contains(complaint)), "{complaint}: {complaints:?}");
        }
        assert_eq!(Exposition::read("").complaints(), ["there is no metric at all"]);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text: String, lines in prop::collection::vec("[#a{}=\",\\\\ 1\n]{0,30}", 0..9)) {
            let _ = Exposition::read(&text).complaints();
            let _ = Exposition::read(&lines.join("\n")).complaints();
        }
    }
}
