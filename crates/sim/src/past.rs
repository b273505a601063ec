//! Past failures: stories in which a property did not hold once.

use std::path::Path;

use crate::story::Story;

/// Each with its file's name.
///
/// # Panics
/// A file is no story.
pub fn stories() -> Vec<(String, Story)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("past");
    let names = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name != "README.md").collect();
    names.sort();
    let read = |name: String| {
        let text = std::fs::read_to_string(folder.join(&name)).unwrap();
        let story = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name} is no story: {error}"));
        (name, story)
    };
    names.into_iter().map(read).collect()
}
