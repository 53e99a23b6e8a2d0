//! A disk that takes no more: told in words, nothing lost, and over when there is room again.
//!
//! The room is taken by a limit on the size of the gateway's files: its next write fails as it does
//! on a full disk.

use ipc::control::ReplyStatus;
use ipc::refusal::RefusalKind;
use ipc::transcript::TranscriptItem;
use serde_json::json;
use std::process::Command;
use tests::{Exchange, Gate, Gateway, eventually, turn};

const SESSION: &str = "agent:main:hungry";

/// No file of the gateway may grow from now on.
fn take_the_room(gateway: &Gateway) {
    let folder = gateway.state_dir().join("state");
    let files = std::fs::read_dir(folder).unwrap();
    let sizes = files.map(|file| file.unwrap().metadata().unwrap().len());
    limit(gateway, &format!("{}:unlimited", sizes.max().unwrap()));
}

fn give_it_back(gateway: &Gateway) {
    limit(gateway, "unlimited:unlimited");
}

fn limit(gateway: &Gateway, fsize: &str) {
    let pid = gateway.process().pid.to_string();
    let mut prlimit = Command::new("prlimit");
    prlimit.args(["--pid", &pid, &format!("--fsize={fsize}")]);
    let status = prlimit.status().expect("prlimit is of util-linux");
    assert!(status.success());
}

/// So long that no page has room for it.
fn long(word: &str) -> String {
    word.repeat(20_000)
}

/// The person is told what is wrong, and what to do.
async fn is_told(exchange: &mut Exchange) {
    let told = |seen: &Exchange| {
        seen.notices()
            .iter()
            .any(|text| text.contains("check the disk"))
    };
    exchange.sees("what is wrong", told).await;
}

async fn has(gateway: &Gateway, holds: impl Fn(&TranscriptItem) -> bool) {
    eventually!(gateway.transcript(SESSION).await.iter().any(&holds));
}

#[tokio::test]
async fn an_answer_that_can_not_be_stored_is_asked_for_again() {
    let gateway = Gateway::start().await;
    let gate = Gate::new();
    let answer = turn().says(&long("answer"));
    gateway
        .model
        .script_for("hungry", [answer.clone().waits_for(&gate)]);
    let mut exchange = gateway.chat_in(SESSION).says("I am hungry").await;
    gate.reached().await;
    take_the_room(&gateway);
    gate.open();
    is_told(&mut exchange).await;
    // What can not be kept is not accepted.
    let other = gateway.chat_in("agent:main:other");
    let refused = other.submits(&long("listen "), "key").await.err();
    let refusal = refused.expect("it is refused");
    assert_eq!(refusal.kind, RefusalKind::Unavailable);
    assert!(refusal.message.contains("check the disk"), "{refusal:?}");
    // The gateway says how it is, and waits.
    assert_eq!(gateway.state_of(SESSION).await, "backoff");
    gateway.model.script_for("hungry", vec![answer; 9]);
    gateway.model.script_for("listen", [turn().says("I do.")]);
    give_it_back(&gateway);
    let reply = exchange.reply().await;
    assert_eq!(
        (reply.status, reply.text),
        (ReplyStatus::Ok, long("answer"))
    );
    let mut listened = other.says_keyed(&long("listen "), "key").await;
    assert!(!listened.again);
    assert_eq!(listened.reply().await.text, "I do.");
    let items = gateway.transcript(SESSION).await;
    assert_eq!(items.len(), 2, "{items:#?}");
}

#[tokio::test]
async fn a_message_whose_turn_can_not_be_stored_waits() {
    // The agent stops before its hello, so that the message is accepted and its turn not begun.
    let setup = Gateway::setup().await.instead("openclaw-agent", "hostile");
    let mut gateway = setup.start().await;
    let session = "agent:main:bad-late";
    gateway.model.script_for("hungry", [turn().says("Eat.")]);
    let chat = gateway.chat_in(session);
    let mut exchange = chat.says(&format!("I am {}", long("hungry"))).await;
    let agent = gateway.agent(session).await;
    eventually!(agent.status("State").starts_with('T'));
    gateway.put_own("openclaw-agent");
    take_the_room(&gateway);
    agent.thaw();
    is_told(&mut exchange).await;
    give_it_back(&gateway);
    assert_eq!(exchange.reply().await.text, "Eat.");
    assert_eq!(gateway.model.requests().len(), 1);
}

#[tokio::test]
async fn an_outcome_that_can_not_be_stored_is_interrupted_and_not_run_again() {
    let gateway = Gateway::start().await;
    let command =
        "echo ran >> ran; while [ ! -e go ]; do sleep 0.01; done; yes outcome | head -20000";
    let call = turn().calls("exec", json!({ "command": command }));
    gateway
        .model
        .script_for("hungry", [call, turn().says("Ate.")]);
    let mut exchange = gateway.chat_in(SESSION).says("I am hungry").await;
    eventually!(gateway.read("ran") == "ran\n");
    take_the_room(&gateway);
    gateway.write("go", "");
    is_told(&mut exchange).await;
    give_it_back(&gateway);
    assert_eq!(exchange.reply().await.text, "Ate.");
    assert_eq!(gateway.read("ran"), "ran\n");
    let told = gateway.model.last().tool_output("exec");
    assert!(told.contains("interrupted"), "{told}");
}

#[tokio::test]
async fn an_end_that_can_not_be_stored_is_stored_later() {
    let gateway = Gateway::start().await;
    let gate = Gate::new();
    let answer = turn().says(&long("answer")).waits_for(&gate);
    gateway.model.script_for("hungry", [answer]);
    let mut exchange = gateway.chat_in(SESSION).says("I am hungry").await;
    gate.reached().await;
    let agent = gateway.agent(SESSION).await;
    agent.freeze();
    gate.open();
    has(&gateway, |item| {
        matches!(item, TranscriptItem::Answer { .. })
    })
    .await;
    take_the_room(&gateway);
    agent.thaw();
    is_told(&mut exchange).await;
    give_it_back(&gateway);
    let reply = exchange.reply().await;
    assert_eq!(
        (reply.status, reply.text),
        (ReplyStatus::Ok, long("answer"))
    );
    assert_eq!(gateway.model.requests().len(), 1, "it is not asked again");
}

#[tokio::test]
async fn a_stop_counts_although_it_could_not_be_stored() {
    let gateway = Gateway::start().await;
    let gate = Gate::new();
    let answer = turn().says(&long("answer")).waits_for(&gate);
    gateway.model.script_for("hungry", [answer]);
    let chat = gateway.chat_in(SESSION);
    let mut exchange = chat.says("I am hungry").await;
    gate.reached().await;
    take_the_room(&gateway);
    gate.open();
    is_told(&mut exchange).await;
    chat.stops().await;
    give_it_back(&gateway);
    assert_eq!(exchange.reply().await.status, ReplyStatus::Cancelled);
}
