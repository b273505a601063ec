//! What came of a replay.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::gateway::{GatewayResponse, SendError};
use crate::log_reader::BadLines;
use crate::truth::percentile;

/// How many reasons of failed requests are shown.
const SHOWN_ERRORS: usize = 5;

/// Lateness that is worth a line, in ms: less is a timer's.
const NOTEWORTHY_MS: f64 = 50.0;

/// Collects outcomes.
#[derive(Debug, Default)]
pub struct OutcomeCollector {
    status: BTreeMap<String, u64>,
    errors: BTreeMap<&'static str, u64>,
    reasons: Vec<String>,
    latencies_us: Vec<u64>,
}

/// The figures of a replay.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplaySummary {
    /// Requests sent.
    pub sent: u64,
    /// Requests with a complete answer.
    pub answered: u64,
    /// Answers by class of status.
    pub status: BTreeMap<String, u64>,
    /// Requests without an answer, by kind.
    pub errors: BTreeMap<&'static str, u64>,
    /// The first few reasons.
    pub error_reasons: Vec<String>,
    /// Time until the answer's headers, in ms.
    pub latency_ms: LatencyPercentiles,
    /// From first to last, in s.
    pub duration_s: f64,
    /// Requests sent per second.
    pub rate_per_s: f64,
    /// How late the latest request was sent, in ms.
    pub latest_ms: f64,
    /// Lines that could not be sent.
    pub bad_lines: BadLines,
    /// Whether it was stopped before the end.
    pub interrupted: bool,
}

/// Percentiles in ms, exact.
#[derive(Debug, Serialize)]
pub struct LatencyPercentiles {
    p50: f64,
    p95: f64,
    p99: f64,
    max: f64,
}

impl OutcomeCollector {
    /// Adds one.
    pub fn add(&mut self, outcome: Result<GatewayResponse, SendError>) {
        match outcome {
            Ok(answer) => {
                *self.status.entry(format!("{}xx", answer.status.as_u16() / 100)).or_default() += 1;
                self.latencies_us.push(u64::try_from(answer.latency.as_micros()).unwrap_or(u64::MAX));
            }
            Err(error) => {
                *self.errors.entry(error.kind).or_default() += 1;
                let reason = error.to_string();
                if self.reasons.len() < SHOWN_ERRORS && !self.reasons.contains(&reason) {
                    self.reasons.push(reason);
                }
            }
        }
    }

    /// The figures of all that was added.
    #[allow(clippy::cast_precision_loss)] // counts far below 2^53
    pub fn finish(
        mut self,
        duration: Duration,
        latest: Duration,
        bad_lines: BadLines,
        interrupted: bool,
    ) -> ReplaySummary {
        self.latencies_us.sort_unstable();
        let ms = |percent| percentile(&self.latencies_us, percent).map_or(0.0, |us| us as f64 / 1_000.0);
        let answered = self.latencies_us.len() as u64;
        let sent = answered + self.errors.values().sum::<u64>();
        ReplaySummary {
            sent,
            answered,
            latency_ms: LatencyPercentiles { p50: ms(50), p95: ms(95), p99: ms(99), max: ms(100) },
            status: self.status,
            errors: self.errors,
            error_reasons: self.reasons,
            duration_s: duration.as_secs_f64(),
            rate_per_s: if duration.is_zero() { 0.0 } else { sent as f64 / duration.as_secs_f64() },
            latest_ms: latest.as_secs_f64() * 1_000.0,
            bad_lines,
            interrupted,
        }
    }
}

impl fmt::Display for ReplaySummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stopped = if self.interrupted { " (stopped on request)" } else { "" };
        writeln!(f, "sent       {} in {:.1} s, {:.0}/s{stopped}", self.sent, self.duration_s, self.rate_per_s)?;
        if !self.errors.is_empty() {
            writeln!(f, "unanswered {}", counts(&self.errors))?;
            for reason in &self.error_reasons {
                writeln!(f, "           {reason}")?;
            }
        }
        if self.answered > 0 {
            writeln!(f, "answered   {}", counts(&self.status))?;
            let LatencyPercentiles { p50, p95, p99, max } = self.latency_ms;
            writeln!(f, "latency    p50 {p50:.1} ms, p95 {p95:.1} ms, p99 {p99:.1} ms, max {max:.1} ms")?;
        }
        if self.latest_ms > NOTEWORTHY_MS {
            writeln!(f, "late       up to {:.0} ms: raise --concurrency, or ask for less", self.latest_ms)?;
        }
        write!(f, "bad lines  {}", self.bad_lines.count)
    }
}

fn counts(of: &BTreeMap<impl fmt::Display, u64>) -> String {
    of.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn outcomes_are_counted_by_class_and_kind() {
        let mut outcomes = OutcomeCollector::default();
        for (status, ms) in [(200, 10), (201, 20), (404, 30), (503, 40)] {
            let status = StatusCode::from_u16(status).unwrap();
            outcomes.add(Ok(GatewayResponse { status, latency: Duration::from_millis(ms) }));
        }
        let refused = SendError { kind: "connect", reason: "refused".into() };
        outcomes.add(Err(refused.clone()));
        outcomes.add(Err(refused));
        let summary = outcomes.finish(Duration::from_secs(2), Duration::ZERO, BadLines::default(), false);
        assert_eq!((summary.sent, summary.answered), (6, 4));
        assert_eq!(summary.status, BTreeMap::from([("2xx".into(), 2), ("4xx".into(), 1), ("5xx".into(), 1)]));
        assert_eq!(summary.errors, BTreeMap::from([("connect", 2)]));
        assert_eq!(summary.error_reasons, ["connect: refused"]);
        assert!((summary.latency_ms.p50 - 20.0).abs() < 1e-9 && (summary.latency_ms.max - 40.0).abs() < 1e-9);
        assert!((summary.rate_per_s - 3.0).abs() < 1e-9);
    }

    #[test]
    fn nothing_sent_is_shown_without_a_division_by_zero() {
        let summary = OutcomeCollector::default().finish(Duration::ZERO, Duration::ZERO, BadLines::default(), true);
        assert!(summary.to_string().contains("sent       0 in 0.0 s, 0/s (stopped on request)"), "{summary}");
    }
}
