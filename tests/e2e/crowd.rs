//! Many sessions at once: each its own process, its own words, its own files.

use serde_json::json;
use std::collections::BTreeSet;
use tests::{Gate, Gateway, eventually, turn};

const MANY: usize = 40;

fn session(n: usize) -> String {
    format!("agent:main:guest-{n}")
}

#[tokio::test]
async fn a_crowd_is_answered_side_by_side_and_everybody_gets_their_own_words() {
    let gateway = Gateway::start().await;
    let gate = Gate::new();
    for n in 0..MANY {
        gateway.model.script_for(
            &format!("I am guest {n}."),
            [
                turn()
                    .calls(
                        "exec",
                        json!({ "command": format!("echo {n} > own-{n}; cat own-{n}") }),
                    )
                    .waits_for(&gate),
                turn().says(&format!("Hello guest {n}.")),
            ],
        );
    }
    let mut waiting = Vec::new();
    for n in 0..MANY {
        waiting.push(
            gateway
                .chat_in(&session(n))
                .says(&format!("I am guest {n}."))
                .await,
        );
    }
    // Every one of them is with the model at the same time: nobody waits for anybody.
    gate.reached_by(u32::try_from(MANY).unwrap()).await;
    let agents: BTreeSet<u32> = gateway
        .titled("openclaw-agent [")
        .into_iter()
        .map(|agent| agent.pid)
        .collect();
    assert_eq!(agents.len(), MANY, "one process a session");
    assert_eq!(gateway.health().await.live_agents as usize, MANY);
    gate.open();
    for (n, mut exchange) in waiting.into_iter().enumerate() {
        assert_eq!(exchange.reply().await.text, format!("Hello guest {n}."));
        assert_eq!(gateway.read(&format!("own-{n}")), format!("{n}\n"));
    }
    for seen in gateway.model.requests() {
        let guests: BTreeSet<_> = seen
            .users()
            .into_iter()
            .filter(|user| user.contains("I am guest"))
            .collect();
        assert_eq!(guests.len(), 1, "a session heard of another: {guests:?}");
    }
    assert_eq!(gateway.sessions().await.len(), MANY);
}

#[tokio::test]
async fn two_people_in_one_session_are_heard_one_after_the_other() {
    let gateway = Gateway::start().await;
    gateway.model.always(turn().says("Fine."));
    let (alice, bob) = (gateway.chat(), gateway.chat());
    let (mut one, mut two) = (alice.says("from alice").await, bob.says("from bob").await);
    assert_eq!(one.reply().await.text, "Fine.");
    assert_eq!(two.reply().await.text, "Fine.");
    let heard = gateway.model.last().users().join("\n");
    assert!(
        heard.contains("from alice") && heard.contains("from bob"),
        "{heard}"
    );
}

#[tokio::test]
async fn the_same_key_said_by_many_at_once_is_one_message() {
    let gateway = Gateway::start().await;
    let gate = Gate::new();
    gateway
        .model
        .script([turn().says("Once.").waits_for(&gate)]);
    let alice = gateway.chat();
    let mut all = Vec::new();
    for _ in 0..10 {
        all.push(alice.says_keyed("hi", "the one key").await);
    }
    gate.reached().await;
    assert_eq!(all.iter().filter(|exchange| !exchange.again).count(), 1);
    gate.open();
    for exchange in &mut all {
        assert_eq!(exchange.reply().await.text, "Once.");
    }
    assert_eq!(gateway.model.requests().len(), 1);
    assert_eq!(alice.transcript().await.len(), 2);
}

#[tokio::test]
async fn only_one_gateway_has_a_state_directory() {
    let gateway = Gateway::start().await;
    let second = gateway.cli(&["gateway"]).await;
    assert_eq!(second.code, 1, "{second:?}");
    assert!(
        second.err.contains("another gateway") && second.err.contains("OPENCLAW_STATE_DIR"),
        "{second:?}"
    );
    gateway.model.script([turn().says("Still here.")]);
    assert_eq!(gateway.chat().asks("hi").await.text, "Still here.");
}

#[tokio::test]
async fn a_session_that_begins_anew_has_forgotten_and_lost_nothing() {
    let gateway = Gateway::start().await;
    gateway
        .model
        .script([turn().says("One."), turn().says("Two.")]);
    let alice = gateway.chat();
    alice.asks("remember one").await;
    alice.resets().await;
    assert_eq!(alice.asks("what was it?").await.text, "Two.");
    assert_eq!(gateway.model.last().users(), ["what was it?"]);
    eventually!(gateway.agents(alice.session()).len() == 1);
}
