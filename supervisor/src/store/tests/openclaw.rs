//! An existing OpenClaw's sessions, taken over and given back.

use super::{agent, open, opened, run, session};
use crate::store::export::to_jsonl;
use crate::store::import::branch::Branch;
use crate::store::import::convert::convert;
use crate::store::{ImportReport, SessionRow, SessionTranscript, Store, StoredItem};
use ipc::id::{CallRef, InputId, ItemId, SessionId, TurnId};
use ipc::model::Usage;
use ipc::tool::{Capture, ToolOutcome};
use ipc::transcript::{Carried, ToolRequest, TranscriptItem};
use proptest::prelude::*;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

const ID: &str = "7b0c6a52-5d0f-4b4e-9d52-0d8a7b1f3c11";

/// A state directory as OpenClaw leaves it: a session with an abandoned branch, a compaction, a
/// broken line, a call that was cut off; one whose transcript is gone; one never spoken in.
fn state_directory(home: &Path) -> PathBuf {
    let sessions = home.join("agents/main/sessions");
    fs::create_dir_all(&sessions).unwrap();
    let list = json!({
        "agent:main:main": {
            "sessionId": ID, "updatedAt": 1_770_000_500_000_i64,
            "sessionFile": format!("/somewhere/else/agents/main/sessions/{ID}.jsonl"),
            "model": "gpt-5", "modelProvider": "openai",
            "providerOverride": "openai", "modelOverride": "gpt-5-mini",
            "totalTokens": 4321, "systemSent": true, "skillsSnapshot": { "prompt": "" },
        },
        "agent:main:telegram:group:-100": { "sessionId": "gone", "updatedAt": 1 },
        "agent:main:fresh": { "updatedAt": 1 },
    });
    fs::write(sessions.join("sessions.json"), list.to_string()).unwrap();
    fs::write(sessions.join(format!("{ID}.jsonl")), TRANSCRIPT).unwrap();
    home.to_owned()
}

const TRANSCRIPT: &str = r#"{"type":"session","version":3,"id":"7b0c6a52-5d0f-4b4e-9d52-0d8a7b1f3c11","timestamp":"2026-02-02T10:00:00.000Z","cwd":"/home/ann/.openclaw/workspace"}
{"type":"model_change","id":"00000001","parentId":null,"timestamp":"2026-02-02T10:00:00.010Z","provider":"openai","modelId":"gpt-5"}
{"type":"thinking_level_change","id":"00000002","parentId":"00000001","timestamp":"2026-02-02T10:00:00.011Z","thinkingLevel":"low"}
{"type":"custom","customType":"model-snapshot","data":{"x":1},"id":"00000003","parentId":"00000002","timestamp":"2026-02-02T10:00:00.012Z"}
{"type":"message","id":"00000004","parentId":"00000003","timestamp":"2026-02-02T10:00:01.000Z","message":{"role":"user","content":[{"type":"text","text":"what is in notes.txt?"}],"timestamp":1770026401000}}
{"type":"message","id":"00000005","parentId":"00000004","timestamp":"2026-02-02T10:00:02.000Z","message":{"role":"assistant","content":[{"type":"thinking","thinking":"I read it","thinkingSignature":"s"},{"type":"text","text":"Let me look."},{"type":"toolCall","id":"call_1|fc_1","name":"read","arguments":{"path":"notes.txt"}}],"api":"openai-responses","provider":"openai","model":"gpt-5","usage":{"input":100,"output":20,"cacheRead":50,"cacheWrite":0,"totalTokens":170,"cost":{"total":0.1}},"stopReason":"toolUse","timestamp":1770026402000}}
{"type":"message","id":"00000006","parentId":"00000005","timestamp":"2026-02-02T10:00:03.000Z","message":{"role":"toolResult","toolCallId":"call_1|fc_1","toolName":"read","content":[{"type":"text","text":"buy milk"}],"details":{},"isError":false,"timestamp":1770026403000}}
{"type":"message","id":"00000007","parentId":"00000006","timestamp":"2026-02-02T10:00:04.000Z","message":{"role":"assistant","content":[{"type":"text","text":"abandoned"}],"provider":"openai","model":"gpt-5","stopReason":"stop"}}
{"type":"message","id":"00000008","parentId":"00000006","timestamp":"2026-02-02T10:00:05.000Z","message":{"role":"assistant","content":[{"type":"text","text":"Milk is to be bought."}],"provider":"openai","model":"gpt-5","usage":{"input":10,"output":5,"cacheRead":150,"cacheWrite":0},"stopReason":"stop"}}
{"type":"message","id":"00000009","parentId":"00000008","times
{"type":"message","id":"0000000a","parentId":"00000009","timestamp":"2026-02-02T10:00:06.000Z","message":{"role":"user","content":"and list the rest"}}
{"type":"compaction","id":"0000000b","parentId":"0000000a","timestamp":"2026-02-02T10:00:06.500Z","summary":"The person needs milk.","firstKeptEntryId":"0000000a","tokensBefore":50000}
{"type":"message","id":"0000000c","parentId":"0000000b","timestamp":"2026-02-02T10:00:07.000Z","message":{"role":"assistant","content":[{"type":"toolCall","id":"call_2","name":"exec","arguments":{"command":"ls"}}],"provider":"openai","model":"gpt-5","usage":{"input":1,"output":1},"stopReason":"toolUse"}}
{"type":"message","id":"0000000d","parentId":"0000000c","timestamp":"2026-02-02T10:00:08.000Z","message":{"role":"user","content":[{"type":"text","text":"hello?"},{"type":"image","data":"AAAA","mimeType":"image/png"}]}}
{"type":"message","id":"0000000e","parentId":"0000000d","timestamp":"2026-02-02T10:00:09.000Z","message":{"role":"assistant","content":[],"provider":"openai","model":"gpt-5","stopReason":"error","errorMessage":"overloaded"}}
"#;

async fn import(store: &Store, state: &Path) -> ImportReport {
    store.import_existing(state).await.unwrap()
}

#[test]
fn an_existing_session_goes_on_where_it_was() {
    let home = tempfile::tempdir().unwrap();
    let state = state_directory(&home.path().join("openclaw"));
    let before = files(&state);
    run(async {
        let store = open(&home.path().join("ours"));
        let report = import(&store, &state).await;
        assert_eq!((report.sessions, report.items), (1, 9), "{report:?}");
        assert_eq!(report.skipped.len(), 2, "{report:?}");
        assert!(
            report.skipped[0].contains(".jsonl: line 10: "),
            "{report:?}"
        );
        assert!(report.skipped[1].contains("gone.jsonl"), "{report:?}");

        let open = opened(&store, &session("main")).await;
        assert_eq!(open.id, SessionId::from(ID));
        assert_eq!((open.next_item, open.next_turn), (ItemId(10), TurnId(4)));
        assert_eq!(open.model.as_deref(), Some("openai/gpt-5-mini"));
        let used = Usage {
            input: 311,
            output: 26,
            cached: 200,
        };
        assert_eq!(open.usage, used);
        assert_eq!(store.load_context(&open.id).await.unwrap(), in_context());

        let rows = store.usage_since(0).await.unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].calls, rows[0].usage), (3, used));
        let listed = store.list().await.unwrap();
        assert_eq!(listed[0].updated_at, 1_770_000_500_000);
        // A new turn follows the imported ones.
        let item = (ItemId(10), super::user(InputId(1), "next"));
        let begun = store
            .begin_turn(&open.id, TurnId(4), vec![], vec![item])
            .await;
        begun.unwrap();
    });
    assert_eq!(files(&state), before, "the files are left as they are");
}

/// What the model is told after the compaction.
fn in_context() -> Vec<(ItemId, TranscriptItem)> {
    let words = |text: &str| super::user(InputId(0), text);
    let call = CallRef {
        item: ItemId(7),
        index: 0,
    };
    let items = [
        (
            6,
            TranscriptItem::Summary {
                through: ItemId(4),
                text: "The person needs milk.".to_owned(),
            },
        ),
        (5, words("and list the rest")),
        (
            7,
            TranscriptItem::Answer {
                text: String::new(),
                tool_calls: vec![ToolRequest {
                    id: "call_2".to_owned(),
                    name: "exec".to_owned(),
                    arguments: r#"{"command":"ls"}"#.to_owned(),
                }],
                model: "openai/gpt-5".to_owned(),
                usage: Usage {
                    input: 1,
                    output: 1,
                    cached: 0,
                },
                carried: None,
            },
        ),
        (
            8,
            TranscriptItem::Outcome {
                call,
                tool: "exec".to_owned(),
                outcome: ToolOutcome::Interrupted,
                behind: None,
            },
        ),
        (9, words("hello?\n[image]")),
    ];
    items.map(|(id, item)| (ItemId(id), item)).to_vec()
}

fn files(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let sessions = directory.join("agents/main/sessions");
    let entries = fs::read_dir(sessions).unwrap().flatten();
    let mut files: Vec<_> = entries
        .map(|e| (e.path(), fs::read(e.path()).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn importing_twice_is_importing_once() {
    let home = tempfile::tempdir().unwrap();
    let state = state_directory(&home.path().join("openclaw"));
    run(async {
        let store = open(&home.path().join("ours"));
        import(&store, &state).await;
        assert_eq!(import(&store, &state).await, ImportReport::default());
        // The list changes: what is here already stays as it is.
        let file = state.join("agents/main/sessions/sessions.json");
        let list = json!({ "agent:main:main": { "sessionId": ID } });
        fs::write(&file, list.to_string()).unwrap();
        store
            .run(crate::store::Durability::Relaxed, |c| {
                Ok(c.execute("DELETE FROM imports", [])?)
            })
            .await
            .unwrap();
        assert_eq!(import(&store, &state).await, ImportReport::default());
        assert_eq!(store.list().await.unwrap().len(), 1);
    });
}

#[test]
fn a_session_that_is_here_already_keeps_its_place() {
    let home = tempfile::tempdir().unwrap();
    let state = state_directory(&home.path().join("openclaw"));
    run(async {
        let store = open(&home.path().join("ours"));
        let ours = opened(&store, &session("main")).await;
        let report = import(&store, &state).await;
        assert!(
            report
                .skipped
                .iter()
                .any(|why| why.contains("kept as its past")),
            "{report:?}"
        );
        assert_eq!(opened(&store, &session("main")).await, ours);
        let past = store.load_context(&SessionId::from(ID)).await.unwrap();
        assert_eq!(past, in_context());
    });
}

#[test]
fn no_openclaw_at_all_is_nothing_to_import() {
    let home = tempfile::tempdir().unwrap();
    run(async {
        let store = open(&home.path().join("ours"));
        assert_eq!(import(&store, home.path()).await, ImportReport::default());
        let sessions = home.path().join("agents/main/sessions");
        fs::create_dir_all(&sessions).unwrap();
        fs::write(sessions.join("sessions.json"), "[not an object").unwrap();
        let report = import(&store, home.path()).await;
        assert_eq!(
            (report.sessions, report.skipped.len()),
            (0, 1),
            "{report:?}"
        );
        assert!(store.open_session(&session("main"), &agent()).await.is_ok());
    });
}

// === out and in again ===

fn outcome() -> impl Strategy<Value = ToolOutcome> {
    let output = ".{0,20}".prop_map(Capture::whole);
    prop_oneof![
        (0..3_i32, output).prop_map(|(code, output)| ToolOutcome::Exited { code, output }),
        ".{0,20}".prop_map(|text| ToolOutcome::Text { text }),
        ".{1,20}".prop_map(|reason| ToolOutcome::Denied { reason }),
        Just(ToolOutcome::Interrupted),
    ]
}

/// A person's words, the answers with their calls' outcomes, and a note after them.
type Turn = (String, Vec<(String, Vec<ToolOutcome>)>, Option<String>);

fn turn() -> impl Strategy<Value = Turn> {
    let calls = proptest::collection::vec(outcome(), 0..3);
    let answers = proptest::collection::vec((".{0,20}", calls), 1..3);
    (".{0,20}", answers, proptest::option::of(".{0,20}"))
}

fn transcript() -> impl Strategy<Value = Vec<StoredItem>> {
    let folded = any::<prop::sample::Index>();
    (
        proptest::collection::vec(turn(), 1..5),
        proptest::option::of(folded),
    )
        .prop_map(|(turns, folded)| {
            let mut items = Vec::new();
            for (number, (words, answers, note)) in (1..).zip(turns) {
                push(&mut items, number, super::user(InputId(number), &words));
                for (text, outcomes) in answers {
                    push_answer(&mut items, number, text, outcomes);
                }
                if let Some(text) = note {
                    push(&mut items, number, TranscriptItem::Note { text });
                }
            }
            if let Some(folded) = folded {
                let through = ItemId(folded.index(items.len() + 1) as u64);
                let text = "so far".to_owned();
                let turn = items.last().map_or(0, |item: &StoredItem| item.turn.0);
                push(&mut items, turn, TranscriptItem::Summary { through, text });
            }
            items
        })
}

fn push(items: &mut Vec<StoredItem>, turn: u64, item: TranscriptItem) {
    let id = ItemId(items.len() as u64 + 1);
    let at = 1_770_000_000_000 + id.0 as i64 * 7;
    items.push(StoredItem {
        id,
        turn: TurnId(turn),
        at,
        item,
    });
}

fn push_answer(items: &mut Vec<StoredItem>, turn: u64, text: String, outcomes: Vec<ToolOutcome>) {
    let asked = ItemId(items.len() as u64 + 1);
    let request = |n: usize| ToolRequest {
        id: format!("call_{n}"),
        name: "exec".to_owned(),
        arguments: if n == 0 {
            r#"{ "b": 1, "a": "x" }"#
        } else {
            "{ broken"
        }
        .to_owned(),
    };
    push(
        items,
        turn,
        TranscriptItem::Answer {
            text,
            tool_calls: (0..outcomes.len()).map(request).collect(),
            model: "openrouter/meta/llama".to_owned(),
            usage: Usage {
                input: 9,
                output: 3,
                cached: 4,
            },
            carried: Some(Carried {
                api: "openai-responses".to_owned(),
                items: vec![],
            }),
        },
    );
    for (index, outcome) in (0..).zip(outcomes) {
        let call = CallRef { item: asked, index };
        let tool = "exec".to_owned();
        push(
            items,
            turn,
            TranscriptItem::Outcome {
                call,
                tool,
                outcome,
                behind: None,
            },
        );
    }
}

/// What is left of an item on its way through OpenClaw's form.
fn as_imported(stored: &StoredItem) -> StoredItem {
    let item = match stored.item.clone() {
        TranscriptItem::User { text, .. } => super::user(InputId(0), &text),
        TranscriptItem::Answer {
            text,
            mut tool_calls,
            model,
            usage,
            ..
        } => {
            for call in &mut tool_calls {
                let object = serde_json::from_str::<serde_json::Value>(&call.arguments);
                call.arguments = object.map_or(call.arguments.clone(), |o| o.to_string());
            }
            TranscriptItem::Answer {
                text,
                tool_calls,
                model,
                usage,
                carried: None,
            }
        }
        TranscriptItem::Outcome {
            call,
            tool,
            outcome,
            behind: _,
        } => {
            let outcome = ToolOutcome::Text {
                text: outcome.to_text(),
            };
            TranscriptItem::Outcome {
                call,
                tool,
                outcome,
                behind: None,
            }
        }
        other @ (TranscriptItem::Note { .. } | TranscriptItem::Summary { .. }) => other,
    };
    StoredItem {
        item,
        ..stored.clone()
    }
}

proptest! {
    #[test]
    fn what_goes_out_comes_in_again(items in transcript()) {
        let row = SessionRow {
            session: session("main"),
            id: SessionId::from(ID),
            agent: agent(),
            model: None,
            begun_at: 5,
            updated_at: 6,
            items: items.len() as u64,
            usage: Usage::default(),
        };
        let text = to_jsonl(&SessionTranscript { row, items: items.clone() });
        assert_eq!(text.lines().count(), items.len() + 1);
        let converted = convert(Branch::read(&text).unwrap());
        assert_eq!(converted.broken, Vec::<String>::new());
        assert_eq!(converted.begun_at, 5);
        let expected: Vec<_> = items.iter().map(as_imported).collect();
        assert_eq!(converted.items, expected);
    }

    #[test]
    fn no_transcript_makes_the_import_fail(lines in proptest::collection::vec(".{0,60}", 0..9)) {
        let head = TRANSCRIPT.lines().next().unwrap();
        let text = format!("{head}\n{}", lines.join("\n"));
        let converted = convert(Branch::read(&text).unwrap());
        assert!(converted.items.is_empty());
    }
}
