//! Ladders: bytes that earlier versions of a format wrote, frozen in `tests/vectors`. A test climbs them: what any version
//! wrote is read today, and what is written today is the newest rung, byte by byte.
//!
//! A change that makes a rung fail needs a new version of the format: the test prints the rung to add for it, and the
//! old ones stay.

use serde_json::Value;

/// All versions of one format.
pub struct Ladder {
    name: String,
    rungs: Vec<(u64, Vec<Vector>)>,
}

/// One thing that a version wrote.
pub struct Vector {
    /// What it is.
    pub name: String,
    pub bytes: Vec<u8>,
}

impl Vector {
    fn of(json: &Value) -> Self {
        let text = |field: &str| json[field].as_str().map(str::to_owned);
        let bytes = text("text").map_or_else(|| hex::decode(text("hex").unwrap()).unwrap(), String::into_bytes);
        Self { name: text("name").unwrap(), bytes }
    }

    /// As a line of the file.
    fn line(name: &str, bytes: &[u8]) -> String {
        let (form, content) = match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains(char::is_control) => ("text", text.to_owned()),
            _ => ("hex", hex::encode(bytes)),
        };
        format!("{{ \"name\": \"{name}\", \"{form}\": {} }}", Value::from(content))
    }
}

impl Ladder {
    /// The ladder of a format in a file's text.
    pub fn of(file: &str, name: &str) -> Self {
        let file: Value = serde_json::from_str(file).unwrap();
        let rung = |rung: &Value| {
            let vectors = rung["vectors"].as_array().unwrap().iter().map(Vector::of).collect();
            (rung["version"].as_u64().unwrap(), vectors)
        };
        let rungs = file["formats"][name].as_array().into_iter().flatten().map(rung).collect();
        Self { name: name.to_owned(), rungs }
    }

    /// What each version wrote, the oldest first.
    pub fn rungs(&self) -> impl Iterator<Item = (u64, &[Vector])> {
        self.rungs.iter().map(|(version, vectors)| (*version, vectors.as_slice()))
    }

    /// Holds what is written today, under this version, against the newest rung.
    ///
    /// # Panics
    /// They differ; it says how, and which rung a new version would have.
    pub fn hold(&self, version: u64, written: &[(&str, Vec<u8>)]) {
        let lines: Vec<String> = written.iter().map(|(name, bytes)| Vector::line(name, bytes)).collect();
        let rung = format!("\n{{ \"version\": {version}, \"vectors\": [\n  {}\n] }}\n", lines.join(",\n  "));
        let Some((newest, frozen)) = self.rungs().last() else { panic!("{}: add the first rung: {rung}", self.name) };
        let frozen: Vec<(&str, &[u8])> = frozen.iter().map(|one| (one.name.as_str(), one.bytes.as_slice())).collect();
        let today: Vec<(&str, &[u8])> = written.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
        let differing: Vec<&str> = today
            .iter()
            .filter(|one| !frozen.contains(one))
            .chain(frozen.iter().filter(|one| !today.contains(one)))
            .map(|(name, _)| *name)
            .collect();
        assert!(
            newest == version && today == frozen,
            "{}: version {version} writes other bytes than are frozen of version {newest}: {differing:?}.\n\
             Kinds that are new go to the end of the rung; any other change is a new version, with this rung: {rung}",
            self.name
        );
    }
}
