//! What was measured as Markdown, and how it grows.

use std::time::Duration;

use crate::metered::Traffic;
use crate::scale::Axis;

/// One operation along one axis.
pub struct Line {
    pub name: &'static str,
    pub axis: Axis,
    /// By size, from the smallest.
    pub cells: Vec<Cell>,
}

/// One operation at one size.
#[derive(Debug, Clone, Copy)]
pub struct Cell {
    pub size: u64,
    pub time: Duration,
    pub traffic: Traffic,
}

impl Line {
    /// Exponent of a figure over the last step: 0 is constant, 1 linear. None where it is nothing.
    fn exponent(&self, figure: impl Fn(&Cell) -> f64) -> Option<f64> {
        let [.., before, last] = self.cells.as_slice() else { return None };
        let growth = figure(last) / figure(before);
        (growth.is_finite() && growth > 0.0).then(|| growth.log10() / (float(last.size) / float(before.size)).log10())
    }

    pub fn of_time(&self) -> Option<f64> {
        self.exponent(|cell| cell.time.as_secs_f64())
    }

    pub fn of_bytes(&self) -> Option<f64> {
        self.exponent(|cell| float(cell.traffic.bytes))
    }

    fn markdown(&self) -> String {
        let cells = self.cells.iter().map(Cell::shown);
        let growth = [("time", self.of_time()), ("bytes", self.of_bytes())];
        let growth = growth.iter().filter_map(|(what, exponent)| Some(format!("{what} {:.2}", (*exponent)?)));
        let growth = growth.collect::<Vec<_>>().join(", ");
        let word = self.of_time().map(word).unwrap_or_default();
        row(std::iter::once(self.name.to_owned()).chain(cells).chain([format!("{word}: {growth}")]))
    }
}

impl Cell {
    fn shown(&self) -> String {
        let Traffic { bytes, written } = self.traffic;
        let mut parts = vec![duration(self.time)];
        if bytes > 0 {
            parts.push(size(bytes));
        }
        if written > 0 {
            parts.push(format!("{} rows", thousands(written)));
        }
        parts.join(", ")
    }
}

/// An exponent in words.
fn word(exponent: f64) -> &'static str {
    match exponent {
        e if e < 0.15 => "constant",
        e if e < 0.85 => "less than linear",
        e if e <= 1.15 => "linear",
        _ => "**more than linear**",
    }
}

/// All lines, a table for each axis.
pub fn markdown(lines: &[Line], about: &str) -> String {
    let mut parts = vec![about.to_owned()];
    for axis in Axis::ALL {
        let of_axis: Vec<&Line> = lines.iter().filter(|line| line.axis == axis).collect();
        let Some(first) = of_axis.first() else { continue };
        let sizes = first.cells.iter().map(|cell| format!("{} {}", thousands(cell.size), axis.name()));
        let head: Vec<String> = std::iter::once(String::new()).chain(sizes).chain(["grows".to_owned()]).collect();
        let rule = head.iter().enumerate().map(|(n, _)| if n == 0 { "---" } else { "--:" }.to_owned());
        let mut table = vec![row(head.clone()), row(rule)];
        table.extend(of_axis.iter().map(|line| line.markdown()));
        parts.push(format!("*By {}.* {}", axis.name(), axis.terms()));
        parts.push(table.join("\n"));
    }
    parts.join("\n\n")
}

fn row(cells: impl IntoIterator<Item = String>) -> String {
    format!("| {} |", cells.into_iter().collect::<Vec<_>>().join(" | "))
}

#[allow(clippy::cast_precision_loss)] // sizes and counts stay far below 2^53
const fn float(number: u64) -> f64 {
    number as f64
}

/// To three digits.
fn short(number: f64) -> String {
    match number {
        n if n >= 100.0 => format!("{n:.0}"),
        n if n >= 10.0 => format!("{n:.1}"),
        n => format!("{n:.2}"),
    }
}

fn duration(time: Duration) -> String {
    match time.as_secs_f64() {
        s if s >= 1.0 => format!("{} s", short(s)),
        s if s >= 1e-3 => format!("{} ms", short(s * 1e3)),
        s => format!("{} µs", short(s * 1e6)),
    }
}

fn size(bytes: u64) -> String {
    match float(bytes) {
        b if b >= 1e6 => format!("{} MB", short(b / 1e6)),
        b if b >= 1e3 => format!("{} KB", short(b / 1e3)),
        b => format!("{b:.0} B"),
    }
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|group| str::from_utf8(group).unwrap()).collect();
    groups.join(",")
}
