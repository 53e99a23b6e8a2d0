//! Taps that no button of ours makes: forged, of other chats, said again, nobody's.

use super::commands::Stage;
use serde_json::json;
use tests::{Shown, turn};

#[tokio::test]
async fn what_no_button_carries_is_answered_and_does_nothing() {
    let stage = Stage::set(|_| {}).await;
    let (alice, bob) = (&stage.alice, &stage.bob);
    let shown = bob.asks("/queue", |shown| !shown.buttons.is_empty()).await;
    let before = (bob.chat(), alice.chat());
    let long = "x".repeat(64);
    for data in [
        "x",
        "approve everything",
        "/restart",
        "/start whatever",
        "/new forget it all",
        "/elevated full rm -rf /",
        "/queue steer\n/restart",
        "{\"command\":\"/stop\"}",
        "/model ../../etc/passwd",
        "\u{202e}/stop",
        long.as_str(),
    ] {
        let answered = bob.taps_data(shown.id, data).await;
        assert!(answered.text.len() <= 200, "{data:?}: {answered:?}");
    }
    // What names no model is told so, in the message itself, and nothing else changed.
    let is_other = |shown: &&Shown| !before.0.contains(shown);
    let others: Vec<_> = bob
        .chat()
        .into_iter()
        .filter(|shown| is_other(&shown))
        .collect();
    assert!(others.len() <= 1, "{others:#?}");
    assert_eq!(alice.chat(), before.1);
    assert!(stage.gateway.model.requests().is_empty());
    assert!(!stage.gateway.log().contains("starting again"));
    let status = bob
        .asks("/status", |shown| shown.text.contains("Session:"))
        .await;
    assert!(
        status.text.contains("collect (configured)"),
        "{}",
        status.text
    );
    assert!(
        status.text.contains("fake/one (configured)"),
        "{}",
        status.text
    );
}

#[tokio::test]
async fn a_question_of_another_chat_can_not_be_answered_from_here() {
    let stage = Stage::set(|config| {
        config["tools"] = json!({ "exec": { "security": "allowlist", "ask": "on-miss" } });
        config["session"] = json!({ "dmScope": "per-channel-peer" });
    })
    .await;
    let (alice, bob, devs) = (&stage.alice, &stage.bob, &stage.devs);
    let call = turn().calls("exec", json!({ "command": "touch was-here" }));
    stage.gateway.model.script([call, turn().says("Seen.")]);
    bob.says("touch it").await;
    let is_one = |shown: &Shown| shown.data_of("Allow once").is_some();
    bob.sees_where("a question", |chat| chat.iter().any(is_one))
        .await;
    let asked = bob.chat().into_iter().find(is_one).unwrap();
    let data = asked.data_of("Allow once").unwrap().to_owned();
    let here = alice
        .asks("/queue", |shown| !shown.buttons.is_empty())
        .await;
    let answered = alice.taps_data(here.id, &data).await;
    assert!(
        answered.alert && answered.text.contains("nothing waits"),
        "{answered:?}"
    );
    let in_group = alice.at(devs);
    let there = in_group
        .asks("/queue", |shown| !shown.buttons.is_empty())
        .await;
    let answered = in_group.taps_data(there.id, &data).await;
    assert!(
        answered.alert && answered.text.contains("nothing waits"),
        "{answered:?}"
    );
    assert!(!stage.gateway.workspace().join("was-here").exists());
    // It still waits where it was asked.
    let still = bob.chat().into_iter().find(is_one).unwrap();
    assert_eq!(still.id, asked.id);
    bob.says("/stop").await;
    bob.sees("Stopped.").await;
}

#[tokio::test]
async fn who_may_not_speak_may_not_tap() {
    let stage = Stage::set(|config| {
        let owner = config["commands"]["ownerAllowFrom"][0].clone();
        config["channels"]["telegram"]["groupPolicy"] = json!("allowlist");
        config["channels"]["telegram"]["groupAllowFrom"] = json!([owner]);
    })
    .await;
    let devs = &stage.devs;
    let (alice, bob) = (stage.alice.at(devs), stage.bob.at(devs));
    let shown = alice
        .asks("/queue", |shown| !shown.buttons.is_empty())
        .await;
    let refused = bob.taps(shown.id, "steer").await;
    assert!(
        refused.alert && refused.text.contains("not yours"),
        "{refused:?}"
    );
    let status = alice
        .asks("/status", |shown| shown.text.contains("Session:"))
        .await;
    assert!(
        status.text.contains("collect (configured)"),
        "{}",
        status.text
    );
}

#[tokio::test]
async fn a_tap_that_comes_too_late_or_twice_is_no_trouble() {
    let stage = Stage::set(|_| {}).await;
    let (bot, bob) = (stage.gateway.telegram(), &stage.bob);
    let shown = bob.asks("/think", |shown| !shown.buttons.is_empty()).await;
    for _ in 0..3 {
        bob.taps_and_leaves(shown.id, "/think high");
    }
    bob.sees("Thinking: high (chosen for this session)").await;
    bot.all_confirmed().await;
    bot.is_idle().await;
    let edits = bot.calls_of("editMessageText").len();
    assert_eq!(edits, 1, "it says so once");
    let again = bob.asks("/think", |shown| !shown.buttons.is_empty()).await;
    bob.taps_and_leaves(again.id, "/think low");
    bot.forget_queries();
    bob.sees("Thinking: low (chosen for this session)").await;
    bob.asks("/think", |shown| shown.text.contains("Thinking: low"))
        .await;
}
