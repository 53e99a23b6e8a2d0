//! A full disk is told in words, and is over when there is room again.

use super::{message, open, opened, run, session, user};
use crate::store::{Durability, Store, StoreError};
use ipc::id::{InputId, ItemId, SessionId, TurnId};

async fn pages_at_most(store: &Store, pages: u32) {
    store
        .run(Durability::Relaxed, move |connection| {
            Ok(
                connection.query_row(
                    &format!("PRAGMA max_page_count = {pages}"),
                    [],
                    |_| Ok(()),
                )?,
            )
        })
        .await
        .unwrap();
}

async fn say(store: &Store, id: &SessionId, item: u64) -> Result<(), StoreError> {
    let words = "x".repeat(100_000);
    let item = (ItemId(item), user(InputId(1), &words));
    store.append(id, TurnId(0), vec![item], vec![], None).await
}

#[test]
fn the_store_works_again_once_there_is_room() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path());
    run(async {
        let key = session("main");
        let id = opened(&store, &key).await.id;
        say(&store, &id, 1).await.unwrap();
        pages_at_most(&store, 1).await; // no less than there are
        let error = say(&store, &id, 2).await.unwrap_err();
        assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
        assert!(error.to_string().contains("free some space"), "{error}");
        pages_at_most(&store, 1_000_000).await;
        say(&store, &id, 2).await.unwrap();
        store.accept(message("a", &key)).await.unwrap();
        assert_eq!(store.load_context(&id).await.unwrap().len(), 2);
    });
}
