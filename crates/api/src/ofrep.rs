//! `POST ofrep/v1/evaluate/flags`: the flag for others, by the OpenFeature Remote Evaluation Protocol.
//!
//! What it takes and gives for one flag is in [`model::flag::evaluate`].

use model::flag::evaluate::Evaluation;
use serde::{Deserialize, Serialize};

/// All flags: the one there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EvaluationsAnswer {
    /// The flags.
    pub flags: [Evaluation; 1],
}
