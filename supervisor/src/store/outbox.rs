//! Replies on their way out: written with the turn's end, kept until the channel has sent them.

use super::rows::{Life, now_ms, signed, unsigned};
use super::{Durability, JobError, Store, StoreError};
use ipc::control::FinalReply;
use ipc::id::{InputId, SessionKey, TurnId};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::Value;

/// One reply on its way out, unique in a state directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct OutboxId(pub u64);

/// A reply that has not been sent.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxRow {
    /// Its name in [`Store::mark_sent`].
    pub id: OutboxId,
    /// Whose conversation.
    pub session: SessionKey,
    /// The turn it ends.
    pub turn: TurnId,
    /// The channel it goes out by.
    pub channel: String,
    /// The channel's own words on where to.
    pub target: Value,
    /// The reply.
    pub reply: FinalReply,
    /// When it was written, milliseconds since 1970.
    pub at: i64,
}

impl Store {
    /// Replies that have not been sent, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when one can not be read.
    pub async fn pending(&self) -> Result<Vec<OutboxRow>, StoreError> {
        self.run(Durability::Relaxed, |connection| {
            let mut statement = connection.prepare_cached(&format!(
                "{SELECT} WHERE sent_at IS NULL ORDER BY outbox.id"
            ))?;
            let mut rows = statement.query([])?;
            let mut pending = Vec::new();
            while let Some(row) = rows.next()? {
                pending.push(outbox_row(row)?);
            }
            Ok(pending)
        })
        .await
    }

    /// At most `limit` replies of one channel's account that have not been sent, oldest first, from
    /// after `after`. Their targets are objects with an `account`.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when one can not be read.
    pub async fn unsent(
        &self,
        channel: &str,
        account: &str,
        after: OutboxId,
        limit: u32,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        let (channel, account) = (channel.to_owned(), account.to_owned());
        self.run(Durability::Relaxed, move |connection| {
            let mut statement = connection.prepare_cached(&format!(
                "{SELECT} WHERE sent_at IS NULL AND outbox.id > ?1 AND channel = ?2
                    AND json_extract(target, '$.account') = ?3
                 ORDER BY outbox.id LIMIT ?4"
            ))?;
            let mut rows = statement.query(params![signed(after.0), channel, account, limit])?;
            let mut unsent = Vec::new();
            while let Some(row) = rows.next()? {
                unsent.push(outbox_row(row)?);
            }
            Ok(unsent)
        })
        .await
    }

    /// How many replies have not been sent.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn outbox_depth(&self) -> Result<u64, StoreError> {
        self.run(Durability::Relaxed, |connection| {
            let counted = connection
                .prepare_cached("SELECT count(*) FROM outbox WHERE sent_at IS NULL")?
                .query_row([], |row| row.get(0));
            Ok(unsigned(counted?))
        })
        .await
    }

    /// Records that a reply was sent; again changes nothing.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn mark_sent(&self, id: OutboxId) -> Result<(), StoreError> {
        // Synced: a power cut must not make the next start send it a second time.
        self.run(Durability::Synced, move |connection| {
            connection
                .prepare_cached("UPDATE outbox SET sent_at = ?2 WHERE id = ?1 AND sent_at IS NULL")?
                .execute(params![signed(id.0), now_ms()])?;
            Ok(())
        })
        .await
    }
}

/// Writes the reply of the turn at `(session, turn)`.
pub(super) fn insert(
    connection: &Connection,
    (session, turn): (i64, i64),
    channel: &str,
    target: &Value,
    at: i64,
) -> Result<OutboxId, JobError> {
    connection
        .prepare_cached(
            "INSERT INTO outbox (session, turn, channel, target, at) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![session, turn, channel, target.to_string(), at])?;
    Ok(OutboxId(unsigned(connection.last_insert_rowid())))
}

/// The row of a turn that has ended.
pub(super) fn of_turn(
    connection: &Connection,
    life: &Life,
    turn: TurnId,
) -> Result<OutboxId, JobError> {
    connection
        .prepare_cached("SELECT id FROM outbox WHERE session = ?1 AND turn = ?2")?
        .query_row(params![life.number, signed(turn.0)], |row| {
            Ok(OutboxId(unsigned(row.get(0)?)))
        })
        .optional()?
        .ok_or_else(|| {
            StoreError::WrongTurn {
                session: life.id.clone(),
                turn,
                why: "it ended long ago",
            }
            .into()
        })
}

/// The unsent row that answers `input`.
pub(super) fn pending_for(
    connection: &Connection,
    input: InputId,
) -> Result<Option<OutboxRow>, JobError> {
    let mut statement = connection.prepare_cached(&format!(
        "{SELECT} WHERE sent_at IS NULL AND (outbox.session, outbox.turn) =
            (SELECT session, turn FROM inputs WHERE id = ?1)"
    ))?;
    let mut rows = statement.query([signed(input.0)])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let mut row = outbox_row(row)?;
    row.reply.input = input;
    Ok(Some(row))
}

/// A stored reply, as the answer to `input`: one turn may answer several.
pub(super) fn read_reply(body: &str, input: InputId) -> Result<FinalReply, JobError> {
    let reply: FinalReply = serde_json::from_str(body)?;
    Ok(FinalReply { input, ..reply })
}

const SELECT: &str = "SELECT outbox.id, key, channel, target, reply, at, turn
    FROM outbox JOIN turns USING (session, turn) JOIN sessions ON number = outbox.session";

fn outbox_row(row: &Row<'_>) -> Result<OutboxRow, JobError> {
    Ok(OutboxRow {
        id: OutboxId(unsigned(row.get(0)?)),
        session: SessionKey(row.get(1)?),
        channel: row.get(2)?,
        target: serde_json::from_str(&row.get::<_, String>(3)?)?,
        reply: serde_json::from_str(&row.get::<_, String>(4)?)?,
        at: row.get(5)?,
        turn: TurnId(unsigned(row.get(6)?)),
    })
}
