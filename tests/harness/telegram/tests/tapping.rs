//! Buttons and commands.

use super::*;

/// One button.
fn go(data: &str) -> Value {
    json!({ "inline_keyboard": [[{ "text": "Go", "callback_data": data }]] })
}

#[tokio::test]
async fn buttons_are_checked_and_tapped() {
    let telegram = rude();
    let alice = alice(&telegram).await;
    let button = |data: &str| {
        let markup = go(data).to_string();
        json!({ "chat_id": alice.id(), "text": "?", "reply_markup": markup })
    };
    let long = no(&telegram, "sendMessage", button(&"x".repeat(65))).await;
    assert_eq!(long, "400 Bad Request: BUTTON_DATA_INVALID");
    let _ = ok(&telegram, "sendMessage", button("go")).await;
    let shown = alice.sees("?").await;
    let answer = async {
        telegram.was_called("sendMessage", 2).await;
        loop {
            let got = ok(
                &telegram,
                "getUpdates",
                json!({ "offset": -1, "timeout": 5 }),
            )
            .await;
            let query = &got[0]["callback_query"];
            if query["data"] == "go" {
                let answer = json!({ "callback_query_id": query["id"], "text": "Gone" });
                return ok(&telegram, "answerCallbackQuery", answer).await;
            }
        }
    };
    let (answered, _) = tokio::join!(alice.taps(shown.id, "Go"), answer);
    assert_eq!(answered.text, "Gone");
    let old = json!({ "callback_query_id": "17" });
    let old = no(&telegram, "answerCallbackQuery", old).await;
    assert!(old.contains("query is too old"), "{old}");
}

#[tokio::test]
async fn a_tap_that_nobody_answers_is_told_of() {
    let telegram = Telegram::start();
    let alice = alice(&telegram).await;
    let send = json!({ "chat_id": alice.id(), "text": "?", "reply_markup": go("go") });
    let sent = ok(&telegram, "sendMessage", send).await;
    let id = i32::try_from(sent["message_id"].as_i64().unwrap()).unwrap();
    alice.taps_and_leaves(id, "go");
    assert!(telegram.complaints().is_empty());
    let got = ok(&telegram, "getUpdates", json!({})).await;
    let next = ids(&got).last().unwrap() + 1;
    let _ = ok(&telegram, "getUpdates", json!({ "offset": next })).await;
    assert!(telegram.complaints()[0].contains("not answered"));
}

#[tokio::test]
async fn commands_have_scopes_and_rules() {
    let telegram = rude();
    let set = |name: &str, scope: Value| json!({ "commands": [{ "command": name, "description": "x" }], "scope": scope });
    let groups = json!({ "type": "all_group_chats" });
    let _ = ok(&telegram, "setMyCommands", set("help", groups)).await;
    assert_eq!(
        telegram.commands("all_group_chats"),
        [("help".to_owned(), "x".to_owned())]
    );
    assert_eq!(ok(&telegram, "getMyCommands", json!({})).await, json!([]));
    let told = no(
        &telegram,
        "setMyCommands",
        set("Help", json!({ "type": "default" })),
    )
    .await;
    assert_eq!(told, "400 Bad Request: BOT_COMMAND_INVALID");
}
