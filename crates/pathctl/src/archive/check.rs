//! Holds a day's parts against its manifest.

use std::collections::HashMap;
use std::io::Read;

use flate2::read::GzDecoder;
use model::archive::Day;
use model::archive::manifest::{ArchivePart, Manifest};
use model::event::Event;
use model::event::identity::{Digest, IdempotentId};
use sha2::{Digest as _, Sha256};

/// Longest part that is unpacked, in bytes: far above any that is written.
const MAX_PLAIN_BYTES: u64 = 256 * 1024 * 1024;

/// What is not as the manifest says.
#[derive(Debug, thiserror::Error)]
enum Damage {
    #[error("it has {found} bytes, not {wanted}")]
    Length { found: usize, wanted: u64 },
    #[error("its SHA-256 is {found}, not {wanted}")]
    Checksum { found: String, wanted: String },
    #[error("it can't be unpacked: {0}")]
    Compression(#[from] std::io::Error),
    #[error("line {number}: {source}")]
    Line { number: usize, source: serde_json::Error },
    #[error("it has {found} events, not {wanted}")]
    Rows { found: usize, wanted: u64 },
    #[error("its first and last ID are others than the manifest's")]
    Bounds,
}

/// A check under way.
pub struct ArchiveCheck<'a> {
    manifest: &'a Manifest,
    windows: HashMap<Digest, Vec<u64>>,
    rows: u64,
    bytes: u64,
    first: Option<IdempotentId>,
    last: Option<IdempotentId>,
    failures: Vec<String>,
}

impl<'a> ArchiveCheck<'a> {
    /// Of the day with this manifest.
    pub fn of(manifest: &'a Manifest, day: &str) -> Self {
        let failures = Vec::from_iter((manifest.day != day).then(|| format!("the manifest is of {}", manifest.day)));
        Self { manifest, windows: HashMap::new(), rows: 0, bytes: 0, first: None, last: None, failures }
    }

    /// Checks a part; gives it uncompressed if it is what the manifest says.
    pub fn part(&mut self, part: &ArchivePart, file: &[u8]) -> Option<Vec<u8>> {
        self.bytes += file.len() as u64;
        match self.checked(part, file) {
            Ok(plain) => Some(plain),
            Err(failure) => {
                self.failures.push(format!("{}: {failure}", part.name));
                None
            }
        }
    }

    fn checked(&mut self, part: &ArchivePart, file: &[u8]) -> Result<Vec<u8>, Damage> {
        if file.len() as u64 != part.bytes {
            return Err(Damage::Length { found: file.len(), wanted: part.bytes });
        }
        let found = hex::encode(Sha256::digest(file));
        if found != part.sha256 {
            return Err(Damage::Checksum { found, wanted: part.sha256.clone() });
        }
        let mut plain = Vec::new();
        GzDecoder::new(file).take(MAX_PLAIN_BYTES).read_to_end(&mut plain)?;
        let mut ids = Vec::new();
        for (number, line) in (1..).zip(plain.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())) {
            let event: Event = serde_json::from_slice(line).map_err(|source| Damage::Line { number, source })?;
            self.take(&event);
            ids.push(event.idempotent_id);
        }
        if ids.len() as u64 != part.rows {
            return Err(Damage::Rows { found: ids.len(), wanted: part.rows });
        }
        if (ids.first(), ids.last()) != (part.first_id.as_ref(), part.last_id.as_ref()) {
            return Err(Damage::Bounds);
        }
        Ok(plain)
    }

    fn take(&mut self, event: &Event) {
        self.rows += 1;
        let id = event.idempotent_id;
        self.first = Some(self.first.map_or(id, |first| first.min(id)));
        self.last = Some(self.last.map_or(id, |last| last.max(id)));
        let window = id.timestamp_ms();
        let windows = self.windows.entry(event.digest).or_default();
        // Two windows on, a repeat is an event of its own.
        if windows.iter().any(|known| known.abs_diff(window) <= self.manifest.window_ms) {
            self.failures.push(format!("event {id} is there twice"));
        }
        windows.push(window);
        if Day::of(window).to_string() != self.manifest.day {
            self.failures.push(format!("event {id} is of another day"));
        }
    }

    /// Unique digests, and all that is not as the manifest says.
    pub fn conclude(mut self) -> (u64, Vec<String>) {
        let Manifest { rows, bytes, first_id, last_id, .. } = self.manifest;
        if (self.rows, self.bytes) != (*rows, *bytes) {
            let found = format!("{} events in {} bytes", self.rows, self.bytes);
            self.failures.push(format!("all parts: {found}, not {rows} in {bytes}"));
        }
        if (self.first, self.last) != (*first_id, *last_id) {
            self.failures.push("all parts: the first and last ID are others than the manifest's".into());
        }
        (self.windows.len() as u64, self.failures)
    }
}
