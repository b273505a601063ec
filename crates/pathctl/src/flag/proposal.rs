//! The way of a change: it is shown, agreed to, made, and reported.

use std::process::ExitCode;

use model::flag::document::Document;
use serde::Serialize;

use super::{Desk, describe};
use crate::collector::flag::{Changed, PathPreview, Preview, Shares};
use crate::consent::Consent;
use crate::error::CliError;
use crate::missing::notice;
use crate::output;
use crate::share::Share;
use crate::table::Table;
use crate::time::moment;

/// Paths that a preview shows.
const SHOWN_PATHS: usize = 20;

/// What came of showing a proposal.
pub enum Verdict {
    /// The operator agrees; with the preview, if there was one.
    Agreed(Option<Preview>),
    /// The operator doesn't.
    Declined(Preview),
    /// It would change nothing.
    NoChange(Preview),
}

/// What a change's command prints with `--json`.
#[derive(Serialize)]
struct Outcome<'a> {
    changed: bool,
    #[serde(flatten)]
    made: Option<&'a Changed>,
    preview: Option<&'a Preview>,
}

/// Shows what a document would do, and asks whether it shall.
///
/// # Errors
/// When there is no preview and the operator has not agreed without.
pub async fn consult(desk: &Desk, wanted: &Document, consent: Consent) -> Result<Verdict, CliError> {
    let preview = match desk.collector.preview_flag(wanted).await {
        Ok(preview) => preview,
        Err(error) if error.is_passing() && consent == Consent::Given => {
            output::note(&format!("warning: no preview: {error}"));
            return Ok(Verdict::Agreed(None));
        }
        Err(error) => return Err(error.into()),
    };
    if preview.differences.is_empty() {
        return Ok(Verdict::NoChange(preview));
    }
    desk.tell(&text(&preview));
    for warning in &preview.warnings {
        output::note(&format!("warning: {warning}"));
    }
    Ok(if consent.is_granted("Change the flag?") { Verdict::Agreed(Some(preview)) } else { Verdict::Declined(preview) })
}

/// Carries out what was agreed to with `change`, and reports what came of it.
///
/// # Errors
/// What `change` fails with.
pub async fn conclude<E: Into<CliError>>(
    desk: &Desk,
    verdict: Verdict,
    change: impl Future<Output = Result<Changed, E>>,
) -> Result<ExitCode, CliError> {
    let (preview, said, code) = match verdict {
        Verdict::Agreed(preview) => {
            let changed = change.await.map_err(Into::into)?;
            desk.report(&changed, preview.as_ref())?;
            return Ok(ExitCode::SUCCESS);
        }
        Verdict::NoChange(preview) => {
            let said = format!("version {} already says so: nothing was changed", preview.base);
            (preview, said, ExitCode::SUCCESS)
        }
        Verdict::Declined(preview) => (preview, "nothing was changed".into(), ExitCode::FAILURE),
    };
    desk.tell(&said);
    if desk.json {
        output::say_json(&Outcome { changed: false, made: None, preview: Some(&preview) })?;
    }
    Ok(code)
}

impl Desk {
    /// Says something to the operator: a result, or a note where results are JSON.
    fn tell(&self, text: &str) {
        if self.json { output::note(&text) } else { output::say(&text) }
    }

    /// Says what became of a change.
    pub fn report(&self, changed: &Changed, preview: Option<&Preview>) -> Result<(), CliError> {
        if self.json {
            return output::say_json(&Outcome { changed: true, made: Some(changed), preview });
        }
        let document = &changed.document;
        output::say(&format!("version {} holds: {}", document.version, describe::rule(document)));
        output::say(&if changed.recorded {
            "  history  recorded"
        } else {
            "  history  NOT recorded: it can't be reached; cron adds the change once it can"
        });
        output::say(&if changed.copied {
            "  copy     written: gateways obey as it spreads (`pathctl flag status`)"
        } else {
            "  copy     NOT written: KV refuses; cron tries again each minute"
        });
        output::say(&if changed.in_object {
            "  object   told: gateways ask it within 15 s"
        } else {
            "  object   NOT told: it can't be reached; cron tries again each minute"
        });
        Ok(())
    }
}

fn text(preview: &Preview) -> String {
    let mut table = Table::new(["path", "requests/day", "only old", "both", "only new", "override"]).words(&[0, 5]);
    let requests = preview.basis.as_ref().map_or_else(|| "?".into(), |basis| basis.requests.to_string());
    let [old, both, new] = shares(preview.current, preview.proposed);
    table.row(["all".into(), requests, old, both, new, String::new()]);
    for PathPreview { path, requests, template, perhaps, current, proposed } in preview.paths.iter().take(SHOWN_PATHS) {
        let [old, both, new] = shares(*current, *proposed);
        table.row([
            path.clone(),
            requests.to_string(),
            old,
            both,
            new,
            overriding(template.as_deref(), perhaps.as_deref()),
        ]);
    }
    let missing = preview.basis.as_ref().map_or_else(String::new, |basis| notice(&basis.missing));
    let basis = match &preview.basis {
        Some(basis) if basis.exact => format!("Traffic from {} to {}:", moment(basis.from), moment(basis.to)),
        Some(basis) => format!("Traffic from {} to {}, about:", moment(basis.from), moment(basis.to)),
        None => "The traffic can't be read; by the document's rule alone:".into(),
    };
    let hidden = preview.paths.len().saturating_sub(SHOWN_PATHS);
    let more = match (hidden, preview.more) {
        (0, false) => String::new(),
        (_, true) => "\n  and more paths".into(),
        (hidden, false) => format!("\n  and {hidden} more paths"),
    };
    let base = preview.base;
    format!(
        "{basis}\n{missing}{table}{more}\nChanges of version {base}:\n{}",
        describe::differences(&preview.differences)
    )
}

/// The override that holds for a route, and one before it that may hold for some of its requests.
fn overriding(template: Option<&str>, perhaps: Option<&str>) -> String {
    match (template, perhaps) {
        (template, None) => template.unwrap_or_default().to_owned(),
        (None, Some(perhaps)) => format!("perhaps {perhaps}"),
        (Some(template), Some(perhaps)) => format!("{template}, perhaps {perhaps}"),
    }
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
        let (current, proposed) = (
            Shares { only_old: 990_000, both: 10_000, only_new: 0 },
            Shares { only_old: 742_500, both: 10_000, only_new: 247_500 },
        );
        let path = PathPreview {
            path: "/a".into(),
            requests: 7,
            template: Some("/{x}".into()),
            perhaps: None,
            current,
            proposed,
        };
        let (paths, differences, warnings) = (vec![path; paths], Vec::new(), Vec::new());
        text(&Preview { basis: None, base: 3, differences, current, proposed, paths, more, warnings })
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
