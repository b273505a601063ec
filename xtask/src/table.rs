//! Tables in Markdown, padded so that they read well on a terminal, too.

use comfy_table::{Table, presets::ASCII_MARKDOWN};

/// A table with these columns. A cell is one line, whatever others have written into it.
pub fn markdown<const COLUMNS: usize>(
    header: [&str; COLUMNS],
    rows: impl IntoIterator<Item = [String; COLUMNS]>,
) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(header);
    table.add_rows(rows.into_iter().map(|row| row.map(|cell| cell.replace('|', "\\|").replace(char::is_control, " "))));
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_a_cell_can_not_end_them() {
        let rows = [["/ä|\n".into(), "1000".into()], ["/users".into(), "7".into()]];
        let expected = "| path   | n    |\n|--------|------|\n| /ä\\|   | 1000 |\n| /users | 7    |";
        assert_eq!(markdown(["path", "n"], rows), expected);
    }
}
