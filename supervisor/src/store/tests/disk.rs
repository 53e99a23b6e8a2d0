//! A full or failing disk is told in words, and is over when it works again.

use super::{again, message, open, opened, run, session, user};
use crate::store::{Durability, Store, StoreError};
use ipc::id::{InputId, ItemId, SessionId, TurnId};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::path::Path;

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

const DIRECTORY: &str = "OPENCLAW_TEST_STORE_TO_STARVE";

#[test]
fn a_write_that_fails_is_told_and_not_kept() {
    let home = tempfile::tempdir().unwrap();
    let mut starved = again("store::tests::disk::starved");
    let output = starved.env(DIRECTORY, home.path()).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // It ended in good order, and what it was told is there.
    run(async {
        let again = open(home.path())
            .accept(message("b", &session("main")))
            .await;
        assert!(again.unwrap().again);
    });
}

/// The process whose writes fail. Without its variable, it is no test at all.
#[test]
fn starved() {
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        run(starve(Path::new(&directory)));
    }
}

async fn starve(directory: &Path) {
    let store = open(directory);
    let key = session("main");
    store.accept(message("a", &key)).await.unwrap();
    let (_, most) = getrlimit(Resource::RLIMIT_FSIZE).unwrap();
    setrlimit(Resource::RLIMIT_FSIZE, 1, most).unwrap();
    let (one, other) = tokio::join!(store.accept(message("b", &key)), store.list());
    let error = one.unwrap_err();
    assert!(matches!(error, StoreError::Disk { .. }), "{error:?}");
    assert!(error.to_string().contains("state.sqlite"), "{error}");
    // Reading goes on; only who shared the transaction is told as well.
    assert!(
        other.is_ok() || other == Err(error),
        "a read failed otherwise"
    );
    assert_eq!(store.pending().await, Ok(Vec::new()));
    setrlimit(Resource::RLIMIT_FSIZE, most, most).unwrap();
    let accepted = store.accept(message("b", &key)).await.unwrap();
    assert!(!accepted.again, "what failed was not kept");
}
