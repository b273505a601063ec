//! An access log read as a stream.
//!
//! Invariant: memory is bounded by [`MAX_LINE_BYTES`] whatever the file holds, and a line that can't be used is
//! counted and shown, never an end.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use model::error::InputError;
use serde::Serialize;

use crate::access_log::LogEntry;

/// Longest line that is read, in bytes: servers cut request lines at 8 KiB, and a line holds a few such fields.
pub const MAX_LINE_BYTES: usize = 64 * 1024;

/// How many bad lines are kept to be shown.
const SHOWN_LINES: usize = 5;

/// First bytes of a gzip file (RFC 1952, section 2.3.1).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The lines that could not be used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BadLines {
    /// How many there were.
    pub count: u64,
    /// The first few, with line number and reason.
    pub shown: Vec<String>,
    /// Why the file could not be read to its end, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken_off: Option<String>,
}

impl BadLines {
    /// Counts a line.
    pub fn add(&mut self, line: u64, error: &InputError) {
        self.count += 1;
        if self.shown.len() < SHOWN_LINES {
            self.shown.push(format!("line {line}: {error}"));
        }
    }
}

impl fmt::Display for BadLines {
    /// A line for each that is shown, and what else there is to say; nothing where every line was used.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.shown {
            writeln!(f, "{line}")?;
        }
        let hidden = self.count - self.shown.len() as u64;
        if hidden > 0 {
            writeln!(f, "… and {hidden} more lines that can't be used")?;
        }
        self.broken_off.iter().try_for_each(|reason| writeln!(f, "{reason}"))
    }
}

/// Yields the entries of a log, each with its line number (from 1).
pub struct LogReader {
    input: Box<dyn BufRead + Send>,
    line: Vec<u8>,
    line_number: u64,
    bad: BadLines,
}

impl LogReader {
    /// Reads a log, plain or gzip.
    ///
    /// # Errors
    /// When its first bytes can't be read.
    pub fn new(log: impl Read + Send + 'static) -> io::Result<Self> {
        let mut input = BufReader::new(log);
        let is_gzip = input.fill_buf()?.starts_with(&GZIP_MAGIC);
        let input: Box<dyn BufRead + Send> =
            if is_gzip { Box::new(BufReader::new(MultiGzDecoder::new(input))) } else { Box::new(input) };
        Ok(Self { input, line: Vec::new(), line_number: 0, bad: BadLines::default() })
    }

    /// Counts a line that was readable but is of no use to the caller.
    pub fn refuse(&mut self, line: u64, error: &InputError) {
        self.bad.add(line, error);
    }

    /// What could not be used so far.
    pub fn into_bad_lines(self) -> BadLines {
        self.bad
    }

    /// Reads the next line into `self.line`, as much of it as is allowed and a byte more. False at the end.
    fn next_line(&mut self) -> io::Result<bool> {
        self.line.clear();
        let read = self.input.by_ref().take(MAX_LINE_BYTES as u64 + 1).read_until(b'\n', &mut self.line)?;
        if read > MAX_LINE_BYTES && !self.line.ends_with(b"\n") {
            self.input.skip_until(b'\n')?;
        }
        Ok(read > 0)
    }
}

impl Iterator for LogReader {
    type Item = (u64, LogEntry);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.next_line() {
                Ok(true) => self.line_number += 1,
                Ok(false) => return None,
                Err(error) => {
                    let number = self.line_number;
                    self.bad.broken_off = Some(format!("after line {number}: {error}; check that the file is whole"));
                    return None;
                }
            }
            let line = self.line.trim_ascii();
            if line.is_empty() {
                continue;
            }
            let parsed = if self.line.len() > MAX_LINE_BYTES {
                let remedy = format!("expected at most {MAX_LINE_BYTES} bytes");
                Err(InputError::field("line", "a longer line", remedy))
            } else {
                LogEntry::parse(line)
            };
            match parsed {
                Ok(entry) => return Some((self.line_number, entry)),
                Err(error) => self.bad.add(self.line_number, &error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = r#"192.0.2.1 - - [01/Mar/2024:00:00:00 +0000] "GET /a HTTP/1.1" 200 1"#;

    fn read(bytes: &[u8]) -> (Vec<u64>, BadLines) {
        let mut reader = LogReader::new(Cursor::new(bytes.to_vec())).unwrap();
        let lines = reader.by_ref().map(|(line, _)| line).collect();
        (lines, reader.into_bad_lines())
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn bad_lines_are_counted_and_the_first_few_shown_while_good_ones_go_on() {
        let text = format!("{GOOD}\r\n\n{}{GOOD}\n{GOOD}", "rubbish\n".repeat(7));
        let (lines, bad) = read(text.as_bytes());
        assert_eq!(lines, [1, 10, 11]);
        assert_eq!((bad.count, bad.shown.len()), (7, SHOWN_LINES));
        assert!(bad.shown[0].starts_with("line 3: `line`"), "{:?}", bad.shown);
    }

    #[test]
    fn an_endless_line_is_one_bad_line() {
        let text = format!("{GOOD}\n{}\n{GOOD}\n", "x".repeat(5 * MAX_LINE_BYTES));
        let (lines, bad) = read(text.as_bytes());
        assert_eq!(lines, [1, 3]);
        assert!(bad.shown[0].contains("line 2: `line`") && bad.shown[0].contains("65536"), "{:?}", bad.shown);
    }

    #[test]
    fn a_gzip_file_is_known_by_its_first_bytes_and_may_have_several_members() {
        let members = [gzip(&format!("{GOOD}\n")), gzip(&format!("{GOOD}\n"))].concat();
        assert_eq!(read(&members).0, [1, 2]);
    }

    #[test]
    fn a_gzip_file_that_breaks_off_gives_what_it_has_and_says_so() {
        // Compressible text, so that a cut near the end still leaves whole lines before it.
        let whole = gzip(&format!("{GOOD}\n").repeat(20_000));
        let (lines, bad) = read(&whole[..whole.len() - 20]);
        let reason = bad.broken_off.unwrap();
        assert!(!lines.is_empty());
        assert!(reason.contains("after line") && reason.contains("check that the file is whole"), "{reason}");
    }

    proptest! {
        #[test]
        fn every_line_is_either_read_or_counted(lines in proptest::collection::vec("[ -~]{0,40}", 0..20)) {
            let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n", GOOD, "\n"]).collect();
            let (read, bad) = read(text.as_bytes());
            prop_assert_eq!(read.len(), lines.len());
            let rubbish = lines.iter().filter(|line| !line.trim().is_empty()).count();
            prop_assert_eq!(bad.count, rubbish as u64);
        }
    }
}
