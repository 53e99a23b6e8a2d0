//! Laws of the store, tried on a real file.

mod crash;
mod disk;
mod group;
mod history;
mod openclaw;
mod order;
mod place;
mod purge;
mod said;
mod updates;
mod usage;

use super::{FinishedTurn, NewInput, OpenSession, Store};
use ipc::agent::TurnOutcome;
use ipc::control::{FinalReply, ReplyStatus};
use ipc::id::{AgentId, InputId, ItemId, SessionKey};
use ipc::model::Usage;
use ipc::tool::ToolOutcome;
use ipc::transcript::{ToolRequest, TranscriptItem};
use serde_json::json;
use std::future::Future;
use std::path::Path;
use std::process::Command;

/// Runs a story to its end.
fn run<T>(story: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(story)
}

fn open(directory: &Path) -> Store {
    Store::open(&directory.join("state.sqlite")).unwrap()
}

/// One test of this program, in a process of its own that can be killed or starved. It is run by a
/// shell that lets writes past a limit fail instead of ending the process.
#[expect(
    clippy::disallowed_methods,
    reason = "the child is this test program itself"
)]
fn again(test: &str) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap())
        .arg(test)
        .args(["--exact", "--nocapture"]);
    command
}

fn agent() -> AgentId {
    AgentId::from("main")
}

fn session(name: &str) -> SessionKey {
    SessionKey(format!("agent:main:{name}"))
}

async fn opened(store: &Store, key: &SessionKey) -> OpenSession {
    store.open_session(key, &agent()).await.unwrap()
}

fn message(key: &str, session: &SessionKey) -> NewInput {
    NewInput {
        cap: u32::MAX,
        key: key.to_owned(),
        session: session.clone(),
        agent: agent(),
        channel: "cli".to_owned(),
        origin: json!({ "connection": 7 }),
        text: format!("words of {key}"),
        images: Vec::new(),
    }
}

fn user(input: InputId, text: &str) -> TranscriptItem {
    TranscriptItem::User {
        input,
        text: text.to_owned(),
        images: Vec::new(),
    }
}

fn answer(text: &str, calls: u32) -> TranscriptItem {
    TranscriptItem::Answer {
        text: text.to_owned(),
        tool_calls: (0..calls)
            .map(|n| ToolRequest {
                id: format!("call_{n}"),
                name: "exec".to_owned(),
                arguments: r#"{"command":"echo hi"}"#.to_owned(),
            })
            .collect(),
        model: "mock/model".to_owned(),
        usage: Usage::default(),
        carried: None,
    }
}

fn outcome(call: ipc::id::CallRef, text: &str) -> TranscriptItem {
    TranscriptItem::Outcome {
        call,
        tool: "exec".to_owned(),
        outcome: ToolOutcome::Text {
            text: text.to_owned(),
        },
        behind: None,
    }
}

fn finished(input: InputId, session: &SessionKey, text: &str) -> FinishedTurn {
    FinishedTurn {
        outcome: TurnOutcome::Answered,
        reply: FinalReply {
            text: text.to_owned(),
            input,
            session: session.clone(),
            status: ReplyStatus::Ok,
            model: "mock/model".to_owned(),
            usage: Usage::default(),
        },
        channel: "cli".to_owned(),
        target: json!({ "connection": 7 }),
    }
}

/// A whole turn that answers `input`, on a session without another one running.
async fn turn(store: &Store, key: &SessionKey, input: InputId) {
    let open = opened(store, key).await;
    let first = open.next_item;
    let begun = vec![(first, user(input, "hi"))];
    let (id, number) = (&open.id, open.next_turn);
    store
        .begin_turn(id, number, vec![input], begun)
        .await
        .unwrap();
    let said: Vec<(ItemId, TranscriptItem)> = vec![(first.next(), answer("hello", 0))];
    store.append(id, number, said, vec![], None).await.unwrap();
    let end = finished(input, key, "hello");
    store.finish_turn(id, number, end).await.unwrap();
}
