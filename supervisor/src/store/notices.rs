//! What a channel is to say that is no turn's reply: the word to a command, a pairing code, a question.
//! Written before it is said, kept until it was; said twice under one key, it is one.

use super::rows::{now_ms, signed, unsigned};
use super::{Durability, JobError, Store, StoreError};
use rusqlite::{Connection, Row, params};
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
                "SELECT id, target, body, at FROM notices
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
        target: serde_json::from_str(&row.get::<_, String>(1)?)?,
        body: serde_json::from_str(&row.get::<_, String>(2)?)?,
        at: row.get(3)?,
    })
}
