//! When going on is no use the person is told so in words, and the session lives on.

use ipc::control::{FinalReply, ReplyStatus};
use serde_json::json;
use std::time::{Duration, Instant};
use tests::{Gate, Gateway, eventually, turn};

/// A failure that says what happened and what to do.
fn is_told(reply: &FinalReply, what: &str) {
    assert_eq!(reply.status, ReplyStatus::Failed, "{reply:?}");
    for words in [what, "log", "send the message again"] {
        assert!(reply.text.contains(words), "{words:?}: {reply:?}");
    }
}

#[tokio::test]
async fn a_turn_whose_agents_die_again_and_again_is_given_up_and_the_session_lives_on() {
    let gateway = Gateway::start().await;
    let gate = Gate::new();
    gateway
        .model
        .script_for("poison", [turn().says("Never.").waits_for(&gate)]);
    let session = "agent:main:poisoned";
    let chat = gateway.chat_in(session);
    let mut exchange = chat.says("poison").await;
    gate.reached().await;
    let mut deaths = 0;
    while gateway.state_of(session).await != "cold" {
        // One that dies before it has the turn is replaced without a word.
        if gateway.state_of(session).await == "in turn" {
            for agent in gateway.agents(session) {
                agent.kill9();
                eventually!(!agent.is_alive());
                deaths += 1;
            }
        }
        assert!(deaths <= 6, "nobody gives up");
    }
    let reply = exchange.reply().await;
    is_told(&reply, "signal 9");
    assert_eq!(deaths, 6);
    let restarts = exchange.notices().len();
    assert_eq!(
        restarts,
        5,
        "each restart is told: {:?}",
        exchange.notices()
    );
    eventually!(gateway.model.request(0).was_left());

    gateway
        .model
        .script_for("better", [turn().says("Much better.")]);
    assert_eq!(chat.asks("better?").await.text, "Much better.");
}

#[tokio::test]
async fn what_waits_behind_a_turn_that_is_given_up_is_answered() {
    let setup = Gateway::setup().await;
    let setup = setup.config(|config| config["messages"]["queue"]["mode"] = json!("followup"));
    let gateway = setup.start().await;
    let session = "agent:main:poisoned";
    let gate = Gate::new();
    gateway
        .model
        .script_for("second", [turn().says("The second.")]);
    gateway
        .model
        .script_for("poison", [turn().says("Never.").waits_for(&gate)]);
    let chat = gateway.chat_in(session);
    let mut first = chat.says("poison").await;
    gate.reached().await;
    let mut second = chat.says("second").await;
    // The first turn loses six agents; the seventh is the second one's.
    for _ in 0..6 {
        let agent = gateway.agent(session).await;
        agent.kill9();
        eventually!(!agent.is_alive());
    }
    is_told(&first.reply().await, "signal 9");
    assert_eq!(second.reply().await.text, "The second.");
}

#[tokio::test]
async fn agents_that_can_not_even_start_are_told_of_to_everybody_who_waits() {
    let setup = Gateway::setup().await.instead("openclaw-agent", "hostile");
    let mut gateway = setup.start().await;
    let session = "agent:main:bad-stubborn-dead";
    let chat = gateway.chat_in(session);
    let mut first = chat.says("hello?").await;
    let mut second = chat.says("anybody?").await;
    is_told(&first.reply().await, "exited");
    is_told(&second.reply().await, "exited");
    gateway.put_own("openclaw-agent");
    gateway.model.script([turn().says("Here I am.")]);
    assert_eq!(
        gateway.chat_in(session).asks("now?").await.text,
        "Here I am."
    );
}

#[tokio::test]
async fn an_agent_that_hangs_is_given_up_after_seconds() {
    let setup = Gateway::setup().await.instead("openclaw-agent", "hostile");
    let gateway = setup.start().await;
    // Mute at the start, deaf in the turn.
    let mut mute = gateway
        .chat_in("agent:main:bad-stubborn-mute")
        .says("hello?")
        .await;
    let mut deaf = gateway
        .chat_in("agent:main:bad-stubborn-deaf")
        .says("hello?")
        .await;
    is_told(&mute.reply().await, "did not answer in time");
    is_told(&deaf.reply().await, "hung");
    eventually!(gateway.titled("bad-stubborn").is_empty());
}

/// An agent that is silent for so long and has nothing to wait for is taken for hung.
const HUNG: Duration = Duration::from_secs(12);

#[tokio::test]
async fn an_agent_that_waits_with_us_is_not_taken_for_a_hang() {
    let gateway = Gateway::start().await;
    gateway.model.script_for("idle", [turn().says("Hi.")]);
    let idle = gateway.chat_in("agent:main:idle");
    idle.asks("idle").await;
    let idler = gateway.agent("agent:main:idle").await;

    let wait = "touch began; while [ ! -e go ]; do sleep 0.02; done";
    let call = turn().calls("exec", json!({ "command": wait }));
    gateway
        .model
        .script_for("patient", [call, turn().says("It is done.")]);
    let session = "agent:main:patient";
    let mut exchange = gateway.chat_in(session).says("be patient").await;
    eventually!(gateway.workspace().join("began").exists());
    let agent = gateway.agent(session).await;
    agent.kill9();
    eventually!(!agent.is_alive());
    // The next agent waits for the tool of the last one.
    let next = gateway.agent(session).await;
    let began = Instant::now();
    eventually!(began.elapsed() > HUNG);
    gateway.write("go", "");
    assert_eq!(exchange.reply().await.text, "It is done.");
    assert!(next.is_alive(), "{}", gateway.log());

    gateway.model.script_for("idle", [turn().says("Still hi.")]);
    assert_eq!(idle.asks("still idle?").await.text, "Still hi.");
    assert!(idler.is_alive(), "{}", gateway.log());
}
