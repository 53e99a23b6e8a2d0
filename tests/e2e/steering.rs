//! Messages that arrive during a turn: collected, each its own turn, steering it, or stopping it.

use ipc::control::ReplyStatus;
use serde_json::json;
use tests::{Gate, Gateway, eventually, turn};

async fn gateway(mode: &str) -> Gateway {
    let setup = Gateway::setup().await;
    let queue = json!({ "queue": { "mode": mode, "debounceMs": 50 } });
    setup
        .config(|config| config["messages"] = queue)
        .start()
        .await
}

/// How many messages wait for a turn of the main session.
async fn inputs_on_disk(gateway: &Gateway) -> usize {
    let log = gateway.log();
    drop(log);
    gateway.sessions().await.len()
}

#[tokio::test]
async fn collected_messages_become_one_turn() {
    let gateway = gateway("collect").await;
    let gate = Gate::new();
    gateway
        .model
        .script([turn().says("First.").waits_for(&gate), turn().says("Both.")]);
    let alice = gateway.chat();
    let mut one = alice.says("one").await;
    gate.reached().await;
    let mut two = alice.says("two").await;
    let mut three = alice.says("three").await;
    gate.open();
    assert_eq!(one.reply().await.text, "First.");
    assert_eq!(two.reply().await.text, "Both.");
    assert_eq!(three.reply().await.text, "Both.");
    let last = gateway.model.request(1);
    assert!(
        last.last_user().contains("two") && last.last_user().contains("three"),
        "{:?}",
        last.said
    );
    assert_eq!(gateway.model.requests().len(), 2);
    assert_eq!(inputs_on_disk(&gateway).await, 1);
}

#[tokio::test]
async fn followups_become_a_turn_each() {
    let gateway = gateway("followup").await;
    let gate = Gate::new();
    gateway.model.script([
        turn().says("First.").waits_for(&gate),
        turn().says("Second."),
        turn().says("Third."),
    ]);
    let alice = gateway.chat();
    let mut one = alice.says("one").await;
    gate.reached().await;
    let mut two = alice.says("two").await;
    let mut three = alice.says("three").await;
    gate.open();
    assert_eq!(one.reply().await.text, "First.");
    assert_eq!(two.reply().await.text, "Second.");
    assert_eq!(three.reply().await.text, "Third.");
    assert_eq!(gateway.model.request(2).users(), ["one", "two", "three"]);
}

#[tokio::test]
async fn a_steering_message_is_read_before_the_next_model_call() {
    let gateway = gateway("steer").await;
    gateway.model.script([
        turn().calls(
            "exec",
            json!({ "command": "until [ -e go ]; do sleep 0.01; done" }),
        ),
        turn().says("I will stop then."),
    ]);
    let alice = gateway.chat();
    let mut one = alice.says("work on it").await;
    eventually!(!gateway.titled("until").is_empty());
    let mut two = alice.says("never mind, stop").await;
    gateway.write("go", "");
    assert_eq!(one.reply().await.text, "I will stop then.");
    assert_eq!(two.reply().await.text, "I will stop then.");
    let second = gateway.model.request(1);
    assert_eq!(second.last_user(), "never mind, stop");
    assert_eq!(gateway.model.requests().len(), 2);
}

#[tokio::test]
async fn a_steering_message_during_the_last_answer_is_answered_too() {
    let gateway = gateway("steer").await;
    let gate = Gate::new();
    gateway.model.script([
        turn().says("Almost done.").waits_for(&gate),
        turn().says("And that too."),
    ]);
    let alice = gateway.chat();
    let mut one = alice.says("one").await;
    gate.reached().await;
    let mut two = alice.says("and two").await;
    gate.open();
    assert_eq!(two.reply().await.text, "And that too.");
    assert_eq!(gateway.model.request(1).last_user(), "and two");
    assert_eq!(one.reply().await.status, ReplyStatus::Ok);
    assert_eq!(gateway.model.requests().len(), 2);
}

#[tokio::test]
async fn an_interrupting_message_stops_the_turn_and_is_answered() {
    let gateway = gateway("interrupt").await;
    gateway.model.script([
        turn().calls("exec", json!({ "command": "sleep 1000.1" })),
        turn().says("Something else then."),
    ]);
    let alice = gateway.chat();
    let mut one = alice.says("sleep").await;
    eventually!(!gateway.titled("sleep 1000.1").is_empty());
    let mut two = alice.says("no, something else").await;
    assert_eq!(one.reply().await.status, ReplyStatus::Cancelled);
    let reply = two.reply().await;
    assert_eq!(
        (reply.status, reply.text.as_str()),
        (ReplyStatus::Ok, "Something else then.")
    );
    eventually!(gateway.titled("sleep 1000.1").is_empty());
    assert!(
        gateway
            .model
            .request(1)
            .tool_output("exec")
            .contains("cancelled")
    );
}

#[tokio::test]
async fn the_mode_of_a_running_gateway_can_be_changed() {
    let gateway = gateway("collect").await;
    gateway.change_config(|config| config["messages"]["queue"]["mode"] = json!("steer"));
    gateway.model.always(turn().says("Fine."));
    let alice = gateway.chat();
    eventually!(gateway.log().contains("in force"), "{}", gateway.log());
    gateway.model.script([
        turn().calls(
            "exec",
            json!({ "command": "until [ -e go ]; do sleep 0.01; done" }),
        ),
        turn().says("Steered."),
    ]);
    let mut one = alice.says("work").await;
    eventually!(!gateway.titled("until").is_empty());
    let mut two = alice.says("left!").await;
    gateway.write("go", "");
    assert_eq!(two.reply().await.text, "Steered.");
    assert_eq!(one.reply().await.text, "Steered.");
}
