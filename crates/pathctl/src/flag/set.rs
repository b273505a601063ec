//! `pathctl flag set`: another document, or other fields of the one that holds.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use model::flag::Mode;
use model::flag::document::Document;

use super::author::ChangeArgs;
use super::{Desk, proposal, source};
use crate::consent::Consent;
use crate::error::CliError;
use crate::share::Share;

/// Change the flag, by a whole document or field by field.
#[derive(Args)]
pub struct SetArgs {
    #[command(flatten)]
    wanted: Wanted,
    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Args)]
#[group(required = true, multiple = true)]
struct Wanted {
    /// A whole document; - is standard input. Its version, author and reason don't count.
    #[arg(conflicts_with_all = ["mode", "sample", "queue_share", "salt"])]
    file: Option<PathBuf>,
    /// Which store records: do-only, queue-only or dual-write. Any but dual-write ends a ramp.
    #[arg(long, value_parser = mode)]
    mode: Option<Mode>,
    /// In dual-write: share of requests written to both stores, such as 1%.
    #[arg(long, value_name = "SHARE")]
    sample: Option<Share>,
    /// In dual-write: share of the rest that goes to the queue alone, such as 25%.
    #[arg(long, value_name = "SHARE")]
    queue_share: Option<Share>,
    /// Changes which requests fall into the sample.
    #[arg(long)]
    salt: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// When the document can't be, or the gateway refuses it.
pub async fn run(desk: &Desk, args: &SetArgs) -> Result<ExitCode, CliError> {
    let consent = Consent::by(args.change.yes, "changing the flag")?;
    let by = args.change.by.name()?;
    let given = args.wanted.file.as_deref().map(source::file).transpose()?;
    let newest = source::newest(&desk.collector).await?;
    let wanted = given.unwrap_or_else(|| args.wanted.applied_to(&newest));
    change(desk, &newest, Document { updated_by: by, reason: args.change.reason.clone(), ..wanted }, consent).await
}

/// Proposes `wanted` in place of `newest`, and makes the change if the operator agrees.
///
/// # Errors
/// As [`run`].
pub async fn change(desk: &Desk, newest: &Document, wanted: Document, consent: Consent) -> Result<ExitCode, CliError> {
    let wanted = source::checked(&Document { version: newest.version, ..wanted })?;
    let verdict = proposal::consult(desk, &wanted, consent).await?;
    proposal::conclude(desk, verdict, desk.collector.change_flag(&wanted, newest.version)).await
}

impl Wanted {
    fn applied_to(&self, newest: &Document) -> Document {
        let mode = self.mode.unwrap_or(newest.mode);
        Document {
            mode,
            sample_ppm: self.sample.map_or(newest.sample_ppm, |share| share.ppm),
            queue_ppm: self.queue_share.map_or(newest.queue_ppm, |share| share.ppm),
            salt: self.salt.clone().unwrap_or_else(|| newest.salt.clone()),
            // A ramp has a meaning in this mode alone.
            ramp: newest.ramp.clone().filter(|_| mode == Mode::DualWrite),
            ..newest.clone()
        }
    }
}

fn mode(text: &str) -> Result<Mode, String> {
    let modes = [Mode::DoOnly, Mode::QueueOnly, Mode::DualWrite];
    let found = modes.into_iter().find(|mode| mode.name() == text);
    found.ok_or_else(|| format!("give one of {}", modes.map(Mode::name).join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_are_not_named_stay_as_they_are() {
        let text = r#"{"schema":1,"version":4,"mode":"dual-write","queuePpm":7,"salt":"s",
            "overrides":[{"path":"/a","mode":"do-only"}],"ramp":{"steps":[1],"everyMs":60000}}"#;
        let newest = Document::read_strictly(text).unwrap();
        let fields = |mode, sample| Wanted { file: None, mode, sample, queue_share: None, salt: None };
        let sampled = fields(None, Some(Share::of_ppm(5))).applied_to(&newest);
        assert_eq!(sampled, Document { sample_ppm: 5, ..newest.clone() });
        let stopped = fields(Some(Mode::QueueOnly), None).applied_to(&newest);
        assert_eq!(stopped, Document { mode: Mode::QueueOnly, ramp: None, ..newest });
        assert!(source::checked(&stopped).is_ok());
    }

    #[test]
    fn a_mode_is_named_as_in_documents() {
        assert_eq!(mode("dual-write"), Ok(Mode::DualWrite));
        assert!(mode("dual").unwrap_err().contains("do-only, queue-only, dual-write"));
    }
}
