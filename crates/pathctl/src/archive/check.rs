//! Holds a day's parts against its manifest.

use std::collections::HashMap;
use std::io::Read;

use flate2::read::GzDecoder;
use model::archive::Day;
use model::archive::manifest::{Manifest, Part};
use model::event::Event;
use model::event::identity::{Digest, IdempotentId};
use sha2::{Digest as _, Sha256};

/// Longest part that is unpacked, in bytes: far above any that is written.
const MAX_PLAIN_BYTES: u64 = 256 * 1024 * 1024;

/// A check under way.
pub struct Check<'a> {
    manifest: &'a Manifest,
    windows: HashMap<Digest, Vec<u64>>,
    rows: u64,
    bytes: u64,
    first: Option<IdempotentId>,
    last: Option<IdempotentId>,
    failures: Vec<String>,
}

impl<'a> Check<'a> {
    /// Of the day with this manifest.
    pub fn of(manifest: &'a Manifest, day: &str) -> Self {
        let failures = Vec::from_iter((manifest.day != day).then(|| format!("the manifest is of {}", manifest.day)));
        Self { manifest, windows: HashMap::new(), rows: 0, bytes: 0, first: None, last: None, failures }
    }

    /// Checks a part; gives it uncompressed if it is what the manifest says.
    pub fn part(&mut self, part: &Part, file: &[u8]) -> Option<Vec<u8>> {
        self.bytes += file.len() as u64;
        match self.checked(part, file) {
            Ok(plain) => Some(plain),
            Err(failure) => {
                self.failures.push(format!("{}: {failure}", part.name));
                None
            }
        }
    }

    fn checked(&mut self, part: &Part, file: &[u8]) -> Result<Vec<u8>, String> {
        if file.len() as u64 != part.bytes {
            return Err(format!("it has {} bytes, not {}", file.len(), part.bytes));
        }
        let sha256 = hex::encode(Sha256::digest(file));
        if sha256 != part.sha256 {
            return Err(format!("its SHA-256 is {sha256}, not {}", part.sha256));
        }
        let mut plain = Vec::new();
        let unpacked = GzDecoder::new(file).take(MAX_PLAIN_BYTES).read_to_end(&mut plain);
        unpacked.map_err(|error| format!("it can't be unpacked: {error}"))?;
        let mut ids = Vec::new();
        for (number, line) in (1..).zip(plain.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())) {
            let event: Event = serde_json::from_slice(line).map_err(|error| format!("line {number}: {error}"))?;
            self.take(&event);
            ids.push(event.idempotent_id);
        }
        if ids.len() as u64 != part.rows {
            return Err(format!("it has {} events, not {}", ids.len(), part.rows));
        }
        if (ids.first(), ids.last()) != (part.first_id.as_ref(), part.last_id.as_ref()) {
            return Err("its first and last ID are others than the manifest's".into());
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
