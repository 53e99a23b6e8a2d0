//! What one of our messages at a channel's server says, found by its number there.

use super::rows::signed;
use super::{Durability, JobError, Store, StoreError};
use ipc::control::FinalReply;
use rusqlite::{Connection, OptionalExtension, params};

impl Store {
    /// The reply that a message of ours is part of, as it was written; `None` where the message is
    /// not ours, is part of no reply, or the reply is forgotten (a week after it was sent).
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when the reply can not be read.
    pub async fn said_in(
        &self,
        channel: &str,
        account: &str,
        chat: i64,
        message: i64,
    ) -> Result<Option<String>, StoreError> {
        let (channel, account) = (channel.to_owned(), account.to_owned());
        self.run(Durability::Relaxed, move |connection| {
            let key: Option<String> = connection
                .prepare_cached(
                    "SELECT key FROM posts
                     WHERE message = ?1 AND channel = ?2
                        AND json_extract(target, '$.account') = ?3
                        AND json_extract(target, '$.chat') = ?4",
                )?
                .query_row(params![message, channel, account, chat], |row| row.get(0))
                .optional()?;
            match key.as_deref().and_then(row_of) {
                Some(row) => text_of(connection, row),
                None => Ok(None),
            }
        })
        .await
    }
}

/// The outbox row a post's key names: `reply:7\t0000`, and `was:7:…` for what grew before it.
fn row_of(key: &str) -> Option<u64> {
    let rest = key.strip_prefix("reply:").or(key.strip_prefix("was:"))?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

fn text_of(connection: &Connection, row: u64) -> Result<Option<String>, JobError> {
    let body: Option<String> = connection
        .prepare_cached(
            "SELECT reply FROM outbox JOIN turns USING (session, turn)
             WHERE outbox.id = ?1 AND reply IS NOT NULL",
        )?
        .query_row([signed(row)], |row| row.get(0))
        .optional()?;
    let reply: Option<FinalReply> = body.map(|body| serde_json::from_str(&body)).transpose()?;
    Ok(reply.map(|reply| reply.text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_found_by_the_name_of_its_posts() {
        for (key, row) in [
            ("reply:7\t0000", Some(7)),
            ("was:12:live:3:agent:main:main\ttext", Some(12)),
            ("live:3:agent:main:main\ttext", None),
            ("notice:7\t0000", None),
            ("reply:", None),
        ] {
            assert_eq!(row_of(key), row, "{key}");
        }
    }
}
