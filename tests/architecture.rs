//! Who may import whom: data flows edge → domain → store, and only the edge knows the platform.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    fn collect(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    let mut found = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut found);
    assert!(!found.is_empty());
    found
}

/// Lines of code (no comments) in `folder` that contain one of `words`.
fn offences(folder: &str, words: &[&str]) -> Vec<String> {
    let mut offences = Vec::new();
    for (path, text) in sources(folder) {
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim_start().starts_with("//")) {
            if words.iter().any(|word| line.contains(word)) {
                offences.push(format!("{}:{number}: {line}", path.display()));
            }
        }
    }
    offences
}

const PLATFORM: [&str; 5] = ["worker::", "js_sys", "web_sys", "wasm_bindgen", "crate::edge"];

#[test]
fn domain_knows_neither_platform_nor_store() {
    assert_eq!(offences("src/domain", &PLATFORM), Vec::<String>::new());
    assert_eq!(offences("src/domain", &["crate::store", "SELECT ", "INSERT "]), Vec::<String>::new());
}

#[test]
fn store_does_not_know_the_platform() {
    assert_eq!(offences("src/store", &PLATFORM), Vec::<String>::new());
}

#[test]
fn sql_stands_in_the_store_alone() {
    let sql = offences("src/edge", &["SELECT ", "INSERT ", "DELETE FROM", "UPDATE "]);
    assert_eq!(sql, Vec::<String>::new());
}

#[test]
fn nothing_is_imported_wholesale() {
    let globs: Vec<String> = ["src", "cli/src"]
        .iter()
        .flat_map(|folder| offences(folder, &["::*;"]))
        .filter(|l| !l.contains("super::*"))
        .collect();
    let outside_tests: Vec<&String> = globs.iter().filter(|line| !line.contains("proptest::prelude")).collect();
    assert_eq!(outside_tests, Vec::<&String>::new());
}
