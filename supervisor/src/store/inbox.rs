//! Accepted messages: on disk before their sender hears of it, one for each idempotency key.

use super::rows::{Life, now_ms, signed, unsigned};
use super::{Durability, JobError, OutboxRow, Store, StoreError, outbox};
use ipc::control::FinalReply;
use ipc::id::{AgentId, InputId, SessionKey, TurnId};
use ipc::transcript::Image;
use rusqlite::{Connection, OptionalExtension, Rows, params};
use serde_json::Value;

/// A message to be accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct NewInput {
    /// Idempotency key: one key, one input, one answer.
    pub key: String,
    /// Whose conversation it belongs to.
    pub session: SessionKey,
    /// The agent that answers.
    pub agent: AgentId,
    /// Where it came from: `cli`, `telegram`.
    pub channel: String,
    /// The channel's own words on where and who; kept as they are.
    pub origin: Value,
    /// The words.
    pub text: String,
    /// Pictures that came with them.
    pub images: Vec<Image>,
    /// How many inputs may wait in its session; one more is refused.
    pub cap: u32,
}

/// What became of a message that was to be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The stored input.
    pub input: InputId,
    /// The session it went to: that of the first acceptance of its key.
    pub session: SessionKey,
    /// Whether the key had been accepted before; nothing new was stored then.
    pub again: bool,
    /// Its answer, where it has one already.
    pub reply: Option<FinalReply>,
}

/// An input that waits for a turn.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredInput {
    /// The input.
    pub id: InputId,
    /// The words.
    pub text: String,
    /// Pictures that came with them.
    pub images: Vec<Image>,
    /// Where it came from.
    pub channel: String,
    /// The channel's own words on where and who.
    pub origin: Value,
}

impl Store {
    /// Takes a message in, on disk for good before it answers. The same key again stores nothing
    /// and answers with what the first one became.
    ///
    /// # Errors
    /// [`StoreError::QueueFull`] when as many wait as may; otherwise what the disk says.
    pub async fn accept(&self, input: NewInput) -> Result<Accepted, StoreError> {
        self.run(Durability::Synced, move |connection| {
            match find_key(connection, &input.key)? {
                Some(accepted) => Ok(accepted),
                None => insert(connection, input),
            }
        })
        .await
    }

    /// The answer to an input; `None` as long as there is none, and for an input that is not known
    /// (any more: answered ones are kept for a week).
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when the reply can not be read.
    pub async fn reply_to(&self, input: InputId) -> Result<Option<FinalReply>, StoreError> {
        self.run(Durability::Relaxed, move |connection| {
            find_reply(connection, input)
        })
        .await
    }

    /// The outbox row that answers `input`, as long as it has not been marked as sent.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when the reply can not be read.
    pub async fn pending_reply(&self, input: InputId) -> Result<Option<OutboxRow>, StoreError> {
        self.run(Durability::Relaxed, move |connection| {
            outbox::pending_for(connection, input)
        })
        .await
    }
}

/// Inputs of `key` that no turn has taken, oldest first.
pub(super) fn waiting(
    connection: &Connection,
    key: &SessionKey,
) -> Result<Vec<StoredInput>, JobError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, text, channel, origin, images FROM inputs
         WHERE session_key = ?1 AND turn IS NULL ORDER BY id",
    )?;
    read_inputs(statement.query([key.as_str()])?)
}

/// The inputs a turn has taken, oldest first.
pub(super) fn taken(
    connection: &Connection,
    life: &Life,
    turn: TurnId,
) -> Result<Vec<StoredInput>, JobError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, text, channel, origin, images FROM inputs
         WHERE session = ?1 AND turn = ?2 ORDER BY id",
    )?;
    read_inputs(statement.query(params![life.number, signed(turn.0)])?)
}

fn read_inputs(mut rows: Rows<'_>) -> Result<Vec<StoredInput>, JobError> {
    let mut inputs = Vec::new();
    while let Some(row) = rows.next()? {
        inputs.push(StoredInput {
            id: InputId(unsigned(row.get(0)?)),
            text: row.get(1)?,
            channel: row.get(2)?,
            origin: serde_json::from_str(&row.get::<_, String>(3)?)?,
            images: read_images(row.get(4)?)?,
        });
    }
    Ok(inputs)
}

fn read_images(stored: Option<String>) -> Result<Vec<Image>, JobError> {
    let read = stored.map(|text| serde_json::from_str(&text)).transpose();
    Ok(read?.unwrap_or_default())
}

/// `None` for no pictures: most messages have none.
fn written_images(images: &[Image]) -> Result<Option<String>, JobError> {
    let some = (!images.is_empty()).then(|| serde_json::to_string(images));
    Ok(some.transpose()?)
}

/// Gives waiting inputs to a turn.
pub(super) fn take(
    connection: &Connection,
    life: &Life,
    turn: TurnId,
    inputs: &[InputId],
) -> Result<(), JobError> {
    for &input in inputs {
        let changed = connection
            .prepare_cached(
                "UPDATE inputs SET session = ?2, turn = ?3
                 WHERE id = ?1 AND turn IS NULL AND session_key = ?4",
            )?
            .execute(params![
                signed(input.0),
                life.number,
                signed(turn.0),
                life.key.as_str()
            ])?;
        if changed == 0 {
            return Err(StoreError::NotWaiting {
                input,
                session: life.id.clone(),
            }
            .into());
        }
    }
    Ok(())
}

fn find_key(connection: &Connection, key: &str) -> Result<Option<Accepted>, JobError> {
    let found = connection
        .prepare_cached("SELECT id, session_key FROM inputs WHERE key = ?1")?
        .query_row([key], |row| {
            Ok((InputId(unsigned(row.get(0)?)), SessionKey(row.get(1)?)))
        })
        .optional()?;
    let Some((input, session)) = found else {
        return Ok(None);
    };
    Ok(Some(Accepted {
        input,
        session,
        again: true,
        reply: find_reply(connection, input)?,
    }))
}

fn insert(connection: &Connection, input: NewInput) -> Result<Accepted, JobError> {
    let waiting: u32 = connection
        .prepare_cached("SELECT count(*) FROM inputs WHERE session_key = ?1 AND turn IS NULL")?
        .query_row([input.session.as_str()], |row| row.get(0))?;
    if waiting >= input.cap {
        return Err(StoreError::QueueFull {
            session: input.session,
            waiting,
        }
        .into());
    }
    connection
        .prepare_cached(
            "INSERT INTO inputs (key, session_key, agent, channel, origin, text, accepted_at, images)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            input.key,
            input.session.as_str(),
            input.agent.as_str(),
            input.channel,
            input.origin.to_string(),
            input.text,
            now_ms(),
            written_images(&input.images)?
        ])?;
    Ok(Accepted {
        input: InputId(unsigned(connection.last_insert_rowid())),
        session: input.session,
        again: false,
        reply: None,
    })
}

fn find_reply(connection: &Connection, input: InputId) -> Result<Option<FinalReply>, JobError> {
    let body = connection
        .prepare_cached(
            "SELECT reply FROM inputs JOIN turns USING (session, turn)
             WHERE id = ?1 AND answered_at IS NOT NULL AND reply IS NOT NULL",
        )?
        .query_row([signed(input.0)], |row| row.get::<_, String>(0))
        .optional()?;
    body.map(|body| outbox::read_reply(&body, input))
        .transpose()
}
