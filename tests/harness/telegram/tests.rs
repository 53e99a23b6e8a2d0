//! The fake, asked by a client that knows only HTTP.

use super::*;
use crate::eventually;
use serde_json::json;
use std::time::Duration;

/// Asks for a method with JSON; the status and the envelope.
async fn ask(telegram: &Telegram, method: &str, params: Value) -> (u16, Value) {
    let line = format!("POST /bot{TOKEN}/{method}");
    let headers = [("Content-Type", "application/json")];
    let body = params.to_string();
    let answer = http::ask(telegram.address(), &line, &headers, body.as_bytes()).await;
    let (status, body) = answer.unwrap();
    let envelope: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(envelope["ok"], json!(status == 200), "{envelope}");
    if status != 200 {
        assert_eq!(envelope["error_code"], json!(status));
    }
    (status, envelope)
}

async fn ok(telegram: &Telegram, method: &str, params: Value) -> Value {
    let (status, envelope) = ask(telegram, method, params).await;
    assert_eq!(status, 200, "{method}: {envelope}");
    envelope["result"].clone()
}

/// What a refused request is told; its status with it.
async fn no(telegram: &Telegram, method: &str, params: Value) -> String {
    let (status, envelope) = ask(telegram, method, params).await;
    format!("{status} {}", envelope["description"].as_str().unwrap())
}

fn rude() -> Telegram {
    let telegram = Telegram::start();
    telegram.excuse("");
    telegram
}

fn ids(updates: &Value) -> Vec<i64> {
    let updates = updates.as_array().unwrap().iter();
    updates
        .map(|update| update["update_id"].as_i64().unwrap())
        .collect()
}

#[tokio::test]
async fn it_says_who_the_bot_is_in_any_spelling() {
    let telegram = Telegram::start();
    let me = ok(&telegram, "GETME", json!({})).await;
    assert_eq!(me["username"], "our_bot");
    for field in [
        "can_connect_to_business",
        "has_main_web_app",
        "can_join_groups",
    ] {
        assert!(me[field].is_boolean(), "{me}");
    }
    let line = format!("GET /bot{TOKEN}/getMe?x=1");
    let by_get = http::ask(telegram.address(), &line, &[], b"");
    assert_eq!(by_get.await.unwrap().0, 200);
    let wrong = http::ask(telegram.address(), "GET /bot1:nobody/getMe", &[], b"");
    assert_eq!(wrong.await.unwrap().0, 401);
    telegram.excuse("method not found");
    assert_eq!(
        no(&telegram, "getMoney", json!({})).await,
        "404 Not Found: method not found"
    );
}

#[tokio::test]
async fn updates_are_kept_until_they_are_confirmed() {
    let telegram = rude();
    let alice = telegram.person("Alice");
    for text in ["one", "/two", "three"] {
        alice.says(text).await;
    }
    let all = ok(&telegram, "getUpdates", json!({})).await;
    assert_eq!(all[1]["message"]["text"], "/two");
    assert_eq!(all[1]["message"]["entities"][0]["type"], "bot_command");
    assert_eq!(all[1]["message"]["from"]["id"], alice.id());
    let ids = ids(&all);
    let first = ok(&telegram, "getUpdates", json!({ "limit": "1" })).await;
    assert_eq!(super::tests::ids(&first), ids[..1]);
    let rest = ok(&telegram, "getUpdates", json!({ "offset": ids[1] })).await;
    assert_eq!(super::tests::ids(&rest), ids[1..]);
    let last = ok(&telegram, "getUpdates", json!({ "offset": -1 })).await;
    assert_eq!(super::tests::ids(&last), ids[2..]);
    telegram.repeat_updates(2);
    telegram.reorder_updates();
    let again = ok(&telegram, "getUpdates", json!({ "offset": ids[2] + 1 })).await;
    assert_eq!(super::tests::ids(&again), [ids[2], ids[1]]);
    assert_eq!(telegram.unconfirmed(), 0);
}

#[tokio::test]
async fn who_confirms_what_was_never_given_is_told_of() {
    let telegram = Telegram::start();
    telegram.person("Alice").says("hi").await;
    let _ = ok(&telegram, "getUpdates", json!({ "offset": 900_000_000 })).await;
    assert!(telegram.complaints()[0].contains("unseen"));
}

#[tokio::test]
async fn one_waits_for_updates_and_only_one() {
    let telegram = rude();
    let alice = telegram.person("Alice");
    let waiting = |()| ask(&telegram, "getUpdates", json!({ "timeout": 30 }));
    let (first, (second, _)) = tokio::join!(waiting(()), async {
        telegram.is_polled().await;
        let says = async {
            telegram.was_called("getUpdates", 2).await;
            telegram.is_polled().await;
            // The second one waits as soon as the first was ended.
            eventually!(telegram.calls()[0].status == 409);
            alice.says("hi").await;
        };
        tokio::join!(waiting(()), says)
    });
    assert_eq!(first.0, 409);
    assert_eq!(second.1["result"][0]["message"]["text"], "hi");
    let hook = json!({ "url": "https://bot.example/hook" });
    let _ = ok(&telegram, "setWebhook", hook).await;
    let refused = no(&telegram, "getUpdates", json!({})).await;
    assert!(
        refused.starts_with("409 Conflict: can't use getUpdates"),
        "{refused}"
    );
    let _ = ok(&telegram, "deleteWebhook", json!({})).await;
    let _ = ok(&telegram, "getUpdates", json!({})).await;
}

#[tokio::test]
async fn reactions_are_told_to_who_asks_for_them() {
    let telegram = Telegram::start();
    let alice = telegram.person("Alice");
    let id = alice.says("hi").await;
    alice.reacts(id, "👍").await;
    let asked = json!({ "allowed_updates": ["message", "message_reaction"] });
    let before = ok(&telegram, "getUpdates", asked).await;
    assert_eq!(before.as_array().unwrap().len(), 1);
    alice.reacts(id, "🔥").await;
    let after = ok(&telegram, "getUpdates", json!({ "offset": -1 })).await;
    assert_eq!(
        after[0]["message_reaction"]["new_reaction"][0]["emoji"],
        "🔥"
    );
    telegram.excuse("unseen");
}

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
    let alice = telegram.person("Alice");
    alice.says("hi").await;
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
async fn who_is_told_to_wait_and_does_not_is_told_of() {
    let telegram = Telegram::start();
    let alice = telegram.person("Alice");
    alice.says("hi").await;
    let hi = || json!({ "chat_id": alice.id(), "text": "hi" });
    for _ in 0..5 {
        let _ = ok(&telegram, "sendMessage", hi()).await;
    }
    let (status, told) = ask(&telegram, "sendMessage", hi()).await;
    assert_eq!(
        (status, &told["parameters"]["retry_after"]),
        (429, &json!(1))
    );
    assert!(telegram.complaints().is_empty());
    assert_eq!(ask(&telegram, "sendMessage", hi()).await.0, 429);
    assert!(telegram.complaints()[0].contains("told to wait"));
}

#[tokio::test]
async fn buttons_are_checked_and_tapped() {
    let telegram = rude();
    let alice = telegram.person("Alice");
    alice.says("hi").await;
    let button = |data: &str| {
        let markup = json!({ "inline_keyboard": [[{ "text": "Go", "callback_data": data }]] });
        json!({ "chat_id": alice.id(), "text": "?", "reply_markup": markup.to_string() })
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
    let alice = telegram.person("Alice");
    alice.says("hi").await;
    let markup = json!({ "inline_keyboard": [[{ "text": "Go", "callback_data": "go" }]] });
    let send = json!({ "chat_id": alice.id(), "text": "?", "reply_markup": markup });
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

#[tokio::test]
async fn files_go_both_ways() {
    let telegram = rude();
    let alice = telegram.person("Alice");
    alice
        .sends_document("a.txt", "text/plain", b"hello", "look")
        .await;
    let got = ok(&telegram, "getUpdates", json!({})).await;
    let document = &got[0]["message"]["document"];
    assert_eq!(
        (&document["file_name"], &document["file_size"]),
        (&json!("a.txt"), &json!(5))
    );
    let file = ok(
        &telegram,
        "getFile",
        json!({ "file_id": document["file_id"] }),
    )
    .await;
    let path = file["file_path"].as_str().unwrap();
    let line = format!("GET /file/bot{TOKEN}/{path}");
    let (status, bytes) = http::ask(telegram.address(), &line, &[], b"")
        .await
        .unwrap();
    assert_eq!((status, bytes.as_slice()), (200, &b"hello"[..]));

    let line = format!("POST /bot{TOKEN}/sendMediaGroup");
    let headers = [("Content-Type", "multipart/form-data; boundary=XX")];
    let media = json!([{ "type": "document", "media": "attach://one", "caption": "both" },
        { "type": "document", "media": "attach://two" }]);
    let part = |name: &str, text: &str| {
        format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"{text}\r\n")
    };
    let form = [
        part("chat_id", "\r\n") + &alice.id().to_string(),
        part("media", "\r\n") + &media.to_string(),
        part(
            "one",
            "; filename=\"1.txt\"\r\nContent-Type: text/plain\r\n",
        ) + "first",
        part(
            "two",
            "; filename=\"2.txt\"\r\nContent-Type: text/plain\r\n",
        ) + "second",
    ];
    let form = form.join("\r\n") + "\r\n--XX--\r\n";
    let (status, body) = http::ask(telegram.address(), &line, &headers, form.as_bytes())
        .await
        .unwrap();
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    let heard = alice.heard();
    assert_eq!(heard[1].file.as_deref(), Some(&b"second"[..]));
    assert_eq!(heard[0].text, "both");
    assert!(heard[0].album.is_some() && heard[0].album == heard[1].album);
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

#[tokio::test]
async fn drafts_grow_in_private_and_only_where_the_server_has_them() {
    let telegram = rude();
    let alice = telegram.person("Alice");
    alice.says("hi").await;
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
async fn what_is_to_go_wrong_goes_wrong_once() {
    let telegram = Telegram::start();
    let alice = telegram.person("Alice");
    alice.says("hi").await;
    let send = || async {
        let line = format!("POST /bot{TOKEN}/sendMessage");
        let headers = [("Content-Type", "application/json")];
        let body = json!({ "chat_id": alice.id(), "text": "x" }).to_string();
        http::ask(telegram.address(), &line, &headers, body.as_bytes()).await
    };
    telegram.fail_next("sendmessage", Fault::BadGateway);
    let (status, page) = send().await.unwrap();
    assert_eq!((status, page.starts_with(b"<html>")), (502, true));
    telegram.fail_next("sendMessage", Fault::Drop);
    assert!(send().await.is_err());
    assert_eq!(alice.heard().len(), 0);
    telegram.fail_next("sendMessage", Fault::DropAfter);
    assert!(send().await.is_err());
    assert_eq!(alice.heard().len(), 1);
    telegram.fail_next("*", Fault::Refused(400, "Bad Request: no".into()));
    assert_eq!(send().await.unwrap().0, 400);
    let gate = crate::Gate::new();
    telegram.fail_next("sendMessage", Fault::SlowAfter(gate.clone()));
    let (sent, ()) = tokio::join!(send(), async {
        gate.reached().await;
        assert_eq!(alice.heard().len(), 2);
        gate.open();
    });
    assert_eq!(sent.unwrap().0, 200);
}

#[tokio::test]
async fn a_client_that_hangs_up_waits_no_more() {
    let telegram = Telegram::start();
    let waiting = ask(&telegram, "getUpdates", json!({ "timeout": 50 }));
    tokio::select! {
        _ = waiting => panic!("nothing happened"),
        () = telegram.is_polled() => {}
    }
    eventually!(!telegram.lock().updates.is_awaited());
}

#[tokio::test]
async fn a_webhook_is_told_until_it_has_taken_everything() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let telegram = Telegram::start();
    let hook = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    telegram.webhook_leads_to(hook.local_addr().unwrap());
    let bad = json!({ "url": "https://bot.example:1234/x" });
    telegram.excuse("bad webhook");
    assert!(
        no(&telegram, "setWebhook", bad)
            .await
            .contains("only on ports")
    );
    let set = json!({ "url": "https://bot.example/hook", "secret_token": "s3cret" });
    let _ = ok(&telegram, "setWebhook", set).await;
    telegram.person("Alice").says("hi").await;
    for status in ["500 No", "200 OK"] {
        let (mut stream, _) = hook.accept().await.unwrap();
        let mut heard = vec![0; 4096];
        let mut length = 0;
        while !String::from_utf8_lossy(&heard[..length]).contains("\"text\":\"hi\"") {
            length += stream.read(&mut heard[length..]).await.unwrap();
        }
        let heard = String::from_utf8_lossy(&heard[..length]);
        assert!(heard.starts_with("POST /hook "), "{heard}");
        assert!(
            heard.contains("X-Telegram-Bot-Api-Secret-Token: s3cret"),
            "{heard}"
        );
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
    telegram.all_confirmed().await;
    let info = ok(&telegram, "getWebhookInfo", json!({})).await;
    assert!(
        info["last_error_message"].as_str().unwrap().contains("500"),
        "{info}"
    );
    assert!(
        telegram
            .last_poll()
            .is_none_or(|at| at.elapsed() < Duration::from_secs(60))
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
