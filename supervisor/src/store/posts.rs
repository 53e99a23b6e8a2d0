//! Our messages at a channel's server: each is written here before it is sent, and with its number
//! once that is known. A post without a number is one in doubt: it may be there or not.
//!
//! Done posts are kept for a while: they tell our own messages from one whose sending was cut off.

use super::rows::{now_ms, signed};
use super::{Durability, JobError, OutboxId, Store, StoreError};
use ipc::id::{AgentId, SessionKey};
use rusqlite::{Connection, Row, params};
use serde_json::Value;
use std::ops::RangeInclusive;

/// A message that is about to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPost {
    /// What it is part of: `reply:ROW:0`, `notice:ID:0`, `live:SESSION:TURN`.
    pub key: String,
    /// The channel.
    pub channel: String,
    /// The channel's own words on where.
    pub target: Value,
    /// The newest message known there: this one's number will be greater.
    pub after: i64,
    /// What it says, where the next start has to know.
    pub text: Option<String>,
}

/// A message that was sent, or may have been.
#[derive(Debug, Clone, PartialEq)]
pub struct Post {
    /// What it is part of.
    pub key: String,
    /// The newest message known there when it was begun.
    pub after: i64,
    /// Its number; `None` when it is not known to have arrived.
    pub message: Option<i64>,
    /// What it says, where that was kept.
    pub text: Option<String>,
}

impl Store {
    /// Writes down that a message is about to be sent, on disk for good before this answers: without
    /// it, the next start after a power cut would send it again. The same key again begins it anew.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn begin_post(&self, post: NewPost) -> Result<(), StoreError> {
        self.run(Durability::Synced, move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO posts (key, channel, target, after, text, at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                     ON CONFLICT (key) DO UPDATE SET after = excluded.after, message = NULL,
                        target = excluded.target, text = excluded.text, at = excluded.at",
                )?
                .execute(params![
                    post.key,
                    post.channel,
                    post.target.to_string(),
                    post.after,
                    post.text,
                    now_ms()
                ])?;
            Ok(())
        })
        .await
    }

    /// Writes down that a message arrived, and as which. After a power cut that forgot it, the server
    /// is asked; so nobody waits for the disk.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn post_arrived(&self, key: &str, message: i64) -> Result<(), StoreError> {
        let key = key.to_owned();
        self.run(Durability::Relaxed, move |connection| {
            connection
                .prepare_cached("UPDATE posts SET message = ?2 WHERE key = ?1")?
                .execute(params![key, message])?;
            Ok(())
        })
        .await
    }

    /// The posts whose keys begin with `prefix`, in the order of their keys.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn posts(&self, prefix: &str) -> Result<Vec<Post>, StoreError> {
        let prefix = prefix.to_owned();
        self.run(Durability::Relaxed, move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT key, after, message, text FROM posts
                 WHERE key >= ?1 AND key < ?2 ORDER BY key",
            )?;
            let rows = statement.query_map(params![prefix, end_of(&prefix)], post)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Which messages of a chat are known to be ours, of those after `after`.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn known_messages(
        &self,
        channel: &str,
        account: &str,
        chat: i64,
        after: i64,
    ) -> Result<Vec<i64>, StoreError> {
        let (channel, account) = (channel.to_owned(), account.to_owned());
        self.run(Durability::Relaxed, move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT message FROM posts
                 WHERE message > ?1 AND channel = ?2 AND json_extract(target, '$.account') = ?3
                    AND json_extract(target, '$.chat') = ?4",
            )?;
            let rows =
                statement.query_map(params![after, channel, account, chat], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The newest of our messages in the chats of these numbers; 0 for none.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn newest_post(
        &self,
        channel: &str,
        account: &str,
        chats: RangeInclusive<i64>,
    ) -> Result<i64, StoreError> {
        let (channel, account) = (channel.to_owned(), account.to_owned());
        self.run(Durability::Relaxed, move |connection| {
            let newest: Option<i64> = connection
                .prepare_cached(
                    "SELECT max(message) FROM posts
                     WHERE channel = ?1 AND json_extract(target, '$.account') = ?2
                        AND json_extract(target, '$.chat') BETWEEN ?3 AND ?4",
                )?
                .query_row(
                    params![channel, account, chats.start(), chats.end()],
                    |row| row.get(0),
                )?;
            Ok(newest.unwrap_or(0))
        })
        .await
    }

    /// Forgets posts whose keys begin with `prefix`: they are not there any more.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn forget_posts(&self, prefix: &str) -> Result<(), StoreError> {
        let prefix = prefix.to_owned();
        self.run(Durability::Relaxed, move |connection| {
            connection
                .prepare_cached("DELETE FROM posts WHERE key >= ?1 AND key < ?2")?
                .execute(params![prefix, end_of(&prefix)])?;
            Ok(())
        })
        .await
    }

    /// Records that a reply was sent, or never can be: its row is done, and the posts that grew while
    /// it was written (`live`, the beginning of their keys) are posts like others, in one step.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn mark_delivered(&self, id: OutboxId, live: &str) -> Result<(), StoreError> {
        let live = live.to_owned();
        // Synced: a power cut must not make the next start send it a second time.
        self.run(Durability::Synced, move |connection| {
            connection
                .prepare_cached("UPDATE outbox SET sent_at = ?2 WHERE id = ?1 AND sent_at IS NULL")?
                .execute(params![signed(id.0), now_ms()])?;
            settle(connection, id, &live)
        })
        .await
    }

    /// Whose conversations have messages of `channel` that are not answered, and the agents that
    /// answer there.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn unanswered(
        &self,
        channel: &str,
    ) -> Result<Vec<(SessionKey, AgentId, Value)>, StoreError> {
        let channel = channel.to_owned();
        self.run(Durability::Relaxed, move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT session_key, agent, origin FROM inputs
                 WHERE turn IS NULL AND channel = ?1
                 UNION ALL
                 SELECT session_key, agent, origin FROM turns JOIN inputs USING (session, turn)
                 WHERE ended_at IS NULL AND channel = ?1",
            )?;
            let mut rows = statement.query([channel])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push((
                    SessionKey(row.get(0)?),
                    AgentId(row.get(1)?),
                    serde_json::from_str(&row.get::<_, String>(2)?)?,
                ));
            }
            Ok(found)
        })
        .await
    }
}

/// What grew becomes part of the reply: a session that is begun anew counts its turns from one, and
/// must not find it.
fn settle(connection: &Connection, id: OutboxId, live: &str) -> Result<(), JobError> {
    connection
        .prepare_cached(
            "UPDATE OR REPLACE posts SET key = 'was:' || ?3 || ':' || key, text = NULL
             WHERE key >= ?1 AND key < ?2",
        )?
        .execute(params![live, end_of(live), signed(id.0)])?;
    Ok(())
}

/// The first text after all that begin with `prefix`.
fn end_of(prefix: &str) -> String {
    format!("{prefix}\u{10FFFF}")
}

fn post(row: &Row<'_>) -> rusqlite::Result<Post> {
    Ok(Post {
        key: row.get(0)?,
        after: row.get(1)?,
        message: row.get(2)?,
        text: row.get(3)?,
    })
}
