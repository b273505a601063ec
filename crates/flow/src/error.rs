//! Errors that are shown to whoever made a request.

use std::fmt::Display;

use api::problem::Problem;
use model::error::InputError;
use model::reading::missing::{self, MissingData, MissingPart};
use store::sql::StoreError;

use crate::app::App;

/// What the client is told: what to do, but no internals, which are only logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The request is invalid: the field, what is wrong with it, and the remedy.
    #[error("{0}")]
    Input(String),
    /// There is no such thing.
    #[error("{0}")]
    Missing(String),
    /// Another change was faster, or the request contradicts the current state.
    #[error("{0}")]
    Conflict(String),
    /// An emergency stop holds.
    #[error("{0}")]
    Stopped(String),
    /// A required part of the system can't be reached now.
    #[error("{0}")]
    Unavailable(String),
}

impl Error {
    /// A parameter or body that can't be used.
    pub fn input(detail: impl Display) -> Self {
        Self::Input(detail.to_string())
    }

    /// No such thing.
    pub fn missing(detail: impl Display) -> Self {
        Self::Missing(detail.to_string())
    }

    /// Another was faster.
    pub fn conflict(detail: impl Display) -> Self {
        Self::Conflict(detail.to_string())
    }

    /// A part that can't be reached now.
    pub fn unavailable(detail: impl Display) -> Self {
        Self::Unavailable(detail.to_string())
    }

    /// No part that could answer can be read.
    pub fn nothing_is_readable(missing: &[MissingData]) -> Self {
        let what = missing::sentence(missing);
        Self::unavailable(format_args!("nothing can be read now ({what}); counting goes on, try again"))
    }
}

impl From<InputError> for Error {
    fn from(error: InputError) -> Self {
        Self::input(error)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Input(detail) => Self::bad_request(detail),
            Error::Missing(detail) => Self::not_found(detail),
            Error::Conflict(detail) => Self::new(409, "Conflict", detail),
            Error::Stopped(detail) => Self::new(409, "Stopped", detail),
            Error::Unavailable(detail) => Self::unavailable(detail),
        }
    }
}

impl App {
    /// Logs why something can't be read, and returns an error for the client without internals.
    pub fn unreadable(&self, error: impl Display) -> Error {
        self.error(format_args!("A store can't be read: {error}"));
        Error::unavailable("a store can't be read now; counting goes on, try again")
    }

    /// Logs why a part could not be read, and returns an entry for the answer without internals.
    pub fn missing(&self, store: MissingPart, error: &StoreError) -> MissingData {
        self.error(format_args!("{} can't be read: {error}", store.name()));
        let reason = match error {
            StoreError::Late(_) => error.to_string(),
            StoreError::Conflict | StoreError::Unavailable(_) => "it could not be reached, or refused".to_owned(),
            StoreError::Corrupt(_) => "what it holds is not what was once written".to_owned(),
        };
        MissingData { store, reason }
    }

    /// [`Error::nothing_is_readable`], where one part alone could answer.
    pub fn unanswered(&self, store: MissingPart, error: &StoreError) -> Error {
        Error::nothing_is_readable(&[self.missing(store, error)])
    }
}
