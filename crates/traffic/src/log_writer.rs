//! An access log written to a file, compressed where its name ends in `.gz`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::access_log::Entry;

/// A log that is being written.
pub enum LogWriter {
    /// As text.
    Plain(BufWriter<File>),
    /// As gzip.
    Gzip(BufWriter<GzEncoder<File>>),
}

impl LogWriter {
    /// Creates the file, or empties it.
    ///
    /// # Errors
    /// When the file can't be written; so have the other functions.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = File::create(path)?;
        Ok(if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz")) {
            Self::Gzip(BufWriter::new(GzEncoder::new(file, Compression::default())))
        } else {
            Self::Plain(BufWriter::new(file))
        })
    }

    /// Writes a line.
    ///
    /// # Errors
    /// As [`LogWriter::create`].
    pub fn write(&mut self, entry: &Entry) -> io::Result<()> {
        match self {
            Self::Plain(file) => writeln!(file, "{entry}"),
            Self::Gzip(file) => writeln!(file, "{entry}"),
        }
    }

    /// Writes what is still in memory.
    ///
    /// # Errors
    /// As [`LogWriter::create`].
    pub fn finish(self) -> io::Result<()> {
        match self {
            Self::Plain(mut file) => file.flush(),
            Self::Gzip(file) => file.into_inner().map_err(io::IntoInnerError::into_error)?.finish().map(drop),
        }
    }
}
