//! Details, as the archive reads them: events by ID window, each call bounded by what it is asked for.
//!
//! Invariant: an event belongs to the window that its segment has, so that windows share none.

use litemap::LiteMap;
use std::future::Future;

use model::archive::plan::{PartRange, Windows};
use model::event::Event;
use model::event::identity::Digest;
use model::log::segment;

use super::read::{EventReader, events_of};
use crate::sql::{Row, Statement, StoreError, rows};
use crate::statements::statements;

/// Events that one statement reads: 2 MB in hexadecimal.
const PAGE_EVENTS: u64 = 10_000;

/// Segments that one statement reads.
const PAGE_SEGMENTS: u64 = 1_000;

statements!(
    "details.sql": WINDOWS, PAGE, DIGESTS
);

/// A store whose details can be read: D1, one object, or all of them.
pub trait Details {
    /// Events by window that starts in `from..to` (ms); of the first `most` windows at the least one, if there is one.
    fn windows(&self, from: u64, to: u64, most: u64) -> impl Future<Output = Result<Windows, StoreError>>;

    /// The events of a part.
    fn events_in(&self, cut: PartRange) -> impl Future<Output = Result<Vec<Event>, StoreError>>;

    /// The digests of windows that start in `from..to` (ms), with their windows.
    fn digests(&self, from: u64, to: u64) -> impl Future<Output = Result<Vec<(u64, Digest)>, StoreError>>;
}

impl Details for EventReader {
    async fn windows(&self, from: u64, to: u64, most: u64) -> Result<Windows, StoreError> {
        let params = [from.into(), to.into(), most.into()];
        let results = self.sql.batch(vec![Statement::new(WINDOWS, params)]).await?;
        let count = |row: &Row| Ok((row.integer("window_start")?, row.integer("events")?));
        let counts = rows(&results, 0).iter().map(count).collect::<Result<LiteMap<_, _>, StoreError>>()?;
        let last = counts.last().filter(|_| counts.len() as u64 >= most);
        let until = last.map_or(to, |(start, _)| start + 1);
        Ok(Windows { counts, until })
    }

    async fn events_in(&self, cut: PartRange) -> Result<Vec<Event>, StoreError> {
        let (mut events, mut seq) = (Vec::new(), 0);
        loop {
            let params = [cut.from, cut.to, seq, PAGE_EVENTS, PAGE_SEGMENTS].map(Into::into);
            let results = self.sql.batch(vec![Statement::new(PAGE, params)]).await?;
            let page = rows(&results, 0);
            let Some(last) = page.last() else { return Ok(events) };
            seq = last.integer("seq")?;
            for row in page {
                events.extend(events_of(row)?.into_iter().filter(|event| cut.has(event.digest)));
            }
        }
    }

    async fn digests(&self, from: u64, to: u64) -> Result<Vec<(u64, Digest)>, StoreError> {
        let results = self.sql.batch(vec![Statement::new(DIGESTS, [from.into(), to.into()])]).await?;
        let mut digests = Vec::new();
        for row in rows(&results, 0) {
            let window = row.integer("window_start")?;
            let bytes = row.bytes("digests")?;
            digests.extend(segment::unpack_digests(&bytes).map(|digest| (window, digest)));
        }
        Ok(digests)
    }
}
