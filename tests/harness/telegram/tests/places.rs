//! Groups, and the topics of forums.

use super::*;

#[tokio::test]
async fn groups_have_numbers_of_their_own_and_forums_have_topics() {
    let telegram = rude();
    let (alice, bob) = (telegram.person("Alice"), telegram.person("Bob"));
    let (basic, devs) = (telegram.basic_group("old"), telegram.group("devs"));
    assert_eq!(alice.says("a").await, 1);
    assert_eq!(bob.says_in(&basic, "b").await, 2);
    assert_eq!(alice.says_in(&devs, "c").await, 1);
    let topic = devs.topic(7);
    assert_eq!(alice.says_in(&topic, "@our_bot d").await, 8);
    let got = ok(&telegram, "getUpdates", json!({ "offset": -1 })).await;
    let message = &got[0]["message"];
    assert_eq!(
        (&message["message_thread_id"], &message["is_topic_message"]),
        (&json!(7), &json!(true))
    );
    assert!(
        message["reply_to_message"]["forum_topic_created"].is_object(),
        "{message}"
    );
    assert_eq!(message["chat"]["is_forum"], true);
    let send =
        |thread: i64| json!({ "chat_id": devs.id(), "text": "e", "message_thread_id": thread });
    for thread in [1, 9] {
        let told = no(&telegram, "sendMessage", send(thread)).await;
        assert_eq!(told, "400 Bad Request: message thread not found");
    }
    let _ = ok(&telegram, "sendMessage", send(7)).await;
    assert_eq!(topic.transcript(), ["Alice: @our_bot d", "bot: e"]);
    assert_eq!(devs.general().transcript(), ["Alice: c"]);
    let new = basic.migrates();
    let (status, told) = ask(
        &telegram,
        "sendMessage",
        json!({ "chat_id": basic.id(), "text": "x" }),
    )
    .await;
    assert_eq!(
        (status, &told["parameters"]["migrate_to_chat_id"]),
        (400, &json!(new.id()))
    );
    devs.kicks_bot();
    let told = no(&telegram, "sendMessage", send(7)).await;
    assert!(told.starts_with("403 Forbidden: bot was kicked"), "{told}");
}
