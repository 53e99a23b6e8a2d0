//! What is said to a session rather than to its model, from the terminal.

use ipc::control::ReplyStatus;
use ipc::transcript::TranscriptItem;
use serde_json::json;
use tests::chat::Chat;
use tests::{Gate, Gateway, MAIN, eventually, turn};

async fn says(chat: &Chat<'_>, command: &str) -> String {
    let reply = chat.asks(command).await;
    assert_eq!(reply.status, ReplyStatus::Ok);
    reply.text
}

fn assert_has(text: &str, words: &[&str]) {
    for words in words {
        assert!(text.contains(words), "{words:?} is not in\n{text}");
    }
}

#[tokio::test]
async fn a_session_tells_what_it_does_and_uses() {
    let gateway = Gateway::start().await;
    let alice = gateway.chat();
    gateway.model.script([turn().says("Hi.").used(1_200, 30)]);
    alice.asks("hello").await;
    let status = says(&alice, "/status").await;
    assert_has(
        &status,
        &[
            "Session: agent:main:main (agent main)",
            "Model: fake/one (configured)",
            "Thinking: as the provider has it",
            "Messages in a turn: collect (configured)",
            "Now: idle",
            "Walls: ",
            "Used: 1,200 tokens in (0 cached), 30 out",
        ],
    );
    let context = says(&alice, "/context").await;
    assert_has(
        &context,
        &["- messages: 1, ", "- answers: 1, ", "History is folded at"],
    );
    let usage = says(&alice, "/usage").await;
    assert_has(
        &usage,
        &[
            "This session: 1 answer, 1,200 tokens in (0 cached), 30 out",
            "- fake/one: 1 answer",
            "Today, all sessions: 1 answer",
        ],
    );
    assert_eq!(
        says(&alice, "/subagents").await,
        "This session has no sub-agents."
    );
    assert_eq!(says(&alice, "/kill").await, "No command runs.");
    assert_has(
        &says(&alice, "/help").await,
        &["`/status`", "`/queue [mode|default]`"],
    );
    // None of it was said to the model, nor is it part of the conversation.
    assert_eq!(gateway.model.requests().len(), 1);
    assert_eq!(alice.transcript().await.len(), 2);
}

#[tokio::test]
async fn words_that_are_no_command_are_for_the_model() {
    let gateway = Gateway::start().await;
    let alice = gateway.chat();
    gateway.model.always(turn().says("I see."));
    for text in [
        "/etc/passwd is a file",
        "/status of my order?",
        "stop",
        "/whatever",
    ] {
        assert_eq!(alice.asks(text).await.text, "I see.");
        assert_eq!(gateway.model.last().last_user(), text);
    }
}

#[tokio::test]
async fn a_model_is_chosen_for_a_session_and_given_back() {
    let setup = Gateway::setup().await.config(|config| {
        config["agents"]["defaults"]["models"] = json!({
            "fake/one": {}, "fake/two": { "alias": "other" },
        });
    });
    let mut gateway = setup.start().await;
    gateway.model.always(turn().says("Yes."));
    let alice = gateway.chat();
    assert_has(
        &says(&alice, "/models").await,
        &["fake/one\n", "fake/two (other)"],
    );
    assert_eq!(
        says(&alice, "/models nobody").await,
        "No model of nobody is configured."
    );
    assert_has(
        &says(&alice, "/model fake/three").await,
        &["not among the models"],
    );
    assert_has(
        &says(&alice, "/model three").await,
        &["no model is called three"],
    );
    assert_eq!(
        says(&alice, "/model OTHER").await,
        "Model: fake/two (chosen for this session), then fake/one"
    );
    alice.asks("who are you?").await;
    assert_eq!(gateway.model.last().model, "two");
    gateway.kill9_and_start_again().await;
    let alice = gateway.chat();
    alice.asks("and now?").await;
    assert_eq!(gateway.model.last().model, "two");
    assert_eq!(
        says(&alice, "/model default").await,
        "Model: fake/one (configured)"
    );
    alice.asks("and now?").await;
    assert_eq!(gateway.model.last().model, "one");
    // A new session may begin with one.
    let reply = alice.asks("/new other do it").await;
    assert_eq!(reply.text, "Yes.");
    let seen = gateway.model.last();
    assert_eq!((seen.model.as_str(), seen.users()), ("two", vec!["do it"]));
}

#[tokio::test]
async fn how_long_the_model_thinks_reaches_it_and_outlives_the_gateway() {
    let setup = Gateway::setup().await.config(|config| {
        for model in config["models"]["providers"]["fake"]["models"]
            .as_array_mut()
            .unwrap()
        {
            model["reasoning"] = json!(true);
        }
    });
    let mut gateway = setup.start().await;
    gateway.model.always(turn().says("Yes."));
    let alice = gateway.chat();
    alice.asks("one").await;
    assert_eq!(gateway.model.last().body.get("reasoning_effort"), None);
    assert_eq!(
        says(&alice, "/think high").await,
        "Thinking: high (chosen for this session)"
    );
    alice.asks("two").await;
    assert_eq!(gateway.model.last().body["reasoning_effort"], "high");
    gateway.kill9_and_start_again().await;
    let alice = gateway.chat();
    alice.asks("/new").await;
    assert_eq!(gateway.model.last().body["reasoning_effort"], "high");
    assert_has(&says(&alice, "/think very hard").await, &["Thinking: high"]);
    assert_eq!(
        says(&alice, "/think default").await,
        "Thinking: as the provider has it"
    );
    alice.asks("three").await;
    assert_eq!(gateway.model.last().body.get("reasoning_effort"), None);
}

#[tokio::test]
async fn how_messages_queue_is_chosen_and_outlives_the_gateway() {
    let mut gateway = Gateway::start().await;
    let alice = gateway.chat();
    assert_has(
        &says(&alice, "/queue interrupt").await,
        &["Messages in a turn: interrupt (chosen for this session)"],
    );
    gateway.kill9_and_start_again().await;
    let alice = gateway.chat();
    let gate = Gate::new();
    gateway.model.script([
        turn().says("Never.").waits_for(&gate),
        turn().says("Second."),
    ]);
    let mut one = alice.says("one").await;
    gate.reached().await;
    let mut two = alice.says("two").await;
    assert_eq!(one.reply().await.status, ReplyStatus::Cancelled);
    assert_eq!(two.reply().await.text, "Second.");
    gate.open();
}

#[tokio::test]
async fn a_turn_is_stopped_and_what_waits_is_answered_unless_it_is_dropped() {
    let gateway = Gateway::start().await;
    let gate = Gate::new();
    let alice = gateway.chat();
    assert_eq!(says(&alice, "/stop").await, "Nothing was running.");
    gateway
        .model
        .script([turn().says("Never.").waits_for(&gate), turn().says("Two.")]);
    let mut one = alice.says("one").await;
    gate.reached().await;
    let mut two = alice.says("two").await;
    let said = says(&alice, "stop").await;
    assert_has(&said, &["Stopped. One message that waits is answered next"]);
    assert_eq!(one.reply().await.status, ReplyStatus::Cancelled);
    assert_eq!(two.reply().await.text, "Two.");

    let gate = Gate::new();
    gateway
        .model
        .script([turn().says("Never.").waits_for(&gate)]);
    let mut three = alice.says("three").await;
    gate.reached().await;
    let mut four = alice.says("four").await;
    assert_eq!(
        says(&alice, "/stop all").await,
        "Stopped, and 1 dropped that waited."
    );
    for dropped in [&mut three, &mut four] {
        assert_eq!(dropped.reply().await.status, ReplyStatus::Cancelled);
    }
    assert_eq!(says(&alice, "/stop").await, "Nothing was running.");
    gateway.model.script([turn().says("Five.")]);
    assert_eq!(alice.asks("five").await.text, "Five.");
    let read = gateway.model.last();
    assert!(read.last_user().ends_with("five"), "{:?}", read.said);
    assert!(!read.last_user().contains("four"), "{:?}", read.said);
}

#[tokio::test]
async fn a_new_session_stops_what_runs() {
    let gateway = Gateway::start().await;
    let gate = Gate::new();
    let alice = gateway.chat();
    gateway.model.script([
        turn().says("Old."),
        turn().says("Never.").waits_for(&gate),
        turn().says("New."),
    ]);
    alice.asks("old").await;
    let mut one = alice.says("one").await;
    gate.reached().await;
    let reply = alice.asks("/new two").await;
    assert_eq!(reply.text, "New.");
    assert_eq!(one.reply().await.status, ReplyStatus::Cancelled);
    assert_eq!(gateway.model.last().users(), ["two"]);
    assert_eq!(alice.transcript().await.len(), 2);
}

#[tokio::test]
async fn running_commands_are_shown_and_ended() {
    let gateway = Gateway::start().await;
    let alice = gateway.chat();
    let command = "sleep 3000.5";
    gateway.model.script([
        turn().calls("exec", json!({ "command": command })),
        turn().says("It was ended."),
    ]);
    let mut exchange = alice.says("sleep").await;
    eventually!(!gateway.titled(command).is_empty(), "{:#?}", gateway.tree());
    let running = says(&alice, "/kill").await;
    assert_has(&running, &[command]);
    let job = running.split(':').next().unwrap().to_owned();
    assert_has(&says(&alice, "/status").await, &["Now: at work", command]);
    assert_has(&says(&alice, "/kill nothing").await, &["does not run"]);
    assert_eq!(
        says(&alice, &format!("/kill {job}")).await,
        format!("{job} was ended.")
    );
    assert_eq!(exchange.reply().await.text, "It was ended.");
    assert!(gateway.titled(command).is_empty());
}

#[tokio::test]
async fn history_is_folded_when_somebody_says_so() {
    let mut gateway = Gateway::start().await;
    let alice = gateway.chat();
    assert_eq!(
        says(&alice, "/compact").await,
        "There is nothing to fold yet."
    );
    gateway.model.script([
        turn().says(&"alpha ".repeat(3000)),
        turn().says(&"beta ".repeat(3000)),
    ]);
    alice.asks("one").await;
    alice.asks("two").await;
    // Also when no process of the session lives.
    gateway.kill9_and_start_again().await;
    let alice = gateway.chat();
    gateway.model.script([turn().says("They said alpha.")]);
    let said = says(&alice, "/compact keep the names").await;
    assert_has(&said, &["History is folded: about ", "% less)"]);
    let asked = gateway.model.last();
    assert_has(asked.last_user(), &["keep the names"]);
    let is_summary = |item: &TranscriptItem| matches!(item, TranscriptItem::Summary { .. });
    assert!(alice.transcript().await.iter().any(is_summary));
    gateway.model.script([turn().says("Three.")]);
    assert_eq!(alice.asks("three").await.text, "Three.");
    let context = gateway.model.last();
    assert!(!context.users().contains(&"one"), "{:?}", context.users());
    assert_has(&says(&alice, "/usage").await, &["This session: 4 answers"]);
}

#[tokio::test]
async fn a_fold_that_fails_changes_nothing_and_says_why() {
    let gateway = Gateway::start().await;
    let alice = gateway.chat();
    gateway.model.script([turn().says(&"alpha ".repeat(3000))]);
    alice.asks("one").await;
    let gate = Gate::new();
    let never = || turn().says("Never.").waits_for(&gate);
    gateway.model.script([never(), never()]);
    let stopping = async {
        gate.reached().await;
        let status = says(&alice, "/status").await;
        assert_has(&status, &["Now: folding its history"]);
        assert_eq!(says(&alice, "/stop").await, "Stopped.");
    };
    let (folded, ()) = tokio::join!(alice.asks("/compact"), stopping);
    assert_eq!(folded.text, "Stopped; history is as it was.");
    let killing = async {
        gate.reached_by(2).await;
        gateway.agent(MAIN).await.kill9();
    };
    let (folded, ()) = tokio::join!(alice.asks("/compact"), killing);
    assert_has(&folded.text, &["History is as it was: the agent process"]);
    gate.open();
    assert_eq!(alice.transcript().await.len(), 2);
    gateway.model.script([turn().says("Two.")]);
    assert_eq!(alice.asks("two").await.text, "Two.");
}

#[tokio::test]
async fn asked_for_in_a_turn_history_is_folded_after_it_also_by_the_next_gateway() {
    let mut gateway = Gateway::start().await;
    let alice = gateway.chat();
    gateway.model.script([turn().says(&"alpha ".repeat(3000))]);
    alice.asks("one").await;
    let gate = Gate::new();
    gateway
        .model
        .script([turn().says("Never.").waits_for(&gate)]);
    let _two = alice.says("two").await;
    gate.reached().await;
    assert_eq!(
        says(&alice, "/compact").await,
        "History is folded as soon as this turn has ended."
    );
    gateway.kill9();
    gate.open();
    gateway
        .model
        .script([turn().says("Two."), turn().says("They said alpha.")]);
    gateway.start_again().await;
    gateway.model.was_asked(4).await;
    let alice = gateway.chat();
    let mut items = alice.transcript().await;
    while !items
        .iter()
        .any(|item| matches!(item, TranscriptItem::Summary { .. }))
    {
        tokio::task::yield_now().await;
        items = alice.transcript().await;
    }
}
