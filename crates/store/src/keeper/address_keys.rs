//! The daily keys of the address hash.
//!
//! Invariant: each day has one key, that of whoever asks first. No key is kept for longer than 48 hours.

use model::event::address::{DailyKey, KEY_BYTES};

use crate::sql::{Database, Statement, StoreError};
use crate::statements::statements;

/// Days after which a key is deleted.
const KEPT_DAYS: u64 = 2;

statements!("address_keys.sql": CREATE, READ, EXPIRE);

/// Daily keys in a database.
#[derive(Debug, Clone)]
pub struct AddressKeys {
    sql: Database,
}

impl AddressKeys {
    /// Over this database.
    pub fn new(sql: impl Into<Database>) -> Self {
        Self { sql: sql.into() }
    }

    /// The key of a day (UTC days since 1970): the stored one, or else `random`, if any, which is then stored.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Unavailable`] where no key is stored and there is no random one.
    pub async fn of_day(&self, day: u64, random: Option<[u8; KEY_BYTES]>) -> Result<DailyKey, StoreError> {
        let create = random.map(|random| Statement::new(CREATE, [day.into(), random.as_slice().into()]));
        let statements = create.into_iter().chain([Statement::new(READ, [day.into()])]).collect();
        let results = self.sql.batch(statements).await?;
        let stored = results.last().and_then(|rows| rows.first());
        let row = stored.ok_or_else(|| match random {
            Some(_) => StoreError::Corrupt("the key is gone".into()),
            None => StoreError::Unavailable("the day has no key, and none can be made".into()),
        })?;
        let bytes = row.bytes("key")?;
        let length = bytes.len();
        bytes.try_into().map(DailyKey).map_err(|_| StoreError::Corrupt(format!("a key has {length} bytes")))
    }

    /// Deletes the keys that are expired on the day `today` (UTC days since 1970).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn expire(&self, today: u64) -> Result<(), StoreError> {
        self.sql.batch(vec![Statement::new(EXPIRE, [today.into(), KEPT_DAYS.into()])]).await.map(drop)
    }
}
