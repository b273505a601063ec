//! Tables: for reading on a terminal, and in Markdown.

use comfy_table::presets::{ASCII_MARKDOWN, NOTHING};
use comfy_table::{CellAlignment, Table};

use crate::output::one_line;

/// A table for a terminal. Columns whose head begins with `<` hold words and stand to the left, all others to the right.
pub fn plain<const COLUMNS: usize>(
    header: [&str; COLUMNS],
    rows: impl IntoIterator<Item = [String; COLUMNS]>,
) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(header.map(|head| head.trim_start_matches('<')));
    table.add_rows(rows.into_iter().map(|row| row.map(|cell| one_line(&cell))));
    for (column, head) in table.column_iter_mut().zip(header) {
        let is_words = head.starts_with('<');
        column.set_padding((2, 0)).set_cell_alignment(if is_words {
            CellAlignment::Left
        } else {
            CellAlignment::Right
        });
    }
    table.trim_fmt()
}

/// A table in Markdown.
pub fn markdown<const COLUMNS: usize>(
    header: [&str; COLUMNS],
    rows: impl IntoIterator<Item = [String; COLUMNS]>,
) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(header);
    table.add_rows(rows.into_iter().map(|row| row.map(|cell| one_line(&cell).replace('|', "\\|"))));
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_to_the_left_and_figures_to_the_right_each_on_one_line() {
        let table = plain(
            ["<path", "n", "<why"],
            [["/ä".into(), "1000".into(), "go\n\u{1b}on".into()], ["/users".into(), "7".into(), String::new()]],
        );
        assert_eq!(table, "  path       n  why\n  /ä      1000  go  on\n  /users     7");
    }

    #[test]
    fn a_cell_can_not_end_a_column() {
        assert_eq!(markdown(["a", "b"], [["x|y".into(), "1".into()]]), "| a    | b |\n|------|---|\n| x\\|y | 1 |");
    }
}
