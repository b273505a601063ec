//! The tables of D1 and of objects.
//!
//! D1's are made by `migrations/`, which Wrangler applies. An object makes its own: it notes the number of the last step
//! that it took, and takes those that follow, each with its number in one transaction. Steps are only ever appended.

use crate::keeper::{address_keys, layout, snapshot, vitals};
use crate::sql::{Database, Statement, StoreError, rows};

/// D1's migrations, in order.
pub const MIGRATIONS: [&str; 6] = [
    include_str!("../../../migrations/0001_event_store.sql"),
    include_str!("../../../migrations/0002_dead_letters.sql"),
    include_str!("../../../migrations/0003_flags.sql"),
    include_str!("../../../migrations/0004_parity.sql"),
    include_str!("../../../migrations/0005_archive.sql"),
    include_str!("../../../migrations/0006_write_probe.sql"),
];

/// An object's steps, in order: of each, its scripts.
const STEPS: [&[&str]; 1] =
    [&[MIGRATIONS[0], MIGRATIONS[2], address_keys::SCHEMA, layout::SCHEMA, vitals::SCHEMA, snapshot::SCHEMA]];

/// Where an object notes the steps that it took.
pub const NOTE: &str = "
    CREATE TABLE IF NOT EXISTS object_schema (
      id INTEGER PRIMARY KEY CHECK (id = 0),
      steps INTEGER NOT NULL  -- how many were taken
    )";

const TAKEN: &str = "SELECT steps FROM object_schema";

/// The scripts that an object has yet to run, in order; each is to be run in one transaction. [`NOTE`] goes before. One
/// that a newer version made has taken more steps than are known here, and needs none.
///
/// # Errors
/// [`StoreError`].
pub async fn scripts_due(object: &Database) -> Result<Vec<String>, StoreError> {
    let results = object.batch(vec![Statement::new(TAKEN, [])]).await?;
    let taken = rows(&results, 0).first().map_or(Ok(0), |row| row.integer("steps"))?;
    let due = (1..).zip(STEPS).skip(usize::try_from(taken).unwrap_or(usize::MAX));
    Ok(due
        .map(|(step, scripts): (u64, &[&str])| {
            let note = format!(
                "INSERT INTO object_schema (id, steps) VALUES (0, {step}) \
                 ON CONFLICT (id) DO UPDATE SET steps = excluded.steps"
            );
            [scripts, &[&note]].concat().join(";\n")
        })
        .collect())
}
