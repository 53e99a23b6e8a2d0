//! What a channel's server told us: on disk before the server is told that we have it, gone when it
//! was handled, and told apart from what it says twice.
//!
//! ```text
//!              ┌─▶ done           answered, a command, of no interest: the body is emptied
//!   new ───────┼─▶ heard ─▶ done  said in a group to others: told along with the next message to us
//!    ▲         ├─▶ unreadable
//!    └─ held ◀─┘                  of somebody who is not let in (yet)
//! ```

use super::notices::{self, NewNotice};
use super::rows::{now_ms, unsigned};
use super::{Durability, JobError, Store, StoreError};
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};
use std::time::Duration;

/// Messages that are kept for one person who is not let in yet. What is said after them is lost.
const HELD_OF_ONE: u32 = 20;

/// Messages that are kept for all of them at one bot.
const HELD_OF_ALL: u32 = 200;

/// Messages of one chat, not said to us, that are kept for the next that is.
const HEARD_OF_ONE: u32 = 200;

/// After a week without an update the server numbers them anew, from anywhere: a number is a
/// position in its queue only while it is younger than this.
const NUMBERS_HOLD: Duration = Duration::from_secs(6 * 24 * 60 * 60);

/// One update, as the server sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUpdate {
    /// The server's number for it.
    pub id: i64,
    /// Where it happened; updates of one chat are handled in order. `None`: nowhere.
    pub chat: Option<i64>,
    /// Who did it.
    pub sender: Option<i64>,
    /// The server's JSON.
    pub body: String,
    /// Whether it can be handled. What can not be read is kept for a while, and not looked at again.
    pub readable: bool,
}

/// One that waits to be handled, or is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredUpdate {
    /// The server's number for it.
    pub id: i64,
    /// When it was stored, milliseconds since 1970.
    pub at: i64,
    /// The server's JSON.
    pub body: String,
}

/// What becomes of an update that was handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateState {
    /// Nothing is left to do.
    Done,
    /// Kept until its sender is let in.
    Held,
    /// Kept to be told along with the next message of its chat that is for us.
    Heard,
    /// It could not be read.
    Unreadable,
}

impl UpdateState {
    fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Held => "held",
            Self::Heard => "heard",
            Self::Unreadable => "unreadable",
        }
    }
}

/// How many updates of a bot are where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UpdateCounts {
    /// They wait to be handled.
    pub waiting: u64,
    /// When the oldest of those was stored, milliseconds since 1970.
    pub oldest_at: Option<i64>,
    /// Of people who are not let in (yet).
    pub held: u64,
}

impl Store {
    /// Takes updates of the bot with this number in, on disk for good before it answers; which of
    /// them are new. What is known already is left as it is.
    ///
    /// # Errors
    /// Only what the disk says: then none was taken.
    pub async fn take_updates(
        &self,
        bot: i64,
        updates: Vec<NewUpdate>,
    ) -> Result<Vec<i64>, StoreError> {
        self.run(Durability::Synced, move |connection| {
            let mut new = Vec::new();
            for update in &updates {
                if insert(connection, bot, update)? {
                    new.push(update.id);
                }
            }
            Ok(new)
        })
        .await
    }

    /// The oldest updates of a chat that wait to be handled, at most `limit`.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn next_updates(
        &self,
        bot: i64,
        chat: i64,
        limit: u32,
    ) -> Result<Vec<StoredUpdate>, StoreError> {
        self.run(Durability::Relaxed, move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, at, body FROM updates
                 WHERE bot = ?1 AND chat = ?2 AND state = 'new' ORDER BY id LIMIT ?3",
            )?;
            let rows = statement.query_map(params![bot, chat, limit], stored)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// One update that waits to be handled; `None` where it was, or never came.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn waiting_update(
        &self,
        bot: i64,
        id: i64,
    ) -> Result<Option<StoredUpdate>, StoreError> {
        self.run(Durability::Relaxed, move |connection| {
            let found = connection
                .prepare_cached(
                    "SELECT id, at, body FROM updates WHERE bot = ?1 AND id = ?2 AND state = 'new'",
                )?
                .query_row(params![bot, id], stored)
                .optional()?;
            Ok(found)
        })
        .await
    }

    /// What the newest updates say that wait to be handled, the newest first.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn newest_waiting(&self, bot: i64, limit: u32) -> Result<Vec<String>, StoreError> {
        self.run(Durability::Relaxed, move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT body FROM updates WHERE bot = ?1 AND state = 'new'
                 ORDER BY id DESC LIMIT ?2",
            )?;
            let bodies = statement.query_map(params![bot, limit], |row| row.get(0))?;
            Ok(bodies.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The chats of a bot where updates wait to be handled, the one that waits longest first.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn chats_with_new(&self, bot: i64) -> Result<Vec<i64>, StoreError> {
        self.run(Durability::Relaxed, move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT chat FROM updates WHERE bot = ?1 AND state = 'new'
                 GROUP BY chat ORDER BY min(id)",
            )?;
            let rows = statement.query_map([bot], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Records what became of updates and what is to be said for that, in one step; whether
    /// anything is to be said that was not before. Again changes nothing.
    ///
    /// Too many held or heard ones are done instead: of the held the last, of the heard the first.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn finish_updates(
        &self,
        bot: i64,
        ids: Vec<i64>,
        state: UpdateState,
        notices: Vec<NewNotice>,
    ) -> Result<bool, StoreError> {
        // Relaxed: what a power cut takes back is handled again, and that changes nothing. Our own
        // death takes nothing back.
        self.run(Durability::Relaxed, move |connection| {
            for &id in &ids {
                finish(connection, bot, id, state)?;
            }
            let mut any = false;
            for notice in &notices {
                any |= notices::insert(connection, notice)?;
            }
            Ok(any)
        })
        .await
    }

    /// What was said in a chat to others since the last message to us, the newest `limit` of it,
    /// oldest first. It stays until [`Self::finish_updates`] is told that it is done.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn heard(
        &self,
        bot: i64,
        chat: i64,
        limit: u32,
    ) -> Result<Vec<StoredUpdate>, StoreError> {
        self.run(Durability::Relaxed, move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, at, body FROM updates
                 WHERE bot = ?1 AND state = 'heard' AND chat = ?2 ORDER BY id DESC LIMIT ?3",
            )?;
            let rows = statement.query_map(params![bot, chat, limit], stored)?;
            let mut heard: Vec<_> = rows.collect::<Result<_, _>>()?;
            heard.reverse();
            Ok(heard)
        })
        .await
    }

    /// Somebody is let in: what was held of them waits to be handled. In which chats.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn release_held(&self, bot: i64, sender: i64) -> Result<Vec<i64>, StoreError> {
        self.run(Durability::Synced, move |connection| {
            let mut statement = connection.prepare_cached(
                "UPDATE updates SET state = 'new'
                 WHERE bot = ?1 AND state = 'held' AND sender = ?2 RETURNING chat",
            )?;
            let rows = statement.query_map([bot, sender], |row| row.get(0))?;
            let mut chats: Vec<i64> = rows.collect::<Result<_, _>>()?;
            chats.sort_unstable();
            chats.dedup();
            Ok(chats)
        })
        .await
    }

    /// Somebody is not let in: what was held of them is forgotten; how much it was.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn drop_held(&self, bot: i64, sender: i64) -> Result<usize, StoreError> {
        self.run(Durability::Synced, move |connection| {
            let dropped = connection
                .prepare_cached(
                    "UPDATE updates SET state = 'done', body = NULL
                     WHERE bot = ?1 AND state = 'held' AND sender = ?2",
                )?
                .execute([bot, sender])?;
            Ok(dropped)
        })
        .await
    }

    /// What was stored before `at` (milliseconds since 1970) and is still held is forgotten; how
    /// many it were.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn drop_held_before(&self, bot: i64, at: i64) -> Result<usize, StoreError> {
        self.run(Durability::Relaxed, move |connection| {
            let dropped = connection
                .prepare_cached(
                    "UPDATE updates SET state = 'done', body = NULL
                     WHERE bot = ?1 AND state = 'held' AND at < ?2",
                )?
                .execute([bot, at])?;
            Ok(dropped)
        })
        .await
    }

    /// Of whom something is held.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn held_senders(&self, bot: i64) -> Result<Vec<i64>, StoreError> {
        self.run(Durability::Relaxed, move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT DISTINCT sender FROM updates
                 WHERE bot = ?1 AND state = 'held' AND sender IS NOT NULL",
            )?;
            let rows = statement.query_map([bot], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The number of the newest update, for the server to go on behind it. `None` where there is
    /// none, or none young enough to mean anything.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn newest_update(&self, bot: i64) -> Result<Option<i64>, StoreError> {
        let hold = i64::try_from(NUMBERS_HOLD.as_millis()).unwrap_or(i64::MAX);
        self.run(Durability::Relaxed, move |connection| {
            let newest = connection
                .prepare_cached("SELECT max(id) FROM updates WHERE bot = ?1 AND at > ?2")?
                .query_row([bot, now_ms() - hold], |row| row.get(0))?;
            Ok(newest)
        })
        .await
    }

    /// Whether anything is known of a bot's updates.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn has_updates(&self, bot: i64) -> Result<bool, StoreError> {
        self.run(Durability::Relaxed, move |connection| {
            let any = connection
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM updates WHERE bot = ?1)")?
                .query_row([bot], |row| row.get(0))?;
            Ok(any)
        })
        .await
    }

    /// How many of a bot's updates are where.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn update_counts(&self, bot: i64) -> Result<UpdateCounts, StoreError> {
        self.run(Durability::Relaxed, move |connection| {
            let (waiting, oldest_at) = connection
                .prepare_cached(
                    "SELECT count(*), min(at) FROM updates WHERE bot = ?1 AND state = 'new'",
                )?
                .query_row([bot], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let held = count_held(connection, bot, None)?;
            Ok(UpdateCounts {
                waiting: unsigned(waiting),
                oldest_at,
                held: held.into(),
            })
        })
        .await
    }
}

fn stored(row: &Row<'_>) -> rusqlite::Result<StoredUpdate> {
    Ok(StoredUpdate {
        id: row.get(0)?,
        at: row.get(1)?,
        body: row.get(2)?,
    })
}

/// Whether it is new.
fn insert(connection: &Connection, bot: i64, update: &NewUpdate) -> Result<bool, JobError> {
    let state = match (update.readable, update.chat) {
        (false, _) => "unreadable",
        (true, Some(_)) => "new",
        // It happened nowhere that could be answered; only its number is of use.
        (true, None) => "done",
    };
    let body = (state != "done").then_some(&update.body);
    let changed = connection
        .prepare_cached(
            "INSERT INTO updates (bot, id, at, chat, sender, state, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            bot,
            update.id,
            now_ms(),
            update.chat,
            update.sender,
            state,
            body
        ])?;
    Ok(changed > 0)
}

fn finish(connection: &Connection, bot: i64, id: i64, state: UpdateState) -> Result<(), JobError> {
    let chat: Option<Option<i64>> = connection
        .prepare_cached("SELECT chat FROM updates WHERE bot = ?1 AND id = ?2")?
        .query_row([bot, id], |row| row.get(0))
        .optional()?;
    let Some(chat) = chat else {
        return Ok(());
    };
    let state = match state {
        UpdateState::Held if !may_hold(connection, bot, chat)? => UpdateState::Done,
        UpdateState::Done | UpdateState::Held | UpdateState::Heard | UpdateState::Unreadable => {
            state
        }
    };
    connection
        .prepare_cached(
            "UPDATE updates SET state = ?3, body = CASE ?3 WHEN 'done' THEN NULL ELSE body END
             WHERE bot = ?1 AND id = ?2 AND state IN ('new', 'heard')",
        )?
        .execute(params![bot, id, state.word()])?;
    if state == UpdateState::Heard {
        forget_heard(connection, bot, chat)?;
    }
    Ok(())
}

fn may_hold(connection: &Connection, bot: i64, chat: Option<i64>) -> Result<bool, JobError> {
    Ok(count_held(connection, bot, chat)? < HELD_OF_ONE
        && count_held(connection, bot, None)? < HELD_OF_ALL)
}

/// Held ones of a bot, or of one chat of it.
fn count_held(connection: &Connection, bot: i64, chat: Option<i64>) -> Result<u32, JobError> {
    let narrower = chat.map_or("", |_| "AND chat = ?2");
    let sql = format!("SELECT count(*) FROM updates WHERE bot = ?1 AND state = 'held' {narrower}");
    let values = std::iter::once(bot).chain(chat);
    let counted = connection
        .prepare_cached(&sql)?
        .query_row(params_from_iter(values), |row| row.get(0))?;
    Ok(counted)
}

/// The oldest beyond [`HEARD_OF_ONE`].
fn forget_heard(connection: &Connection, bot: i64, chat: Option<i64>) -> Result<(), JobError> {
    connection
        .prepare_cached(
            "UPDATE updates SET state = 'done', body = NULL
             WHERE bot = ?1 AND state = 'heard' AND chat = ?2 AND id <= (
                SELECT id FROM updates WHERE bot = ?1 AND state = 'heard' AND chat = ?2
                ORDER BY id DESC LIMIT 1 OFFSET ?3)",
        )?
        .execute(params![bot, chat, HEARD_OF_ONE])?;
    Ok(())
}
