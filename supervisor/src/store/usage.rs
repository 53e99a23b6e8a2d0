//! What the models used: for each session in all, and by day, session and model.

use super::rows::{Life, signed, unsigned};
use super::{Durability, JobError, Store, StoreError};
use ipc::id::{AgentId, SessionKey};
use ipc::model::Usage;
use rusqlite::{Connection, Row, params};

const DAY_MS: i64 = 86_400_000;

/// No answer takes more tokens than this; a provider that says so must not overflow the sums.
pub(super) const MOST: u64 = 1 << 40;

/// What one session used of one model on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow {
    /// Days since 1970, UTC.
    pub day: i64,
    /// Whose.
    pub agent: AgentId,
    /// In which session.
    pub session: SessionKey,
    /// `provider/model`.
    pub model: String,
    /// How many answers.
    pub calls: u64,
    /// How many tokens.
    pub usage: Usage,
}

impl Store {
    /// What was used since the instant `since_ms` (milliseconds since 1970; whole days, UTC),
    /// oldest day first.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn usage_since(&self, since_ms: i64) -> Result<Vec<UsageRow>, StoreError> {
        self.run(Durability::Relaxed, move |connection| {
            since(connection, since_ms.div_euclid(DAY_MS))
        })
        .await
    }

    /// What one session used in its current life, oldest day first.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn usage_of(&self, session: &SessionKey) -> Result<Vec<UsageRow>, StoreError> {
        let session = session.clone();
        self.run(Durability::Relaxed, move |connection| {
            let mut statement = connection.prepare_cached(&format!(
                "{SELECT} WHERE key = ?1 AND ended_at IS NULL ORDER BY day, usage.model"
            ))?;
            let rows = statement.query_map([session.as_str()], usage_row)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

/// Counts one answer of `model` at `at_ms`.
pub(super) fn add(
    connection: &Connection,
    life: &Life,
    at_ms: i64,
    model: &str,
    usage: Usage,
) -> Result<(), JobError> {
    let [input, output, cached] =
        [usage.input, usage.output, usage.cached].map(|tokens| signed(tokens.min(MOST)));
    connection
        .prepare_cached(
            "UPDATE sessions SET input_tokens = input_tokens + ?2,
                output_tokens = output_tokens + ?3, cached_tokens = cached_tokens + ?4
             WHERE number = ?1",
        )?
        .execute(params![life.number, input, output, cached])?;
    connection
        .prepare_cached(
            "INSERT INTO usage (day, session, model, calls, input, output, cached)
             VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET calls = calls + 1, input = input + excluded.input,
                output = output + excluded.output, cached = cached + excluded.cached",
        )?
        .execute(params![
            at_ms.div_euclid(DAY_MS),
            life.number,
            model,
            input,
            output,
            cached
        ])?;
    Ok(())
}

const SELECT: &str = "SELECT day, agent, key, usage.model, calls, input, output, cached
     FROM usage JOIN sessions ON number = session";

fn since(connection: &Connection, day: i64) -> Result<Vec<UsageRow>, JobError> {
    let mut statement = connection.prepare_cached(&format!(
        "{SELECT} WHERE day >= ?1 ORDER BY day, key, usage.model"
    ))?;
    let rows = statement.query_map([day], usage_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn usage_row(row: &Row<'_>) -> rusqlite::Result<UsageRow> {
    Ok(UsageRow {
        day: row.get(0)?,
        agent: AgentId(row.get(1)?),
        session: SessionKey(row.get(2)?),
        model: row.get(3)?,
        calls: unsigned(row.get(4)?),
        usage: Usage {
            input: unsigned(row.get(5)?),
            output: unsigned(row.get(6)?),
            cached: unsigned(row.get(7)?),
        },
    })
}
