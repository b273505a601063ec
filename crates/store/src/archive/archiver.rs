//! The archive of details: writes one day after another into a bucket, part by part.
//!
//! Invariants: a day is archived only when none of its events can be accepted any more, so that it holds still. Where
//! the next part begins changes in the same transaction that notes the part, after the bucket has confirmed its length
//! and checksum: whatever fails, a repeat writes the same part again under the same name. The manifest comes last, after
//! a second look at every part, and one run works at a time. Only then does [`ArchiveDays::archived_until`] grow, by which both stores delete.
//!
//! After a restore, D1 no longer knows of some days that are done, and the object has deleted their events. So a day
//! whose manifest is in the bucket is never written again.
//!
//! Every await may be the last. What a crash leaves, and what the next run does with it:
//!
//! | after | is stored | the next run |
//! |---|---|---|
//! | taking the lease | the lease, which ends by itself | waits for its end |
//! | beginning a day | the day, in state `writing`, its cursor at its beginning | writes the first part |
//! | writing a part's file | the file; the cursor as before | reads the same events and writes the same file |
//! | noting the part | the part, and the cursor behind it, in one transaction | writes the next part |
//! | the last part | the state `checking` | looks at the first parts again |
//! | checking some parts | how many were checked | checks the rest |
//! | a part that is not as it was noted | the day, begun anew: both stores still hold its events | writes the day again |
//! | writing the manifest | the manifest; the state `checking` | checks again and writes the same manifest |
//! | finishing | the day is done; both stores may delete its events | begins the next day |
//! | finding a manifest of a day that is not noted (D1 was restored) | its parts are adopted | checks them; never writes the day |

use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use model::archive::manifest::{ArchivePart, FORMAT, Manifest};
use model::archive::plan::{self, ArchiveCursor, PART_EVENTS, PartRange, Windows};
use model::archive::union::{ArchivableCopy, CopyHolder, CopyUnion};
use model::archive::{Day, part_file};
use model::event::Event;
use model::event::identity::IdempotentId;
use model::sorted::distinct;

use super::days::{ArchiveDays, DayState, LOOK_BACK_MS, NotedPart, Progress};
use crate::events::details::Details;
use crate::sql::{LocalFuture, StoreError};

/// ID windows that one query returns: more than a part has, unless there is next to no traffic.
const MAX_WINDOWS: u64 = 2_000;

/// Most ID windows before a part that are read, one by one, while they hold copies of the same events.
const MAX_LOOK_BACK: u64 = 60;

/// Parts that one step checks.
const CHECKS: u64 = 50;

/// Longest manifest, in bytes: some 300 for each part of 25,000 events.
const MAX_MANIFEST_BYTES: u64 = 10_000_000;

/// A file in the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketEntry {
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256, as the bucket checked it when it was written.
    pub sha256: Option<[u8; 32]>,
}

/// A store for files.
pub trait Bucket {
    /// Compresses with gzip. Equal input gives equal output.
    fn gzip(&self, bytes: Vec<u8>) -> LocalFuture<'_, Result<Vec<u8>, StoreError>>;

    /// Writes a file, and replaces one of that name. Refuses it if its SHA-256 is not the given one.
    fn put<'a>(&'a self, name: &'a str, bytes: Vec<u8>, sha256: [u8; 32]) -> LocalFuture<'a, Result<(), StoreError>>;

    /// Reads a file, if there is one. Refuses it if it is longer than this many bytes.
    fn get<'a>(&'a self, name: &'a str, most: u64) -> LocalFuture<'a, Result<Option<Vec<u8>>, StoreError>>;

    /// Length and checksum of a file, if there is one.
    fn head<'a>(&'a self, name: &'a str) -> LocalFuture<'a, Result<Option<BucketEntry>, StoreError>>;
}

/// Settings of the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchiveSettings {
    /// Length of the ID window, in ms.
    pub window_ms: u64,
    /// How long after its end a day is archived, in ms: at least
    /// [`MIN_SEGMENT_AGE_MS`](crate::events::retention::MIN_SEGMENT_AGE_MS).
    pub age_ms: u64,
    /// Events that a part should hold at most.
    pub part_events: u64,
}

impl ArchiveSettings {
    /// Settings with parts of the usual size.
    pub fn new(window_ms: u64, age_ms: u64) -> Self {
        let age_ms = age_ms.max(crate::events::retention::MIN_SEGMENT_AGE_MS);
        Self { window_ms, age_ms, part_events: PART_EVENTS }
    }
}

/// Result of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveStep {
    /// No day is due.
    Idle,
    /// Parts of a day were written or checked, and there is more to do.
    Worked(Day),
    /// A day's manifest was written: the day is done.
    Done(Day),
}

/// The archive: its state, where it reads, and where it writes.
pub struct Archive<'a, O, N> {
    /// How far each day has come.
    pub days: &'a ArchiveDays,
    /// The object's details.
    pub old: &'a O,
    /// D1's.
    pub new: &'a N,
    /// The bucket.
    pub bucket: &'a dyn Bucket,
    /// The settings.
    pub settings: ArchiveSettings,
}

impl<O: Details, N: Details> Archive<'_, O, N> {
    /// Takes steps while there is work and `go_on` returns true, unless another run holds the lease. Returns the days
    /// that it finished.
    ///
    /// # Errors
    /// [`StoreError`]; repeating is harmless.
    pub async fn run(&self, now_ms: u64, mut go_on: impl FnMut() -> bool) -> Result<Vec<Day>, StoreError> {
        let Some(lease) = self.days.lease(now_ms).await? else { return Ok(Vec::new()) };
        let mut done = Vec::new();
        let outcome = loop {
            match self.step(now_ms).await {
                Ok(ArchiveStep::Idle) => break Ok(()),
                Ok(ArchiveStep::Worked(_)) => {}
                Ok(ArchiveStep::Done(day)) => done.push(day),
                Err(error) => break Err(error),
            }
            if !go_on() {
                break Ok(());
            }
        };
        let released = self.days.release(lease).await;
        outcome.and(released).map(|()| done)
    }

    /// Does the next bounded piece of work. The caller must hold the lease.
    ///
    /// # Errors
    /// [`StoreError`]; repeating is harmless.
    pub async fn step(&self, now_ms: u64) -> Result<ArchiveStep, StoreError> {
        let (current, done_until) = self.days.current().await?;
        let progress = match current {
            Some(progress) => progress,
            None => match self.begin(done_until, now_ms).await? {
                Some(progress) => progress,
                None => return Ok(ArchiveStep::Idle),
            },
        };
        match progress.state {
            DayState::Writing => self.write(&progress).await,
            DayState::Checking => self.check(&progress, now_ms).await,
        }
    }

    /// Begins the day after the last one that is done, if it is due. The very first one is the first day with events.
    /// Days without events are archived too, so that it is known that there were none.
    async fn begin(&self, done_until: u64, now_ms: u64) -> Result<Option<Progress>, StoreError> {
        let before = now_ms.saturating_sub(self.settings.age_ms);
        let day = if done_until > 0 {
            Day::of(done_until)
        } else {
            let windows = self.windows(0, before, 1).await?;
            let Some(first) = windows.counts.keys().next() else { return Ok(None) };
            Day::of(*first)
        };
        if day.end_ms() > before {
            return Ok(None);
        }
        // Another run that begins it at the same time begins the same.
        self.days.begin(day, self.settings.window_ms, now_ms).await?;
        Ok(self.days.current().await?.0)
    }

    /// Writes the next part. If there is none, checking begins.
    async fn write(&self, progress: &Progress) -> Result<ArchiveStep, StoreError> {
        let Progress { day, cursor, .. } = *progress;
        if let Some(text) = self.bucket.get(&day.manifest_name(), MAX_MANIFEST_BYTES).await? {
            // Its parts are looked at again, as those of any day.
            self.days.adopt(progress, &found(day, &text)?).await?;
            return Ok(ArchiveStep::Worked(day));
        }
        let windows = self.windows(cursor.window, day.end_ms(), MAX_WINDOWS).await?;
        let Some(cut) = plan::next(cursor, &windows, self.settings.part_events) else {
            self.days.check(progress).await?;
            return Ok(ArchiveStep::Worked(day));
        };
        // The events of a day that holds still.
        let (old, new) = (self.old.events_in(cut).await?, self.new.events_in(cut).await?);
        let held = (old.len() as u64, new.len() as u64);
        let mut union = CopyUnion::new(progress.window_ms);
        union.remember(self.look_back(cut, progress.window_ms, &old, &new).await?);
        let (events, twins) = union.write(old, new);
        self.put_part(progress, cut, held, &events, twins).await?;
        Ok(ArchiveStep::Worked(day))
    }

    async fn put_part(
        &self,
        progress: &Progress,
        cut: PartRange,
        (old, new): (u64, u64),
        events: &[Event],
        twins: u64,
    ) -> Result<(), StoreError> {
        let bytes = self.bucket.gzip(lines(events)?).await?;
        let sha256: [u8; 32] = Sha256::digest(&bytes).into();
        let part = ArchivePart {
            name: part_file(progress.parts),
            rows: events.len() as u64,
            bytes: bytes.len() as u64,
            sha256: hex::encode(sha256),
            first_id: events.first().map(|event| event.idempotent_id),
            last_id: events.last().map(|event| event.idempotent_id),
            from: cut.from,
            to: cut.to,
            slice: cut.slice,
            slices: cut.slices,
            old,
            new,
            twins,
        };
        self.put(&progress.day.part_name(progress.parts), bytes, sha256).await?;
        self.days.add_part(progress, &part, cut.after()).await
    }

    /// Writes a file, and asks the bucket to confirm length and checksum.
    async fn put(&self, name: &str, bytes: Vec<u8>, sha256: [u8; 32]) -> Result<(), StoreError> {
        let wanted = BucketEntry { bytes: bytes.len() as u64, sha256: Some(sha256) };
        self.bucket.put(name, bytes, sha256).await?;
        match self.bucket.head(name).await? {
            Some(held) if held == wanted => Ok(()),
            held => Err(StoreError::Unavailable(format!("{name} was written as {wanted:?} and is {held:?}"))),
        }
    }

    /// Checks some parts. After the last one, it writes the manifest.
    async fn check(&self, progress: &Progress, now_ms: u64) -> Result<ArchiveStep, StoreError> {
        let day = progress.day;
        let parts = self.days.parts(day).await?;
        let first = usize::try_from(progress.checked).unwrap_or(usize::MAX);
        let some = parts.iter().skip(first).take(usize::try_from(CHECKS).unwrap_or_default());
        let mut checked = progress.checked;
        for part in some {
            let held = self.bucket.head(&day.part_name(part.number)).await?;
            if held != Some(BucketEntry { bytes: part.bytes, sha256: Some(part.sha256) }) {
                let (name, manifest) = (day.part_name(part.number), day.manifest_name());
                // With a manifest, the stores may have deleted what they held of the day.
                if self.bucket.head(&manifest).await?.is_some() {
                    return Err(StoreError::Unavailable(format!(
                        "{name} is not as {manifest} says, and is left as it is: put it back, or delete {manifest} and the \
                         day is written from what both stores still hold"
                    )));
                }
                self.days.restart(progress).await?;
                return Err(StoreError::Unavailable(format!(
                    "{name} is not as it was written; the day is written anew"
                )));
            }
            checked += 1;
        }
        if checked < progress.parts {
            self.days.checked(progress, checked).await?;
            return Ok(ArchiveStep::Worked(day));
        }
        let manifest = manifest(progress, &parts)?;
        let sha256 = Sha256::digest(&manifest).into();
        self.put(&day.manifest_name(), manifest, sha256).await?;
        // From here on both stores may delete the day.
        self.days.finish(progress, now_ms).await?;
        Ok(ArchiveStep::Done(day))
    }

    async fn windows(&self, from: u64, to: u64, most: u64) -> Result<Windows, StoreError> {
        let mut windows = self.old.windows(from, to, most).await?;
        windows.add(self.new.windows(from, to, most).await?);
        Ok(windows)
    }

    /// Copies before a part that decide which copies at its beginning are left out: those, in the window before, of
    /// events of the part's first window. Copies in the window before that decide on them in turn, and so on. Nearly
    /// always there are none.
    async fn look_back(
        &self,
        cut: PartRange,
        window_ms: u64,
        old: &[Event],
        new: &[Event],
    ) -> Result<Vec<ArchivableCopy>, StoreError> {
        let at_edge = |event: &&Event| event.idempotent_id.timestamp_ms() < cut.from + window_ms;
        let mut wanted = distinct(old.iter().chain(new).filter(at_edge).map(|event| event.digest));
        let (mut copies, mut to) = (Vec::new(), cut.from);
        for _ in 0..MAX_LOOK_BACK {
            if wanted.is_empty() || cut.from - to >= LOOK_BACK_MS {
                break;
            }
            let from = to.saturating_sub(window_ms);
            let before = copies.len();
            for (side, digests) in [
                (CopyHolder::Old, self.old.digests(from, to).await?),
                (CopyHolder::New, self.new.digests(from, to).await?),
            ] {
                let of = digests.into_iter().filter(|(_, digest)| wanted.binary_search(digest).is_ok());
                copies.extend(of.map(|(window, digest)| ArchivableCopy { window, digest, side }));
            }
            wanted = distinct(copies.iter().skip(before).map(|copy| copy.digest));
            to = from;
        }
        Ok(copies)
    }
}

/// Events as NDJSON.
fn lines(events: &[Event]) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::with_capacity(events.len() * 340);
    for event in events {
        serde_json::to_writer(&mut bytes, event).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

/// A manifest from the bucket, with the JSON of its parts unchanged.
fn found(day: Day, text: &[u8]) -> Result<Manifest<Box<RawValue>>, StoreError> {
    let name = day.manifest_name();
    let unfit =
        |why: String| StoreError::Corrupt(format!("{name}: {why}; look at it, and delete it if it is no manifest"));
    let manifest: Manifest<Box<RawValue>> = serde_json::from_slice(text).map_err(|error| unfit(error.to_string()))?;
    if (manifest.format, &manifest.day) != (FORMAT, &day.to_string()) {
        return Err(unfit(format!("it is of {} in format {}", manifest.day, manifest.format)));
    }
    Ok(manifest)
}

/// The fields of a part that are needed here.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ids {
    first_id: Option<IdempotentId>,
    last_id: Option<IdempotentId>,
}

fn manifest(progress: &Progress, parts: &[NotedPart]) -> Result<Vec<u8>, StoreError> {
    let corrupt = |error: serde_json::Error| StoreError::Corrupt(error.to_string());
    let ids: Vec<Ids> =
        parts.iter().map(|part| serde_json::from_str(&part.body)).collect::<Result<_, _>>().map_err(corrupt)?;
    let raw = |part: &NotedPart| RawValue::from_string(part.body.clone());
    let manifest = Manifest {
        format: FORMAT,
        day: progress.day.to_string(),
        window_ms: progress.window_ms,
        rows: progress.rows,
        bytes: progress.bytes,
        first_id: ids.iter().filter_map(|ids| ids.first_id).min(),
        last_id: ids.iter().filter_map(|ids| ids.last_id).max(),
        parts: parts.iter().map(raw).collect::<Result<Vec<_>, _>>().map_err(corrupt)?,
    };
    serde_json::to_vec(&manifest).map_err(corrupt)
}

impl Progress {
    /// The position at which a day begins.
    pub(crate) const fn start(day: Day) -> ArchiveCursor {
        ArchiveCursor { window: day.start_ms(), slice: 0, slices: 1 }
    }
}
