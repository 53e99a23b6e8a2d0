//! Messages of the bot: sent, edited, deleted, drafted, and its reactions.

use super::*;

#[tokio::test]
async fn a_message_is_sent_edited_and_deleted() {
    let telegram = rude();
    let alice = telegram.person("Alice");
    let to = |more: Value| {
        let mut params = json!({ "chat_id": alice.id(), "parse_mode": "HTML" });
        params
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        params
    };
    let early = no(&telegram, "sendMessage", to(json!({ "text": "hi" }))).await;
    assert!(
        early.starts_with("403 Forbidden: bot can't initiate"),
        "{early}"
    );
    let asked = alice.says("hi").await;
    let reply =
        json!({ "text": "<b>Hello</b> &amp;c", "reply_parameters": { "message_id": asked } });
    let sent = ok(&telegram, "sendMessage", to(reply)).await;
    let id = &sent["message_id"];
    assert_eq!(id, &json!(asked + 1));
    let shown = alice.sees("Hello &c").await;
    assert_eq!(shown.marks("Hello"), ["bold"]);
    assert_eq!(
        alice.transcript(),
        ["Alice: hi", "bot (re \"hi\"): Hello &c"]
    );

    let same = to(json!({ "message_id": id, "text": "<strong>Hello</strong> &c" }));
    let same = no(&telegram, "editMessageText", same).await;
    assert!(
        same.starts_with("400 Bad Request: message is not modified"),
        "{same}"
    );
    let new = to(json!({ "message_id": id, "text": "Bye" }));
    let _ = ok(&telegram, "editMessageText", new).await;
    assert_eq!(alice.sees("Bye").await.edits, 1);
    for (id, method, why) in [
        (
            json!(asked),
            "editMessageReplyMarkup",
            "message can't be edited",
        ),
        (
            json!(99),
            "editMessageReplyMarkup",
            "message to edit not found",
        ),
        (
            id.clone(),
            "editMessageReplyMarkup",
            "message is not modified",
        ),
        (json!(99), "deleteMessage", "message to delete not found"),
    ] {
        let told = no(&telegram, method, to(json!({ "message_id": id }))).await;
        assert!(told.contains(why), "{told}");
    }
    let _ = ok(&telegram, "deleteMessage", to(json!({ "message_id": id }))).await;
    assert_eq!(alice.heard(), []);
    let gone = to(json!({ "text": "x", "reply_parameters": { "message_id": id } }));
    let gone = no(&telegram, "sendMessage", gone).await;
    assert_eq!(gone, "400 Bad Request: message to be replied not found");
}

#[tokio::test]
async fn texts_have_bounds_in_utf16_without_their_markup() {
    let telegram = rude();
    let alice = alice(&telegram).await;
    let send = |text: String| {
        let params = json!({ "chat_id": alice.id(), "parse_mode": "HTML", "text": text });
        ask(&telegram, "sendMessage", params)
    };
    assert_eq!(send(format!("<b>{}</b>", "🦀".repeat(2048))).await.0, 200);
    assert_eq!(
        send("🦀".repeat(2048) + "x").await.1["description"],
        "Bad Request: message is too long"
    );
    assert_eq!(
        send(" <b>\n</b> ".to_owned()).await.1["description"],
        "Bad Request: text must be non-empty"
    );
    assert_eq!(
        send("<h1>x</h1>".to_owned()).await.1["description"],
        "Bad Request: can't parse entities: Unsupported start tag \"h1\" at byte offset 0"
    );
}

#[tokio::test]
async fn drafts_grow_in_private_and_only_where_the_server_has_them() {
    let telegram = rude();
    let alice = alice(&telegram).await;
    let draft = |id: i64| json!({ "chat_id": alice.id(), "draft_id": id, "text": "Hel" });
    let _ = ok(&telegram, "sendMessageDraft", draft(5)).await;
    assert_eq!(alice.draft().as_deref(), Some("Hel"));
    assert!(
        no(&telegram, "sendMessageDraft", draft(0))
            .await
            .contains("draft_id")
    );
    let _ = ok(
        &telegram,
        "sendMessage",
        json!({ "chat_id": alice.id(), "text": "Hello" }),
    )
    .await;
    assert_eq!(alice.draft(), None);
    telegram.set_drafts(Drafts::Refused);
    assert!(
        no(&telegram, "sendMessageDraft", draft(5))
            .await
            .contains("TEXTDRAFT_PEER_INVALID")
    );
    telegram.forget_drafts();
    assert!(
        no(&telegram, "sendMessageDraft", draft(5))
            .await
            .starts_with("404")
    );
}

#[tokio::test]
async fn reactions_are_of_the_ones_there_are() {
    let telegram = rude();
    let alice = telegram.person("Alice");
    let id = alice.says("hi").await;
    let react = |emoji: &str| json!({ "chat_id": alice.id(), "message_id": id, "reaction": [{ "type": "emoji", "emoji": emoji }] });
    let _ = ok(&telegram, "setMessageReaction", react("👀")).await;
    assert_eq!(alice.chat()[0].reactions, ["👀"]);
    assert!(
        no(&telegram, "setMessageReaction", react("🧀"))
            .await
            .contains("REACTION_INVALID")
    );
}
