//! What is old and done is forgotten; what is not done never is.

use super::{message, open, opened, run, session, turn};
use crate::store::{Durability, Store};

/// Makes everything in the store eight days old.
async fn age(store: &Store) {
    store
        .run(Durability::Relaxed, |connection| {
            const AGE: i64 = 8 * 24 * 60 * 60 * 1000;
            connection.execute("UPDATE inputs SET answered_at = answered_at - ?1", [AGE])?;
            connection.execute(
                "UPDATE outbox SET at = at - ?1, sent_at = sent_at - ?1",
                [AGE],
            )?;
            connection.execute("UPDATE turns SET ended_at = ended_at - ?1", [AGE])?;
            Ok(())
        })
        .await
        .unwrap();
}

async fn count(store: &Store, what: &'static str) -> i64 {
    store
        .run(Durability::Relaxed, move |connection| {
            Ok(connection.query_row(&format!("SELECT count(*) FROM {what}"), [], |r| r.get(0))?)
        })
        .await
        .unwrap()
}

#[test]
fn only_answered_and_sent_things_are_forgotten() {
    let home = tempfile::tempdir().unwrap();
    let key = session("main");
    run(async {
        let store = open(home.path());
        for n in 0..3 {
            let input = store
                .accept(message(&format!("old-{n}"), &key))
                .await
                .unwrap()
                .input;
            turn(&store, &key, input).await;
        }
        for row in store.pending().await.unwrap().into_iter().skip(1) {
            store.mark_sent(row.id).await.unwrap();
        }
        age(&store).await;
        store.accept(message("waits", &key)).await.unwrap();
    });
    // Opened anew, it purges as soon as nobody waits, between any two of our jobs.
    run(async {
        let store = open(home.path());
        while count(&store, "inputs").await > 1 {}
        assert_eq!(opened(&store, &key).await.waiting.len(), 1);
        let pending = store.pending().await.unwrap();
        assert_eq!(pending.len(), 1, "the one that was not sent");
        assert_eq!(pending[0].reply.text, "hello");
        assert_eq!(count(&store, "outbox").await, 1);
        assert_eq!(count(&store, "turns WHERE reply IS NOT NULL").await, 1);
        assert_eq!(count(&store, "items").await, 6, "transcripts stay");
    });
}
