//! Where flag documents come from: files, the source of truth, the history.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use model::error::InputError;
use model::flag::document::{Document, MAX_BYTES};

use crate::collector::Collector;
use crate::collector::flag::{Change, Newest};
use crate::error::CliError;

/// A document of a file, or of standard input for `-`.
///
/// # Errors
/// When it can't be read or is not valid.
pub fn file(path: &Path) -> Result<Document, CliError> {
    let mut text = String::new();
    let read = |from: &mut dyn Read, text: &mut String| from.take(2 * MAX_BYTES as u64).read_to_string(text);
    let outcome = if path == Path::new("-") {
        read(&mut io::stdin().lock(), &mut text)
    } else {
        fs::File::open(path).and_then(|mut file| read(&mut file, &mut text))
    };
    outcome.map_err(|error| CliError::reading(path, error))?;
    Ok(Document::read_strictly(&text)?)
}

/// The document that holds at the source of truth, to be changed.
///
/// # Errors
/// When there is no answer, or it has fields that this tool would lose.
pub async fn newest(collector: &Collector) -> Result<Document, CliError> {
    let Newest { document, .. } = collector.newest_flag().await?;
    Document::read_strictly(&document.to_string()).map_err(|error| {
        CliError::failed("reading the document that holds", &error, "use a pathctl of the gateway's version")
    })
}

/// A document of the history.
///
/// # Errors
/// When it isn't there.
pub fn version(history: &[Change], version: u32) -> Result<&Document, CliError> {
    let found = history.iter().map(|change| &change.document).find(|document| document.version == version);
    found.ok_or_else(|| {
        let shown = match (history.last(), history.first()) {
            (Some(oldest), Some(newest)) => format!("{} to {}", oldest.document.version, newest.document.version),
            _ => "none yet".into(),
        };
        let remedy = format!("versions that can be read: {shown}");
        CliError::failed(format!("looking for version {version}"), &"it is not in the history", remedy)
    })
}

/// The same document, if the gateway would take it.
///
/// # Errors
/// Names the field and the remedy.
pub fn checked(document: &Document) -> Result<Document, CliError> {
    let text = serde_json::to_string(document)
        .map_err(|error| CliError::failed("writing the document", &error, "report it as a fault of this tool"))?;
    Document::read_strictly(&text).map_err(|error: InputError| error.into())
}

/// A file or a version, as a command names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// A version of the history.
    Version(u32),
    /// A file.
    File(PathBuf),
}

impl From<&str> for Named {
    fn from(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::File(text.into()), Self::Version)
    }
}
