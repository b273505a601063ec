//! What tests and benchmarks share: real SQLite with the platform's limits, a database that fails in every way, a tiny
//! executor, and made-up events. Nothing of it is part of a program, so that it panics where a test would.
#![allow(
    missing_docs,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::new_without_default,
    clippy::unwrap_used,
    clippy::panic
)]

pub mod frozen;

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use model::counting::grain::{Grain, HOUR_MS, Retention};
use model::counting::rollup::Rollups;
use model::event::address::ClientIpHash;
use model::event::identity::{DEFAULT_WINDOW_MS, Digest, IdempotentId, window_start};
use model::event::{Cohort, Event, ProducerId};
use model::reading::selection::{RollupParts, RouteSelection, Selection, Span};
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use store::events::event_store::{EventStore, WriterMemory};
use store::schema::{MIGRATIONS, OBJECT_TABLES};
use store::sql::{Columns, Row, Sql, Statement, StoreError, Value};

/// 2024-11-07 05:20:00 UTC, a whole minute.
pub const START: u64 = 1_730_956_800_000;

/// What D1 and objects set: bytes of a value and of a row, bytes of a statement, parameters, arguments of a function.
const PLATFORM_LIMITS: [(Limit, i32); 4] = [
    (Limit::SQLITE_LIMIT_LENGTH, 2_000_000),
    (Limit::SQLITE_LIMIT_SQL_LENGTH, 100_000),
    (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 100),
    (Limit::SQLITE_LIMIT_FUNCTION_ARG, 32),
];

/// A real SQLite database in memory, with both stores' tables, and the steps of its machine that statements took.
#[derive(Clone)]
pub struct Sqlite(Rc<RefCell<rusqlite::Connection>>, Rc<Cell<u64>>);

impl Sqlite {
    pub fn new() -> Self {
        Self::over(rusqlite::Connection::open_in_memory().unwrap())
    }

    /// On disk, where its size is none of this process's memory.
    pub fn at(path: &std::path::Path) -> Self {
        Self::over(rusqlite::Connection::open(path).unwrap())
    }

    /// With no tables.
    pub fn empty() -> Self {
        Self::limited(rusqlite::Connection::open_in_memory().unwrap())
    }

    fn over(connection: rusqlite::Connection) -> Self {
        let sqlite = Self::limited(connection);
        for script in MIGRATIONS.into_iter().chain([OBJECT_TABLES]) {
            sqlite.script(script);
        }
        sqlite
    }

    fn limited(connection: rusqlite::Connection) -> Self {
        for (limit, most) in PLATFORM_LIMITS {
            connection.set_limit(limit, most).unwrap();
        }
        // Half of a test's time would go into preparing statements anew: because they are forgotten, or because a value
        // that is bound could change the plan.
        connection.set_prepared_statement_cache_capacity(256);
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).unwrap();
        Self(Rc::new(RefCell::new(connection)), Rc::default())
    }

    /// As it is now, to be [restored](Self::restore).
    #[must_use]
    pub fn copy(&self) -> Self {
        let copy = Self::new();
        copy.restore(self);
        copy
    }

    /// Makes it what the other is, for everyone who holds it.
    pub fn restore(&self, earlier: &Self) {
        let (from, mut to) = (earlier.0.borrow(), self.0.borrow_mut());
        let backup = rusqlite::backup::Backup::new(&from, &mut to).unwrap();
        backup.run_to_completion(1_000, std::time::Duration::ZERO, None).unwrap();
    }

    /// Runs SQL that only a test needs.
    pub fn script(&self, sql: &str) {
        self.0.borrow().execute_batch(sql).unwrap();
    }

    /// Runs a script in one transaction.
    pub fn try_script(&self, sql: &str) -> Result<(), StoreError> {
        let run = || {
            let mut connection = self.0.borrow_mut();
            let transaction = connection.transaction()?;
            transaction.execute_batch(sql)?;
            transaction.commit()
        };
        run().map_err(|error| StoreError::from_message(&error.to_string()))
    }

    /// A table's rows in order, each as the statement that inserts it.
    pub fn dump(&self, table: &str) -> Vec<String> {
        let connection = self.0.borrow();
        let list = |sql: &str| -> Vec<String> {
            let mut statement = connection.prepare(sql).unwrap();
            statement.query_map([], |row| row.get(0)).unwrap().collect::<rusqlite::Result<_>>().unwrap()
        };
        let columns = list(&format!("SELECT name FROM pragma_table_info('{table}') ORDER BY cid"));
        let quoted: Vec<String> = columns.iter().map(|column| format!("quote({column})")).collect();
        let (names, values) = (columns.join(", "), quoted.join(" || ', ' || "));
        list(&format!(
            "SELECT 'INSERT INTO {table} ({names}) VALUES (' || {values} || ');' AS row FROM {table} ORDER BY row"
        ))
    }

    /// Its size.
    pub fn bytes(&self) -> u64 {
        let sql = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
        self.0.borrow().query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap().cast_unsigned()
    }

    /// What a query that tells one number tells.
    pub fn number(&self, sql: &str) -> i64 {
        self.0.borrow().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    pub fn has_table(&self, table: &str) -> bool {
        self.0.borrow().table_exists(None, table).unwrap()
    }

    pub fn count(&self, table: &str) -> u64 {
        let sql = format!("SELECT count(*) FROM {table}");
        self.0.borrow().query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap().cast_unsigned()
    }

    /// Steps of SQLite's virtual machine so far: how much work there was, whatever else the machine does.
    pub fn steps(&self) -> u64 {
        self.1.get()
    }

    /// Rows that were inserted, replaced or deleted since it was opened.
    pub fn written(&self) -> u64 {
        self.0.borrow().total_changes()
    }

    /// Runs statements in one transaction.
    pub fn try_batch(&self, statements: &[Statement]) -> Result<Vec<Vec<Row>>, StoreError> {
        let error = |e: rusqlite::Error| StoreError::from_message(&e.to_string());
        let mut connection = self.0.borrow_mut();
        let transaction = connection.transaction().map_err(error)?;
        let mut results = Vec::new();
        for statement in statements {
            let mut prepared = transaction.prepare_cached(statement.sql).map_err(error)?;
            let columns = columns(&prepared);
            let params = rusqlite::params_from_iter(statement.params.iter().map(|value| match value {
                Value::Null => rusqlite::types::Value::Null,
                Value::Integer(number) => (*number).into(),
                Value::Text(text) => text.clone().into(),
            }));
            let read = |row: &rusqlite::Row<'_>| {
                let value = |column| {
                    Ok(match row.get(column)? {
                        rusqlite::types::Value::Integer(number) => Value::Integer(number),
                        rusqlite::types::Value::Text(text) => Value::Text(text),
                        rusqlite::types::Value::Null => Value::Null,
                        other => panic!("the port has no {other:?}"),
                    })
                };
                (0..columns.len()).map(value).collect::<rusqlite::Result<_>>().map(|values| Row::new(&columns, values))
            };
            let rows = prepared.query_map(params, read).map_err(error)?;
            results.push(rows.collect::<rusqlite::Result<_>>().map_err(error)?);
            let steps = prepared.reset_status(rusqlite::StatementStatus::VmStep);
            self.1.set(self.1.get() + u64::try_from(steps).unwrap());
        }
        transaction.commit().map_err(error)?;
        Ok(results)
    }
}

/// The names of a statement's columns. The platform gives a row as an object, which has one value for a name; and what an
/// expression without a name of its own is called, SQLite doesn't promise.
fn columns(statement: &rusqlite::Statement<'_>) -> Columns {
    let names: Columns = statement.column_names().map(Box::from).collect();
    for (at, name) in names.iter().enumerate() {
        let is_name = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        assert!(is_name, "a column has no name of its own: {name}");
        assert!(!names[..at].contains(name), "two columns have the name {name}");
    }
    names
}

impl Sql for Sqlite {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError> {
        self.try_batch(&statements)
    }
}

/// What happens to one call of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Works,
    /// Nothing happened.
    Fails,
    /// It happened, and yet the caller hears of a failure.
    FailsAfterPersisting,
}

/// A database that fails as it is told, call by call, and lets others run before each call.
#[derive(Clone)]
pub struct Faulty {
    pub inner: Sqlite,
    fates: Rc<RefCell<Vec<Fate>>>,
    at: Rc<Cell<usize>>,
}

impl Faulty {
    /// Fates are used in turn, again and again.
    pub fn new(inner: &Sqlite, fates: &[Fate]) -> Self {
        Self { inner: inner.clone(), fates: Rc::new(RefCell::new(fates.to_vec())), at: Rc::default() }
    }
}

impl Sql for Faulty {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError> {
        Turn(false).await;
        let fates = self.fates.borrow();
        let fate = fates.get(self.at.get() % fates.len().max(1)).copied().unwrap_or(Fate::Works);
        self.at.set(self.at.get() + 1);
        match fate {
            Fate::Works => self.inner.try_batch(&statements),
            Fate::Fails => Err(StoreError::Unavailable("told to fail".into())),
            Fate::FailsAfterPersisting => {
                self.inner.try_batch(&statements)?;
                Err(StoreError::Unavailable("told to fail after persisting".into()))
            }
        }
    }

    async fn pause(&self) {
        Turn(false).await;
    }
}

/// Is pending once: lets another task run.
struct Turn(bool);

impl Future for Turn {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Runs a future that needs no waking.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
    }
}

/// Runs tasks interleaved: `order` says whose turn is next (modulo the number of tasks), then the rest in turn.
pub fn interleave<T>(mut tasks: Vec<Pin<Box<dyn Future<Output = T> + '_>>>, order: &[usize]) -> Vec<T> {
    let mut outputs: Vec<Option<T>> = tasks.iter().map(|_| None).collect();
    let mut turn = 0;
    while outputs.iter().any(Option::is_none) {
        let task = order.get(turn).copied().unwrap_or(turn) % tasks.len();
        turn += 1;
        if outputs[task].is_none()
            && let Poll::Ready(output) = tasks[task].as_mut().poll(&mut Context::from_waker(Waker::noop()))
        {
            outputs[task] = Some(output);
        }
    }
    outputs.into_iter().flatten().collect()
}

/// An event of the collector, `ms` after [`START`].
pub fn event(request: u64, ms: u64) -> Event {
    let path = format!("/items/{}", request % 5);
    let digest = Digest::of("192.0.2.1", &path, &request.to_string());
    let timestamp = START + ms;
    Event {
        idempotent_id: IdempotentId::with_digest(window_start(timestamp, DEFAULT_WINDOW_MS), digest).unwrap(),
        digest,
        timestamp,
        path,
        method: "GET".into(),
        status: if request.is_multiple_of(9) { 503 } else { 200 },
        response_time: u32::try_from(request * 37 % 900).unwrap(),
        client_ip_hash: ClientIpHash(request % 40),
        cohort: Cohort::ALL[usize::try_from(request % 3).unwrap()],
        flag_version: 1,
        producer: ProducerId(request % 4),
        seq: u32::try_from(request).unwrap(),
        write: u32::try_from(request).unwrap(),
        fell_back: false,
    }
}

pub fn store(sql: &(impl Sql + Clone + 'static)) -> EventStore {
    store_keeping(sql, Retention::default())
}

pub fn store_keeping(sql: &(impl Sql + Clone + 'static), retention: Retention) -> EventStore {
    EventStore::new(sql.clone(), DEFAULT_WINDOW_MS, retention)
}

/// Records as a queue delivers: again until it succeeds.
pub async fn deliver(store: &EventStore, memory: &mut WriterMemory, events: &[Event]) {
    for _ in 0..1_000 {
        if store.record(memory, events, START).await.is_ok() {
            return;
        }
    }
    panic!("never succeeded");
}

/// The figures of a grain in the hours around [`START`].
pub fn rollups(store: &EventStore, grain: Grain, routes: RouteSelection) -> Rollups {
    let spans = vec![Span::around(grain, START - HOUR_MS, START + 3 * HOUR_MS)];
    let selection = Selection { spans, routes, parts: RollupParts::All, dual: RollupParts::All };
    block_on(store.rollups(&selection)).unwrap()
}

/// Requests and sums of digests of each day, which are kept longer than any test goes on.
pub fn days(store: &EventStore) -> Vec<(u64, u64, u64)> {
    let spans = vec![Span::around(Grain::Day, START, START + 40 * Grain::Day.ms())];
    let selection =
        Selection { spans, routes: RouteSelection::Each, parts: RollupParts::Counts, dual: RollupParts::Counts };
    let mut days = std::collections::BTreeMap::<u64, (u64, u64)>::new();
    for (key, rollup) in block_on(store.rollups(&selection)).unwrap() {
        let day = days.entry(key.start).or_default();
        *day = (day.0 + rollup.requests, day.1.wrapping_add(rollup.digest_sum));
    }
    days.into_iter().map(|(start, (requests, digests))| (start, requests, digests)).collect()
}

/// By every grain, each route and all together.
pub fn everything(store: &EventStore) -> Rollups {
    let selections =
        Grain::ALL.into_iter().flat_map(|grain| [(grain, RouteSelection::Each), (grain, RouteSelection::Together)]);
    selections.flat_map(|(grain, routes)| rollups(store, grain, routes)).collect()
}

/// Everything that a reader is told, as text: equal text means equal figures.
pub fn figures(store: &EventStore) -> String {
    let mut text = String::new();
    for (key, rollup) in &everything(store) {
        let figures = model::counting::figures::Figures::from(rollup);
        let figures = serde_json::to_string(&figures).unwrap();
        let (sums, exemplars) = ((rollup.digest_sum, rollup.value_sum), &rollup.exemplars);
        writeln!(text, "{key:?} {figures} {sums:?} {exemplars:?}").unwrap();
    }
    text
}
