//! Timelines: tell whether a database is still the one that was read.
//!
//! A database that was restored to an earlier state, and then written to, has segments with known numbers and other
//! contents. So each segment has a mark: a hash of its contents and of the mark before it. A fold has the mark of the
//! last segment it added.
//!
//! Invariant: two logs with the same mark at one number are equal up to that number. Code that remembers what it read,
//! or writes what it decided after reading, names the position it read. A database on another timeline refuses it.

use sha2::{Digest as _, Sha256};

use crate::sql::{Row, Statement, StoreError, rows};
use crate::statements::statements;

/// Bits of a mark. The platform rounds larger numbers.
const MARK_BITS: u32 = 53;

statements!("timeline.sql": LOG, MARK_AT);

/// A position in a timeline. The default is the beginning, before the first segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Position {
    /// Number of a segment.
    pub seq: u64,
    /// Its mark.
    pub mark: u64,
}

impl Position {
    /// The position of the next segment, if it has these contents.
    pub fn next<'a>(self, contents: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let seq = self.seq + 1;
        let mut hash = Sha256::new();
        hash.update(self.mark.to_be_bytes());
        hash.update(seq.to_be_bytes());
        for part in contents {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let mark = model::event::identity::first_u64(&hash.finalize()) >> (u64::BITS - MARK_BITS);
        // 0 is the beginning's.
        Self { seq, mark: mark.max(1) }
    }

    /// The statement that reads the mark at this position's number, for [`Self::is_there`].
    pub fn look(self) -> Statement {
        Statement::new(MARK_AT, [self.seq.into()])
    }

    /// Whether the log that answered [`Self::look`] contains this position. False also if the segment was deleted.
    pub fn is_there(self, answer: &[Row]) -> Result<bool, StoreError> {
        let row = answer.first().ok_or_else(|| StoreError::Corrupt("no mark".into()))?;
        Ok(row.integer("mark")? == self.mark)
    }
}

/// How far a log goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogExtent {
    /// The last segment. It may have been deleted.
    pub head: Position,
    /// The last segment that is folded.
    pub folded: Position,
    /// Whether the log contains the position that was asked for. False also if the segment was deleted.
    pub is_continued: bool,
}

impl LogExtent {
    /// The statement whose result [`Self::of`] reads. `from` is the position up to which the caller has read.
    pub fn look(from: Position) -> Statement {
        Statement::new(LOG, [from.seq.into(), from.mark.into()])
    }

    /// Reads the result of [`Self::look`], which must be the first statement of the batch.
    pub fn of(results: &[Vec<Row>]) -> Result<Self, StoreError> {
        let row = rows(results, 0).first().ok_or_else(|| StoreError::Corrupt("no head".into()))?;
        let last = Position { seq: row.integer("seq")?, mark: row.integer("mark")? };
        let folded = Position { seq: row.integer("folded_seq")?, mark: row.integer("folded_mark")? };
        // Segments are deleted when they are folded, the newest too if its events are old.
        let head = if last.seq > folded.seq { last } else { folded };
        Ok(Self { head, folded, is_continued: row.integer("is_continued")? == 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_depends_on_all_that_lies_before_it_and_on_where_its_parts_end() {
        let next = |from: Position, parts: &[&str]| from.next(parts.iter().map(|part| part.as_bytes()));
        let start = Position::default();
        let one = next(start, &["a", "b"]);
        assert_eq!((one, one.seq), (next(start, &["a", "b"]), 1));
        for other in [next(start, &["ab", ""]), next(start, &["a"]), next(one, &["a", "b"]), start] {
            assert_ne!(other.mark, one.mark);
        }
        assert_ne!(next(one, &["x"]).mark, next(next(start, &["b", "a"]), &["x"]).mark);
        assert!(one.mark < 1 << MARK_BITS);
    }
}
