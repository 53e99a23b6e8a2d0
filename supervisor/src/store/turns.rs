//! Turns: begun with the inputs they take, grown item by item, finished with one reply.

use super::items::{self, NewItem};
use super::outbox::{self, OutboxId};
use super::rows::{Life, now_ms, signed};
use super::{Durability, JobError, Store, StoreError, inbox, usage};
use ipc::agent::TurnOutcome;
use ipc::control::FinalReply;
use ipc::id::{InputId, ItemId, SessionId, TurnId};
use ipc::model::Usage;
use ipc::transcript::TranscriptItem;
use rusqlite::{Connection, params};
use serde_json::Value;

/// How a turn ended, and who is to hear of it.
#[derive(Debug, Clone, PartialEq)]
pub struct FinishedTurn {
    /// How it ended.
    pub outcome: TurnOutcome,
    /// The reply; its `input` is the one the turn began with.
    pub reply: FinalReply,
    /// The channel it goes out by.
    pub channel: String,
    /// The channel's own words on where to.
    pub target: Value,
}

impl Store {
    /// Begins a turn: `inputs`, which must be waiting for this session, are taken by it, and
    /// `items` (what it begins with) are stored, in one step.
    ///
    /// # Errors
    /// [`StoreError::OutOfOrder`], [`StoreError::NotWaiting`], [`StoreError::WrongTurn`] when
    /// another turn is running; nothing is stored then.
    pub async fn begin_turn(
        &self,
        session: &SessionId,
        turn: TurnId,
        inputs: Vec<InputId>,
        items: Vec<(ItemId, TranscriptItem)>,
    ) -> Result<(), StoreError> {
        let items = self.written(&items)?;
        let session = session.clone();
        self.run(Durability::Relaxed, move |connection| {
            let mut life = Life::find(connection, &session)?;
            begin(connection, &mut life, turn)?;
            inbox::take(connection, &life, turn, &inputs)?;
            items::insert_now(connection, &mut life, turn, &items)
        })
        .await
    }

    /// Stores items: of a running turn, or (a summary) between turns under the last turn's number.
    /// `taken` are inputs that steer the turn and become its own; `usage` is what an answer among
    /// the items cost, with its `provider/model`, and counts as one model call of the turn.
    ///
    /// # Errors
    /// [`StoreError::OutOfOrder`], [`StoreError::NotWaiting`], [`StoreError::NoTurn`],
    /// [`StoreError::WrongTurn`] when inputs are taken by a turn that has ended,
    /// [`StoreError::EndedBefore`]; nothing is stored then.
    pub async fn append(
        &self,
        session: &SessionId,
        turn: TurnId,
        items: Vec<(ItemId, TranscriptItem)>,
        taken: Vec<InputId>,
        usage: Option<(String, Usage)>,
    ) -> Result<(), StoreError> {
        let said = items;
        let items = self.written(&said)?;
        let used = usage.as_ref().map(|(_, used)| *used);
        let session = session.clone();
        self.run(Durability::Relaxed, move |connection| {
            let mut life = Life::find(connection, &session)?;
            if !taken.is_empty() {
                life.must_run(connection, turn)?;
                inbox::take(connection, &life, turn, &taken)?;
            }
            items::insert_now(connection, &mut life, turn, &items)?;
            if let Some((model, used)) = usage {
                usage::add(connection, &life, now_ms(), &model, used)?;
                count(connection, &life, turn, used)?;
            }
            Ok(())
        })
        .await?;
        said.iter().for_each(|(_, item)| self.counts.item(item));
        used.into_iter()
            .for_each(|used| self.counts.model_call(used));
        Ok(())
    }

    /// Ends a turn: its inputs are answered and its reply is in the outbox, on disk for good before
    /// this answers. Finishing a turn again changes nothing and gives the same row.
    ///
    /// # Errors
    /// [`StoreError::NoTurn`].
    pub async fn finish_turn(
        &self,
        session: &SessionId,
        turn: TurnId,
        finished: FinishedTurn,
    ) -> Result<OutboxId, StoreError> {
        let session = session.clone();
        let outcome = finished.outcome.clone();
        let (outbox, first) = self
            .run(Durability::Synced, move |connection| {
                let life = Life::find(connection, &session)?;
                if life.turn_runs(connection, turn)? {
                    Ok((finish(connection, &life, turn, &finished)?, true))
                } else {
                    Ok((outbox::of_turn(connection, &life, turn)?, false))
                }
            })
            .await?;
        if first {
            self.counts.turn(&outcome);
        }
        Ok(outbox)
    }

    fn written(&self, items: &[(ItemId, TranscriptItem)]) -> Result<Vec<NewItem>, StoreError> {
        items
            .iter()
            .map(|(id, item)| NewItem::new(*id, item))
            .collect::<Result<_, _>>()
            .map_err(|error| self.name(error))
    }
}

fn begin(connection: &Connection, life: &mut Life, turn: TurnId) -> Result<(), JobError> {
    if life.turns > 0 && turn_is_open(connection, life)? {
        return Err(StoreError::WrongTurn {
            session: life.id.clone(),
            turn,
            why: "the turn before it is still running",
        }
        .into());
    }
    life.must_follow("turn", life.turns, turn.0)?;
    connection
        .prepare_cached("INSERT INTO turns (session, turn, begun_at) VALUES (?1, ?2, ?3)")?
        .execute(params![life.number, signed(turn.0), now_ms()])?;
    connection
        .prepare_cached("UPDATE sessions SET turns = ?2 WHERE number = ?1")?
        .execute(params![life.number, signed(turn.0)])?;
    life.turns = turn.0;
    Ok(())
}

fn turn_is_open(connection: &Connection, life: &Life) -> Result<bool, JobError> {
    Ok(connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM turns WHERE session = ?1 AND ended_at IS NULL)",
        )?
        .query_row([life.number], |row| row.get(0))?)
}

/// One more model call of the turn. Between turns there is nothing to count it on.
fn count(connection: &Connection, life: &Life, turn: TurnId, used: Usage) -> Result<(), JobError> {
    let tokens = used.input.min(usage::MOST) + used.output.min(usage::MOST);
    connection
        .prepare_cached(
            "UPDATE turns SET model_calls = model_calls + 1, tokens = tokens + ?3
             WHERE session = ?1 AND turn = ?2 AND ended_at IS NULL",
        )?
        .execute(params![life.number, signed(turn.0), signed(tokens)])?;
    Ok(())
}

fn finish(
    connection: &Connection,
    life: &Life,
    turn: TurnId,
    finished: &FinishedTurn,
) -> Result<OutboxId, JobError> {
    let at = now_ms();
    let place = (life.number, signed(turn.0));
    connection
        .prepare_cached(
            "UPDATE turns SET ended_at = ?3, outcome = ?4, reply = ?5
             WHERE session = ?1 AND turn = ?2",
        )?
        .execute(params![
            place.0,
            place.1,
            at,
            serde_json::to_string(&finished.outcome)?,
            serde_json::to_string(&finished.reply)?
        ])?;
    connection
        .prepare_cached("UPDATE inputs SET answered_at = ?3 WHERE session = ?1 AND turn = ?2")?
        .execute(params![place.0, place.1, at])?;
    connection
        .prepare_cached("UPDATE sessions SET updated_at = ?2 WHERE number = ?1")?
        .execute(params![life.number, at])?;
    outbox::insert(connection, place, &finished.channel, &finished.target, at)
}
