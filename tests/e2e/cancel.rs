//! Stopping a turn: at once, and with everything it had started.

use ipc::control::ReplyStatus;
use serde_json::json;
use std::time::{Duration, Instant};
use tests::procfs::Process;
use tests::{Gate, Gateway, eventually, turn};

/// What a person is promised, and what a busy machine adds to it.
const AT_ONCE: Duration = Duration::from_millis(100);
const BUSY: u32 = 5;

/// The processes of a tool, as soon as one of them is called `words`: the jail and all inside.
async fn tool_tree(gateway: &Gateway, words: &str) -> Vec<Process> {
    // The shell that is to start it has the words in its title, too.
    let begun = || {
        gateway
            .titled(words)
            .iter()
            .any(|process| process.title == words)
    };
    eventually!(begun(), "{:#?}", gateway.tree());
    let tree = gateway.tree();
    tree.into_iter()
        .filter(|process| !process.title.contains("openclaw-agent"))
        .collect()
}

#[tokio::test]
async fn a_stopped_tool_is_gone_with_all_it_started() {
    let gateway = Gateway::start().await;
    // A child, a grandchild in a session of its own, and one that ignores every polite signal.
    let command = "trap '' TERM INT HUP; setsid sleep 2000.1 & (sleep 2000.2 &) ; sleep 2000.3";
    let mut fastest = Duration::MAX;
    for _ in 0..BUSY {
        gateway
            .model
            .script([turn().calls("exec", json!({ "command": command }))]);
        let alice = gateway.chat();
        let mut exchange = alice.says("sleep").await;
        // Each is there before the tree is looked at: they start in no order.
        tool_tree(&gateway, "sleep 2000.1").await;
        tool_tree(&gateway, "sleep 2000.2").await;
        let tree = tool_tree(&gateway, "sleep 2000.3").await;
        assert!(tree.len() >= 5, "{tree:#?}");
        let began = Instant::now();
        assert_eq!(alice.stops().await, "stopping");
        while tree.iter().any(Process::is_alive) {
            assert!(began.elapsed() < tests::PATIENCE, "it goes on: {tree:#?}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        fastest = fastest.min(began.elapsed());
        let reply = exchange.reply().await;
        assert_eq!(reply.status, ReplyStatus::Cancelled);
        if fastest <= AT_ONCE {
            break;
        }
    }
    assert!(
        fastest <= AT_ONCE,
        "the tool's tree was gone after {fastest:?}"
    );
}

#[tokio::test]
async fn a_stopped_model_call_is_hung_up_on() {
    let gateway = Gateway::start().await;
    let gate = Gate::new();
    gateway
        .model
        .script([turn().says("Never said.").held_after(1, &gate)]);
    let alice = gateway.chat();
    let mut exchange = alice.says("go").await;
    exchange.sees("a word", |seen| !seen.draft.is_empty()).await;
    let began = Instant::now();
    assert_eq!(alice.stops().await, "stopping");
    let reply = exchange.reply().await;
    assert_eq!(reply.status, ReplyStatus::Cancelled);
    assert!(began.elapsed() < AT_ONCE * BUSY, "{:?}", began.elapsed());
    eventually!(gateway.model.request(0).was_left());
}

#[tokio::test]
async fn after_a_stop_the_conversation_goes_on() {
    let gateway = Gateway::start().await;
    gateway.model.script([
        turn()
            .calls("exec", json!({ "command": "sleep 2001.1" }))
            .calls("exec", json!({ "command": "sleep 2001.2" })),
        turn().says("Hello again."),
    ]);
    let alice = gateway.chat();
    let mut exchange = alice.says("sleep twice").await;
    eventually!(
        !gateway.titled("sleep 2001.1").is_empty() && !gateway.titled("sleep 2001.2").is_empty()
    );
    alice.stops().await;
    assert_eq!(exchange.reply().await.status, ReplyStatus::Cancelled);
    eventually!(gateway.titled("sleep 2001.").is_empty());
    assert_eq!(alice.asks("are you there?").await.text, "Hello again.");
    let outputs = gateway.model.request(1).tool_outputs("exec");
    assert!(
        outputs.len() == 2 && outputs.iter().all(|o| o.contains("cancelled")),
        "{outputs:?}"
    );
}

#[tokio::test]
async fn stopping_what_does_not_run_does_no_harm() {
    let gateway = Gateway::start().await;
    gateway.model.script([turn().says("Hello.")]);
    let alice = gateway.chat();
    assert_eq!(alice.stops().await, "no turn is running there");
    assert_eq!(alice.asks("hi").await.text, "Hello.");
    assert_eq!(alice.stops().await, "no turn is running there");
}

#[tokio::test]
async fn a_stopped_background_command_is_not_the_turns() {
    let gateway = Gateway::start().await;
    let gate = Gate::new();
    gateway.model.script([
        turn().calls(
            "exec",
            json!({ "command": "sleep 2002.1", "background": true }),
        ),
        turn().says("It runs.").waits_for(&gate),
        turn().calls("process", json!({ "action": "list" })),
        turn().says("Still there."),
    ]);
    let alice = gateway.chat();
    let mut exchange = alice.says("start it").await;
    gate.reached().await;
    alice.stops().await;
    assert_eq!(exchange.reply().await.status, ReplyStatus::Cancelled);
    assert_eq!(alice.asks("and?").await.text, "Still there.");
    assert!(
        gateway
            .model
            .last()
            .tool_output("process")
            .contains("running")
    );
    assert_eq!(
        gateway
            .titled("sleep 2002.1")
            .iter()
            .filter(|p| p.title.starts_with("sleep"))
            .count(),
        1
    );
}

#[tokio::test]
async fn what_was_said_before_a_stop_stays_and_the_agent_knows() {
    let gateway = Gateway::start().await;
    let gate = Gate::new();
    gateway.model.script([
        turn()
            .says("First a look.")
            .calls("exec", json!({ "command": "true" })),
        turn().says("One two three four.").held_after(2, &gate),
        turn().says("Three four."),
    ]);
    let alice = gateway.chat();
    let mut exchange = alice.says("count").await;
    let begin = "First a look.\n\nOne two";
    exchange
        .sees("two words", |seen| seen.draft.trim_end() == begin)
        .await;
    alice.stops().await;
    let reply = exchange.reply().await;
    assert_eq!(reply.status, ReplyStatus::Cancelled);
    assert_eq!(reply.text, format!("{begin}\n\nStopped."));
    assert_eq!(alice.asks("go on").await.text, "Three four.");
    let note = "They saw this of what you were writing:\n\nOne two";
    let body = gateway.model.last().body;
    let said = serde_json::to_string(&note).unwrap();
    assert!(
        body.to_string().contains(said.trim_matches('"')),
        "{body:#}"
    );
    assert_eq!(
        body.to_string().matches("First a look.").count(),
        1,
        "{body:#}"
    );
}
