//! A person points our gateway at the state directory they have.

use ipc::transcript::TranscriptItem;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use tests::{Gateway, MAIN, Setup, eventually, turn};

const ID: &str = "0d6c1d0a-3a4e-4a53-8f3f-4c7b2f6d9e10";

/// Two spoken turns and a tool call, as release 2026.2 writes them, with one line cut short.
const LINES: &str = r#"{"type":"session","version":3,"id":"0d6c1d0a-3a4e-4a53-8f3f-4c7b2f6d9e10","timestamp":"2026-02-20T09:00:00.000Z","cwd":"/home/ada/.openclaw/workspace"}
{"type":"message","id":"a1","parentId":null,"timestamp":"2026-02-20T09:00:01.000Z","message":{"role":"user","content":[{"type":"text","text":"My name is Ada. What is in todo.txt?"}]}}
{"type":"message","id":"a2","parentId":"a1","timestamp":"2026-02-20T09:00:02.000Z","message":{"role":"assistant","content":[{"type":"toolCall","id":"call_9","name":"read","arguments":{"path":"todo.txt"}}],"provider":"openai","model":"gpt-5","usage":{"input":40,"output":9},"stopReason":"toolUse"}}
{"type":"message","id":"a3","parentId":"a2","timestamp":"2026-02-20T09:00:03.000Z","message":{"role":"toolResult","toolCallId":"call_9","toolName":"read","content":[{"type":"text","text":"water the fig tree"}],"isError":false}}
{"type":"message","id":"a4","parentId":"a3","timestamp":"2026-02-20T09:00:04.000Z","message":{"role":"assistant","content":[{"type":"text","text":"The fig tree wants water, Ada."}],"provider":"openai","model":"gpt-5","usage":{"input":60,"output":8},"stopReason":"stop"}}
{"type":"message","id":"a5","parentId":"a4","timest"#;

/// Where OpenClaw keeps an agent's sessions.
const FOLDER: &str = "agents/main/sessions";

async fn an_existing_state() -> Setup {
    let list = json!({ MAIN: { "sessionId": ID, "updatedAt": 1_771_578_004_000_i64 } });
    // The session is months old: without a daily reset it is the one that goes on.
    let setup = Gateway::setup().await.config(|config| {
        config["session"] = json!({ "reset": { "mode": "idle", "idleMinutes": 5_000_000 } });
    });
    setup
        .file(&format!("{FOLDER}/sessions.json"), &list.to_string())
        .file(&format!("{FOLDER}/{ID}.jsonl"), LINES)
}

fn files(gateway: &Gateway) -> BTreeMap<String, Vec<u8>> {
    let folder = gateway.state_dir().join(FOLDER);
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect()
}

#[tokio::test]
async fn an_old_conversation_goes_on() {
    let gateway = an_existing_state().await.laid_out();
    let before = files(&gateway);
    let mut gateway = gateway;
    gateway.start_again().await;
    gateway.model.script([turn().says("You are Ada.")]);
    assert_eq!(gateway.chat().asks("Who am I?").await.text, "You are Ada.");
    let seen = gateway.model.last();
    assert_eq!(
        seen.users(),
        ["My name is Ada. What is in todo.txt?", "Who am I?"]
    );
    assert_eq!(seen.tool_output("read"), "water the fig tree");
    assert_eq!(
        files(&gateway),
        before,
        "the old files are left as they are"
    );
    let log = gateway.log();
    assert!(
        log.contains(&format!("{ID}.jsonl: line 6")),
        "the cut line is named: {log}"
    );
}

#[tokio::test]
async fn sessions_are_taken_over_once() {
    let mut gateway = an_existing_state().await.start().await;
    eventually!(gateway.sessions().await.len() == 1);
    let items = gateway.transcript(MAIN).await.len();
    assert_eq!(items, 4);
    gateway.restart().await;
    eventually!(gateway.sessions().await.len() == 1);
    assert_eq!(gateway.transcript(MAIN).await.len(), items);
}

#[tokio::test]
async fn what_was_taken_over_can_be_given_back() {
    let gateway = an_existing_state().await.start().await;
    eventually!(gateway.sessions().await.len() == 1);
    let exported = gateway.cli(&["sessions", "export", MAIN]).await.ok();
    let lines: Vec<serde_json::Value> = exported
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["type"], "session");
    assert_eq!(lines[0]["version"], 3);
    assert_eq!(lines[0]["id"], ID);
    assert!(exported.contains("water the fig tree"));
    let said = gateway.transcript(MAIN).await;
    assert!(
        matches!(&said[0], TranscriptItem::User { text, .. } if text.starts_with("My name is Ada"))
    );
}
