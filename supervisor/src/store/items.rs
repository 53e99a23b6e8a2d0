//! Transcripts: items numbered from 1 without gaps, written once and never changed.

use super::rows::{Life, now_ms, signed, unsigned};
use super::{Durability, JobError, Store, StoreError};
use ipc::id::{CallRef, ItemId, SessionId, TurnId};
use ipc::transcript::{ItemKind, TranscriptItem};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

/// A transcript item as it is stored, and as `sessions show` has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredItem {
    /// Its number in the session.
    pub id: ItemId,
    /// The turn it belongs to; 0 before the first.
    pub turn: TurnId,
    /// When it was stored, milliseconds since 1970.
    pub at: i64,
    /// The item.
    pub item: TranscriptItem,
}

/// An item ready to be written: made into JSON by whoever asks, not by the one writer.
#[derive(Debug)]
pub(super) struct NewItem {
    pub id: ItemId,
    kind: &'static str,
    body: String,
    /// The call it ends, with the tool's name, when it is an outcome.
    ends: Option<(CallRef, String)>,
}

/// A stored item whose JSON is yet to be read, by whoever asked: a long transcript must not hold up
/// the one writer.
#[derive(Debug)]
pub(super) struct UnreadItem {
    id: ItemId,
    turn: TurnId,
    at: i64,
    body: String,
}

impl UnreadItem {
    pub(super) fn read(self) -> Result<StoredItem, JobError> {
        Ok(StoredItem {
            id: self.id,
            turn: self.turn,
            at: self.at,
            item: serde_json::from_str(&self.body)?,
        })
    }
}

impl NewItem {
    pub(super) fn new(id: ItemId, item: &TranscriptItem) -> Result<Self, JobError> {
        Ok(Self {
            id,
            kind: kind_name(item.kind()),
            body: serde_json::to_string(item)?,
            ends: outcome_of(item),
        })
    }

    /// The call the item ends.
    pub(super) fn call(&self) -> Option<CallRef> {
        self.ends.as_ref().map(|(call, _)| *call)
    }
}

impl Store {
    /// What is in the model's context: the last summary, if there is one, then every item after
    /// what it covers. Items that were folded in, and older summaries, stay on disk.
    ///
    /// # Errors
    /// [`StoreError::NoSession`]; [`StoreError::Damaged`] when an item can not be read.
    pub async fn load_context(
        &self,
        session: &SessionId,
    ) -> Result<Vec<(ItemId, TranscriptItem)>, StoreError> {
        let session = session.clone();
        let rows = self
            .run(Durability::Relaxed, move |connection| {
                context_rows(connection, &session)
            })
            .await?;
        // Parsed here and not by the one writer, as an `UnreadItem` is.
        rows.into_iter()
            .map(|(id, body)| Ok((id, serde_json::from_str(&body)?)))
            .collect::<Result<_, JobError>>()
            .map_err(|error| self.name(error))
    }
}

/// Writes `items` after the last one of the session. An outcome also ends its call.
pub(super) fn insert(
    connection: &Connection,
    life: &mut Life,
    turn: TurnId,
    at: i64,
    items: &[NewItem],
) -> Result<(), JobError> {
    if turn.0 > life.turns {
        return Err(StoreError::NoTurn {
            session: life.id.clone(),
            turn,
        }
        .into());
    }
    for item in items {
        life.must_follow("item", life.items, item.id.0)?;
        connection
            .prepare_cached(
                "INSERT INTO items (session, item, turn, at, kind, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                life.number,
                signed(item.id.0),
                signed(turn.0),
                at,
                item.kind,
                item.body
            ])?;
        life.items = item.id.0;
        if let Some((call, tool)) = &item.ends {
            end_call(connection, life, turn, *call, tool, at)?;
        }
    }
    connection
        .prepare_cached("UPDATE sessions SET items = ?2, updated_at = ?3 WHERE number = ?1")?
        .execute(params![life.number, signed(life.items), at])?;
    Ok(())
}

/// Marks `call` as ended; once, whether it had been begun or not.
fn end_call(
    connection: &Connection,
    life: &Life,
    turn: TurnId,
    call: CallRef,
    tool: &str,
    at: i64,
) -> Result<(), JobError> {
    let changed = connection
        .prepare_cached(
            "INSERT INTO calls (session, item, idx, turn, tool, ended_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET ended_at = excluded.ended_at WHERE ended_at IS NULL",
        )?
        .execute(params![
            life.number,
            signed(call.item.0),
            call.index,
            signed(turn.0),
            tool,
            at
        ])?;
    if changed == 1 {
        return Ok(());
    }
    Err(StoreError::EndedBefore {
        session: life.id.clone(),
        call,
    }
    .into())
}

/// As [`insert`], now.
pub(super) fn insert_now(
    connection: &Connection,
    life: &mut Life,
    turn: TurnId,
    items: &[NewItem],
) -> Result<(), JobError> {
    insert(connection, life, turn, now_ms(), items)
}

/// The last `limit` items of a life, oldest first; all of them without a limit.
pub(super) fn last_items(
    connection: &Connection,
    life: &Life,
    limit: Option<u32>,
) -> Result<Vec<UnreadItem>, JobError> {
    let after = limit.map_or(0, |limit| life.items.saturating_sub(u64::from(limit)));
    let mut statement = connection.prepare_cached(
        "SELECT item, turn, at, body FROM items WHERE session = ?1 AND item > ?2 ORDER BY item",
    )?;
    let rows = statement.query_map(params![life.number, signed(after)], |row| {
        Ok(UnreadItem {
            id: item_id(row)?,
            turn: TurnId(unsigned(row.get(1)?)),
            at: row.get(2)?,
            body: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn context_rows(
    connection: &Connection,
    session: &SessionId,
) -> Result<Vec<(ItemId, String)>, JobError> {
    let life = Life::find(connection, session)?;
    let mut context = Vec::new();
    let mut through = ItemId(0);
    if let Some((id, body)) = last_summary(connection, &life)? {
        if let TranscriptItem::Summary { through: last, .. } = serde_json::from_str(&body)? {
            through = last;
        }
        context.push((id, body));
    }
    let mut statement = connection.prepare_cached(
        "SELECT item, body FROM items
         WHERE session = ?1 AND item > ?2 AND kind <> 'summary' ORDER BY item",
    )?;
    let rows = statement.query_map(params![life.number, signed(through.0)], |row| {
        Ok((item_id(row)?, row.get(1)?))
    })?;
    for row in rows {
        context.push(row?);
    }
    Ok(context)
}

fn last_summary(
    connection: &Connection,
    life: &Life,
) -> Result<Option<(ItemId, String)>, JobError> {
    let found = connection
        .prepare_cached(
            "SELECT item, body FROM items
             WHERE session = ?1 AND kind = 'summary' ORDER BY item DESC LIMIT 1",
        )?
        .query_row([life.number], |row| Ok((item_id(row)?, row.get(1)?)))
        .optional()?;
    Ok(found)
}

fn item_id(row: &Row<'_>) -> rusqlite::Result<ItemId> {
    Ok(ItemId(unsigned(row.get(0)?)))
}

fn outcome_of(item: &TranscriptItem) -> Option<(CallRef, String)> {
    match item {
        TranscriptItem::Outcome { call, tool, .. } => Some((*call, tool.clone())),
        TranscriptItem::User { .. }
        | TranscriptItem::Answer { .. }
        | TranscriptItem::Note { .. }
        | TranscriptItem::Summary { .. } => None,
    }
}

fn kind_name(kind: ItemKind) -> &'static str {
    match kind {
        ItemKind::User => "user",
        ItemKind::Answer => "answer",
        ItemKind::Outcome => "outcome",
        ItemKind::Note => "note",
        ItemKind::Summary => "summary",
    }
}
