//! Who the bot is, what it may not, and what goes wrong.

use super::*;

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
async fn who_is_told_to_wait_and_does_not_is_told_of() {
    let telegram = Telegram::start();
    let alice = alice(&telegram).await;
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
async fn what_is_to_go_wrong_goes_wrong_once() {
    let telegram = Telegram::start();
    let alice = alice(&telegram).await;
    let x = || json!({ "chat_id": alice.id(), "text": "x" });
    let send = || post(&telegram, "sendMessage", x());
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
