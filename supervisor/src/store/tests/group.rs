//! Many at once share one transaction, and one that fails is alone with it.

use super::{agent, message, open, opened, run, session, user};
use crate::store::{Durability, Store, StoreError};
use ipc::id::{InputId, ItemId, TurnId};
use std::collections::BTreeSet;

/// A job that keeps the writer busy until the other future is waited for: meanwhile others queue.
fn held(
    store: &Store,
) -> (
    impl Future<Output = Result<(), StoreError>>,
    impl Future<Output = ()>,
) {
    let (release, released) = std::sync::mpsc::channel();
    let store = store.clone();
    let hold = async move {
        store
            .run(Durability::Relaxed, move |_| {
                released.recv().unwrap();
                Ok(())
            })
            .await
    };
    (hold, async move { release.send(()).unwrap() })
}

#[test]
fn many_acceptances_share_few_commits() {
    const SENDERS: usize = 200;
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path());
    let before = store.commits();
    let inputs = run(async {
        let (hold, release) = held(&store);
        let mut senders = tokio::task::JoinSet::new();
        for n in 0..SENDERS {
            let store = store.clone();
            senders.spawn(async move {
                let key = session(&format!("chat-{n}"));
                store
                    .accept(message(&format!("key-{n}"), &key))
                    .await
                    .unwrap()
                    .input
            });
        }
        let (_, inputs, ()) = tokio::join!(hold, senders.join_all(), async {
            tokio::task::yield_now().await; // after the senders' first step
            release.await;
        });
        inputs
    });
    let distinct: BTreeSet<_> = inputs.iter().collect();
    assert_eq!(distinct.len(), SENDERS);
    let commits = store.commits() - before;
    assert!(commits <= 2, "{commits} commits");
}

#[test]
fn a_failed_job_hurts_no_other_of_its_group() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path());
    run(async {
        let id = opened(&store, &session("main")).await.id;
        let say = |item: u64| {
            let item = (ItemId(item), user(InputId(1), "words"));
            store.append(&id, TurnId(0), vec![item], vec![], None)
        };
        let before = store.commits();
        let (hold, release) = held(&store);
        let (_, first, wrong, second, ()) = tokio::join!(hold, say(1), say(7), say(2), release);
        assert_eq!((first, second), (Ok(()), Ok(())));
        assert!(
            matches!(wrong, Err(StoreError::OutOfOrder { .. })),
            "{wrong:?}"
        );
        assert_eq!(store.commits(), before + 1, "one transaction");
        assert_eq!(store.load_context(&id).await.unwrap().len(), 2);
    });
}

#[test]
fn what_a_failed_job_wrote_is_undone() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path());
    run(async {
        let key = session("main");
        let id = opened(&store, &key).await.id;
        let items = vec![
            (ItemId(1), user(InputId(1), "in order")),
            (ItemId(3), user(InputId(1), "not in order")),
        ];
        let begun = store.begin_turn(&id, TurnId(1), vec![], items).await;
        assert!(
            matches!(begun, Err(StoreError::OutOfOrder { .. })),
            "{begun:?}"
        );
        assert!(store.load_context(&id).await.unwrap().is_empty());
        assert_eq!(opened(&store, &key).await.next_turn, TurnId(1));
    });
}

#[test]
fn a_store_whose_thread_is_gone_says_so() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path());
    let error = run(store.run::<(), _>(Durability::Relaxed, |_| panic!("a bug in a job")));
    assert!(
        matches!(error, Err(StoreError::Stopped { .. })),
        "{error:?}"
    );
    let error = run(store.open_session(&session("main"), &agent()));
    assert!(
        matches!(error, Err(StoreError::Stopped { .. })),
        "{error:?}"
    );
}
