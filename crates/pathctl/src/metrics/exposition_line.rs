//! One line of Prometheus' text format.

use std::collections::BTreeMap;

use serde::Serialize;

/// What a line says.
#[derive(Debug)]
pub enum Line {
    /// Nothing: it is blank or a comment.
    Nothing,
    /// Something about a metric.
    Fact {
        /// `HELP`, `TYPE` or `UNIT`.
        word: &'static str,
        /// The metric.
        name: String,
        /// What is said.
        text: String,
    },
    /// A value.
    Sample(Sample),
}

/// A value of a series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sample {
    /// Name with its ending.
    pub name: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// The value; none in JSON if it is not finite.
    pub value: f64,
    /// The line as it came.
    #[serde(skip)]
    pub line: String,
}

impl Line {
    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(line: &str) -> Result<Self, String> {
        let text = line.trim();
        if text.is_empty() {
            return Ok(Self::Nothing);
        }
        if let Some(comment) = text.strip_prefix('#') {
            return fact(comment.trim_start());
        }
        let end = text.find(|c: char| c == '{' || c.is_whitespace()).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        checked(name, true)?;
        let (labels, rest) = match rest.strip_prefix('{') {
            Some(rest) => labels(rest)?,
            None => (BTreeMap::new(), rest),
        };
        let mut words = rest.split_whitespace();
        let value = words.next().ok_or("there is no value")?;
        let value = value.parse().map_err(|_| format!("the value `{value}` is no number"))?;
        if let Some(time) = words.next()
            && time.parse::<f64>().is_err()
        {
            return Err(format!("the time `{time}` is no number"));
        }
        if let Some(more) = words.next() {
            return Err(format!("`{more}` follows value and time"));
        }
        Ok(Self::Sample(Sample { name: name.into(), labels, value, line: text.into() }))
    }
}

fn fact(comment: &str) -> Result<Line, String> {
    let mut parts = comment.splitn(3, ' ');
    let word = match parts.next() {
        Some("HELP") => "HELP",
        Some("TYPE") => "TYPE",
        Some("UNIT") => "UNIT",
        _ => return Ok(Line::Nothing),
    };
    let name = parts.next().unwrap_or_default();
    checked(name, true)?;
    Ok(Line::Fact { word, name: name.into(), text: parts.next().unwrap_or_default().trim().into() })
}

/// A name of a metric, or of a label, which has no colons.
fn checked(name: &str, colons: bool) -> Result<(), String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || (colons && c == ':');
    if !name.is_empty() && name.chars().all(is_plain) && !name.starts_with(|c: char| c.is_ascii_digit()) {
        return Ok(());
    }
    Err(format!("`{name}` is no name"))
}

/// Reads `a="1",b="2"}`; gives what follows.
fn labels(mut rest: &str) -> Result<(BTreeMap<String, String>, &str), String> {
    let mut labels = BTreeMap::new();
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix('}') {
            return Ok((labels, after));
        }
        let (name, after) = rest.split_once('=').ok_or("labels that do not end with }")?;
        checked(name.trim(), false)?;
        let after = after.trim_start().strip_prefix('"').ok_or("a label's value without quotes")?;
        let (value, after) = quoted(after)?;
        if labels.insert(name.trim().to_owned(), value).is_some() {
            return Err(format!("the label {} twice", name.trim()));
        }
        rest = after.trim_start();
        rest = match rest.strip_prefix(',') {
            Some(after) => after,
            None if rest.starts_with('}') => rest,
            None => return Err("labels without a comma between them".into()),
        };
    }
}

/// Reads a value up to its closing quote; gives what follows.
fn quoted(text: &str) -> Result<(String, &str), String> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((_, c)) = chars.next() {
        match c {
            '"' => return Ok((value, chars.as_str())),
            '\\' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                _ => return Err("a label's value with an escape that is none".into()),
            },
            c => value.push(c),
        }
    }
    Err("a label's value that does not end".into())
}
