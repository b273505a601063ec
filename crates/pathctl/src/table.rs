//! A table for reading: words to the left (the first column, and those that say so), figures to the right.

use std::fmt::{self, Write as _};

/// Rows under a header.
#[derive(Debug, Clone)]
pub struct Table {
    rows: Vec<Vec<String>>,
    words: &'static [usize],
}

impl Table {
    /// A table with these columns.
    pub fn new<const COLUMNS: usize>(header: [&str; COLUMNS]) -> Self {
        Self { rows: vec![header.map(str::to_owned).to_vec()], words: &[0] }
    }

    /// The columns that hold words.
    #[must_use]
    pub const fn words(mut self, columns: &'static [usize]) -> Self {
        self.words = columns;
        self
    }

    /// Adds a row. A cell is one line, whatever others have written into it.
    pub fn row<const COLUMNS: usize>(&mut self, cells: [String; COLUMNS]) {
        self.rows.push(cells.map(|cell| cell.replace(char::is_control, " ")).into());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or_default()
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for (index, row) in self.rows.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                if self.words.contains(&column) {
                    write!(line, "  {cell:<width$}")?;
                } else {
                    write!(line, "  {cell:>width$}")?;
                }
            }
            f.write_str(line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(["path", "n"]);
        table.row(["/ä".into(), "1000".into()]);
        table.row(["/users".into(), "7".into()]);
        assert_eq!(table.to_string(), "  path       n\n  /ä      1000\n  /users     7");
    }

    #[test]
    fn words_stand_to_the_left_on_one_line_without_blanks_at_its_end() {
        let mut table = Table::new(["n", "who", "why"]).words(&[1, 2]);
        table.row(["10".into(), "jo".into(), "go\n\u{1b}on".into()]);
        table.row(["7".into(), "anna".into(), String::new()]);
        assert_eq!(table.to_string(), "   n  who   why\n  10  jo    go  on\n   7  anna");
    }
}
