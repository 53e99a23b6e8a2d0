//! Forgets what nobody can ask for any more: answered inputs, sent replies, old history. Transcripts
//! stay.

use super::history;
use super::pictures;
use super::rows::now_ms;
use rusqlite::{Connection, TransactionBehavior, params};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// How long an answered input is kept: so long its idempotency key finds the answer.
const KEPT_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// How often it is looked for what has become old.
const EVERY: Duration = Duration::from_secs(6 * 60 * 60);

/// Rows of each kind in one step, so that a step is over before anyone notices.
const STEP: i64 = 200;

/// When to purge next.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    done_at: Option<Instant>,
}

impl Schedule {
    /// Does a little of what is due. Whether there is more to do at once.
    pub(super) fn step(&mut self, connection: &mut Connection) -> bool {
        if self.done_at.is_some_and(|at| at.elapsed() < EVERY) {
            return false;
        }
        // An error is left for the next time: the rows are only old, not in the way.
        if let Some(folder) = media(connection) {
            pictures::forget(&folder, SystemTime::now());
        }
        let forgotten = forget(connection, now_ms() - KEPT_MS).unwrap_or(0)
            + thin(connection, now_ms()).unwrap_or(0);
        if forgotten == 0 {
            self.done_at = Some(Instant::now());
        }
        forgotten > 0
    }
}

/// Where pictures are: beside the database's own folder.
fn media(connection: &Connection) -> Option<PathBuf> {
    let file = Path::new(connection.path()?);
    Some(file.parent()?.parent()?.join("media"))
}

fn thin(connection: &mut Connection, now_ms: i64) -> rusqlite::Result<usize> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let thinned = history::thin(&transaction, now_ms)?;
    transaction.commit()?;
    Ok(thinned)
}

/// Forgets at most [`STEP`] rows of each kind from before `until_ms`; how many it were.
fn forget(connection: &mut Connection, until_ms: i64) -> rusqlite::Result<usize> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut forgotten = 0;
    for statement in [
        "DELETE FROM inputs WHERE id IN
            (SELECT id FROM inputs WHERE answered_at < ?1 LIMIT ?2)",
        "DELETE FROM outbox WHERE id IN
            (SELECT id FROM outbox WHERE sent_at < ?1 LIMIT ?2)",
        "DELETE FROM notices WHERE id IN
            (SELECT id FROM notices WHERE sent_at < ?1 LIMIT ?2)",
        "DELETE FROM posts WHERE key IN (SELECT key FROM posts WHERE at < ?1 LIMIT ?2)",
        // What waits to be handled is never old. The others kept their numbers, which tell what the
        // server says twice; it keeps none for longer than a day.
        "DELETE FROM updates WHERE (bot, id) IN
            (SELECT bot, id FROM updates WHERE at < ?1 AND state <> 'new' LIMIT ?2)",
        "UPDATE turns SET reply = NULL WHERE (session, turn) IN
            (SELECT session, turn FROM turns WHERE reply IS NOT NULL AND ended_at < ?1
                AND NOT EXISTS (SELECT 1 FROM outbox
                    WHERE outbox.session = turns.session AND outbox.turn = turns.turn)
                AND NOT EXISTS (SELECT 1 FROM inputs
                    WHERE inputs.session = turns.session AND inputs.turn = turns.turn)
                LIMIT ?2)",
    ] {
        forgotten += transaction.execute(statement, params![until_ms, STEP])?;
    }
    transaction.commit()?;
    Ok(forgotten)
}
