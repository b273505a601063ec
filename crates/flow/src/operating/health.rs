//! `GET health`: is it working.

use futures_util::future::{join, join5};

use model::counting::grain::HOUR_MS;
use model::delivery::retry::Lane;
use model::operating::health::{self, Backlog, CounterValues, HealthFacts, HealthReason, HealthStatus};
use model::operating::vitals::Vitals;
use model::parity::verdict::Verdict;
use model::parity::window::WindowKind;
use store::keeper::write_probe::WriteProbe;
use store::letters::dead_letters::DeadLetters;
use store::sql::StoreError;

use crate::app::App;
use crate::archive;
use crate::deadline::Deadline;
use crate::flag::cache;
use crate::objects::{ask, layout};
use crate::parity::runs;
use crate::reading::stores;
use api::archive::ArchiveState;
use api::health::{ConsumerCounts, HealthAnswer, SendCounts, StoreStates};

/// How long a failed parity report counts, in ms.
const REPORT_LIFE_MS: u64 = 3 * HOUR_MS;

/// How long a queue may take to tell what waits in it, in ms.
const BACKLOG_MS: u64 = 2_000;

/// What all parts of the system reported. None where something could not be read.
pub struct HealthFindings {
    /// When they were asked, in ms.
    pub now_ms: u64,
    /// What health is judged by.
    pub facts: HealthFacts,
    /// What isolates counted.
    pub counts: Option<CounterValues>,
    /// The archive.
    pub archive: Option<ArchiveState>,
    stores: StoreStates,
}

impl HealthFindings {
    /// The status, and the reasons for it.
    pub fn judge(&self) -> (HealthStatus, Vec<HealthReason>) {
        health::judge(&self.facts, self.now_ms)
    }
}

/// Asks all parts.
pub async fn gather(app: &App, deadline: Deadline) -> HealthFindings {
    let now_ms = app.now_ms();
    let letters = async { DeadLetters::new(app.new_store_until(deadline)?).gauge().await };
    let written = async { WriteProbe::new(app.new_store_until(deadline)?).last().await };
    let told = join5(
        stores::state(app, deadline),
        ask::vitals(app, deadline),
        join(letters, written),
        join(
            join(backlog(app, Lane::Main, now_ms), backlog(app, Lane::Slow, now_ms)),
            newest_hour(app, now_ms, deadline),
        ),
        archive::state(app, deadline),
    );
    let refusal = layout::refusal(app, deadline);
    let ((told, flag), refusal) = join(join(told, cache::current(app)), refusal).await;
    let ((old, new), vitals, (letters, written), ((backlog, slow_lane), (parity_failed, lost_on_both)), archive) = told;
    let archive = known(app, archive);
    let shards_refused = known(app, refusal).flatten();
    let missing = [old.missing.clone(), new.missing.clone()].concat();
    let (old, new) = (old.whole().ok(), new.whole().ok());
    let (counts, jobs, lately) = known(app, vitals)
        .map_or_else(Default::default, |Vitals { counts, jobs, lately }| (Some(counts), Some(jobs), Some(lately)));
    let facts = HealthFacts {
        missing,
        old_bytes: old.as_ref().and_then(|states| states.iter().filter_map(|state| state.bytes).max()),
        new_bytes: new.as_ref().and_then(|state| state.bytes),
        new_written_at: known::<_, StoreError>(app, written).flatten(),
        lately,
        slow_lane,
        old_unfolded: old.as_ref().map(|states| states.iter().map(|state| state.unfolded).sum()),
        new_unfolded: new.map(|state| state.unfolded),
        jobs,
        letters: known(app, letters),
        backlog,
        parity_failed,
        lost_on_both,
        shards_refused,
        archive_behind_ms: archive.as_ref().and_then(|archive| archive.behind_ms(now_ms)),
        flag_is_known: cache::is_known(app),
        stop: flag.stop.clone(),
    };
    HealthFindings { now_ms, facts, counts, archive, stores: StoreStates { old, new } }
}

/// What waits in a lane's queue, as far as that is known.
async fn backlog(app: &App, lane: Lane, now_ms: u64) -> Backlog {
    let told = app.within_ms(BACKLOG_MS, app.ports.queues.backlog(lane, now_ms)).await;
    told.and_then(Result::ok).unwrap_or_default()
}

/// Asks all parts. A part that doesn't answer is null in the answer, and a reason.
pub async fn read(app: &App) -> HealthAnswer {
    // On the heap: what asks for health asks for much else, and holds all of it while it waits.
    let known = Box::pin(gather(app, app.read_deadline())).await;
    let (status, reasons) = known.judge();
    let HealthFindings { now_ms, facts, counts: counters, archive, stores } = known;
    // What is not known is not 0.
    let of = |counts: &CounterValues, name: &str| counts.get(name).copied().unwrap_or_default();
    HealthAnswer {
        status,
        reasons,
        computed_at: now_ms,
        missing: facts.missing,
        sends: counters.as_ref().map(|counts| SendCounts {
            tried: of(counts, "queue_send_tried") + of(counts, "do_record_tried"),
            failed: of(counts, "queue_send_failed") + of(counts, "do_record_failed"),
            fallback: of(counts, "fallback"),
            lost: of(counts, "lost"),
        }),
        consumer: counters.as_ref().map(|counts| ConsumerCounts {
            stored: of(counts, "consumer_stored"),
            absorbed: of(counts, "consumer_absorbed"),
            acked: of(counts, "consumer_acked"),
            retried: of(counts, "consumer_retried"),
            dead: of(counts, "dead_letters"),
        }),
        lately: facts.lately,
        queue: facts.backlog,
        slow_lane: facts.slow_lane,
        dead_letters: facts.letters,
        stores,
        cron: facts.jobs,
        archive,
        counters,
        isolate: app.counts(),
    }
}

fn known<T, E: std::fmt::Display>(app: &App, read: Result<T, E>) -> Option<T> {
    read.inspect_err(|error| app.error(format_args!("Health: {error}"))).ok()
}

/// Of the newest hour's report, if it is not old: whether it says that the stores differ, and how many events both paths
/// lost.
async fn newest_hour(app: &App, now_ms: u64, deadline: Deadline) -> (bool, u64) {
    let newest = async { runs::reports_until(app, deadline)?.newest_filed(WindowKind::Hour, 1).await };
    let newest: Option<Vec<_>> = known::<_, StoreError>(app, newest.await);
    let report =
        newest.and_then(|mut reports| reports.pop()).filter(|report| report.window.to + REPORT_LIFE_MS > now_ms);
    let closed = report.filter(|report| report.verdict != Verdict::Pending);
    closed.map_or((false, 0), |report| (report.verdict == Verdict::Fail, report.lost))
}
