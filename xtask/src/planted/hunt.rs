//! Running the simulator with a fault.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

/// What the simulator said.
#[derive(Debug, PartialEq, Eq)]
pub struct FirstFailure {
    /// The first seed whose story failed.
    pub seed: u64,
    /// The property that did not hold.
    pub property: String,
}

/// The simulator with all faults in it.
pub struct PlantedSimulator(PathBuf);

impl PlantedSimulator {
    /// Builds it.
    pub fn build(tree: &Path, target: &Path) -> anyhow::Result<Self> {
        let build = ["build", "--quiet", "--profile", "simulate", "-p", "sim", "--bin", "simulate", "--target-dir"];
        let mut cargo = Command::new("cargo");
        // Faults need not be pretty.
        cargo.args(build).arg(target).current_dir(tree).env("RUSTFLAGS", "--cap-lints=allow");
        ensure!(cargo.status().context("cargo")?.success(), "the sources with faults in them can't be built");
        Ok(Self(target.join("simulate/simulate")))
    }

    /// Tries the first seeds with a fault switched on (none, where the name is empty), until one fails.
    pub fn hunt(&self, fault: &str, seeds: u64) -> anyhow::Result<Option<FirstFailure>> {
        let mut simulate = Command::new(&self.0);
        simulate.env("PLANT", fault).env("BRIEF", "1").env("SEED", "0").env("SEEDS", seeds.to_string());
        let output = simulate.env_remove("FOR").stderr(Stdio::inherit()).output().context("simulate")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let found = text.lines().find_map(found);
        ensure!(found.is_some() != output.status.success(), "the simulator ended with {}: {text}", output.status);
        Ok(found)
    }
}

/// Reads `seed 7: each event is stored once`.
fn found(line: &str) -> Option<FirstFailure> {
    let (seed, property) = line.strip_prefix("seed ")?.split_once(": ")?;
    Some(FirstFailure { seed: seed.parse().ok()?, property: property.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_line() {
        let expected = FirstFailure { seed: 7, property: "failed = fallback + lost".to_owned() };
        assert_eq!(found("seed 7: failed = fallback + lost"), Some(expected));
        assert_eq!(found("2000 stories"), None);
    }
}
