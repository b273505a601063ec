//! The archive in R2: the steps that cron takes, and until when details may be deleted.
//!
//! Invariant: with the binding, nothing is deleted before it is archived. Without it, details are deleted on schedule,
//! and a log line says so.

use api::archive::{ArchiveAnswer, ArchiveState};
use api::parameters::DAYS_BEFORE;
use api::url::Query;
use model::archive::{Day, part_number};
use model::counting::grain::DAY_MS;
use model::reading::missing::MissingPart;
use model::reading::trace::ArchiveProgress;
use store::archive::archiver::{Archive, ArchiveSettings};
use store::archive::days::ArchiveDays;
use store::events::retention::MIN_SEGMENT_AGE_MS;
use store::sql::StoreError;

use crate::app::App;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::objects::all::Collectors;

/// Steps that one run takes at the most: 100,000 events a minute.
const MAX_STEPS: usize = 4;

/// Time after which a run takes no further step, in ms.
const RUN_MS: u64 = 15_000;

/// How long details are kept at least, in ms.
pub fn kept_ms(app: &App) -> u64 {
    app.config.retention.details_ms.max(MIN_SEGMENT_AGE_MS)
}

fn days(app: &App, deadline: Deadline) -> Result<ArchiveDays, StoreError> {
    app.new_store_until(deadline).map(ArchiveDays::new)
}

/// Details before this time (ms) may be deleted. If there is an archive, details that are not archived yet are kept.
///
/// # Errors
/// If it is unknown what is archived. Nothing may be deleted then.
pub async fn details_until(app: &App) -> Result<u64, StoreError> {
    if app.ports.buckets.bucket().is_none() {
        Ok(u64::MAX)
    } else {
        days(app, Deadline::BACKGROUND)?.archived_until().await
    }
}

/// Takes the archive's next few steps.
///
/// # Errors
/// [`StoreError`]. The next run continues where this one stopped.
pub async fn scheduled(app: &App) -> Result<(), StoreError> {
    let Some(bucket) = app.ports.buckets.bucket() else {
        if !app.isolate.said_unarchived.replace(true) {
            let days = app.config.retention.details_ms / DAY_MS;
            app.note(format_args!(
                "No R2 bucket is bound as ARCHIVE: details are deleted after {days} days, unarchived"
            ));
        }
        return Ok(());
    };
    let archive = Archive {
        days: &days(app, Deadline::BACKGROUND)?,
        old: &Collectors { app },
        new: &app.event_reader(Deadline::BACKGROUND)?,
        bucket: &*bucket,
        settings: ArchiveSettings::new(app.config.window_ms, kept_ms(app)),
    };
    let begin = app.now_ms();
    let mut steps = 0;
    let go_on = || {
        steps += 1;
        steps < MAX_STEPS && app.now_ms().saturating_sub(begin) < RUN_MS
    };
    // It may be interrupted anywhere: `crates/store/src/archive/archiver.rs` says why.
    let done = archive.run(begin, go_on).await.inspect_err(|_| app.count("archive_failed", 1))?;
    for day in done {
        app.note(format_args!("Archived: {day}"));
    }
    Ok(())
}

/// How far the archive is with a day. None without a bucket, or if the archive began later.
///
/// # Errors
/// [`StoreError`].
pub async fn state_of(app: &App, day: Day, deadline: Deadline) -> Result<Option<ArchiveProgress>, StoreError> {
    if app.ports.buckets.bucket().is_none() { Ok(None) } else { days(app, deadline)?.state_of(day).await }
}

/// Where the archive stands.
///
/// # Errors
/// [`StoreError`].
pub async fn state(app: &App, deadline: Deadline) -> Result<ArchiveState, StoreError> {
    let archived_until =
        days(app, deadline)?.archived_until().await.inspect_err(|error| app.error(format_args!("Archive: {error}")))?;
    Ok(ArchiveState {
        bound: app.ports.buckets.bucket().is_some(),
        details_days: app.config.retention.details_ms / DAY_MS,
        archived_until,
    })
}

/// Most days that one read shows.
const SHOWN: u64 = 400;

/// `GET archive?before=YYYY-MM-DD`.
///
/// # Errors
/// If it is not a day, or D1 can't be read.
pub async fn list(query: &Query, app: &App) -> Result<ArchiveAnswer, Error> {
    let before = match DAYS_BEFORE.of(query)? {
        None => Day(u64::from(u32::MAX)),
        Some(text) => Day::parse(text).ok_or_else(|| no_day("before"))?,
    };
    let listed = async { days(app, app.read_deadline())?.list(before, SHOWN).await };
    let days = listed.await.map_err(|error| app.unanswered(MissingPart::Archive, &error))?;
    Ok(ArchiveAnswer { bound: app.ports.buckets.bucket().is_some(), days })
}

/// Name of a day's manifest, or of one of its parts.
///
/// # Errors
/// There is no such day or part.
pub fn file_name(day: &str, part: Option<&str>) -> Result<String, Error> {
    let day = Day::parse(day).ok_or_else(|| no_day("day"))?;
    let Some(part) = part else { return Ok(day.manifest_name()) };
    let number = part_number(part).ok_or_else(|| Error::input("`part`: give a name of the manifest's parts"))?;
    Ok(day.part_name(number))
}

fn no_day(field: &str) -> Error {
    Error::input(format_args!("`{field}`: give a UTC day such as 2026-11-23"))
}
