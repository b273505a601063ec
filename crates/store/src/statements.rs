//! Statements in `.sql` files, which become constants when this crate is compiled.
//!
//! The file beside a module holds its statements, each below a line with its name:
//!
//! ```sql
//! -- name: LAST_DONE
//! -- Comments stay out of the Worker.
//! SELECT max(day) AS day FROM archive_days WHERE state = ?1;
//! ```
//!
//! `statements!("days.sql": LAST_DONE)` makes `const LAST_DONE: &str` of it, without comments and line breaks. It doesn't
//! compile if the file lacks one of the names, or holds another.

/// Begins the line above each statement.
const NAME: &[u8] = b"-- name: ";

/// Makes a constant of each statement in a `.sql` file, as the module's doc says.
macro_rules! statements {
    ($file:literal: $($name:ident),+ $(,)?) => {
        $(
            const $name: &str = $crate::statements::compact!(
                match $crate::statements::named(include_str!($file), stringify!($name)) {
                    Some(text) => text,
                    None => panic!("the file holds no statement of this name"),
                }
            );
        )+
        const _: () = assert!(
            $crate::statements::count(include_str!($file)) == [$($name),+].len(),
            "the file holds other statements than those that are named here"
        );
    };
}

/// A whole `.sql` file as one text, without comments and line breaks.
macro_rules! script {
    ($file:literal) => {
        $crate::statements::compact!(include_str!($file).as_bytes())
    };
}

/// SQL without comments and line breaks, as `&'static str`.
macro_rules! compact {
    ($sql:expr) => {{
        const SQL: &[u8] = $sql;
        const LENGTH: usize = $crate::statements::compacted::<0>(SQL).1;
        const COMPACT: [u8; LENGTH] = $crate::statements::compacted::<LENGTH>(SQL).0;
        match std::str::from_utf8(&COMPACT) {
            Ok(text) => text,
            Err(_) => panic!("the file is not UTF-8"),
        }
    }};
}

pub(crate) use {compact, script, statements};

/// The text between the line with this name, if there is one, and the next name.
pub(crate) const fn named<'a>(file: &'a str, name: &str) -> Option<&'a [u8]> {
    let mut rest = file.as_bytes();
    while !rest.is_empty() {
        let (line, below) = first_line(rest);
        rest = below;
        if let Some(found) = after(line, NAME)
            && is_equal(found, name.as_bytes())
        {
            let mut length = 0;
            while !rest.is_empty() && after(rest, NAME).is_none() {
                let (line, below) = first_line(rest);
                length += line.len() + 1;
                rest = below;
            }
            return Some(below.split_at(if length < below.len() { length } else { below.len() }).0);
        }
    }
    None
}

/// How many statements a file holds.
pub(crate) const fn count(file: &str) -> usize {
    let (mut rest, mut count) = (file.as_bytes(), 0);
    while !rest.is_empty() {
        if after(rest, NAME).is_some() {
            count += 1;
        }
        rest = first_line(rest).1;
    }
    count
}

/// SQL with one space for each comment or run of white space outside of quotes, and without a last semicolon; and its
/// length in bytes, of which as many are written as there is room for.
pub(crate) const fn compacted<const ROOM: usize>(sql: &[u8]) -> ([u8; ROOM], usize) {
    let (mut bytes, mut length) = ([0; ROOM], 0);
    let mut free: &mut [u8] = &mut bytes;
    let (mut rest, mut is_quoted, mut is_apart) = (sql, false, false);
    while let [byte, behind @ ..] = rest {
        let is_last = !is_quoted && matches!(byte, b';') && is_blank(behind);
        if !is_quoted && after(rest, b"--").is_some() {
            (rest, is_apart) = (first_line(rest).1, true);
            continue;
        }
        rest = behind;
        if !is_quoted && byte.is_ascii_whitespace() {
            is_apart = true;
            continue;
        }
        if is_last {
            break;
        }
        if is_apart && length > 0 {
            (free, length) = (put(free, b' '), length + 1);
        }
        (free, length) = (put(free, *byte), length + 1);
        (is_apart, is_quoted) = (false, is_quoted != matches!(byte, b'\''));
    }
    (bytes, length)
}

/// Writes a byte if there is room; returns the room behind it.
const fn put(free: &mut [u8], byte: u8) -> &mut [u8] {
    match free {
        [first, behind @ ..] => {
            *first = byte;
            behind
        }
        [] => free,
    }
}

/// Whether nothing but white space follows.
const fn is_blank(mut text: &[u8]) -> bool {
    while let [byte, behind @ ..] = text {
        if !byte.is_ascii_whitespace() {
            return false;
        }
        text = behind;
    }
    true
}

/// The first line without its end, and what is below it.
const fn first_line(text: &[u8]) -> (&[u8], &[u8]) {
    let mut length = 0;
    let mut rest = text;
    while let [byte, behind @ ..] = rest {
        if matches!(byte, b'\n') {
            return (text.split_at(length).0, behind);
        }
        (length, rest) = (length + 1, behind);
    }
    (text, rest)
}

/// What follows `start`, if the text begins with it.
const fn after<'a>(mut text: &'a [u8], mut start: &[u8]) -> Option<&'a [u8]> {
    while let [wanted, start_behind @ ..] = start {
        match text {
            [byte, behind @ ..] if *byte == *wanted => (text, start) = (behind, start_behind),
            _ => return None,
        }
    }
    Some(text)
}

const fn is_equal(one: &[u8], other: &[u8]) -> bool {
    matches!(after(one, other), Some([]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "-- About the file.\n\n-- name: ONE\n-- Why.\nSELECT ' -- ;'  -- kept\n  AS a;\n\n\
                        -- name: OTHER\nDELETE FROM b\nWHERE c = ?1;\n";

    #[test]
    fn a_statement_is_found_by_its_name_and_loses_comments_and_line_breaks() {
        const ONE: &str = compact!(named(FILE, "ONE").unwrap());
        const OTHER: &str = compact!(named(FILE, "OTHER").unwrap());
        assert_eq!((ONE, OTHER), ("SELECT ' -- ;' AS a", "DELETE FROM b WHERE c = ?1"));
        assert_eq!(count(FILE), 2);
        assert!(named(FILE, "NONE").is_none());
    }

    #[test]
    fn a_script_keeps_the_semicolons_between_its_statements() {
        const SCRIPT: &str = compact!(b"-- About.\nCREATE TABLE a (\n  b TEXT  -- why\n);\nCREATE TABLE c (d);\n");
        assert_eq!(SCRIPT, "CREATE TABLE a ( b TEXT ); CREATE TABLE c (d)");
    }
}
