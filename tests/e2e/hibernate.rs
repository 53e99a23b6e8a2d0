//! An idle agent's process leaves, and is back with the next message.

use serde_json::json;
use tests::{Gateway, MAIN, eventually, turn};

#[tokio::test]
async fn an_idle_agent_leaves_and_comes_back_with_its_memory() {
    let setup = Gateway::setup().await.config(|config| {
        config["agents"]["defaults"]["process"] = json!({ "idleSeconds": 1 });
    });
    let gateway = setup.start().await;
    gateway
        .model
        .script([turn().says("Hello Alice."), turn().says("You are Alice.")]);
    let alice = gateway.chat();
    alice.asks("I am Alice").await;
    let first = gateway.agent(MAIN).await;
    eventually!(!first.is_alive());
    assert_eq!(gateway.state_of(MAIN).await, "cold");
    assert_eq!(alice.asks("who am I?").await.text, "You are Alice.");
    assert_eq!(gateway.model.last().users(), ["I am Alice", "who am I?"]);
    assert_ne!(gateway.agent(MAIN).await.pid, first.pid);
}

#[tokio::test]
async fn a_background_command_outlives_its_agents_sleep() {
    let setup = Gateway::setup().await.config(|config| {
        config["agents"]["defaults"]["process"] = json!({ "idleSeconds": 1 });
    });
    let gateway = setup.start().await;
    gateway.model.script([
        turn().calls(
            "exec",
            json!({ "command": "sleep 4323", "background": true }),
        ),
        turn().says("It runs."),
        turn().calls("process", json!({ "action": "list" })),
        turn().says("It still runs."),
    ]);
    let alice = gateway.chat();
    alice.asks("start it").await;
    let first = gateway.agent(MAIN).await;
    eventually!(!first.is_alive());
    assert!(!gateway.titled("sleep 4323").is_empty());
    alice.asks("is it there?").await;
    let outcome = gateway.model.last().tool_output("process");
    assert!(
        outcome.contains("job-1") && outcome.contains("running"),
        "{outcome}"
    );
}

#[tokio::test]
async fn an_edited_manual_is_read_by_the_next_process() {
    let setup = Gateway::setup().await.config(|config| {
        config["agents"]["defaults"]["process"] = json!({ "idleSeconds": 1 });
    });
    let gateway = setup.start().await;
    gateway
        .model
        .script([turn().says("One."), turn().says("Two.")]);
    let alice = gateway.chat();
    alice.asks("one").await;
    gateway.write("AGENTS.md", "Always answer in rhyme.");
    let first = gateway.agent(MAIN).await;
    eventually!(!first.is_alive());
    alice.asks("two").await;
    assert!(
        gateway
            .model
            .last()
            .body
            .to_string()
            .contains("Always answer in rhyme.")
    );
}
