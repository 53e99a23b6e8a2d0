//! Sessions: the lives of a session key, from reset to reset.

use super::items::{StoredItem, UnreadItem, last_items};
use super::rows::{Life, now_ms, unsigned};
use super::{Durability, JobError, Store, StoreError, StoredInput, inbox};
use ipc::id::{AgentId, InputId, ItemId, SessionId, SessionKey, TurnId};
use ipc::model::Usage;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::Value;
use uuid::Uuid;

/// A session as its driver takes it up.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenSession {
    /// The current life of the key.
    pub id: SessionId,
    /// The number the next item gets.
    pub next_item: ItemId,
    /// The number the next turn gets.
    pub next_turn: TurnId,
    /// The model the person pinned: `provider/model`.
    pub model: Option<String>,
    /// What was last said with `/elevated`: `off`, `ask`, `on`, `full`.
    pub elevated: Option<String>,
    /// What it used in all.
    pub usage: Usage,
    /// The turn that was cut off, if one was.
    pub unfinished: Option<Unfinished>,
    /// Last activity, milliseconds since 1970.
    pub updated_at: i64,
    /// Inputs no turn has taken, oldest first.
    pub waiting: Vec<StoredInput>,
}

/// A turn that was begun and has not ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Unfinished {
    /// The turn.
    pub turn: TurnId,
    /// Model calls it made.
    pub model_calls: u32,
    /// Tokens it used, in and out.
    pub tokens: u64,
    /// When it was begun, milliseconds since 1970.
    pub begun_at_ms: i64,
    /// The inputs it took, oldest first.
    pub inputs: Vec<InputId>,
    /// The channel the last of them came by; empty when it took none.
    pub channel: String,
    /// Where in the channel that was.
    pub origin: Value,
    /// The channel and the origin of each.
    pub origins: Vec<(String, Value)>,
}

/// One current session in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// Its key.
    pub session: SessionKey,
    /// Its current life.
    pub id: SessionId,
    /// The agent that answers.
    pub agent: AgentId,
    /// The model the person pinned.
    pub model: Option<String>,
    /// When it began, milliseconds since 1970.
    pub begun_at: i64,
    /// Last activity, milliseconds since 1970.
    pub updated_at: i64,
    /// Items in its transcript.
    pub items: u64,
    /// What it used in all.
    pub usage: Usage,
}

/// A session with its items.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionTranscript {
    /// The session.
    pub row: SessionRow,
    /// Its items, oldest first.
    pub items: Vec<StoredItem>,
}

impl Store {
    /// The current life of `key`, made if there is none, with all that waits for its driver.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn open_session(
        &self,
        key: &SessionKey,
        agent: &AgentId,
    ) -> Result<OpenSession, StoreError> {
        let (key, agent) = (key.clone(), agent.clone());
        self.run(Durability::Relaxed, move |connection| {
            let life = match Life::current(connection, &key)? {
                Some(life) => life,
                None => begin(connection, &key, &agent)?,
            };
            taken_up(connection, &life)
        })
        .await
    }

    /// Ends the current life of `key`; the next [`Self::open_session`] begins a new one. The past
    /// stays on disk, and inputs that wait go to the new life. `false` when there was none.
    ///
    /// # Errors
    /// [`StoreError::InTurn`] when a turn is running.
    pub async fn reset(&self, key: &SessionKey) -> Result<bool, StoreError> {
        let key = key.clone();
        self.run(Durability::Synced, move |connection| {
            let Some(life) = Life::current(connection, &key)? else {
                return Ok(false);
            };
            if unfinished(connection, &life)?.is_some() {
                return Err(StoreError::InTurn { session: key }.into());
            }
            connection
                .prepare_cached("UPDATE sessions SET ended_at = ?2 WHERE number = ?1")?
                .execute(params![life.number, now_ms()])?;
            Ok(true)
        })
        .await
    }

    /// Pins a session to `provider/model`; `None` gives it back to its agent's chain.
    ///
    /// # Errors
    /// [`StoreError::NoSession`].
    pub async fn pin_model(
        &self,
        session: &SessionId,
        model: Option<String>,
    ) -> Result<(), StoreError> {
        let session = session.clone();
        self.run(Durability::Synced, move |connection| {
            let life = Life::find(connection, &session)?;
            connection
                .prepare_cached("UPDATE sessions SET model = ?2 WHERE number = ?1")?
                .execute(params![life.number, model])?;
            Ok(())
        })
        .await
    }

    /// Remembers what a person said with `/elevated`.
    ///
    /// # Errors
    /// [`StoreError::NoSession`].
    pub async fn set_elevated(&self, session: &SessionId, mode: &str) -> Result<(), StoreError> {
        let (session, mode) = (session.clone(), mode.to_owned());
        self.run(Durability::Synced, move |connection| {
            let life = Life::find(connection, &session)?;
            connection
                .prepare_cached("UPDATE sessions SET elevated = ?2 WHERE number = ?1")?
                .execute(params![life.number, mode])?;
            Ok(())
        })
        .await
    }

    /// Sessions in which a turn was cut off or an input waits: what a start has to take up, the one
    /// whose input is oldest first.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn unfinished_sessions(&self) -> Result<Vec<(SessionKey, AgentId)>, StoreError> {
        self.run(Durability::Relaxed, |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT key, agent, min(since) FROM (
                    SELECT key, agent, turns.begun_at AS since
                        FROM turns JOIN sessions ON number = session WHERE turns.ended_at IS NULL
                    UNION ALL
                    SELECT session_key, agent, accepted_at FROM inputs WHERE turn IS NULL
                 ) GROUP BY key ORDER BY 3, key",
            )?;
            let rows = statement.query_map([], |row| {
                Ok((SessionKey(row.get(0)?), AgentId(row.get(1)?)))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// All current sessions, newest activity first.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn list(&self) -> Result<Vec<SessionRow>, StoreError> {
        self.run(Durability::Relaxed, |connection| {
            let mut statement = connection.prepare_cached(&format!(
                "{SELECT_ROW} WHERE ended_at IS NULL ORDER BY updated_at DESC, key"
            ))?;
            let rows = statement.query_map([], session_row)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The current life of `key` with its last `limit` items, all of them without a limit; `None`
    /// when there is no such session.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when an item can not be read.
    pub async fn show(
        &self,
        key: &SessionKey,
        limit: Option<u32>,
    ) -> Result<Option<SessionTranscript>, StoreError> {
        let key = key.clone();
        let found = self
            .run(Durability::Relaxed, move |connection| {
                let Some(life) = Life::current(connection, &key)? else {
                    return Ok(None);
                };
                let row = connection
                    .prepare_cached(&format!("{SELECT_ROW} WHERE number = ?1"))?
                    .query_row([life.number], session_row)?;
                Ok(Some((row, last_items(connection, &life, limit)?)))
            })
            .await?;
        let Some((row, unread)) = found else {
            return Ok(None);
        };
        let items = unread.into_iter().map(UnreadItem::read);
        let items = items.collect::<Result<_, _>>();
        let items = items.map_err(|error| self.name(error))?;
        Ok(Some(SessionTranscript { row, items }))
    }
}

const SELECT_ROW: &str = "SELECT key, id, agent, model, begun_at, updated_at, items,
    input_tokens, output_tokens, cached_tokens FROM sessions";

fn session_row(row: &Row<'_>) -> rusqlite::Result<SessionRow> {
    Ok(SessionRow {
        session: SessionKey(row.get(0)?),
        id: SessionId(row.get(1)?),
        agent: AgentId(row.get(2)?),
        model: row.get(3)?,
        begun_at: row.get(4)?,
        updated_at: row.get(5)?,
        items: unsigned(row.get(6)?),
        usage: Usage {
            input: unsigned(row.get(7)?),
            output: unsigned(row.get(8)?),
            cached: unsigned(row.get(9)?),
        },
    })
}

fn begin(connection: &Connection, key: &SessionKey, agent: &AgentId) -> Result<Life, JobError> {
    let id = SessionId(Uuid::new_v4().to_string());
    connection
        .prepare_cached(
            "INSERT INTO sessions (id, key, agent, begun_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?4)",
        )?
        .execute(params![id.as_str(), key.as_str(), agent.as_str(), now_ms()])?;
    Life::find(connection, &id)
}

fn taken_up(connection: &Connection, life: &Life) -> Result<OpenSession, JobError> {
    let row = connection
        .prepare_cached(&format!("{SELECT_ROW} WHERE number = ?1"))?
        .query_row([life.number], session_row)?;
    let elevated = connection
        .prepare_cached("SELECT elevated FROM sessions WHERE number = ?1")?
        .query_row([life.number], |row| row.get(0))?;
    Ok(OpenSession {
        id: row.id,
        next_item: ItemId(life.items).next(),
        next_turn: TurnId(life.turns).next(),
        model: row.model,
        elevated,
        usage: row.usage,
        updated_at: row.updated_at,
        unfinished: unfinished(connection, life)?,
        waiting: inbox::waiting(connection, &life.key)?,
    })
}

fn unfinished(connection: &Connection, life: &Life) -> Result<Option<Unfinished>, JobError> {
    let found = connection
        .prepare_cached(
            "SELECT turn, model_calls, tokens, begun_at FROM turns
             WHERE session = ?1 AND ended_at IS NULL",
        )?
        .query_row([life.number], |row| {
            Ok(Unfinished {
                turn: TurnId(unsigned(row.get(0)?)),
                model_calls: row.get(1)?,
                tokens: unsigned(row.get(2)?),
                begun_at_ms: row.get(3)?,
                inputs: Vec::new(),
                channel: String::new(),
                origin: Value::Null,
                origins: Vec::new(),
            })
        })
        .optional()?;
    let Some(mut found) = found else {
        return Ok(None);
    };
    let mut taken = inbox::taken(connection, life, found.turn)?;
    found.inputs = taken.iter().map(|input| input.id).collect();
    let origin = |input: &StoredInput| (input.channel.clone(), input.origin.clone());
    found.origins = taken.iter().map(origin).collect();
    if let Some(last) = taken.pop() {
        found.channel = last.channel;
        found.origin = last.origin;
    }
    Ok(Some(found))
}
