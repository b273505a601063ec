//! Judges the facts: a status, with its reasons.

use super::{
    Backlog, HealthFacts, HealthReason, HealthStatus, Job, LetterGauge, ReasonCode, RecentCounts, WRITE_PROBE,
};
use crate::counting::grain::{DAY_MS, HOUR_MS, MINUTE_MS};
use crate::flag::stop::Stop;
use crate::reading::missing::MissingPart;

/// How long cron may be silent, in ms. It runs each minute.
pub(super) const CRON_SILENCE_MS: u64 = 5 * MINUTE_MS;

/// How long an event may wait in the queue, in ms: the lag that parity allows.
pub(super) const QUEUE_WAIT_MS: u64 = 15 * MINUTE_MS;

/// How long a message may wait in the slow lane, in ms: half of four days, which is how long a queue keeps messages by
/// default.
pub(super) const SLOW_LANE_WAIT_MS: u64 = 2 * DAY_MS;

/// How long messages may be retried while none is applied, in ms: two reports of an isolate, and some more.
const STUCK_MS: u64 = 3 * MINUTE_MS;

/// Messages that may wait in the queue: the founding plan's "backlog < 100".
const BACKLOG: u64 = 100;

/// Segments that may wait to be folded. Each read has to unpack all of them.
const UNFOLDED: u64 = 2_000;

/// What D1 and each object may hold, in bytes: 10 GB.
pub const STORE_LIMIT_BYTES: u64 = 10_000_000_000;

/// From which share of that a store counts as filling, and as full, in percent.
const FILLING_PERCENT: u64 = 70;
const FULL_PERCENT: u64 = 90;

const OBJECT: &str = "the PathCollector object";
const D1: &str = "D1";

/// Collects reasons.
#[derive(Default)]
struct Reasons(Vec<(HealthStatus, HealthReason)>);

impl Reasons {
    fn add(
        &mut self,
        code: ReasonCode,
        status: HealthStatus,
        since: Option<u64>,
        message: String,
        remedy: &'static str,
    ) {
        self.0.push((status, HealthReason { code, message, since, remedy: remedy.into() }));
    }
}

/// A number with its noun: `1 event`, `2 events`.
fn counted(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Judges the facts.
pub fn judge(facts: &HealthFacts, now_ms: u64) -> (HealthStatus, Vec<HealthReason>) {
    let mut reasons = Reasons::default();
    stores(facts, &mut reasons);
    writes(facts, now_ms, &mut reasons);
    jobs(facts, now_ms, &mut reasons);
    if let Some(lately) = &facts.lately {
        paths(lately, now_ms, &mut reasons);
    }
    queues(facts, now_ms, &mut reasons);
    letters(facts.letters, &mut reasons);
    if let Some(behind_ms) = facts.archive_behind_ms {
        let message = format!("the archive is {} h late; details are kept meanwhile", behind_ms / HOUR_MS);
        let since = Some(now_ms.saturating_sub(behind_ms));
        reasons.add(
            ReasonCode::ArchiveLate,
            HealthStatus::Degraded,
            since,
            message,
            "see the job `archive` and the bucket's errors",
        );
    }
    if facts.parity_failed {
        let message = "the newest hour's parity report says fail: the stores differ".to_owned();
        reasons.add(ReasonCode::ParityFailed, HealthStatus::Degraded, None, message, "see `pathctl parity report`");
    }
    if facts.lost_on_both > 0 {
        let message = format!("both paths lost {} of the newest hour", counted(facts.lost_on_both, "event"));
        let remedy = "see `loss.gaps` of its parity report, and the log";
        reasons.add(ReasonCode::LostOnBothPaths, HealthStatus::Degraded, None, message, remedy);
    }
    flag(facts, &mut reasons);
    let (statuses, reasons): (Vec<_>, Vec<_>) = reasons.0.into_iter().unzip();
    (statuses.into_iter().max().unwrap_or(HealthStatus::Ok), reasons)
}

/// Reasons why traffic doesn't follow the flag, or the settings.
fn flag(facts: &HealthFacts, reasons: &mut Reasons) {
    if let Some(Stop { id, made, .. }) = &facts.stop {
        let message = format!("stopped by {}: {}; its ID is {id}", made.by, made.reason);
        reasons.add(
            ReasonCode::Stopped,
            HealthStatus::Degraded,
            Some(made.at),
            message,
            "POST flag/release with the ID ends it",
        );
    }
    if !facts.flag_is_known {
        let message =
            "neither KV nor the object tells the flag and its stops: the old path alone holds here".to_owned();
        reasons.add(
            ReasonCode::FlagUnreadable,
            HealthStatus::Degraded,
            None,
            message,
            "see the errors in the Worker's log",
        );
    }
    if let Some(refusal) = &facts.shards_refused {
        let remedy = "set COLLECTOR_SHARDS as it was";
        reasons.add(ReasonCode::ShardsRefused, HealthStatus::Degraded, None, refusal.clone(), remedy);
    }
}

/// Reasons about the stores: can they be read, are they folded, do they have room?
fn stores(facts: &HealthFacts, reasons: &mut Reasons) {
    for (code, part, name, unfolded, bytes) in [
        (ReasonCode::OldStoreUnreadable, MissingPart::Old, OBJECT, facts.old_unfolded, facts.old_bytes),
        (ReasonCode::NewStoreUnreadable, MissingPart::New, D1, facts.new_unfolded, facts.new_bytes),
    ] {
        match unfolded {
            None => {
                let missing = facts.missing.iter().find(|missing| missing.store == part);
                let why = missing.map_or("why is not known", |missing| missing.reason.as_str());
                let message = format!("{name} can't be read, and figures lack what only it holds: {why}");
                reasons.add(
                    code,
                    HealthStatus::Failing,
                    None,
                    message,
                    "see the errors in the Worker's log; reads go on",
                );
            }
            Some(waiting) if waiting > UNFOLDED => {
                let message = format!("{waiting} segments of {name} wait to be folded, which makes reads slow");
                reasons.add(
                    ReasonCode::FoldingLate,
                    HealthStatus::Degraded,
                    None,
                    message,
                    "see scheduled work, which folds them",
                );
            }
            Some(_) => {}
        }
        let percent = bytes.unwrap_or_default().saturating_mul(100) / STORE_LIMIT_BYTES;
        let message = format!("{name} holds {percent} % of the 10 GB that it may");
        let remedy = "shorten KEEP_DETAILS_DAYS, or bind an archive bucket, so that details can go sooner";
        if percent >= FULL_PERCENT {
            reasons.add(ReasonCode::StoreFull, HealthStatus::Failing, None, message, remedy);
        } else if percent >= FILLING_PERCENT {
            reasons.add(ReasonCode::StoreFilling, HealthStatus::Degraded, None, message, remedy);
        }
    }
}

fn find<'a>(jobs: Option<&'a [Job]>, name: &str) -> Option<&'a Job> {
    jobs?.iter().find(|job| job.job == name)
}

/// Reasons about writes to the stores. A store that can be read may not take writes.
fn writes(facts: &HealthFacts, now_ms: u64, reasons: &mut Reasons) {
    let probe = find(facts.jobs.as_deref(), WRITE_PROBE);
    let written_at = probe.and_then(|probe| probe.succeeded_at).max(facts.new_written_at);
    let is_late = |at: u64| now_ms.saturating_sub(at) > CRON_SILENCE_MS;
    let failed = probe.and_then(|probe| probe.error.as_ref().map(|error| (probe.started_at, error)));
    match failed {
        // A later write that D1 itself remembers is proof enough.
        Some((at, error)) if written_at.is_none_or(|written_at| written_at <= at) => {
            let is_full = ["full", "maximum"].iter().any(|word| error.contains(word));
            let remedy = if is_full {
                "make room: shorten KEEP_DETAILS_DAYS or bind an archive bucket; messages wait in the queues meanwhile"
            } else {
                "messages wait in the queues, and are applied once it does: see D1's state at Cloudflare"
            };
            let message = format!("{D1} takes no writes: {error}");
            reasons.add(ReasonCode::NewStoreRefusesWrites, HealthStatus::Failing, written_at, message, remedy);
        }
        _ => {
            let known_since = written_at.or(probe.map(|probe| probe.started_at));
            if let Some(at) = known_since.filter(|at| is_late(*at)) {
                let minutes = now_ms.saturating_sub(at) / MINUTE_MS;
                let message = format!("whether {D1} takes writes is not known: the last probe was {minutes} min ago");
                let remedy = "see that the cron trigger is there: wrangler.toml, `triggers`";
                reasons.add(ReasonCode::WriteProbeLate, HealthStatus::Degraded, Some(at), message, remedy);
            }
        }
    }
    if reports_are_refused(facts, now_ms) {
        let message = format!("{OBJECT} takes no reports, though cron runs: it may take no events either");
        let since = facts.jobs.iter().flatten().map(|job| job.started_at).max();
        let remedy = "see its errors in the Worker's log; what it refuses goes to the queue";
        reasons.add(ReasonCode::OldStoreRefusesWrites, HealthStatus::Failing, since, message, remedy);
    }
}

/// Whether D1 shows that cron runs, although no report of it reached the object for long.
fn reports_are_refused(facts: &HealthFacts, now_ms: u64) -> bool {
    let reported_at = facts.jobs.iter().flatten().map(|job| job.started_at).max();
    let is_recent = |at: u64| now_ms.saturating_sub(at) <= CRON_SILENCE_MS;
    reported_at.is_some_and(|at| !is_recent(at)) && facts.new_written_at.is_some_and(is_recent)
}

/// Reasons about scheduled work.
fn jobs(facts: &HealthFacts, now_ms: u64, reasons: &mut Reasons) {
    let Some(jobs) = &facts.jobs else { return };
    if jobs.is_empty() {
        let message = "no scheduled job has run yet: it takes a minute".to_owned();
        reasons.add(
            ReasonCode::CronNever,
            HealthStatus::Degraded,
            None,
            message,
            "see that the cron trigger is there: wrangler.toml",
        );
    }
    let is_refused = reports_are_refused(facts, now_ms);
    for Job { job, started_at, succeeded_at, error } in jobs.iter().filter(|job| job.job != WRITE_PROBE) {
        let silent_ms = now_ms.saturating_sub(*started_at);
        if silent_ms > CRON_SILENCE_MS && !is_refused {
            let message = format!("the job `{job}` has not begun for {} min", silent_ms / MINUTE_MS);
            let remedy = "see that the cron trigger is there, and the Worker's log for runs that were cut off";
            reasons.add(ReasonCode::CronLate, HealthStatus::Degraded, Some(*started_at), message, remedy);
        } else if let Some(error) = error {
            let message = format!("the job `{job}` failed: {error}");
            reasons.add(
                ReasonCode::CronFailed,
                HealthStatus::Degraded,
                *succeeded_at,
                message,
                "it is done again each minute",
            );
        }
    }
}

/// Reasons about events that were lost, took the other path, or are retried.
fn paths(lately: &RecentCounts, now_ms: u64, reasons: &mut Reasons) {
    let of = |name| lately.count(name);
    let (acked, retried) = (of("consumer_acked"), of("consumer_retried"));
    if retried > 0 {
        let remedy =
            "they wait in the queue or the slow lane, and are applied once D1 takes them: see the consumer's errors";
        let put_back = format!("{} back within 15 minutes", counted(retried, "message"));
        let is_stuck = lately.retried_since.is_some_and(|since| now_ms.saturating_sub(since) >= STUCK_MS);
        if acked == 0 || is_stuck {
            let message = format!("the consumer put {put_back}, and applies none now");
            reasons.add(ReasonCode::MessagesStuck, HealthStatus::Failing, lately.retried_since, message, remedy);
        } else if retried > acked {
            let message = format!("the consumer put {put_back}, and applied only {acked}");
            reasons.add(ReasonCode::MessagesRetried, HealthStatus::Degraded, lately.retried_since, message, remedy);
        }
    }
    let fallback = of("fallback");
    if fallback > 0 {
        let (old, new) = (of("do_record_failed"), of("queue_send_failed"));
        let events = counted(fallback, "event");
        let message = format!(
            "{events} took the other path within 15 minutes: {old} writes to the object failed, {new} to the queue"
        );
        reasons.add(
            ReasonCode::Fallback,
            HealthStatus::Degraded,
            None,
            message,
            "nothing is lost by it; see the errors in the log",
        );
    }
    let remedy = "each is whole in the log (`event lost`): send them to the queue as one message";
    match (of("lost"), lately.day.get("lost").copied().unwrap_or_default()) {
        (0, 0) => {}
        (0, lost) => {
            let message = format!("both paths lost {} within 24 hours", counted(lost, "event"));
            reasons.add(ReasonCode::EventsLostEarlier, HealthStatus::Degraded, lately.lost_at, message, remedy);
        }
        (lost, _) => {
            let message = format!("both paths lost {} within 15 minutes", counted(lost, "event"));
            reasons.add(ReasonCode::EventsLost, HealthStatus::Failing, lately.lost_at, message, remedy);
        }
    }
}

/// Reasons about what waits: messages, dead letters, the archive.
fn queues(facts: &HealthFacts, now_ms: u64, reasons: &mut Reasons) {
    let HealthFacts { backlog, slow_lane, .. } = facts;
    let since = |oldest_ms: Option<u64>| oldest_ms.map(|oldest_ms| now_ms.saturating_sub(oldest_ms));
    let remedy = "see that the consumer runs, and its errors";
    if let Some(waiting) = backlog.backlog.filter(|waiting| *waiting > BACKLOG) {
        let message = format!("{waiting} messages wait in the queue: more than {BACKLOG}");
        reasons.add(ReasonCode::Backlog, HealthStatus::Degraded, since(backlog.oldest_ms), message, remedy);
    }
    if let Some(oldest_ms) = backlog.oldest_ms.filter(|oldest_ms| *oldest_ms > QUEUE_WAIT_MS) {
        let message =
            format!("a message has waited for {} min: the consumer is behind or stopped", oldest_ms / MINUTE_MS);
        reasons.add(ReasonCode::QueueStuck, HealthStatus::Failing, since(backlog.oldest_ms), message, remedy);
    }
    let Backlog { backlog: waiting, oldest_ms } = *slow_lane;
    let remedy = "it applies them once D1 takes them: mend what keeps it from that before the queue drops them";
    if let Some(old_ms) = oldest_ms.filter(|oldest_ms| *oldest_ms > SLOW_LANE_WAIT_MS) {
        let message = format!("a message has waited for {} h in the slow lane", old_ms / HOUR_MS);
        reasons.add(ReasonCode::SlowLaneStuck, HealthStatus::Failing, since(oldest_ms), message, remedy);
    } else if let Some(waiting) = waiting.filter(|waiting| *waiting > 0) {
        let message = format!("the slow lane holds {}", counted(waiting, "message"));
        reasons.add(ReasonCode::SlowLane, HealthStatus::Degraded, since(oldest_ms), message, remedy);
    }
}

fn letters(letters: Option<LetterGauge>, reasons: &mut Reasons) {
    match letters {
        None => {
            let message = "dead letters can't be read".to_owned();
            reasons.add(
                ReasonCode::DeadLettersUnreadable,
                HealthStatus::Degraded,
                None,
                message,
                "they are in D1: see the log",
            );
        }
        Some(LetterGauge { count, oldest_at, .. }) if count > 0 => {
            let message = format!("D1 keeps {}", counted(count, "dead letter"));
            let remedy = "redrive them, or purge what can't be applied: `pathctl dead-letters`";
            reasons.add(ReasonCode::DeadLetters, HealthStatus::Degraded, oldest_at, message, remedy);
        }
        Some(_) => {}
    }
}
