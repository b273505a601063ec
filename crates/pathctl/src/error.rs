//! What can go wrong while an operator works, and what to do about it.
//!
//! Invariant: each error says what was being done, what was found, and a remedy.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

use model::error::InputError;

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// A value given by the operator or found in a file.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A file that can't be read or written.
    #[error("{action} {}: {source}; {remedy}", path.display())]
    File {
        /// `reading` or `writing`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
        /// What would help.
        remedy: &'static str,
    },
    /// A step that failed.
    #[error("{step}: {reason}; {remedy}")]
    Failed {
        /// What was being done.
        step: String,
        /// Why it failed.
        reason: String,
        /// What would help.
        remedy: String,
    },
    /// The operator asked to stop.
    #[error("stopped on request")]
    Interrupted,
}

impl CliError {
    /// A [`CliError::Failed`].
    pub fn failed(step: impl Into<String>, reason: &impl Display, remedy: impl Into<String>) -> Self {
        Self::Failed { step: step.into(), reason: reason.to_string(), remedy: remedy.into() }
    }

    /// A file that can't be read.
    pub fn reading(path: &Path, source: io::Error) -> Self {
        Self::File {
            action: "reading",
            path: path.to_owned(),
            source,
            remedy: "give a file that exists and that you may read",
        }
    }

    /// A file that can't be written.
    pub fn writing(path: &Path, source: io::Error) -> Self {
        Self::File {
            action: "writing",
            path: path.to_owned(),
            source,
            remedy: "give a path in a folder that exists, that you may write, and with space left",
        }
    }
}
