//! A command that needs a person's word: asked about, answered from anywhere, remembered, and never
//! begun before.

use ipc::approval::{ApprovalDecision, ApprovalRequest};
use ipc::control::{Activity, FromSupervisor, ReplyStatus, ToSupervisor};
use ipc::id::SessionKey;
use ipc::tool::ToolOutcome;
use ipc::transcript::TranscriptItem;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tests::chat::Control;
use tests::terminal::Terminal;
use tests::{Exchange, Gateway, MAIN, PATIENCE, Ran, Setup, eventually, turn};

/// Whatever is not on the allow-list is asked about, and nothing is on it.
fn asks(setup: Setup) -> Setup {
    setup.config(|config| {
        config["tools"] = json!({ "exec": { "security": "allowlist", "ask": "on-miss" } });
    })
}

async fn asking() -> Gateway {
    asks(Gateway::setup().await).start().await
}

/// Lets the model run a command and then say something, for whoever says the command's words.
fn scripts(gateway: &Gateway, command: &str) {
    let call = turn().calls("exec", json!({ "command": command }));
    gateway
        .model
        .script_for(command, [call, turn().says("Seen.")]);
}

/// What is asked in an exchange, as soon as something is.
async fn question(exchange: &mut Exchange) -> ApprovalRequest {
    exchange
        .sees("a question", |seen| asked(&seen.activities).is_some())
        .await;
    asked(&exchange.activities).unwrap()
}

fn asked(activities: &[Activity]) -> Option<ApprovalRequest> {
    activities.iter().rev().find_map(|activity| match activity {
        Activity::ApprovalAsked(request) => Some(request.clone()),
        _ => None,
    })
}

async fn waiting(gateway: &Gateway) -> Vec<ApprovalRequest> {
    let answer = gateway.control().await.ask(&ToSupervisor::Approvals).await;
    match answer {
        FromSupervisor::Approvals { pending } => pending,
        other => panic!("no list: {other:?}"),
    }
}

/// A word from a client of its own.
async fn says(gateway: &Gateway, id: &str, decision: ApprovalDecision) -> FromSupervisor {
    let id = id.to_owned();
    let mut control = gateway.control().await;
    control.ask(&ToSupervisor::Approve { id, decision }).await
}

async fn approves(gateway: &Gateway, id: &str) {
    let said = says(gateway, id, ApprovalDecision::AllowOnce).await;
    assert!(matches!(said, FromSupervisor::Done { .. }), "{said:?}");
}

fn approvals_file(gateway: &Gateway) -> Value {
    let file = gateway.state_dir().join("exec-approvals.json");
    let text = std::fs::read_to_string(file).unwrap_or_else(|_| "null".to_owned());
    serde_json::from_str(&text).unwrap()
}

fn patterns(gateway: &Gateway) -> Vec<String> {
    let file = approvals_file(gateway);
    let list = file["agents"]["main"]["allowlist"].as_array().cloned();
    let pattern = |entry: &Value| entry["pattern"].as_str().unwrap_or_default().to_owned();
    list.unwrap_or_default().iter().map(pattern).collect()
}

/// The outcomes of the session's calls.
async fn outcomes(gateway: &Gateway) -> Vec<(ToolOutcome, Option<String>)> {
    let items = gateway.transcript(MAIN).await;
    let outcome = |item| match item {
        TranscriptItem::Outcome {
            outcome, behind, ..
        } => Some((outcome, behind.map(|behind| behind.walls))),
        _ => None,
    };
    items.into_iter().filter_map(outcome).collect()
}

#[tokio::test]
async fn a_command_waits_for_a_word_and_then_runs() {
    let gateway = asking().await;
    scripts(&gateway, "touch made");
    let mut exchange = gateway.chat().says("touch made").await;
    let request = question(&mut exchange).await;
    assert_eq!(request.command, "touch made");
    assert_eq!(request.session.as_str(), MAIN);
    assert_eq!(request.expires_at - request.asked_at, 120_000);
    assert!(request.program.as_deref().unwrap().ends_with("/touch"));
    assert!(
        request.reason.contains("not on the allow-list"),
        "{request:?}"
    );

    let listed = gateway.cli(&["approvals"]).await.ok();
    assert!(
        listed.contains(&request.id) && listed.contains("touch made"),
        "{listed}"
    );
    let listed: Vec<ApprovalRequest> = gateway.cli(&["approvals", "list", "--json"]).await.json();
    assert_eq!(listed, std::slice::from_ref(&request));
    assert!(!gateway.workspace().join("made").exists());

    let Ran { code, out, .. } = gateway
        .cli(&["approvals", "approve", &request.id[..4]])
        .await;
    assert_eq!(code, 0, "{out}");
    assert!(
        out.contains("allowed once") && out.contains("touch made"),
        "{out}"
    );
    assert_eq!(exchange.reply().await.text, "Seen.");
    assert!(gateway.workspace().join("made").exists());
    let ran = outcomes(&gateway).await;
    assert!(
        matches!(&ran[..], [(ToolOutcome::Exited { code: 0, .. }, Some(walls))] if walls == "exec")
    );

    let again = gateway.cli(&["approvals", "deny", &request.id]).await;
    assert_eq!(again.code, 1);
    assert!(again.err.contains("allowed once by cli"), "{}", again.err);
    let none = gateway.cli(&["approvals"]).await.ok();
    assert!(none.contains("nothing waits"), "{none}");
}

#[tokio::test]
async fn a_denied_command_does_not_run_and_the_model_is_told() {
    let gateway = asking().await;
    scripts(&gateway, "touch made");
    let mut exchange = gateway.chat().says("touch made").await;
    let request = question(&mut exchange).await;
    let denied = gateway.cli(&["approvals", "deny", &request.id]).await;
    assert_eq!(denied.code, 0, "{}", denied.err);
    assert_eq!(exchange.reply().await.status, ReplyStatus::Ok);
    let outcome = gateway.model.last().tool_output("exec");
    assert!(outcome.contains("a person said no"), "{outcome}");
    assert!(!gateway.workspace().join("made").exists());
    assert_eq!(patterns(&gateway), [""; 0]);
}

#[tokio::test]
async fn always_holds_at_once_for_every_session_and_after_a_restart() {
    let before = json!({
        "version": 1,
        "socket": { "path": "/run/x.sock", "token": "t" },
        "agents": { "main": { "mine": true, "allowlist": [{ "id": "1", "pattern": "/opt/none" }] } },
    });
    let setup = asks(Gateway::setup().await).file("exec-approvals.json", &before.to_string());
    let mut gateway = setup.start().await;
    scripts(&gateway, "touch made");
    let mut exchange = gateway.chat().says("touch made").await;
    let request = question(&mut exchange).await;
    let approve = ["approvals", "approve", "--always", &request.id];
    let approved = gateway.cli(&approve).await;
    assert_eq!(approved.code, 0, "{}", approved.err);
    exchange.reply().await;
    let program = request.program.unwrap();
    assert_eq!(patterns(&gateway), ["/opt/none", &program]);
    let mut after = approvals_file(&gateway);
    let entry = after["agents"]["main"]["allowlist"]
        .as_array_mut()
        .unwrap()
        .pop()
        .unwrap();
    assert_eq!(after, before);
    assert_eq!(entry["lastUsedCommand"], "touch made");
    assert_eq!(entry["lastResolvedPath"], program);
    assert!(entry["lastUsedAt"].as_i64().unwrap() > 0);

    for (session, command) in [(MAIN, "touch second"), ("agent:main:other", "touch third")] {
        scripts(&gateway, command);
        let mut exchange = gateway.chat_in(session).says(command).await;
        assert_eq!(exchange.reply().await.text, "Seen.");
        assert_eq!(asked(&exchange.activities), None);
        // Noted beside the work, not before it.
        let noted = || approvals_file(&gateway)["agents"]["main"]["allowlist"][1].clone();
        eventually!(noted()["lastUsedCommand"] == command, "{}", noted());
    }
    gateway.restart().await;
    scripts(&gateway, "touch fourth");
    let mut exchange = gateway.chat().says("touch fourth").await;
    assert_eq!(exchange.reply().await.text, "Seen.");
    assert_eq!(asked(&exchange.activities), None);
    for name in ["made", "second", "third", "fourth"] {
        assert!(gateway.workspace().join(name).exists(), "{name}");
    }
}

#[tokio::test]
async fn what_is_more_than_one_program_is_allowed_once_alone() {
    let gateway = asking().await;
    let command = "bash -c 'touch made'";
    scripts(&gateway, command);
    let mut exchange = gateway.chat().says(command).await;
    let request = question(&mut exchange).await;
    assert_eq!(request.program, None);
    let always = says(&gateway, &request.id, ApprovalDecision::AllowAlways).await;
    assert!(matches!(always, FromSupervisor::Refused(_)), "{always:?}");
    assert_eq!(waiting(&gateway).await.len(), 1);
    approves(&gateway, &request.id).await;
    exchange.reply().await;
    assert!(gateway.workspace().join("made").exists());
}

#[tokio::test]
async fn a_gateway_killed_while_it_waits_asks_again_and_runs_once() {
    let mut gateway = asking().await;
    let command = "echo ran >> log";
    scripts(&gateway, command);
    let mut exchange = gateway.chat().says_keyed(command, "the-key").await;
    let first = question(&mut exchange).await;
    gateway.kill9_and_start_again().await;
    eventually!(waiting(&gateway).await.len() == 1, "{}", gateway.log());
    let again = waiting(&gateway).await.remove(0);
    assert_ne!(again.id, first.id);
    assert_eq!(again.command, command);
    assert_eq!(gateway.read("log"), "");
    let mut exchange = gateway.chat().says_keyed(command, "the-key").await;
    assert_eq!(question(&mut exchange).await.id, again.id);
    approves(&gateway, &again.id).await;
    assert_eq!(exchange.reply().await.text, "Seen.");
    assert_eq!(gateway.read("log"), "ran\n");
}

#[tokio::test]
async fn an_agent_that_dies_meanwhile_costs_nothing() {
    let gateway = asking().await;
    let command = "echo ran >> log";
    scripts(&gateway, command);
    let mut exchange = gateway.chat().says(command).await;
    let request = question(&mut exchange).await;
    let agent = gateway.agent(MAIN).await;
    agent.kill9();
    eventually!(!agent.is_alive());
    approves(&gateway, &request.id).await;
    assert_eq!(exchange.reply().await.text, "Seen.");
    assert_eq!(gateway.read("log"), "ran\n");
}

#[tokio::test]
async fn sessions_and_calls_wait_beside_each_other() {
    let gateway = asking().await;
    let both = turn()
        .calls("exec", json!({ "command": "touch one" }))
        .calls("exec", json!({ "command": "touch two" }));
    gateway
        .model
        .script_for("both", [both, turn().says("Seen.")]);
    scripts(&gateway, "touch three");
    let mut here = gateway.chat().says("both").await;
    let mut there = gateway
        .chat_in("agent:main:other")
        .says("touch three")
        .await;
    eventually!(waiting(&gateway).await.len() == 3);
    let of = |all: &[ApprovalRequest], command: &str| {
        let found = all.iter().find(|request| request.command == command);
        found.unwrap().id.clone()
    };
    let all = waiting(&gateway).await;
    approves(&gateway, &of(&all, "touch three")).await;
    assert_eq!(there.reply().await.text, "Seen.");
    assert_eq!(waiting(&gateway).await.len(), 2);
    says(&gateway, &of(&all, "touch two"), ApprovalDecision::Deny).await;
    approves(&gateway, &of(&all, "touch one")).await;
    assert_eq!(here.reply().await.text, "Seen.");
    let made = ["one", "two", "three"].map(|name| gateway.workspace().join(name).exists());
    assert_eq!(made, [true, false, true]);
}

#[tokio::test]
async fn stopping_the_turn_ends_its_questions() {
    let gateway = asking().await;
    scripts(&gateway, "touch made");
    let alice = gateway.chat();
    let mut exchange = alice.says("touch made").await;
    let request = question(&mut exchange).await;
    alice.stops().await;
    assert_eq!(exchange.reply().await.status, ReplyStatus::Cancelled);
    assert_eq!(waiting(&gateway).await, []);
    let late = says(&gateway, &request.id, ApprovalDecision::AllowOnce).await;
    assert!(matches!(late, FromSupervisor::Refused(_)), "{late:?}");
    assert!(!gateway.workspace().join("made").exists());
}

#[tokio::test]
async fn a_word_in_the_chat_is_for_the_question_and_not_for_the_model() {
    let gateway = asking().await;
    scripts(&gateway, "touch made");
    let alice = gateway.chat();
    let mut exchange = alice.says("touch made").await;
    let request = question(&mut exchange).await;
    let how = alice.asks("/approve it please").await.text;
    assert!(how.contains("/approve ID"), "{how}");
    let elsewhere = gateway.chat_in("agent:main:other");
    let id = &request.id;
    let refused = elsewhere.asks(&format!("/approve {id} allow-once")).await;
    assert!(refused.text.contains("nothing waits"), "{}", refused.text);
    let said = alice.asks(&format!("/approve {id} allow-once")).await;
    assert!(said.text.contains("allowed once"), "{}", said.text);
    assert_eq!(exchange.reply().await.text, "Seen.");
    assert!(gateway.workspace().join("made").exists());
    let users = gateway.model.last();
    assert!(!users.users().iter().any(|text| text.contains("/approve")));
}

/// What a client that has attached hears next that is about a question.
async fn hears(control: &mut Control, patience: Duration) -> Activity {
    loop {
        let heard = control.hear_within(patience).await.unwrap();
        if let FromSupervisor::Activity(
            activity @ (Activity::ApprovalAsked(_) | Activity::ApprovalEnded(_)),
        ) = heard
        {
            return activity;
        }
    }
}

#[tokio::test]
async fn whoever_watches_sees_the_question_and_its_end() {
    let gateway = asking().await;
    scripts(&gateway, "touch made");
    let mut exchange = gateway.chat().says("touch made").await;
    let request = question(&mut exchange).await;
    // One who comes late is told as well.
    let mut late = gateway.control().await;
    let session = SessionKey::from(MAIN);
    late.say(&ToSupervisor::Attach { session }).await.unwrap();
    assert_eq!(
        hears(&mut late, PATIENCE).await,
        Activity::ApprovalAsked(request.clone())
    );
    approves(&gateway, &request.id).await;
    let Activity::ApprovalEnded(end) = hears(&mut late, PATIENCE).await else {
        panic!("its end comes after it");
    };
    assert_eq!(end.id, request.id);
    assert_eq!(end.decision, Some(ApprovalDecision::AllowOnce));
    assert_eq!(end.by, "cli");
    exchange.reply().await;
}

#[tokio::test]
async fn a_command_says_how_it_can_be_answered() {
    let gateway = asking().await;
    scripts(&gateway, "touch made");
    let agent = gateway.cli_begins(&["agent", "-m", "touch made"]);
    eventually!(waiting(&gateway).await.len() == 1);
    let id = waiting(&gateway).await.remove(0).id;
    approves(&gateway, &id).await;
    let ran = tests::cli::ended(agent).await;
    assert!(
        ran.err
            .contains(&format!("openclaw approvals approve {id}")),
        "{}",
        ran.err
    );
    assert_eq!(ran.ok(), "Seen.\n");
}

#[tokio::test]
async fn each_question_and_each_no_is_on_record() {
    let gateway = asking().await;
    scripts(&gateway, "touch made");
    let mut exchange = gateway.chat().says("touch made").await;
    let request = question(&mut exchange).await;
    says(&gateway, &request.id, ApprovalDecision::Deny).await;
    exchange.reply().await;
    let log = || std::fs::read_to_string(gateway.state_dir().join("logs/audit.jsonl"));
    let has = |event: &str, part: &str| {
        let log = log().unwrap_or_default();
        log.lines()
            .any(|line| line.contains(event) && line.contains(part))
    };
    eventually!(has("approval_asked", "touch made"));
    eventually!(has("approval_given", "deny"), "{:?}", log());
}

#[tokio::test]
async fn the_person_at_the_terminal_answers_there() {
    let gateway = asking().await;
    let terminal = Terminal::open(40, 120);
    let _chat = terminal.runs(&gateway, &["chat"]);
    terminal.shows("you>").await;
    for (command, word, file) in [
        ("touch one", "y", Some("one")),
        ("touch two", "n", None),
        ("touch three", "a", Some("three")),
    ] {
        let call = turn().calls("exec", json!({ "command": command }));
        let done = format!("Done with {command}.");
        gateway.model.script([call, turn().says(&done)]);
        terminal.types(&format!("{command}\r"));
        terminal.shows(&format!("| {command}")).await;
        eventually!(waiting(&gateway).await.len() == 1);
        terminal.types(&format!("{word}\r"));
        terminal.shows(&done).await;
        if let Some(file) = file {
            assert!(gateway.workspace().join(file).exists(), "{file}");
        }
    }
    assert!(!gateway.workspace().join("two").exists());
    assert_eq!(patterns(&gateway).len(), 1);
    scripts(&gateway, "mkdir four");
    terminal.types("mkdir four\r");
    terminal.shows("| mkdir four").await;
    terminal.types("perhaps\r");
    // What is no word is asked about again.
    terminal.shows("n> perhaps\ny: yes").await;
    terminal.types("n\r");
    terminal.shows("Seen.").await;
}

#[tokio::test]
async fn a_question_answered_elsewhere_is_asked_no_more() {
    let gateway = asking().await;
    scripts(&gateway, "touch made");
    let terminal = Terminal::open(40, 120);
    let _chat = terminal.runs(&gateway, &["chat"]);
    terminal.shows("you>").await;
    terminal.types("touch made\r");
    terminal.shows("y/a/n>").await;
    let request = waiting(&gateway).await.remove(0);
    approves(&gateway, &request.id).await;
    terminal.shows("allowed once by cli").await;
    terminal.shows("Seen.").await;
    // A word that comes too late is no message.
    terminal.types("y\r");
    terminal.shows("that question waits no more").await;
    gateway.model.script([turn().says("Good.")]);
    terminal.types("how is it?\r");
    terminal.shows("Good.").await;
    assert_eq!(gateway.model.last().last_user(), "how is it?");
}

/// Two minutes in which nobody says a word; the agent is not taken for hung, nor the turn for spent.
#[tokio::test]
async fn silence_is_a_no_in_the_end() {
    let setup = asks(Gateway::setup().await);
    let setup = setup.config(|config| {
        config["agents"]["defaults"]["timeoutSeconds"] = json!(30);
    });
    let gateway = setup.start().await;
    scripts(&gateway, "touch made");
    let key = "the-key";
    let mut exchange = gateway.chat().says_keyed("touch made", key).await;
    question(&mut exchange).await;
    let (began, pid) = (Instant::now(), gateway.agent(MAIN).await.pid);
    let mut watch = gateway.control().await;
    let session = SessionKey::from(MAIN);
    watch.say(&ToSupervisor::Attach { session }).await.unwrap();
    let asked = hears(&mut watch, PATIENCE).await;
    assert!(matches!(asked, Activity::ApprovalAsked(_)), "{asked:?}");
    let ended = hears(&mut watch, Duration::from_secs(150)).await;
    assert!(
        matches!(&ended, Activity::ApprovalEnded(end) if end.decision.is_none()),
        "{ended:?}"
    );
    assert!(waiting(&gateway).await.is_empty());
    assert!(began.elapsed() >= Duration::from_secs(119));
    let reply = exchange.reply().await;
    assert_eq!(
        (reply.status, reply.text.as_str()),
        (ReplyStatus::Ok, "Seen.")
    );
    assert_eq!(gateway.agent(MAIN).await.pid, pid);
    let outcome = gateway.model.last().tool_output("exec");
    assert!(outcome.contains("nobody gave a word"), "{outcome}");
    assert!(!gateway.workspace().join("made").exists());
}

#[tokio::test]
async fn a_gateway_that_stops_waits_for_nobody_and_asks_again() {
    let mut gateway = asking().await;
    scripts(&gateway, "touch made");
    let mut exchange = gateway.chat().says("touch made").await;
    question(&mut exchange).await;
    gateway.restart().await;
    eventually!(waiting(&gateway).await.len() == 1, "{}", gateway.log());
    let again = waiting(&gateway).await.remove(0);
    approves(&gateway, &again.id).await;
    eventually!(gateway.workspace().join("made").exists());
    eventually!(gateway.state_of(MAIN).await == "idle");
}
