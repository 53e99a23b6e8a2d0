//! Laws of what a server told us: nothing twice, nothing out of order, nothing forgotten before it
//! was handled, nothing kept without a bound.

use super::{open, run};
use crate::store::{NewNotice, NewUpdate, Store, UpdateState};
use serde_json::json;

const BOT: i64 = 42;

fn update(id: i64, chat: i64) -> NewUpdate {
    NewUpdate {
        id,
        chat: Some(chat),
        sender: Some(chat),
        body: format!("body of {id}"),
        readable: true,
    }
}

async fn take(store: &Store, ids: impl IntoIterator<Item = i64>, chat: i64) -> Vec<i64> {
    let updates = ids.into_iter().map(|id| update(id, chat)).collect();
    store.take_updates(BOT, updates).await.unwrap()
}

async fn next(store: &Store, chat: i64) -> Vec<i64> {
    let next = store.next_updates(BOT, chat, 1000).await.unwrap();
    next.into_iter().map(|update| update.id).collect()
}

async fn heard(store: &Store, chat: i64) -> Vec<i64> {
    let heard = store.heard(BOT, chat, 1000).await.unwrap();
    heard.into_iter().map(|update| update.id).collect()
}

async fn finish(store: &Store, ids: impl IntoIterator<Item = i64>, state: UpdateState) {
    let ids = ids.into_iter().collect();
    store.finish_updates(BOT, ids, state, vec![]).await.unwrap();
}

#[test]
fn an_update_said_twice_is_one_also_when_it_was_handled() {
    let home = tempfile::tempdir().unwrap();
    run(async {
        let store = open(home.path());
        assert_eq!(take(&store, [7, 5, 7], 1).await, [7, 5]);
        assert_eq!(next(&store, 1).await, [5, 7], "in the server's order");
        finish(&store, [5], UpdateState::Done).await;
        assert_eq!(take(&store, [5, 6], 1).await, [6]);
        assert_eq!(next(&store, 1).await, [6, 7]);
        let other = store.take_updates(BOT + 1, vec![update(5, 1)]).await;
        assert_eq!(other.unwrap(), [5], "each bot has numbers of its own");
    });
}

#[test]
fn what_happened_nowhere_or_can_not_be_read_waits_for_nobody() {
    let home = tempfile::tempdir().unwrap();
    run(async {
        let store = open(home.path());
        let nowhere = NewUpdate {
            chat: None,
            ..update(1, 0)
        };
        let broken = NewUpdate {
            readable: false,
            ..update(2, 9)
        };
        let new = store.take_updates(BOT, vec![nowhere, broken]).await;
        assert_eq!(new.unwrap(), [1, 2]);
        assert!(store.chats_with_new(BOT).await.unwrap().is_empty());
        assert_eq!(store.newest_update(BOT).await.unwrap(), Some(2));
    });
}

#[test]
fn the_end_of_an_update_and_its_notice_are_one_step() {
    let home = tempfile::tempdir().unwrap();
    let said = || {
        vec![NewNotice {
            key: "said:7".to_owned(),
            channel: "telegram".to_owned(),
            target: json!({"account": "default", "chat": 1}),
            body: json!({"text": "hi"}),
        }]
    };
    run(async {
        let store = open(home.path());
        take(&store, [7], 1).await;
        let done = UpdateState::Done;
        assert!(
            store
                .finish_updates(BOT, vec![7], done, said())
                .await
                .unwrap()
        );
        assert!(
            !store
                .finish_updates(BOT, vec![7], done, said())
                .await
                .unwrap()
        );
        assert!(next(&store, 1).await.is_empty());
        let counts = store.update_counts(BOT).await.unwrap();
        assert_eq!((counts.waiting, counts.oldest_at), (0, None));
    });
}

#[test]
fn who_is_let_in_is_answered_and_who_is_not_is_forgotten() {
    let home = tempfile::tempdir().unwrap();
    run(async {
        let store = open(home.path());
        take(&store, 0..30, 1).await;
        take(&store, 30..32, 2).await;
        finish(&store, 0..32, UpdateState::Held).await;
        assert_eq!(
            store.update_counts(BOT).await.unwrap().held,
            22,
            "20 of one"
        );
        assert_eq!(store.held_senders(BOT).await.unwrap(), [1, 2]);
        assert_eq!(store.release_held(BOT, 1).await.unwrap(), [1]);
        assert_eq!(next(&store, 1).await, (0..20).collect::<Vec<_>>());
        assert_eq!(store.drop_held(BOT, 2).await.unwrap(), 2);
        assert!(store.release_held(BOT, 2).await.unwrap().is_empty());
    });
}

#[test]
fn of_what_is_heard_the_newest_is_kept_until_it_is_told() {
    let home = tempfile::tempdir().unwrap();
    run(async {
        let store = open(home.path());
        take(&store, 0..205, -1).await;
        finish(&store, 0..205, UpdateState::Heard).await;
        assert_eq!(heard(&store, -1).await, (5..205).collect::<Vec<_>>());
        finish(&store, 5..204, UpdateState::Done).await;
        assert_eq!(heard(&store, -1).await, [204]);
    });
}
