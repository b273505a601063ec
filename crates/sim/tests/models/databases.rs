//! A SQLite database as a state: a number stands for what its tables hold.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Write as _;

use rig::Sqlite;
use store::sql::{Row, Sql, Statement, StoreError};

use crate::lives::Number;
use crate::search::Interned;

/// How a variant changes the text of a statement.
pub type Rewrite = fn(&'static str) -> &'static str;

/// A database that runs other statements than it is told.
#[derive(Clone)]
pub struct Rewriting {
    pub sqlite: Sqlite,
    rewrite: Rewrite,
}

impl Sql for Rewriting {
    async fn batch(&self, mut statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError> {
        for statement in &mut statements {
            statement.sql = (self.rewrite)(statement.sql);
        }
        self.sqlite.try_batch(&statements)
    }
}

/// All states that one database was in.
pub struct Databases {
    database: Rewriting,
    tables: &'static [&'static str],
    /// The state that is there now.
    loaded: Number,
    contents: Interned<String>,
}

impl Databases {
    /// With empty tables, which is state 0. `schema` changes them before.
    pub fn new(tables: &'static [&'static str], schema: &str, rewrite: Rewrite) -> Self {
        let sqlite = Sqlite::new();
        sqlite.script(schema);
        let mut contents = Interned::default();
        contents.number(String::new());
        Self { database: Rewriting { sqlite, rewrite }, tables, loaded: 0, contents }
    }

    /// Does something with the database in a state; returns the state after it, too.
    pub fn act<T>(&mut self, state: Number, act: impl FnOnce(Rewriting) -> T) -> (T, Number) {
        if self.loaded != state {
            let mut script = String::new();
            for table in self.tables {
                writeln!(script, "DELETE FROM {table};").unwrap();
            }
            self.database.sqlite.script(&(script + &self.contents.get(state)));
            self.loaded = state;
        }
        let before = self.database.sqlite.written();
        let outcome = act(self.database.clone());
        if self.database.sqlite.written() != before {
            let rows: Vec<String> = self.tables.iter().flat_map(|table| self.database.sqlite.dump(table)).collect();
            self.loaded = self.contents.number(rows.join("\n"));
        }
        (outcome, self.loaded)
    }
}

/// A statement with a part of it replaced.
pub fn replaced(sql: &'static str, part: &'static str, by: &'static str) -> &'static str {
    type Texts = HashMap<(&'static str, &'static str), &'static str>;
    thread_local! { static TEXTS: RefCell<Texts> = RefCell::default(); }
    // Leaked once for each statement: their texts are static.
    TEXTS.with_borrow_mut(|texts| *texts.entry((sql, part)).or_insert_with(|| sql.replace(part, by).leak()))
}
