//! Updates: asked for, waited for, and brought.

use super::*;
use crate::eventually;
use std::time::Duration;

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
    let known = ids(&all);
    let first = ok(&telegram, "getUpdates", json!({ "limit": "1" })).await;
    assert_eq!(ids(&first), known[..1]);
    let rest = ok(&telegram, "getUpdates", json!({ "offset": known[1] })).await;
    assert_eq!(ids(&rest), known[1..]);
    let last = ok(&telegram, "getUpdates", json!({ "offset": -1 })).await;
    assert_eq!(ids(&last), known[2..]);
    telegram.repeat_updates(2);
    telegram.reorder_updates();
    let again = ok(&telegram, "getUpdates", json!({ "offset": known[2] + 1 })).await;
    assert_eq!(ids(&again), [known[2], known[1]]);
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
