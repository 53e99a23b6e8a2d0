//! Tool calls: recorded as begun before anything runs, ended when their outcome is an item.

use super::items::{self, NewItem};
use super::rows::{Life, now_ms, signed};
use super::{Durability, JobError, Store, StoreError};
use ipc::id::{CallRef, ItemId, SessionId, TurnId};
use ipc::transcript::TranscriptItem;
use rusqlite::{Connection, params};

/// What came of an attempt to begin a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// It was never begun before: run it.
    Fresh,
    /// It was begun, or even ended, before: it must not run again.
    Again,
}

/// How far a call got. One that is not listed was never begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallState {
    /// Begun, and how it ended is not known.
    Begun,
    /// Its outcome is an item.
    Ended,
}

impl Store {
    /// Records that a call is about to run. Only [`Begun::Fresh`] may run.
    ///
    /// # Errors
    /// [`StoreError::NoSession`], [`StoreError::NoTurn`], [`StoreError::WrongTurn`] when the turn
    /// has ended, [`StoreError::Rejected`] when the answer that asks for it is not stored.
    pub async fn begin_call(
        &self,
        session: &SessionId,
        turn: TurnId,
        call: CallRef,
        tool: &str,
        durability: Durability,
    ) -> Result<Begun, StoreError> {
        let (session, tool) = (session.clone(), tool.to_owned());
        self.run(durability, move |connection| {
            let life = Life::find(connection, &session)?;
            life.must_run(connection, turn)?;
            begin(connection, &life, turn, call, &tool)
        })
        .await
    }

    /// Records that a call ended, and stores `item`, its outcome, in the same step. A call that was
    /// refused before it began is ended by it just as well.
    ///
    /// # Errors
    /// [`StoreError::EndedBefore`] when it has an outcome, [`StoreError::OutOfOrder`], and
    /// [`StoreError::Rejected`] when `item` is no outcome of `call`.
    pub async fn end_call(
        &self,
        session: &SessionId,
        turn: TurnId,
        call: CallRef,
        item: (ItemId, TranscriptItem),
    ) -> Result<(), StoreError> {
        let outcome = item.1;
        let item = NewItem::new(item.0, &outcome).map_err(|error| self.name(error))?;
        if item.call() != Some(call) {
            return Err(StoreError::Rejected {
                file: self.file().to_owned(),
                cause: format!("item {} is no outcome of call {call}", item.id),
            });
        }
        let session = session.clone();
        self.run(Durability::Relaxed, move |connection| {
            let mut life = Life::find(connection, &session)?;
            items::insert_now(connection, &mut life, turn, &[item])
        })
        .await?;
        self.counts.item(&outcome);
        Ok(())
    }

    /// The calls of `answer` that were begun or ended, by their position in it.
    ///
    /// # Errors
    /// [`StoreError::NoSession`].
    pub async fn calls_of(
        &self,
        session: &SessionId,
        answer: ItemId,
    ) -> Result<Vec<(u32, CallState)>, StoreError> {
        let session = session.clone();
        self.run(Durability::Relaxed, move |connection| {
            let life = Life::find(connection, &session)?;
            states(connection, &life, answer)
        })
        .await
    }
}

fn begin(
    connection: &Connection,
    life: &Life,
    turn: TurnId,
    call: CallRef,
    tool: &str,
) -> Result<Begun, JobError> {
    let inserted = connection
        .prepare_cached(
            "INSERT INTO calls (session, item, idx, turn, tool, begun_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            life.number,
            signed(call.item.0),
            call.index,
            signed(turn.0),
            tool,
            now_ms()
        ])?;
    Ok(if inserted == 1 {
        Begun::Fresh
    } else {
        Begun::Again
    })
}

fn states(
    connection: &Connection,
    life: &Life,
    answer: ItemId,
) -> Result<Vec<(u32, CallState)>, JobError> {
    let mut statement = connection.prepare_cached(
        "SELECT idx, ended_at IS NULL FROM calls WHERE session = ?1 AND item = ?2 ORDER BY idx",
    )?;
    let rows = statement.query_map(params![life.number, signed(answer.0)], |row| {
        let open: bool = row.get(1)?;
        let state = if open {
            CallState::Begun
        } else {
            CallState::Ended
        };
        Ok((row.get(0)?, state))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
