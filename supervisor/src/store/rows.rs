//! What every table's code needs: numbers as SQLite has them, the clock, a session's row.

use super::{JobError, StoreError};
use ipc::id::{SessionId, SessionKey, TurnId};
use rusqlite::{Connection, OptionalExtension, params};
use std::time::{SystemTime, UNIX_EPOCH};

/// What SQLite counts in. Our counters never come near its end.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The other way; nothing negative is ever stored.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH);
    elapsed.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
}

/// One life of a session key, as its row has it.
#[derive(Debug, Clone)]
pub(super) struct Life {
    /// Its row; what the other tables refer to.
    pub number: i64,
    pub id: SessionId,
    pub key: SessionKey,
    /// The last item's id.
    pub items: u64,
    /// The last turn's id.
    pub turns: u64,
}

impl Life {
    pub(super) fn find(connection: &Connection, id: &SessionId) -> Result<Self, JobError> {
        connection
            .prepare_cached("SELECT number, key, items, turns FROM sessions WHERE id = ?1")?
            .query_row([id.as_str()], |row| {
                Ok(Self {
                    number: row.get(0)?,
                    id: id.clone(),
                    key: SessionKey(row.get(1)?),
                    items: unsigned(row.get(2)?),
                    turns: unsigned(row.get(3)?),
                })
            })
            .optional()?
            .ok_or_else(|| {
                StoreError::NoSession {
                    session: id.clone(),
                }
                .into()
            })
    }

    /// The life that is current for `key`, if it has one.
    pub(super) fn current(
        connection: &Connection,
        key: &SessionKey,
    ) -> Result<Option<Self>, JobError> {
        let id = connection
            .prepare_cached("SELECT id FROM sessions WHERE key = ?1 AND ended_at IS NULL")?
            .query_row([key.as_str()], |row| row.get::<_, String>(0))
            .optional()?;
        id.map(|id| Self::find(connection, &SessionId(id)))
            .transpose()
    }

    /// Whether `turn` is running. A turn that was never begun is an error.
    pub(super) fn turn_runs(
        &self,
        connection: &Connection,
        turn: TurnId,
    ) -> Result<bool, JobError> {
        connection
            .prepare_cached("SELECT ended_at IS NULL FROM turns WHERE session = ?1 AND turn = ?2")?
            .query_row(params![self.number, signed(turn.0)], |row| row.get(0))
            .optional()?
            .ok_or_else(|| {
                StoreError::NoTurn {
                    session: self.id.clone(),
                    turn,
                }
                .into()
            })
    }

    /// Fails unless `turn` is running.
    pub(super) fn must_run(&self, connection: &Connection, turn: TurnId) -> Result<(), JobError> {
        if self.turn_runs(connection, turn)? {
            return Ok(());
        }
        Err(StoreError::WrongTurn {
            session: self.id.clone(),
            turn,
            why: "it has ended",
        }
        .into())
    }

    /// That `found` is the number after `last`.
    pub(super) fn must_follow(
        &self,
        what: &'static str,
        last: u64,
        found: u64,
    ) -> Result<(), StoreError> {
        let expected = last + 1;
        if found == expected {
            return Ok(());
        }
        Err(StoreError::OutOfOrder {
            what,
            session: self.id.clone(),
            expected,
            found,
        })
    }
}
