//! Planted faults: whether the simulator sees them.
//!
//! A fault is a file of `crates/sim/planted`: a piece of the sources, and what takes its place. The sources themselves stay
//! clean: a copy is made of them in which every fault is there and a variable switches on one, so that it is built once.

mod fault;
mod hunt;
mod page;
mod tree;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;

use fault::PlantedFault;
use hunt::PlantedSimulator;

/// Seeds of the copy in which no fault is switched on.
const SOUND_SEEDS: u64 = 200;

/// Plant faults in a copy of the sources, one at a time, and see whether the simulator finds them. Without names it tries
/// all, and writes what was found into docs/simulation.md.
#[derive(Args)]
pub struct PlantedArgs {
    /// Faults: names of files in crates/sim/planted, without their ending
    names: Vec<String>,
    /// Seeds that are tried for each
    #[arg(long, default_value_t = 20_000)]
    seeds: u64,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Tries them; a failure if one is not found.
pub fn run(args: &PlantedArgs) -> anyhow::Result<ExitCode> {
    let root = root().canonicalize()?;
    let all = fault::all(&root)?;
    let chosen = chosen(&all, &args.names)?;
    let tree = root.join("target/planted/tree");
    tree::copy(&root, &tree)?;
    tree::plant(&tree, &all)?;
    let simulator = PlantedSimulator::build(&tree, &root.join("target/planted/build"))?;
    if let Some(found) = simulator.hunt("", SOUND_SEEDS)? {
        bail!("no fault is switched on, and yet seed {} says: {}", found.seed, found.property);
    }
    let mut hunts = Vec::new();
    for fault in chosen {
        let found = simulator.hunt(&fault.name, args.seeds)?;
        println!("{}: {}", fault.name, page::found(found.as_ref(), args.seeds));
        hunts.push((fault, found));
    }
    if args.names.is_empty() {
        page::write(&root.join("docs/simulation.md"), &hunts, args.seeds)?;
    }
    let is_seen = hunts.iter().all(|(_, found)| found.is_some());
    Ok(if is_seen { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn chosen<'a>(all: &'a [PlantedFault], names: &[String]) -> anyhow::Result<Vec<&'a PlantedFault>> {
    if names.is_empty() {
        return Ok(all.iter().collect());
    }
    let of_name = |name: &String| all.iter().find(|fault| fault.name == *name);
    let known = |name| of_name(name).with_context(|| format!("there is no crates/sim/planted/{name}.txt"));
    names.iter().map(known).collect()
}
