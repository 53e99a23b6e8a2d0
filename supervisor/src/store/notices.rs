//! What a channel is to say that is no turn's reply: the word to a command, a pairing code, a question.
//! Written before it is said, kept until it was; said twice under one key, it is one.

use super::rows::{now_ms, signed, unsigned};
use super::{Durability, JobError, Store, StoreError};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::Value;

/// Something to be said once.
#[derive(Debug, Clone, PartialEq)]
pub struct NewNotice {
    /// Unique in a state directory; the same one again is the same notice.
    pub key: String,
    /// The channel it goes out by.
    pub channel: String,
    /// The channel's own words on where to; an object with the `account` it is for.
    pub target: Value,
    /// What is said, in the channel's own words.
    pub body: Value,
}

/// One notice, unique in a state directory. Later ones have greater numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct NoticeId(pub u64);

/// A notice that has not been said.
#[derive(Debug, Clone, PartialEq)]
pub struct NoticeRow {
    /// Its name in [`Store::mark_said`].
    pub id: NoticeId,
    /// Unique in a state directory.
    pub key: String,
    /// The channel's own words on where to.
    pub target: Value,
    /// What is said.
    pub body: Value,
    /// When it was written, milliseconds since 1970.
    pub at: i64,
}

impl Store {
    /// Keeps a notice to be said, on disk for good before it answers; `false` when there is one of
    /// this key already, said or not.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn notice(&self, notice: NewNotice) -> Result<bool, StoreError> {
        self.run(Durability::Synced, move |connection| {
            insert(connection, &notice)
        })
        .await
    }

    /// At most `limit` notices of one channel's account that were not said, oldest first, from
    /// after `after`.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when one can not be read.
    pub async fn unsaid(
        &self,
        channel: &str,
        account: &str,
        after: NoticeId,
        limit: u32,
    ) -> Result<Vec<NoticeRow>, StoreError> {
        let (channel, account) = (channel.to_owned(), account.to_owned());
        self.run(Durability::Relaxed, move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, key, target, body, at FROM notices
                 WHERE sent_at IS NULL AND id > ?1 AND channel = ?2
                    AND json_extract(target, '$.account') = ?3
                 ORDER BY id LIMIT ?4",
            )?;
            let mut rows = statement.query(params![signed(after.0), channel, account, limit])?;
            let mut unsaid = Vec::new();
            while let Some(row) = rows.next()? {
                unsaid.push(notice_row(row)?);
            }
            Ok(unsaid)
        })
        .await
    }

    /// What a notice says, said or not; `None` where there is none of this key.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn notice_body(&self, key: &str) -> Result<Option<Value>, StoreError> {
        let key = key.to_owned();
        let found: Option<String> = self
            .run(Durability::Relaxed, move |connection| {
                let mut statement =
                    connection.prepare_cached("SELECT body FROM notices WHERE key = ?1")?;
                Ok(statement.query_row([key], |row| row.get(0)).optional()?)
            })
            .await?;
        // What can not be read says nothing.
        Ok(found.and_then(|body| serde_json::from_str(&body).ok()))
    }

    /// The keys of one channel's account that begin with `prefix`, and have none beside them that is
    /// the same followed by `end`.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn open_notices(
        &self,
        channel: &str,
        account: &str,
        prefix: &'static str,
        end: &'static str,
    ) -> Result<Vec<String>, StoreError> {
        let (channel, account) = (channel.to_owned(), account.to_owned());
        self.run(Durability::Relaxed, move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT key FROM notices AS asked
                 WHERE channel = ?1 AND json_extract(target, '$.account') = ?2
                    AND key GLOB ?3 || '*' AND key NOT GLOB '*' || ?4
                    AND NOT EXISTS (SELECT 1 FROM notices WHERE key = asked.key || ?4)
                 ORDER BY id",
            )?;
            let rows =
                statement.query_map(params![channel, account, prefix, end], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Records that a notice was said, or never can be; again changes nothing.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn mark_said(&self, id: NoticeId) -> Result<(), StoreError> {
        // Synced: a power cut must not make the next start say it a second time.
        self.run(Durability::Synced, move |connection| {
            connection
                .prepare_cached(
                    "UPDATE notices SET sent_at = ?2 WHERE id = ?1 AND sent_at IS NULL",
                )?
                .execute(params![signed(id.0), now_ms()])?;
            Ok(())
        })
        .await
    }
}

/// Writes a notice; `false` when there is one of this key.
pub(super) fn insert(connection: &Connection, notice: &NewNotice) -> Result<bool, JobError> {
    let inserted = connection
        .prepare_cached(
            "INSERT INTO notices (key, channel, target, body, at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (key) DO NOTHING",
        )?
        .execute(params![
            notice.key,
            notice.channel,
            notice.target.to_string(),
            notice.body.to_string(),
            now_ms()
        ])?;
    Ok(inserted == 1)
}

fn notice_row(row: &Row<'_>) -> Result<NoticeRow, JobError> {
    Ok(NoticeRow {
        id: NoticeId(unsigned(row.get(0)?)),
        key: row.get(1)?,
        target: serde_json::from_str(&row.get::<_, String>(2)?)?,
        body: serde_json::from_str(&row.get::<_, String>(3)?)?,
        at: row.get(4)?,
    })
}
