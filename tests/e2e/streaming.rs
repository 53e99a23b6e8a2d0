//! Text that grows while the model speaks.

use ipc::control::{Activity, FromSupervisor, ToSupervisor};
use ipc::id::SessionKey;
use serde_json::json;
use tests::{Gate, Gateway, MAIN, Wire, turn};

#[tokio::test]
async fn text_is_seen_before_the_answer_is_whole() {
    for wire in Wire::ALL {
        let gateway = Gateway::setup().await.speaking(wire).start().await;
        let rest = Gate::new();
        gateway
            .model
            .script([turn().says("One two three four.").held_after(2, &rest)]);
        let alice = gateway.chat();
        let mut exchange = alice.says("count").await;
        exchange
            .sees("the first words", |seen| seen.draft == "One two ")
            .await;
        rest.open();
        assert_eq!(
            exchange.reply().await.text,
            "One two three four.",
            "{wire:?}"
        );
        assert_eq!(exchange.draft, "One two three four.", "{wire:?}");
        assert_eq!(exchange.taken_back, 0);
    }
}

#[tokio::test]
async fn whoever_comes_later_sees_what_was_said_already() {
    let gateway = Gateway::start().await;
    let rest = Gate::new();
    gateway
        .model
        .script([turn().says("One two three.").held_after(2, &rest)]);
    let alice = gateway.chat();
    let mut exchange = alice.says("count").await;
    exchange
        .sees("the first words", |seen| seen.draft == "One two ")
        .await;

    let mut bob = gateway.control().await;
    let attach = ToSupervisor::Attach {
        session: SessionKey::from(MAIN),
    };
    let FromSupervisor::Delta { text } = bob.ask(&attach).await else {
        panic!("no draft")
    };
    assert_eq!(text, "One two ");
    rest.open();
    let mut seen = text;
    let reply = loop {
        match bob.hear().await.unwrap() {
            FromSupervisor::Delta { text } => seen.push_str(&text),
            FromSupervisor::Final(reply) => break reply,
            _ => {}
        }
    };
    assert_eq!(
        (seen.as_str(), reply.text.as_str()),
        ("One two three.", "One two three.")
    );
    assert_eq!(exchange.reply().await.text, "One two three.");
}

#[tokio::test]
async fn tools_are_seen_as_they_begin_and_end() {
    let gateway = Gateway::start().await;
    gateway.model.script([
        turn()
            .says("Let me look. ")
            .calls("exec", json!({ "command": "exit 3" })),
        turn().says("It failed."),
    ]);
    let mut exchange = gateway.chat().says("go").await;
    let reply = exchange.reply().await;
    let began = Activity::ToolBegan {
        tool: "exec".into(),
        detail: "exit 3".into(),
    };
    assert!(
        exchange.activities.contains(&began),
        "{:?}",
        exchange.activities
    );
    let ended = exchange.activities.iter().any(|activity| {
        matches!(activity, Activity::ToolEnded { tool, verdict } if tool == "exec" && verdict.contains('3'))
    });
    assert!(ended, "{:?}", exchange.activities);
    assert_eq!(reply.text, "It failed.");
}

#[tokio::test]
async fn words_that_turn_out_void_are_taken_back() {
    let gateway = Gateway::start().await;
    gateway.model.script([
        turn().says("Wrong words here.").cut_after(2),
        turn().says("Right words."),
    ]);
    let mut exchange = gateway.chat().says("go").await;
    assert_eq!(exchange.reply().await.text, "Right words.");
    assert_eq!(exchange.draft, "Right words.");
    assert_eq!(exchange.taken_back, 1);
}

#[tokio::test]
async fn silence_is_an_answer_that_nobody_sees() {
    let gateway = Gateway::start().await;
    gateway.model.script([turn().says("NO_REPLY")]);
    let mut exchange = gateway.chat().says("just so you know").await;
    let reply = exchange.reply().await;
    assert_eq!((reply.text.as_str(), exchange.draft.as_str()), ("", ""));
}

#[tokio::test]
async fn a_long_answer_arrives_whole() {
    let gateway = Gateway::start().await;
    let long: String = (0..20_000).map(|n| format!("{n} ")).collect();
    gateway.model.script([turn().says(&long)]);
    let mut exchange = gateway.chat().says("count").await;
    assert_eq!(exchange.reply().await.text.trim(), long.trim());
    // On a busy machine we may fall behind, and are given the end at once.
    assert!(exchange.pieces > 1 && long.starts_with(&exchange.draft));
}
