//! `openclaw channels` and `openclaw pairing`, as a person types them.

use serde_json::{Value, json};
use tests::{Gateway, eventually};

#[tokio::test]
async fn what_needs_a_gateway_says_so_and_the_rest_needs_none() {
    let gateway = Gateway::setup().await.telegram(|_| {}).laid_out();
    for (args, code, words) in [
        (&["channels"][..], 69, "openclaw gateway"),
        (&["channels", "status", "--probe"], 69, "openclaw gateway"),
        (&["channels", "list", "--probe"], 2, "--probe"),
        (&["pairing"], 69, "openclaw gateway"),
        (&["pairing", "list", "telegram"], 69, "openclaw gateway"),
        (
            &["pairing", "list", "discord"],
            1,
            "there is no channel discord",
        ),
        (&["pairing", "approve"], 2, "CODE"),
        (
            &["pairing", "approve", "discord", "ABCD2345"],
            1,
            "there is: telegram",
        ),
        (&["pairing", "approve", "a", "b", "c"], 2, "CODE"),
        (&["pairing", "revoke"], 2, "SENDER"),
    ] {
        let ran = gateway.cli(args).await;
        assert_eq!(ran.code, code, "{args:?}: {ran:?}");
        assert!(ran.err.contains(words), "{args:?}: {ran:?}");
    }
    let listed = gateway.cli(&["channels", "list"]).await.ok();
    assert!(
        listed.starts_with("Telegram default (default): default, polling; in private: open"),
        "{listed}"
    );
}

#[tokio::test]
async fn a_stranger_is_let_in_by_their_code_and_put_out_by_their_id() {
    let gateway = Gateway::setup().await.telegram(|telegram| {
        telegram["dmPolicy"] = json!("pairing");
        telegram["allowFrom"] = json!([]);
    });
    let gateway = gateway.start().await;
    let nobody = gateway.cli(&["pairing", "list"]).await.ok();
    assert_eq!(nobody, "nobody asks to be let in\n");
    let alice = gateway.telegram().person("Alice");
    alice.says("hi").await;
    let asked = || async { gateway.cli(&["pairing", "--json"]).await.json::<Value>() };
    eventually!(
        asked().await["pending"][0]["code"].is_string(),
        "{}",
        gateway.log()
    );
    let request = asked().await["pending"][0].clone();
    let id = alice.id().to_string();
    assert_eq!(
        (&request["sender"], &request["channel"]),
        (&json!(id), &json!("telegram"))
    );
    let code = request["code"].as_str().unwrap();
    let listed = gateway.cli(&["pairing", "list", "telegram"]).await.ok();
    assert!(listed.starts_with(&format!("{code}  Alice")), "{listed}");
    assert!(listed.contains("to telegram default, asked "), "{listed}");

    let wrong = gateway
        .cli(&["pairing", "approve", "telegram", "ZZZZ2345"])
        .await;
    assert!(
        wrong.code == 1 && wrong.err.contains("nobody waits under this code"),
        "{wrong:?}"
    );
    gateway.model.script([tests::turn().says("Welcome.")]);
    let typed = code.to_lowercase();
    let said = gateway
        .cli(&["pairing", "approve", "telegram", &typed])
        .await
        .ok();
    assert!(
        said.contains("Alice") && said.contains("is let in"),
        "{said}"
    );
    // What they wrote first is answered.
    alice.sees("Welcome.").await;
    let again = gateway.cli(&["pairing", "approve", code]).await;
    assert_eq!(again.code, 1, "{again:?}");

    let both = asked().await;
    assert_eq!(
        (&both["pending"], &both["paired"][0]["sender"]),
        (&json!([]), &json!(id))
    );
    assert_eq!(both["paired"][0]["owner"], true);
    let said = gateway.cli(&["pairing", "revoke", &id]).await.ok();
    assert!(said.contains("is let in no more"), "{said}");
    assert_eq!(asked().await["paired"], json!([]));
    let again = gateway.cli(&["pairing", "revoke", "telegram", &id]).await;
    assert!(
        again.code == 1 && again.err.contains("was not let in"),
        "{again:?}"
    );
}

#[tokio::test]
async fn a_stranger_is_sent_away_by_their_code() {
    let gateway = Gateway::setup().await.telegram(|telegram| {
        telegram["dmPolicy"] = json!("pairing");
        telegram["allowFrom"] = json!([]);
    });
    let gateway = gateway.start().await;
    let eve = gateway.telegram().person("Eve");
    eve.says("hi").await;
    let asked = || async { gateway.cli(&["pairing", "--json"]).await.json::<Value>() };
    eventually!(
        asked().await["pending"][0]["code"].is_string(),
        "{}",
        gateway.log()
    );
    let code = asked().await["pending"][0]["code"]
        .as_str()
        .unwrap()
        .to_owned();
    let said = gateway
        .cli(&["pairing", "reject", &code, "--json"])
        .await
        .json::<Value>();
    assert!(
        said["message"].as_str().unwrap().contains("is sent away"),
        "{said}"
    );
    assert_eq!(asked().await, json!({ "pending": [], "paired": [] }));
}
