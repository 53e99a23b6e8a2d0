//! What Telegram will never take: the gateway goes on, and whoever runs it is told, once.

use serde_json::{Value, json};
use std::fs;
use tests::telegram::http;
use tests::{Fault, Gate, Gateway, MAIN, Person, eventually, turn};

/// What the server says of somebody who blocked the bot.
const BLOCKED: &str = "Forbidden: bot was blocked by the user";
/// Words that are for one person alone.
const WORDS: &str = "Nobody but Alice may read this.";

async fn gateway() -> Gateway {
    let setup = Gateway::setup().await;
    let setup = setup.telegram(|telegram| telegram["streaming"] = json!("off"));
    setup.start().await
}

/// Has somebody ask, and block the bot before it answers.
async fn asks_and_blocks(gateway: &Gateway, person: &Person) {
    let gate = Gate::new();
    gateway.model.script([turn().says(WORDS).waits_for(&gate)]);
    person.says("hi").await;
    gate.reached().await;
    person.blocks();
    gate.open();
}

/// Somebody else is answered as ever.
async fn is_answered(gateway: &Gateway, person: &Person, words: &str) {
    gateway.model.script([turn().says(words)]);
    person.asks("hi", |shown| shown.text == words).await;
}

fn record(gateway: &Gateway) -> String {
    let path = gateway.state_dir().join("logs/audit.jsonl");
    fs::read_to_string(path).unwrap_or_default()
}

/// What is on record as not delivered.
fn undelivered(gateway: &Gateway) -> Vec<Value> {
    let lines = record(gateway);
    let read = |line: &str| serde_json::from_str::<Value>(line).unwrap();
    let mut lines: Vec<_> = lines.lines().map(read).collect();
    lines.retain(|line| line["event"] == "undelivered");
    lines
}

/// What `channels status` tells: how many, and why the last.
async fn told(gateway: &Gateway) -> (Value, Value) {
    let ran = gateway.cli(&["channels", "status", "--json"]).await;
    let channels: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran:?}"));
    let bot = &channels[0];
    (
        bot["undelivered"].clone(),
        bot["last_undelivered"][1].clone(),
    )
}

#[tokio::test]
async fn who_blocks_the_bot_is_on_record_once_and_others_are_answered() {
    let mut gateway = gateway().await;
    let bot = gateway.bot();
    let (alice, bob) = (bot.person("Alice"), bot.person("Bob"));
    asks_and_blocks(&gateway, &alice).await;
    eventually!(undelivered(&gateway).len() == 1, "{}", record(&gateway));
    is_answered(&gateway, &bob, "Hello Bob.").await;

    let line = undelivered(&gateway).remove(0);
    for (field, value) in [
        ("channel", "telegram"),
        ("account", "default"),
        ("chat", &alice.id().to_string()),
        ("session", MAIN),
        ("reason", BLOCKED),
    ] {
        assert_eq!(line[field], value, "{line}");
    }
    assert!(!record(&gateway).contains(WORDS), "{}", record(&gateway));
    let shown = gateway.cli(&["logs", "--audit", "--session", MAIN]).await;
    let words = format!(
        "not delivered by telegram, account default, to chat {}: {BLOCKED}",
        alice.id()
    );
    assert!(shown.ok().contains(&words), "{words}");

    // Nothing is wrong with the bot.
    let said = gateway.cli(&["channels", "status"]).await.ok();
    assert!(said.starts_with("Telegram: ok (@our_bot)\n"), "{said}");
    assert!(
        said.contains("  1 could not be delivered since the start, the last "),
        "{said}"
    );
    assert!(said.contains(&format!(" ago: {BLOCKED}\n")), "{said}");
    assert_eq!(told(&gateway).await, (json!(1), json!(BLOCKED)));
    let at = gateway.address().await;
    let (_, page) = http::ask(at, "GET /metrics", &[], b"").await.unwrap();
    let page = String::from_utf8(page).unwrap();
    let figure = "openclaw_channel_undelivered_total{channel=\"telegram\",account=\"default\"} 1\n";
    assert!(page.contains(figure), "{page}");

    // It is done with: no later gateway tries it, or tells of it.
    gateway.restart().await;
    is_answered(&gateway, &bob, "Hello again.").await;
    gateway.kill9_and_start_again().await;
    is_answered(&gateway, &bob, "And again.").await;
    assert_eq!(undelivered(&gateway), [line]);
    assert_eq!(told(&gateway).await, (json!(0), Value::Null));
    let said = gateway.cli(&["channels", "status"]).await.ok();
    assert!(!said.contains("delivered"), "{said}");
}

#[tokio::test]
async fn a_kill_while_the_server_refuses_leaves_one_line() {
    let mut gateway = gateway().await;
    let bot = gateway.bot();
    let (alice, bob) = (bot.person("Alice"), bot.person("Bob"));
    let refusal = Gate::new();
    bot.fail_next("sendMessage", Fault::SlowAfter(refusal.clone()));
    asks_and_blocks(&gateway, &alice).await;
    refusal.reached().await;
    gateway.kill9();
    refusal.open();
    assert_eq!(undelivered(&gateway), [] as [Value; 0]);
    gateway.start_again().await;
    eventually!(undelivered(&gateway).len() == 1, "{}", record(&gateway));
    is_answered(&gateway, &bob, "Hello Bob.").await;
    gateway.restart().await;
    is_answered(&gateway, &bob, "Hello again.").await;
    assert_eq!(undelivered(&gateway).len(), 1, "{}", record(&gateway));
}

#[tokio::test]
async fn what_no_session_said_is_on_record_without_one_and_without_secrets() {
    let secret = "ghp_abcdefghijklmnopqrstuvwxyz0123456789";
    let gateway = gateway().await;
    let bot = gateway.bot();
    let alice = bot.person("Alice");
    let refusal = format!("Forbidden: not with {secret}");
    bot.fail_next("sendMessage", Fault::Refused(403, refusal));
    alice.says("/help").await;
    eventually!(undelivered(&gateway).len() == 1, "{}", record(&gateway));
    let line = undelivered(&gateway).remove(0);
    assert_eq!(line["session"], Value::Null, "{line}");
    assert_eq!(line["chat"], alice.id().to_string(), "{line}");
    assert_eq!(line["reason"], "Forbidden: not with [redacted]", "{line}");
    assert!(!gateway.log().contains(secret), "{}", gateway.log());
    is_answered(&gateway, &alice, "Hello Alice.").await;
    assert_eq!(told(&gateway).await.0, json!(1));
}
