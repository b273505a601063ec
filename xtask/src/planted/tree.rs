//! The copy of the sources in which faults are planted.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use super::fault::PlantedFault;

/// What tells in the copy which fault is switched on.
const SWITCH: &str = "//! Which planted fault is switched on.

use std::sync::OnceLock;

static PLANT: OnceLock<Option<String>> = OnceLock::new();

/// Whether it is this one.
pub fn is(name: &str) -> bool {
    PLANT.get_or_init(|| std::env::var(\"PLANT\").ok()).as_deref() == Some(name)
}
";

/// Where it is declared.
const LIB: &str = "crates/model/src/lib.rs";

/// Copies what git knows of or would take. A file that is there as it is stays untouched, so that it is not built anew.
pub fn copy(root: &Path, tree: &Path) -> anyhow::Result<()> {
    let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let listed = Command::new("git").args(list).current_dir(root).output().context("git")?;
    ensure!(listed.status.success(), "git ls-files failed: {}", String::from_utf8_lossy(&listed.stderr));
    let names = listed.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let files: BTreeSet<PathBuf> =
        names.map(|name| PathBuf::from(OsStr::from_bytes(name))).filter(|file| root.join(file).is_file()).collect();
    if tree.exists() {
        remove_others(tree, tree, &files)?;
    }
    for file in &files {
        put(&tree.join(file), &fs::read(root.join(file))?)?;
    }
    Ok(())
}

/// Removes what is no longer in the sources.
fn remove_others(folder: &Path, tree: &Path, files: &BTreeSet<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            remove_others(&path, tree, files)?;
        } else if !files.contains(path.strip_prefix(tree)?) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// Writes a file unless it says that already.
fn put(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    fs::write(path, bytes).with_context(|| path.display().to_string())
}

/// Plants faults, none of which is switched on.
pub fn plant(tree: &Path, faults: &[PlantedFault]) -> anyhow::Result<()> {
    let mut by_file: BTreeMap<&str, Vec<&PlantedFault>> = BTreeMap::new();
    for fault in faults {
        by_file.entry(&fault.file).or_default().push(fault);
    }
    for (file, faults) in by_file {
        let path = tree.join(file);
        let text = fs::read_to_string(&path).with_context(|| file.to_owned())?;
        fs::write(&path, with_faults(&text, &faults)?)?;
    }
    let lib = fs::read_to_string(tree.join(LIB))?;
    fs::write(tree.join(LIB), format!("{lib}pub mod planted;\n"))?;
    fs::write(tree.join(LIB).with_file_name("planted.rs"), SWITCH).context("planted.rs")
}

/// A file's text with its faults. Several may share one sound piece.
fn with_faults(text: &str, faults: &[&PlantedFault]) -> anyhow::Result<String> {
    let mut places: BTreeMap<(usize, usize), Vec<&PlantedFault>> = BTreeMap::new();
    for fault in faults {
        let place = fault.place(text).with_context(|| fault.name.clone())?;
        places.entry((place.start, place.end)).or_default().push(fault);
    }
    let (mut planted, mut at) = (String::new(), 0);
    for ((from, to), faults) in places {
        if from < at {
            bail!("{} is planted in the middle of another fault", faults[0].name);
        }
        planted.push_str(&text[at..from]);
        planted.push_str(&switch(&faults));
        at = to;
    }
    Ok(planted + &text[at..])
}

fn switch(faults: &[&PlantedFault]) -> String {
    let sound = &faults[0].sound;
    let own = if faults[0].file.starts_with("crates/model/") { "crate" } else { "model" };
    let branch =
        |fault: &&PlantedFault| format!("if {own}::planted::is(\"{}\") {{ {} }} else ", fault.name, fault.planted);
    let text = format!("{}{{ {sound} }}", faults.iter().map(branch).collect::<String>());
    // Statements stand alone; an expression may be part of a larger one.
    if sound.ends_with([';', '}']) { text } else { format!("({text})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(name: &str, sound: &str, planted: &str) -> PlantedFault {
        let [what, why] = [String::new(), String::new()];
        let (file, checks) = ("crates/store/src/a.rs".to_owned(), Default::default());
        PlantedFault { name: name.into(), what, file, checks, why, sound: sound.into(), planted: planted.into() }
    }

    #[test]
    fn faults_are_switches_in_the_text() {
        let [one, other, third] = [fault("one", "b", "c"), fault("other", "b", "d"), fault("third", "e;", "")];
        let planted = with_faults("a + b; e;", &[&third, &one, &other]).unwrap();
        let expected = r#"a + (if model::planted::is("one") { c } else if model::planted::is("other") { d } else { b }); if model::planted::is("third") {  } else { e; }"#;
        assert_eq!(planted, expected);
        assert!(with_faults("a + b", &[&one, &fault("wide", "a + b", "a")]).is_err());
    }
}
