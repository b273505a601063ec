//! The limits at a load, and at ten and a hundred times as much of it, as a table in Markdown.

use super::limits::{self, Limit};
use super::model::Load;
use super::short;
use crate::table::markdown;

/// How many times as much.
const TIMES: [f64; 3] = [1.0, 10.0, 100.0];

/// The table. Isolates grow with the requests: each has as many of them at any load.
pub fn table(load: &Load) -> String {
    let loads = TIMES.map(|times| Load { rps: load.rps * times, isolates: load.isolates * times, ..*load });
    let heads = loads.map(|load| format!("{} requests/s, {} isolates", whole(load.rps), whole(load.isolates)));
    let [low, middle, high] = heads.each_ref().map(String::as_str);
    let concerned = |limit: &&Limit| loads.iter().any(|load| (limit.load)(load) > 0.0);
    let rows = limits::ALL.iter().filter(concerned).map(|limit| row(limit, &loads));
    markdown(["limit", "most", low, middle, high, "holds up to", "settings"], rows)
}

fn row(limit: &Limit, loads: &[Load; 3]) -> [String; 7] {
    let most = format!("{} {}", whole(limit.most), limit.unit);
    let [low, middle, high] = loads.each_ref().map(|load| cell(limit, load));
    let up_to = limit.holds_up_to(&loads[0]).map_or("any".to_owned(), |rps| format!("{}/s", whole(two_digits(rps))));
    let settings: Vec<String> = limit.levers.iter().map(|lever| format!("`{}`", lever.name)).collect();
    let settings = if settings.is_empty() { "none".to_owned() } else { settings.join(", ") };
    [limit.what.to_owned(), most.trim_end().to_owned(), low, middle, high, up_to, settings]
}

/// What is taken; where that is too much, in bold, and with the setting that alone would do.
fn cell(limit: &Limit, load: &Load) -> String {
    let taken = (limit.load)(load);
    let taken = if taken < 10.0 { short(taken) } else { whole(taken) };
    if limit.holds(load) {
        return taken;
    }
    match limit.moved(load) {
        Some((name, value)) => format!("**{taken}**: `{name}` {}", whole(value)),
        None => format!("**{taken}**"),
    }
}

/// Rounded down: what holds, holds.
fn two_digits(number: f64) -> f64 {
    let unit = 10_f64.powf(number.log10().floor() - 1.0);
    (number / unit).floor() * unit
}

/// A number with its thousands apart.
fn whole(number: f64) -> String {
    let digits = format!("{number:.0}");
    let first = digits.len() % 3;
    let mut text = digits.get(..first).unwrap_or_default().to_owned();
    for start in (first..digits.len()).step_by(3) {
        if !text.is_empty() {
            text.push(',');
        }
        text += digits.get(start..start + 3).unwrap_or_default();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_easily_and_never_rounded_up() {
        assert_eq!([1.0, 999.0, 1_000.0, 1_234_567.0].map(whole), ["1", "999", "1,000", "1,234,567"]);
        assert_eq!([367.9, 99.0, 130_999.0].map(two_digits).map(whole), ["360", "99", "130,000"]);
    }
}
