//! What sessions used of the machine: a row a minute in which they did something, a row an hour
//! once that is a day ago, and nothing of more than a week ago.

use super::rows::{signed, unsigned};
use super::{Durability, JobError, Store, StoreError};
use ipc::id::{AgentId, SessionKey};
use rusqlite::{Connection, Row, params};

const HOUR_MS: i64 = 60 * 60 * 1000;
/// How long each minute has a row of its own.
const MINUTES_KEPT_MS: i64 = 24 * HOUR_MS;
/// How long anything is kept.
const KEPT_MS: i64 = 7 * 24 * HOUR_MS;
/// Rows in one step, so that a step is over before anyone notices.
const STEP: i64 = 500;

/// What one session used in a minute, or an hour.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryRow {
    /// When that began, milliseconds since 1970.
    pub at_ms: i64,
    /// How long it was: 1 or 60.
    pub minutes: u32,
    /// CPU time in milliseconds.
    pub cpu_ms: u64,
    /// The most memory at once, in bytes.
    pub memory_peak: u64,
    /// The most processes at once.
    pub processes_peak: u32,
    /// Bytes from disks.
    pub read: u64,
    /// Bytes to disks.
    pub written: u64,
    /// Bytes from the network.
    pub received: u64,
    /// Bytes to the network.
    pub sent: u64,
}

/// What one agent's sessions used between two instants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayRow {
    /// Whose.
    pub agent: AgentId,
    /// How many of its sessions did something.
    pub sessions: u64,
    /// Their sums, and the most one of them had at once; `at_ms` is the first instant.
    pub used: HistoryRow,
}

impl Store {
    /// Adds what sessions used.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn add_history(
        &self,
        rows: Vec<(SessionKey, AgentId, HistoryRow)>,
    ) -> Result<(), StoreError> {
        self.run(Durability::Relaxed, move |connection| {
            rows.iter()
                .try_for_each(|(session, agent, row)| add(connection, session, agent, row))
        })
        .await
    }

    /// What a session used since the instant `since_ms` (milliseconds since 1970), oldest first.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn history(
        &self,
        session: &SessionKey,
        since_ms: i64,
    ) -> Result<Vec<HistoryRow>, StoreError> {
        let session = session.clone();
        self.run(Durability::Relaxed, move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT at, minutes, cpu_ms, memory_peak, processes_peak, read, written,
                    received, sent
                 FROM history WHERE session = ?1 AND at >= ?2 ORDER BY at",
            )?;
            let rows = statement.query_map(params![session.as_str(), since_ms], read_row)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// What each agent's sessions used from one instant to just before another (milliseconds since
    /// 1970), by agent.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn history_between(
        &self,
        from_ms: i64,
        until_ms: i64,
    ) -> Result<Vec<DayRow>, StoreError> {
        self.run(Durability::Relaxed, move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT min(at), sum(minutes), sum(cpu_ms), max(memory_peak), max(processes_peak),
                    sum(read), sum(written), sum(received), sum(sent),
                    agent, count(DISTINCT session)
                 FROM history WHERE at >= ?1 AND at < ?2 GROUP BY agent ORDER BY agent",
            )?;
            let rows = statement.query_map(params![from_ms, until_ms], |row| {
                Ok(DayRow {
                    used: read_row(row)?,
                    agent: AgentId(row.get(9)?),
                    sessions: unsigned(row.get(10)?),
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

fn read_row(row: &Row<'_>) -> rusqlite::Result<HistoryRow> {
    let count = |index: usize| row.get(index).map(unsigned);
    let small = |index: usize| count(index).map(|n| u32::try_from(n).unwrap_or(u32::MAX));
    Ok(HistoryRow {
        at_ms: row.get(0)?,
        minutes: small(1)?,
        cpu_ms: count(2)?,
        memory_peak: count(3)?,
        processes_peak: small(4)?,
        read: count(5)?,
        written: count(6)?,
        received: count(7)?,
        sent: count(8)?,
    })
}

/// The largest number that is stored, so that no sum of them overflows.
const MOST: u64 = 1 << 50;

fn add(
    connection: &Connection,
    session: &SessionKey,
    agent: &AgentId,
    row: &HistoryRow,
) -> Result<(), JobError> {
    let stored = |number: u64| signed(number.min(MOST));
    connection
        .prepare_cached(
            "INSERT INTO history (session, at, minutes, agent, cpu_ms, memory_peak,
                processes_peak, read, written, received, sent)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT DO UPDATE SET cpu_ms = cpu_ms + excluded.cpu_ms,
                memory_peak = max(memory_peak, excluded.memory_peak),
                processes_peak = max(processes_peak, excluded.processes_peak),
                read = read + excluded.read, written = written + excluded.written,
                received = received + excluded.received, sent = sent + excluded.sent",
        )?
        .execute(params![
            session.as_str(),
            row.at_ms,
            row.minutes,
            agent.as_str(),
            stored(row.cpu_ms),
            stored(row.memory_peak),
            row.processes_peak,
            stored(row.read),
            stored(row.written),
            stored(row.received),
            stored(row.sent),
        ])?;
    Ok(())
}

/// Makes hours of minutes of more than a day ago, and forgets what is more than a week old; at most
/// [`STEP`] rows of each. How many it were.
pub(super) fn thin(connection: &Connection, now_ms: i64) -> rusqlite::Result<usize> {
    let forgotten = connection.execute(
        "DELETE FROM history WHERE (session, at, minutes) IN
            (SELECT session, at, minutes FROM history WHERE at < ?1 LIMIT ?2)",
        params![now_ms - KEPT_MS, STEP],
    )?;
    // Whole hours, so that no minute comes to an hour that has its row already.
    let old = (now_ms - MINUTES_KEPT_MS).div_euclid(HOUR_MS) * HOUR_MS;
    connection.execute(
        "INSERT INTO history (session, at, minutes, agent, cpu_ms, memory_peak, processes_peak,
            read, written, received, sent)
         SELECT session, at / ?3 * ?3, 60, agent, sum(cpu_ms), max(memory_peak),
            max(processes_peak), sum(read), sum(written), sum(received), sum(sent)
         FROM (SELECT * FROM history WHERE minutes = 1 AND at < ?1 ORDER BY at, session LIMIT ?2)
         WHERE true GROUP BY session, agent, at / ?3
         ON CONFLICT DO UPDATE SET cpu_ms = cpu_ms + excluded.cpu_ms,
            memory_peak = max(memory_peak, excluded.memory_peak),
            processes_peak = max(processes_peak, excluded.processes_peak),
            read = read + excluded.read, written = written + excluded.written,
            received = received + excluded.received, sent = sent + excluded.sent",
        params![old, STEP, HOUR_MS],
    )?;
    let thinned = connection.execute(
        "DELETE FROM history WHERE (session, at, minutes) IN
            (SELECT session, at, minutes FROM history WHERE minutes = 1 AND at < ?1
                ORDER BY at, session LIMIT ?2)",
        params![old, STEP],
    )?;
    Ok(forgotten + thinned)
}
