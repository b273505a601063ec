//! The way of a change: it is shown, agreed to, made, and reported.

use std::process::ExitCode;

use api::flag::{ChangeAnswer, PreviewAnswer};
use model::flag::document::Document;
use model::flag::preview::{PathPreview, Shares};
use serde_json::json;
use ureq::http::Method;

use super::stop::places;
use super::{Desk, describe};
use crate::consent::Consent;
use crate::error::CliError;
use crate::gateway::{ApiResponse, CallError};
use crate::output::{self, notice};
use crate::share::Share;
use crate::table::plain;
use crate::time::moment;

/// Paths that a preview shows.
const SHOWN_PATHS: usize = 20;

/// What came of showing a proposal.
pub enum ProposalOutcome {
    /// The operator agrees; with the preview, if there was one.
    Agreed(Option<ApiResponse<PreviewAnswer>>),
    /// The operator doesn't.
    Declined(ApiResponse<PreviewAnswer>),
    /// It would change nothing.
    NoChange(ApiResponse<PreviewAnswer>),
}

/// Shows what a document would do, and asks whether it shall.
pub fn consult(desk: &Desk, wanted: &Document, consent: Consent) -> Result<ProposalOutcome, CliError> {
    let preview = match desk.gateway.send::<PreviewAnswer>(&Method::POST, "flag/preview", wanted, None) {
        Ok(preview) => preview,
        Err(error) if error.is_passing() && consent == Consent::Given => {
            output::note(&format!("warning: no preview: {error}"));
            return Ok(ProposalOutcome::Agreed(None));
        }
        Err(error) => return Err(error.into()),
    };
    if preview.value.differences.is_empty() {
        return Ok(ProposalOutcome::NoChange(preview));
    }
    desk.tell(&text(&preview.value));
    for warning in &preview.value.warnings {
        output::note(&format!("warning: {warning}"));
    }
    Ok(if consent.is_granted("Change the flag?") {
        ProposalOutcome::Agreed(Some(preview))
    } else {
        ProposalOutcome::Declined(preview)
    })
}

/// Carries out what was agreed to with `change`, and reports what came of it.
pub fn conclude(
    desk: &Desk,
    verdict: ProposalOutcome,
    change: impl FnOnce() -> Result<ApiResponse<ChangeAnswer>, CallError>,
) -> Result<ExitCode, CliError> {
    let (preview, said, code) = match verdict {
        ProposalOutcome::Agreed(preview) => {
            let ApiResponse { mut raw, value } = change()?;
            let ChangeAnswer { document, recorded, copied, in_object, .. } = value;
            if desk.json {
                raw["changed"] = true.into();
                raw["preview"] = preview.map(|preview| preview.raw).into();
                output::say_json(&raw)?;
            } else {
                output::say(&format!("version {} holds: {}", document.version, describe::rule(&document)));
                output::say(&places(recorded, copied, in_object));
            }
            return Ok(ExitCode::SUCCESS);
        }
        ProposalOutcome::NoChange(preview) => {
            let said = format!("version {} already says so: nothing was changed", preview.value.base);
            (preview, said, ExitCode::SUCCESS)
        }
        ProposalOutcome::Declined(preview) => (preview, "nothing was changed".into(), ExitCode::FAILURE),
    };
    desk.tell(&said);
    if desk.json {
        output::say_json(&json!({"changed": false, "preview": preview.raw}))?;
    }
    Ok(code)
}

impl Desk {
    /// Says something to the operator: a result, or a note where results are JSON.
    fn tell(&self, text: &str) {
        if self.json { output::note(&text) } else { output::say(&text) }
    }
}

fn text(preview: &PreviewAnswer) -> String {
    let PreviewAnswer { basis, base, differences, current, proposed, paths, more, .. } = preview;
    let requests = basis.as_ref().map_or_else(|| "?".into(), |basis| basis.requests.to_string());
    let row = |path: &str, requests, current: &Shares, proposed: &Shares, overriding| {
        let [old, both, new] = shares(*current, *proposed);
        [path.to_owned(), requests, old, both, new, overriding]
    };
    let all = row("all", requests, current, proposed, String::new());
    let each = paths
        .iter()
        .take(SHOWN_PATHS)
        .map(|path| row(&path.path, path.requests.to_string(), &path.current, &path.proposed, overriding(path)));
    let header = ["<path", "requests/day", "only old", "both", "only new", "<override"];
    let table = plain(header, std::iter::once(all).chain(each));
    let missing = basis.as_ref().map_or_else(String::new, |basis| notice(&basis.missing));
    let basis = match basis {
        Some(basis) => {
            let about = if basis.exact { "" } else { ", about" };
            format!("Traffic from {} to {}{about}:", moment(basis.from), moment(basis.to))
        }
        None => "The traffic can't be read; by the document's rule alone:".into(),
    };
    let more = match (paths.len().saturating_sub(SHOWN_PATHS), more) {
        (0, false) => String::new(),
        (_, true) => "\n  and more paths".into(),
        (hidden, false) => format!("\n  and {hidden} more paths"),
    };
    let changes = describe::differences(differences);
    format!("{basis}\n{missing}{table}{more}\nChanges of version {base}:\n{changes}")
}

/// The override that holds for a route, and one before it that may hold for some of its requests.
fn overriding(path: &PathPreview) -> String {
    let perhaps = path.perhaps.as_ref().map(|perhaps| format!("perhaps {perhaps}"));
    [path.override_path.clone(), perhaps].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Shares now and then.
fn shares(current: Shares, proposed: Shares) -> [String; 3] {
    let pairs =
        [(current.only_old, proposed.only_old), (current.both, proposed.both), (current.only_new, proposed.only_new)];
    pairs.map(|(now, then)| match (Share::of_ppm(now), Share::of_ppm(then)) {
        (now, then) if now == then => now.to_string(),
        (now, then) => format!("{now} → {then}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preview(paths: usize, more: bool) -> String {
        let current = Shares { only_old: 990_000, both: 10_000, only_new: 0 };
        let proposed = Shares { only_old: 742_500, both: 10_000, only_new: 247_500 };
        let (path, override_path) = ("/a".to_owned(), Some("/{x}".to_owned()));
        let path = PathPreview { path, requests: 7, override_path, perhaps: None, current, proposed };
        let (paths, differences, warnings) = (vec![path; paths], Vec::new(), Vec::new());
        text(&PreviewAnswer { basis: None, base: 3, differences, current, proposed, paths, more, warnings })
    }

    #[test]
    fn a_preview_shows_each_share_now_and_then() {
        let shown = preview(1, false);
        let row = shown.lines().find(|line| line.contains("/a")).unwrap();
        assert_eq!(row.split_whitespace().collect::<Vec<_>>().join(" "), "/a 7 99 % → 74.25 % 1 % 0 % → 24.75 % /{x}");
        assert!(shown.contains("can't be read") && shown.contains("Changes of version 3"), "{shown}");
    }

    #[test]
    fn a_long_preview_says_that_there_is_more() {
        assert!(!preview(SHOWN_PATHS, false).contains("more"));
        assert!(preview(SHOWN_PATHS + 2, false).contains("and 2 more paths"));
        assert!(preview(1, true).contains("and more paths"));
    }
}
