//! What happened in a run, so that two runs of one seed can be compared.

use std::cell::{Cell, RefCell};

/// A running hash of all that happened; and the lines themselves, where somebody reads them.
#[derive(Debug, Default)]
pub struct Trace {
    hash: Cell<u64>,
    lines: Cell<u64>,
    kept: RefCell<Option<Vec<(u64, String)>>>,
}

impl Trace {
    /// Notes what happened at a time, in ms.
    pub fn note(&self, at_ms: u64, line: impl FnOnce() -> String) {
        let line = line();
        // FNV-1a: it tells runs apart, and resists nobody.
        let bytes = at_ms.to_be_bytes();
        let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        self.hash.set(bytes.iter().chain(line.as_bytes()).fold(self.hash.get(), mix));
        self.lines.set(self.lines.get() + 1);
        if let Some(kept) = &mut *self.kept.borrow_mut() {
            kept.push((at_ms, line));
        }
    }

    /// Keeps lines from now on.
    pub fn keep(&self) {
        self.kept.replace(Some(Vec::new()));
    }

    /// Lines that were kept, each with its time in ms.
    pub fn kept(&self) -> Vec<(u64, String)> {
        self.kept.borrow().clone().unwrap_or_default()
    }

    /// The hash of everything until now, and the number of lines.
    pub fn digest(&self) -> (u64, u64) {
        (self.hash.get(), self.lines.get())
    }
}
