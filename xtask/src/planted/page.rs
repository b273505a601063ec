//! What was found, in docs/simulation.md.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::fault::{CHECKS, PlantedFault};
use super::hunt::FirstFailure;
use crate::table::markdown;

const BEGIN: &str = "<!-- `make planted` writes what follows -->\n";
const END: &str = "<!-- until here -->\n";

/// A fault, and what the simulator said of it.
pub type FaultHunt<'a> = (&'a PlantedFault, Option<FirstFailure>);

/// In words.
pub fn found(found: Option<&FirstFailure>, seeds: u64) -> String {
    match found {
        Some(FirstFailure { seed, property }) => format!("{property} ({} seeds)", seed + 1),
        None => format!("not found in {seeds} seeds"),
    }
}

/// Writes both tables between the page's markers.
pub fn write(page: &Path, hunts: &[FaultHunt<'_>], seeds: u64) -> anyhow::Result<()> {
    let text = fs::read_to_string(page).with_context(|| page.display().to_string())?;
    let with = replaced(&text, &tables(hunts, seeds)).context("docs/simulation.md has lost its markers")?;
    fs::write(page, with).context("docs/simulation.md")
}

fn replaced(text: &str, tables: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{tables}\n{END}{after}"))
}

fn tables(hunts: &[FaultHunt<'_>], seeds: u64) -> String {
    let of_hunt = |(fault, said): &FaultHunt<'_>| {
        let (property, after) = match said {
            Some(FirstFailure { seed, property }) => (property.clone(), (seed + 1).to_string()),
            None => ("**not found**".to_owned(), format!("more than {seeds}")),
        };
        [fault.name.clone(), fault.what.clone(), property, after]
    };
    let hunted = markdown(["name", "planted fault", "property that found it", "seeds"], hunts.iter().map(of_hunt));
    let mut after: Vec<u64> = hunts.iter().filter_map(|(_, said)| said.as_ref().map(|found| found.seed + 1)).collect();
    after.sort_unstable();
    let median = after.get(after.len() / 2).copied().unwrap_or_default();
    let most = after.last().copied().unwrap_or_default();
    let of_checks = |(fault, said): &FaultHunt<'_>| {
        let [dedup, ledger, sums, drill_down, selftest] = fault.checks.clone();
        let simulator = if said.is_some() { "yes" } else { "no" }.to_owned();
        [fault.name.clone(), dedup, ledger, sums, drill_down, selftest, simulator, fault.why.clone()]
    };
    let [dedup, ledger, sums, drill_down, selftest] = CHECKS;
    let header = ["name", dedup, ledger, sums, drill_down, selftest, "simulator", "why"];
    let matrix = markdown(header, hunts.iter().map(of_checks));
    format!(
        "{} of {} planted faults were found: half of them within {median} seeds, the last after {most}.\n\n{hunted}\n\n\
         ### Which check finds what\n\nWhether each of our checks would find the fault in production, and the simulator \
         before.\n\n{matrix}\n",
        after.len(),
        hunts.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_take_the_place_of_older_ones() {
        let page = format!("# A\n\n{BEGIN}\nold\n\n{END}\nrest\n");
        assert_eq!(replaced(&page, "new").unwrap(), format!("# A\n\n{BEGIN}\nnew\n{END}\nrest\n"));
        assert_eq!(replaced("no markers", "new"), None);
    }

    #[test]
    fn what_is_not_found_stands_out() {
        let text = "what: A.\nfile: a.rs\nchecks: dedup no, ledger no, sums yes, drill-down yes, self-test no\nwhy: B.\n\
                    --- sound\na + b\n--- planted\na\n";
        let fault = PlantedFault::parse("a", text).unwrap();
        let text = tables(&[(&fault, None)], 20);
        assert!(text.contains("**not found**") && text.contains("more than 20"), "{text}");
    }
}
