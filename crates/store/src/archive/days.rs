//! How far the archive has come, day by day.
//!
//! Invariant: days are finished in order. Every change names the state on which it was decided, so that of two
//! simultaneous runs the slower one changes nothing.

use serde_json::value::RawValue;

use model::archive::Day;
use model::archive::listed_day::ListedDay;
use model::archive::manifest::{ArchivePart, Manifest};
use model::archive::plan::ArchiveCursor;
use model::reading::trace::ArchiveProgress;

use crate::sql::{Database, Row, Statement, StoreError, Value, json_chunks, rows};
use crate::statements::statements;

/// How far before a day its archiving may read, in ms. So the end of each day is kept until the next day is done.
pub const LOOK_BACK_MS: u64 = 2 * model::event::MAX_ID_DISTANCE_MS;

/// A part that is written.
#[derive(Debug, Clone)]
pub struct NotedPart {
    /// Its number, from 0.
    pub number: u64,
    /// Length of the file, in bytes.
    pub bytes: u64,
    /// SHA-256 of the file.
    pub sha256: [u8; 32],
    /// Its JSON, for the manifest.
    pub body: String,
}

statements!("days.sql":
    CURRENT, LAST_DONE, BEGIN, INSERT_PART, ADVANCE, CHECK, ADOPT, DELETE_PARTS_OF_ADOPTED, INSERT_PARTS_OF_ADOPTED,
    CHECKED, RESTART, DELETE_PARTS_OF_RESTARTED, FINISH, DELETE_PARTS_OF_DONE, PARTS, STATE_OF, LIST, LEASE, RELEASE,
);

/// How long a run may hold the lease, in ms: 20 minutes. The platform ends a scheduled run after 15.
pub const LEASE_MS: u64 = 20 * 60 * 1000;

/// How far a day has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayState {
    /// Its parts are written.
    Writing,
    /// Its parts are checked; then the manifest is written.
    Checking,
}

/// A day that is being archived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The day.
    pub day: Day,
    /// How far it has come.
    pub state: DayState,
    /// Length of the ID window, in ms.
    pub window_ms: u64,
    /// Where the next part begins.
    pub cursor: ArchiveCursor,
    /// Parts that are written.
    pub parts: u64,
    /// Parts that are checked.
    pub checked: u64,
    /// Events in the parts.
    pub rows: u64,
    /// Length of the parts, in bytes.
    pub bytes: u64,
}

/// The archive's days in a database.
#[derive(Debug, Clone)]
pub struct ArchiveDays {
    sql: Database,
}

impl ArchiveDays {
    /// Over this database.
    pub fn new(sql: impl Into<Database>) -> Self {
        Self { sql: sql.into() }
    }

    /// Events whose ID window starts before this time, in ms, may be deleted: they are in the archive, or were deleted
    /// before the first day was archived. The last [`LOOK_BACK_MS`] of a day are kept until the next day is done,
    /// because that may hold copies of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn archived_until(&self) -> Result<u64, StoreError> {
        Ok(self.current().await?.1.saturating_sub(LOOK_BACK_MS))
    }

    /// Takes the lease, unless another run holds it. Returns its end (ms), by which it is given back. A run that
    /// crashes holds it until then.
    pub(crate) async fn lease(&self, now_ms: u64) -> Result<Option<u64>, StoreError> {
        let until = now_ms + LEASE_MS;
        let results = self.sql.batch(vec![Statement::new(LEASE, [now_ms.into(), until.into()])]).await?;
        Ok(rows(&results, 0).first().map(|_| until))
    }

    /// Gives the lease back.
    pub(crate) async fn release(&self, lease: u64) -> Result<(), StoreError> {
        self.sql.batch(vec![Statement::new(RELEASE, [lease.into()])]).await.map(drop)
    }

    /// The day that is being archived, if any, and the end (ms) of the last day that is done.
    pub(crate) async fn current(&self) -> Result<(Option<Progress>, u64), StoreError> {
        let results = self.sql.batch(vec![Statement::new(CURRENT, []), Statement::new(LAST_DONE, [])]).await?;
        let until = rows(&results, 1).first().map_or(Ok(0), |row| row.integer("until"))?;
        Ok((rows(&results, 0).first().map(progress).transpose()?, Day(until).start_ms()))
    }

    /// Begins a day.
    pub(crate) async fn begin(&self, day: Day, window_ms: u64, now_ms: u64) -> Result<(), StoreError> {
        let params = [day.0, window_ms, day.start_ms(), now_ms].map(Into::into);
        self.sql.batch(vec![Statement::new(BEGIN, params)]).await.map(drop)
    }

    /// Stores that a part is written, and where the next one begins.
    pub(crate) async fn add_part(
        &self,
        at: &Progress,
        part: &ArchivePart,
        next: ArchiveCursor,
    ) -> Result<(), StoreError> {
        let body = serde_json::to_string(part).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let place = [at.day.0, at.parts, at.cursor.window, at.cursor.slice].map(Value::from);
        let insert = place.clone().into_iter().chain([part.bytes.into(), part.sha256.as_str().into(), body.into()]);
        let advance = [next.window, next.slice, next.slices, part.rows, part.bytes, part.twins].map(Value::from);
        let advance = place.into_iter().chain(advance);
        let statements = vec![Statement::new(INSERT_PART, insert), Statement::new(ADVANCE, advance)];
        self.sql.batch(statements).await.map(drop)
    }

    /// Replaces what was written of a day by the parts of a manifest that was found.
    pub(crate) async fn adopt(&self, at: &Progress, found: &Manifest<Box<RawValue>>) -> Result<(), StoreError> {
        let corrupt = |error: serde_json::Error| StoreError::Corrupt(error.to_string());
        let (count, mut twins, mut rows) = (found.parts.len() as u64, 0, Vec::new());
        for (number, body) in (0u64..).zip(&found.parts) {
            let part: ArchivePart = serde_json::from_str(body.get()).map_err(corrupt)?;
            twins += part.twins;
            rows.push(serde_json::json!([number, part.bytes, part.sha256, body.get()]));
        }
        let adopt = [
            at.day.0,
            at.parts,
            at.cursor.window,
            at.cursor.slice,
            found.window_ms,
            count,
            found.rows,
            found.bytes,
            twins,
        ];
        let parts = [at.day.0, count].map(Value::from);
        let mut statements =
            vec![Statement::new(ADOPT, adopt.map(Value::from)), Statement::new(DELETE_PARTS_OF_ADOPTED, parts.clone())];
        let insert = |chunk| Statement::new(INSERT_PARTS_OF_ADOPTED, parts.clone().into_iter().chain([chunk]));
        statements.extend(json_chunks(rows).into_iter().map(insert));
        self.sql.batch(statements).await.map(drop)
    }

    /// Stores that all parts are written.
    pub(crate) async fn check(&self, at: &Progress) -> Result<(), StoreError> {
        self.sql.batch(vec![Statement::new(CHECK, [at.day.0.into(), at.parts.into()])]).await.map(drop)
    }

    /// Stores how many parts are checked.
    pub(crate) async fn checked(&self, at: &Progress, checked: u64) -> Result<(), StoreError> {
        let params = [at.day.0, at.parts, checked].map(Into::into);
        self.sql.batch(vec![Statement::new(CHECKED, params)]).await.map(drop)
    }

    /// Begins a day again, because one of its parts is not as it was written.
    pub(crate) async fn restart(&self, at: &Progress) -> Result<(), StoreError> {
        let restart = [at.day.0, Progress::start(at.day).window].map(Into::into);
        let statements =
            vec![Statement::new(RESTART, restart), Statement::new(DELETE_PARTS_OF_RESTARTED, [at.day.0.into()])];
        self.sql.batch(statements).await.map(drop)
    }

    /// Stores that the manifest is written: the day is done.
    pub(crate) async fn finish(&self, at: &Progress, now_ms: u64) -> Result<(), StoreError> {
        let finish = [at.day.0, at.parts, now_ms].map(Into::into);
        let statements = vec![Statement::new(FINISH, finish), Statement::new(DELETE_PARTS_OF_DONE, [at.day.0.into()])];
        self.sql.batch(statements).await.map(drop)
    }

    /// The parts of the day that is being archived.
    pub(crate) async fn parts(&self, day: Day) -> Result<Vec<NotedPart>, StoreError> {
        let results = self.sql.batch(vec![Statement::new(PARTS, [day.0.into()])]).await?;
        let noted = |row: &Row| {
            let sha256 = row.bytes("sha256")?.try_into();
            Ok(NotedPart {
                number: row.integer("number")?,
                bytes: row.integer("bytes")?,
                sha256: sha256.map_err(|_| StoreError::Corrupt("a checksum is not of 32 bytes".into()))?,
                body: row.text("body")?.to_owned(),
            })
        };
        rows(&results, 0).iter().map(noted).collect()
    }

    /// How far a day has come. `None` if the archive began later.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn state_of(&self, day: Day) -> Result<Option<ArchiveProgress>, StoreError> {
        let results = self.sql.batch(vec![Statement::new(STATE_OF, [day.0.into()])]).await?;
        let row = rows(&results, 0).first().ok_or_else(|| StoreError::Corrupt("no state of a day".into()))?;
        match row.text("state")? {
            "" => Ok((row.integer("later")? == 0).then_some(ArchiveProgress::Waiting)),
            name => archiving(name).map(Some),
        }
    }

    /// The newest `most` days before one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self, before: Day, most: u64) -> Result<Vec<ListedDay>, StoreError> {
        let results = self.sql.batch(vec![Statement::new(LIST, [before.0.into(), most.into()])]).await?;
        let listed = |row: &Row| {
            Ok(ListedDay {
                day: Day(row.integer("day")?).to_string(),
                state: archiving(row.text("state")?)?,
                parts: row.integer("parts")?,
                rows: row.integer("rows")?,
                twins: row.integer("twins")?,
                bytes: row.integer("bytes")?,
                started_at: row.integer("started_at")?,
                done_at: Some(row.integer("done_at")?).filter(|at| *at > 0),
            })
        };
        rows(&results, 0).iter().map(listed).collect()
    }
}

fn archiving(name: &str) -> Result<ArchiveProgress, StoreError> {
    ArchiveProgress::named(name).ok_or_else(|| StoreError::Corrupt(format!("a day's state is {name:?}")))
}

/// A row of [`CURRENT`].
fn progress(row: &Row) -> Result<Progress, StoreError> {
    let state = match row.text("state")? {
        "writing" => DayState::Writing,
        "checking" => DayState::Checking,
        other => return Err(StoreError::Corrupt(format!("a day's state is {other:?}"))),
    };
    Ok(Progress {
        day: Day(row.integer("day")?),
        state,
        window_ms: row.integer("window_ms")?,
        cursor: ArchiveCursor {
            window: row.integer("next_window")?,
            slice: row.integer("next_slice")?,
            slices: row.integer("slices")?,
        },
        parts: row.integer("parts")?,
        checked: row.integer("checked")?,
        rows: row.integer("rows")?,
        bytes: row.integer("bytes")?,
    })
}
