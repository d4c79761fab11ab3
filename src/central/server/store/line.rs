//! One connection to the store. Nothing waits for it for ever.

use std::time::Duration;

use bytes::BytesMut;
use tokio::time::timeout;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, NoTls, Row, Statement, Transaction};
use tokio_util::task::AbortOnDropHandle;

use super::StoreError;

/// How long a store may take to let us in.
pub(super) const CONNECT: Duration = Duration::from_secs(2);

/// How much longer than the store is told to work on it an answer may be on its way.
const ON_ITS_WAY: Duration = Duration::from_secs(1);

/// A value in a statement.
pub(super) type Value<'a> = &'a (dyn ToSql + Sync);

/// A connection.
#[derive(Debug)]
pub(super) struct Line {
    client: Client,
    patience: Duration,
    _wire: AbortOnDropHandle<()>,
}

impl Line {
    /// Connects. No statement may take longer than `patience`.
    pub(super) async fn open(config: &Config, patience: Duration) -> Result<Self, StoreError> {
        // The first for the socket, as much again for the greeting.
        let (client, wire) = within(CONNECT * 2, config.connect(NoTls)).await?;
        let wire = tokio::spawn(async move {
            if let Err(error) = wire.await {
                tracing::debug!(%error, "a connection to the store ended");
            }
        });
        let line = Self {
            client,
            patience,
            _wire: AbortOnDropHandle::new(wire),
        };
        // Should we stop in the middle of a transaction, nobody is to wait for us.
        let millis = patience.as_millis();
        line.run(&format!(
            "SET statement_timeout = {millis}; SET idle_in_transaction_session_timeout = {millis}"
        ))
        .await?;
        Ok(line)
    }

    /// Whether it has ended.
    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Runs statements without values.
    pub(super) async fn run(&self, statements: &str) -> Result<(), StoreError> {
        within(self.longest(), self.client.batch_execute(statements)).await
    }

    /// Makes a statement ready that is used often.
    pub(super) async fn prepare(&self, statement: &str) -> Result<Statement, StoreError> {
        within(self.longest(), self.client.prepare(statement)).await
    }

    /// Runs a statement; how many rows it changed.
    pub(super) async fn execute(
        &self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<u64, StoreError> {
        within(self.longest(), self.client.execute(statement, values)).await
    }

    /// Runs a statement; the rows it gives.
    pub(super) async fn query(
        &self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        within(self.longest(), self.client.query(statement, values)).await
    }

    /// Runs a statement that is used but once, planned for its values.
    pub(super) async fn query_once(
        &self,
        statement: &str,
        values: &[(Value<'_>, Type)],
    ) -> Result<Vec<Row>, StoreError> {
        within(self.longest(), self.client.query_typed(statement, values)).await
    }

    /// Begins a transaction; one that is dropped is undone.
    pub(super) async fn begin(&mut self) -> Result<Transaction<'_>, StoreError> {
        let longest = self.longest();
        within(longest, self.client.transaction()).await
    }

    /// The longest that one call may take.
    pub(super) fn longest(&self) -> Duration {
        self.patience + ON_ITS_WAY
    }
}

/// What comes within this time.
pub(super) async fn within<T>(
    time: Duration,
    what: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, StoreError> {
    match timeout(time, what).await {
        Ok(done) => done.map_err(StoreError::from),
        Err(_) => Err(StoreError::Silent),
    }
}

/// Bytes of a row, which a store may not have as we wrote them: a null is empty.
pub(super) fn bytes(row: &Row, column: usize) -> Result<bytes::Bytes, StoreError> {
    let value: &[u8] = row.try_get(column)?;
    Ok(BytesMut::from(value).freeze())
}

/// A number of a row; what does not fit becomes the largest that does.
pub(super) fn number<T: TryFrom<i64> + Bounded>(row: &Row, column: usize) -> Result<T, StoreError> {
    let value: i64 = row.try_get(column)?;
    Ok(T::try_from(value.max(0)).unwrap_or(T::MOST))
}

/// A number with a largest one.
pub(super) trait Bounded {
    /// It.
    const MOST: Self;
}

macro_rules! bounded {
    ($($number:ty)*) => { $(impl Bounded for $number { const MOST: Self = Self::MAX; })* };
}

bounded!(u8 u16 u32 u64);
