//! What a channel says: kept until it was said, and each message of it known.

use super::{message, open, opened, run, session, turn, user};
use crate::store::{NewNotice, NewPost, NoticeId, OutboxId};
use serde_json::json;

fn notice(key: &str, account: &str) -> NewNotice {
    NewNotice {
        key: key.to_owned(),
        channel: "telegram".to_owned(),
        target: json!({ "account": account, "chat": 7 }),
        body: json!({ "text": key }),
    }
}

fn post(key: &str, after: i64) -> NewPost {
    NewPost {
        key: key.to_owned(),
        channel: "telegram".to_owned(),
        target: json!({ "account": "default", "chat": 7 }),
        after,
        text: Some("words".to_owned()),
    }
}

#[test]
fn a_notice_is_said_once_and_by_its_account() {
    let home = tempfile::tempdir().unwrap();
    run(async {
        let store = open(home.path());
        assert!(store.notice(notice("a", "default")).await.unwrap());
        assert!(!store.notice(notice("a", "default")).await.unwrap());
        assert!(store.notice(notice("b", "default")).await.unwrap());
        assert!(store.notice(notice("c", "work")).await.unwrap());
        let unsaid = async |after| {
            let rows = store.unsaid("telegram", "default", after, 9).await.unwrap();
            rows.into_iter().map(|row| row.key).collect::<Vec<_>>()
        };
        assert_eq!(unsaid(NoticeId(0)).await, ["a", "b"]);
        assert_eq!(unsaid(NoticeId(1)).await, ["b"]);
        store.mark_said(NoticeId(1)).await.unwrap();
        assert_eq!(unsaid(NoticeId(0)).await, ["b"]);
        assert!(!store.notice(notice("a", "default")).await.unwrap());
    });
}

#[test]
fn a_post_is_in_doubt_until_it_arrived() {
    let home = tempfile::tempdir().unwrap();
    run(async {
        let store = open(home.path());
        store.begin_post(post("reply:1\t0000", 40)).await.unwrap();
        store.begin_post(post("reply:10\t0000", 41)).await.unwrap();
        let posts = store.posts("reply:1\t").await.unwrap();
        assert_eq!(posts.len(), 1);
        assert_eq!((posts[0].after, posts[0].message), (40, None));
        store.post_arrived("reply:1\t0000", 42).await.unwrap();
        let known = async |after| {
            let known = store.known_messages("telegram", "default", 7, after);
            known.await.unwrap()
        };
        assert_eq!((known(40).await, known(42).await), (vec![42], vec![]));
        let newest = store.newest_post("telegram", "default", 0..=9).await;
        assert_eq!(newest.unwrap(), 42);
        store.forget_posts("reply:1\t").await.unwrap();
        assert!(store.posts("reply:1\t").await.unwrap().is_empty());
        assert_eq!(store.posts("reply:10\t").await.unwrap().len(), 1);
    });
}

#[test]
fn what_grew_is_no_more_of_a_turn_that_was_delivered() {
    let home = tempfile::tempdir().unwrap();
    let key = session("main");
    run(async {
        let store = open(home.path());
        let input = store.accept(message("one", &key)).await.unwrap().input;
        turn(&store, &key, input).await;
        store.begin_post(post("live:1:x\ttext", 1)).await.unwrap();
        store.post_arrived("live:1:x\ttext", 2).await.unwrap();
        let id = store.pending().await.unwrap()[0].id;
        store.mark_delivered(id, "live:1:x\t").await.unwrap();
        assert!(store.pending().await.unwrap().is_empty());
        assert!(store.posts("live:").await.unwrap().is_empty());
        let known = store.known_messages("telegram", "default", 7, 0).await;
        assert_eq!(known.unwrap(), [2], "it is still known as ours");
    });
}

#[test]
fn only_replies_of_the_channel_and_account_are_unsent() {
    let home = tempfile::tempdir().unwrap();
    let key = session("main");
    run(async {
        let store = open(home.path());
        let input = store.accept(message("one", &key)).await.unwrap().input;
        turn(&store, &key, input).await;
        for (channel, account, found) in [("cli", "default", 0), ("telegram", "default", 0)] {
            let unsent = store.unsent(channel, account, OutboxId(0), 9).await;
            assert_eq!(unsent.unwrap().len(), found, "{channel} {account}");
        }
    });
}

#[test]
fn who_waits_for_an_answer_is_known() {
    let home = tempfile::tempdir().unwrap();
    let key = session("main");
    run(async {
        let store = open(home.path());
        let input = store.accept(message("one", &key)).await.unwrap().input;
        let open = opened(&store, &key).await;
        assert_eq!(store.unanswered("cli").await.unwrap().len(), 1, "it waits");
        let items = vec![(open.next_item, user(input, "one"))];
        let begun = store.begin_turn(&open.id, open.next_turn, vec![input], items);
        begun.await.unwrap();
        assert_eq!(
            store.unanswered("cli").await.unwrap().len(),
            1,
            "it is worked on"
        );
        assert!(store.unanswered("telegram").await.unwrap().is_empty());
    });
}
