//! The tables of D1 and of objects.
//!
//! Wrangler makes those of D1, from `migrations/`. An object makes its own, in steps. It stores how many steps it has
//! taken; each further step and the new count are one transaction. Steps are only ever appended.

use crate::sql::{Database, Statement, StoreError, rows};
use crate::statements::{script, statements};

/// D1's migrations, in order.
pub const MIGRATIONS: [&str; 8] = [
    script!("../../../migrations/0001_event_store.sql"),
    script!("../../../migrations/0002_dead_letters.sql"),
    script!("../../../migrations/0003_flags.sql"),
    script!("../../../migrations/0004_parity.sql"),
    script!("../../../migrations/0005_archive.sql"),
    script!("../../../migrations/0006_write_probe.sql"),
    script!("../../../migrations/0007_event_store_views.sql"),
    script!("../../../migrations/0008_parity_views.sql"),
];

/// Tables that objects alone have.
pub const OBJECT_TABLES: &str = script!("keeper/tables.sql");

/// An object's steps, in order: of each, its scripts.
const STEPS: [&[&str]; 2] = [&[MIGRATIONS[0], MIGRATIONS[2], OBJECT_TABLES], &[MIGRATIONS[6]]];

/// Makes the table in which an object stores how many steps it has taken.
pub const NOTE: &str = script!("note.sql");

statements!("schema.sql": STEPS_TAKEN, TAKE_STEP);

/// The scripts that an object has yet to run, after [`NOTE`]: in order, each in one transaction. An object that a newer
/// version made has taken more steps than this version knows, and gets none.
///
/// # Errors
/// [`StoreError`].
pub async fn scripts_due(object: &Database) -> Result<Vec<String>, StoreError> {
    let results = object.batch(vec![Statement::new(STEPS_TAKEN, [])]).await?;
    let taken = rows(&results, 0).first().map_or(Ok(0), |row| row.integer("steps"))?;
    let due = STEPS.iter().skip(usize::try_from(taken).unwrap_or(usize::MAX));
    Ok(due.map(|scripts| [scripts, &[TAKE_STEP][..]].concat().join(";\n")).collect())
}
