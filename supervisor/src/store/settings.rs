//! What a person set by a chat command, for one session or one bot. It outlives a reset.

use super::{Durability, Store, StoreError};
use ipc::id::SessionKey;
use rusqlite::{OptionalExtension as _, params};

impl Store {
    /// What was set under `name` for `session`; `None` where nothing is.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn setting(
        &self,
        session: &SessionKey,
        name: &str,
    ) -> Result<Option<String>, StoreError> {
        let (session, name) = (session.clone(), name.to_owned());
        self.run(Durability::Relaxed, move |connection| {
            Ok(connection
                .prepare_cached("SELECT value FROM settings WHERE session = ?1 AND name = ?2")?
                .query_row(params![session.as_str(), name], |row| row.get(0))
                .optional()?)
        })
        .await
    }

    /// Sets `name` for `session`, on disk for good before it answers; `None` takes it back. Done
    /// again it changes nothing.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn set(
        &self,
        session: &SessionKey,
        name: &str,
        value: Option<String>,
    ) -> Result<(), StoreError> {
        let (session, name) = (session.clone(), name.to_owned());
        self.run(Durability::Synced, move |connection| {
            let session = session.as_str();
            match value {
                Some(value) => connection
                    .prepare_cached(
                        "INSERT INTO settings (session, name, value) VALUES (?1, ?2, ?3)
                         ON CONFLICT DO UPDATE SET value = excluded.value",
                    )?
                    .execute(params![session, name, value])?,
                None => connection
                    .prepare_cached("DELETE FROM settings WHERE session = ?1 AND name = ?2")?
                    .execute(params![session, name])?,
            };
            Ok(())
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_set_last_holds_for_its_session_alone() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("state.db")).unwrap();
        let (mine, other) = (
            SessionKey::from("agent:main:a"),
            SessionKey::from("agent:main:b"),
        );
        let set = |value: Option<&str>| store.set(&mine, "thinking", value.map(str::to_owned));
        set(Some("low")).await.unwrap();
        set(Some("high")).await.unwrap();
        let read = store.setting(&mine, "thinking").await.unwrap();
        assert_eq!(read.as_deref(), Some("high"));
        assert_eq!(store.setting(&mine, "queue").await.unwrap(), None);
        assert_eq!(store.setting(&other, "thinking").await.unwrap(), None);
        set(None).await.unwrap();
        set(None).await.unwrap();
        assert_eq!(store.setting(&mine, "thinking").await.unwrap(), None);
    }
}
