//! Details for the archive: events by ID window. The arguments bound what a call returns.
//!
//! Invariant: an event belongs to the window of its segment, so no event is in two windows.

use std::future::Future;

use model::archive::plan::{PartRange, Windows};
use model::event::Event;
use model::event::identity::Digest;
use model::log::segment;
use model::sorted;

use super::read::{EventReader, events_of};
use crate::sql::{Row, Statement, StoreError, rows};
use crate::statements::statements;

/// Events that one statement reads. They have 2 MB as hexadecimal text.
const PAGE_EVENTS: u64 = 10_000;

/// Segments that one statement reads.
const PAGE_SEGMENTS: u64 = 1_000;

statements!("details.sql": WINDOWS, PAGE, DIGESTS);

/// A store whose details can be read: D1, one object, or all objects.
pub trait Details {
    /// Counts events by window, of windows that start in `from..to` (ms). Returns at most about `most` windows, and at
    /// least one if there is any.
    fn windows(&self, from: u64, to: u64, most: u64) -> impl Future<Output = Result<Windows, StoreError>>;

    /// The events of a part of the archive.
    fn events_in(&self, cut: PartRange) -> impl Future<Output = Result<Vec<Event>, StoreError>>;

    /// The digests of all events in windows that start in `from..to` (ms), each with the start of its window.
    fn digests(&self, from: u64, to: u64) -> impl Future<Output = Result<Vec<(u64, Digest)>, StoreError>>;
}

impl Details for EventReader {
    async fn windows(&self, from: u64, to: u64, most: u64) -> Result<Windows, StoreError> {
        let params = [from.into(), to.into(), most.into()];
        let results = self.sql.batch(vec![Statement::new(WINDOWS, params)]).await?;
        let count = |row: &Row| Ok((row.integer("window_start")?, row.integer("events")?));
        let counts = rows(&results, 0).iter().map(count).collect::<Result<Vec<_>, StoreError>>()?;
        let last = counts.last().filter(|_| counts.len() as u64 >= most);
        let until = last.map_or(to, |(start, _)| start + 1);
        Ok(Windows { counts: sorted::map_of(counts), until })
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
