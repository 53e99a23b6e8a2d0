//! A gateway that starts, stops and is started twice, and people who wait for it.

use ipc::control::ReplyStatus;
use tests::{Gate, Gateway, MAIN, eventually, turn};

#[tokio::test]
async fn a_second_gateway_on_a_state_directory_is_refused_in_words() {
    let gateway = Gateway::start().await;
    let second = gateway.cli(&["gateway"]).await;
    assert_ne!(second.code, 0, "{second:?}");
    for words in ["another gateway", "OPENCLAW_STATE_DIR"] {
        assert!(second.err.contains(words), "{words:?}: {second:?}");
    }
    // The first one did not notice.
    gateway.model.script([turn().says("Still here.")]);
    assert_eq!(gateway.chat().asks("hello?").await.text, "Still here.");
}

#[tokio::test]
async fn an_agent_that_dies_while_idle_is_not_missed() {
    let gateway = Gateway::start().await;
    gateway
        .model
        .script([turn().says("One."), turn().says("Two.")]);
    let alice = gateway.chat();
    alice.asks("one").await;
    let agent = gateway.agent(MAIN).await;
    agent.kill9();
    eventually!(!agent.is_alive());
    assert_eq!(alice.asks("two").await.text, "Two.");
    assert_eq!(gateway.model.request(1).users(), ["one", "two"]);
}

#[tokio::test]
async fn the_command_line_waits_for_a_gateway_that_was_killed_and_prints_the_answer_once() {
    let mut gateway = Gateway::start().await;
    let gate = Gate::new();
    let lost = turn().says("lost").held_after(0, &gate);
    gateway
        .model
        .script([lost.clone(), lost, turn().says("Here I am.")]);
    let person = gateway.cli_begins(&["agent", "-m", "hi"]);
    for times in 1..=2 {
        gate.reached_by(times).await;
        gateway.kill9_and_start_again().await;
    }
    let ran = tests::cli::ended(person).await;
    assert_eq!((ran.code, ran.out.as_str()), (0, "Here I am.\n"), "{ran:?}");
    assert_eq!(gateway.transcript(MAIN).await.len(), 2);
}

#[tokio::test]
async fn a_message_that_nobody_waits_for_is_answered_all_the_same() {
    let mut gateway = Gateway::start().await;
    let gate = Gate::new();
    gateway
        .model
        .script([turn().says("lost").waits_for(&gate), turn().says("Done.")]);
    drop(gateway.chat().says_keyed("hi", "key").await);
    gate.reached().await;
    gateway.kill9_and_start_again().await;
    // Nobody asks; it is on disk that the message waits.
    gateway.model.was_asked(2).await;
    eventually!(gateway.state_of(MAIN).await == "idle");
    let mut later = gateway.chat().says_keyed("hi", "key").await;
    assert!(later.again);
    let reply = later.reply().await;
    assert_eq!(
        (reply.status, reply.text.as_str()),
        (ReplyStatus::Ok, "Done.")
    );
}
