//! A planted fault, as its file says it.

use std::path::Path;

use anyhow::{Context as _, bail};

/// Our other checks, which run in production: which of them would find a fault.
pub const CHECKS: [&str; 5] = ["dedup", "ledger", "sums", "drill-down", "self-test"];

/// Whether a check finds it.
pub const ANSWERS: [&str; 3] = ["yes", "sometimes", "no"];

/// A fault.
#[derive(Debug)]
pub struct PlantedFault {
    /// The name of its file, without its ending.
    pub name: String,
    /// What is wrong, in a sentence.
    pub what: String,
    /// Where it is planted, from the repository's root.
    pub file: String,
    /// What each of [`CHECKS`] says, one of [`ANSWERS`].
    pub checks: [String; CHECKS.len()],
    /// Why they say that.
    pub why: String,
    /// The piece of the file that is right: an expression, or statements.
    pub sound: String,
    /// What takes its place.
    pub planted: String,
}

impl PlantedFault {
    /// Reads a fault's file.
    pub fn parse(name: &str, text: &str) -> anyhow::Result<Self> {
        let (head, rest) = text.split_once("\n--- sound\n").context("there is no line `--- sound`")?;
        let (sound, planted) = rest.split_once("\n--- planted\n").context("there is no line `--- planted`")?;
        let line = |field: &str| {
            let found = head.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(": "));
            found.map(str::to_owned).with_context(|| format!("there is no line `{field}: …`"))
        };
        Ok(Self {
            name: name.to_owned(),
            what: line("what")?,
            file: line("file")?,
            checks: checks(&line("checks")?)?,
            why: line("why")?,
            sound: sound.to_owned(),
            planted: planted.trim_end_matches('\n').to_owned(),
        })
    }

    /// Where its sound piece is in the text of its file.
    pub fn place(&self, text: &str) -> anyhow::Result<std::ops::Range<usize>> {
        let mut places = text.match_indices(&self.sound).map(|(at, _)| at..at + self.sound.len());
        let place = places.next().with_context(|| format!("its sound piece is not in {}", self.file))?;
        if places.next().is_some() {
            bail!("its sound piece is more than once in {}", self.file);
        }
        Ok(place)
    }
}

/// Reads `dedup no, ledger sometimes, …`.
fn checks(text: &str) -> anyhow::Result<[String; CHECKS.len()]> {
    let mut said = text.split(", ");
    let mut checks = CHECKS.map(str::to_owned);
    for check in &mut checks {
        let answer = said.next().and_then(|part| part.strip_prefix(check.as_str())?.strip_prefix(' '));
        match answer.filter(|answer| ANSWERS.contains(answer)) {
            Some(answer) => *check = answer.to_owned(),
            None => bail!("`checks: {text}` does not say of {check} one of {ANSWERS:?}, in the order of {CHECKS:?}"),
        }
    }
    Ok(checks)
}

/// All faults, by name.
pub fn all(root: &Path) -> anyhow::Result<Vec<PlantedFault>> {
    let folder = root.join("crates/sim/planted");
    let mut faults = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_none_or(|end| end != "txt") {
            continue;
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let fault = PlantedFault::parse(&name, &std::fs::read_to_string(&path)?);
        faults.push(fault.with_context(|| path.display().to_string())?);
    }
    faults.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_planted_fault_fits_the_sources() {
        let root = crate::planted::root();
        let faults = all(&root).unwrap();
        for fault in &faults {
            let text = std::fs::read_to_string(root.join(&fault.file)).unwrap();
            fault.place(&text).unwrap_or_else(|error| panic!("crates/sim/planted/{}.txt: {error}", fault.name));
            assert_ne!(fault.sound, fault.planted, "{}", fault.name);
        }
        assert!(faults.len() >= 34, "{}", faults.len());
    }

    #[test]
    fn a_file_that_says_too_little_is_refused() {
        let text = "what: A.\nfile: a.rs\nchecks: dedup no, ledger no, sums yes, drill-down yes, self-test no\nwhy: B.\n\
                    --- sound\na + b\n--- planted\na\n";
        let fault = PlantedFault::parse("a", text).unwrap();
        assert_eq!((fault.sound.as_str(), fault.planted.as_str()), ("a + b", "a"));
        assert!(fault.place("let c = a + b;").is_ok());
        assert!(fault.place("let c = a + b + a + b;").is_err() && fault.place("").is_err());
        for gone in ["what: A.\n", "ledger no, ", "sums yes, ", "--- planted\n"] {
            assert!(PlantedFault::parse("a", &text.replace(gone, "")).is_err(), "{gone}");
        }
        assert!(PlantedFault::parse("a", &text.replace("ledger no", "ledger maybe")).is_err());
    }
}
