//! Agents that say what they may, and far too much of it. Each kind has a bound, and the bound ends
//! the process; the gateway stays as small as it was.

use super::is_told;
use ipc::transcript::TranscriptItem;
use serde_json::json;
use tests::{Gateway, eventually, turn};

/// What each does without end, and what the person is told of it.
const PARTS: [(&str, &str); 7] = [
    ("chatty-deltas", "more text than answers have"),
    ("chatty-shouts", "more text than answers have"),
    ("chatty-undeltas", "taking back what was not shown"),
    ("chatty-notes", "too many notes"),
    ("chatty-book", "a note that is too long"),
    ("chatty-prompt", "too long a prompt"),
    ("stubborn-gone", "was ended by signal 9"),
];

/// What the gateway may take in all, in KiB, with seven floods at once: a few frames of each.
const MEMORY: u64 = 300 * 1024;

fn session(part: &str) -> String {
    format!("agent:main:bad-{part}")
}

#[tokio::test]
async fn too_much_of_anything_ends_the_agent_and_costs_the_gateway_little() {
    let setup = Gateway::setup().await.instead("openclaw-agent", "hostile");
    let mut gateway = setup.start().await;
    let mut waiting = Vec::new();
    for (part, _) in PARTS {
        let chat = gateway.chat_in(&session(part));
        waiting.push(chat.says(&format!("I am {part}.")).await);
    }
    // Meanwhile a good one works.
    for n in 0..5 {
        let call = turn().calls("exec", json!({ "command": format!("echo {n}") }));
        gateway.model.script([call, turn().says("Good.")]);
        assert_eq!(gateway.chat().asks("be good").await.text, "Good.");
    }
    for ((part, reason), exchange) in PARTS.into_iter().zip(&mut waiting) {
        let reply = exchange.reply().await;
        is_told(part, &reply);
        assert!(reply.text.contains(reason), "{part}: {reply:?}");
    }
    let peak = gateway.process().status("VmHWM");
    let kib: u64 = peak.trim_end_matches(" kB").parse().unwrap();
    assert!(kib < MEMORY, "the gateway took {peak}");
    eventually!(gateway.titled("bad-").is_empty());

    let items = gateway.transcript(&session("chatty-notes")).await;
    let notes = items
        .iter()
        .filter(|item| matches!(item, TranscriptItem::Note { .. }))
        .count();
    assert!(notes <= 6 * 64, "{notes} notes");
    // What was stored of it all does not keep a good agent from its work.
    gateway.put_own("openclaw-agent");
    for (part, _) in PARTS {
        let words = format!("Now, {part}?");
        gateway
            .model
            .script_for(&words, [turn().says("Better now.")]);
        let reply = gateway.chat_in(&session(part)).asks(&words).await;
        assert_eq!(reply.text, "Better now.", "{part}");
    }
}

#[tokio::test]
async fn an_agent_that_asks_on_and_on_has_spent_its_budget_and_no_more() {
    let setup = Gateway::setup().await.instead("openclaw-agent", "hostile");
    let setup = setup.config(|config| config["budget"]["modelCallsPerTurn"] = json!(3));
    let gateway = setup.start().await;
    gateway.model.script(vec![turn().says("Go on."); 3]);
    // The model's last words are the answer, whatever the agent wanted besides.
    let reply = gateway.chat_in(&session("chatty-asks")).asks("talk").await;
    assert_eq!(reply.text, "Go on.");
    let spent = "again and again, after the turn's budget was spent";
    assert!(gateway.log().contains(spent), "{}", gateway.log());
    assert_eq!(gateway.model.requests().len(), 3);
}

#[tokio::test]
async fn a_model_that_fails_for_ever_is_asked_no_more_often_than_the_budget_allows() {
    let setup = Gateway::setup().await.instead("openclaw-agent", "hostile");
    let setup = setup.config(|config| config["budget"]["modelCallsPerTurn"] = json!(3));
    let gateway = setup.start().await;
    gateway.model.always(turn().fails(400));
    let reply = gateway.chat_in(&session("chatty-asks")).asks("talk").await;
    is_told("chatty-asks", &reply);
    // New agents have what the turn has left, which is nothing.
    assert_eq!(gateway.model.requests().len(), 3);
}
