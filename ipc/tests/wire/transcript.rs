//! What is stored, and why something was not done.

use crate::examples::{call_ref, request, usage};
use crate::still::snapshots;
use ipc::id::{InputId, ItemId};
use ipc::refusal::RefusalKind;
use ipc::tool::{Capture, ToolOutcome};
use ipc::transcript::{Carried, Image, ItemKind, TranscriptItem};
use ipc::walls::Behind;
use serde_json::json;

snapshots!(what_is_stored: TranscriptItem {
    User => TranscriptItem::User {
        input: InputId(4),
        text: "run echo hi".into(),
        images: vec![Image {
            blob: "1f0e.jpg".into(),
            mime: "image/jpeg".into(),
            bytes: 48_000,
        }],
    },
    Answer => TranscriptItem::Answer {
        text: "On it.".into(),
        tool_calls: vec![request()],
        model: "openai/gpt-4o".into(),
        usage: usage(),
        carried: Some(Carried { api: "openai-responses".into(), items: vec![json!({ "type": "reasoning" })] }),
    },
    Outcome => TranscriptItem::Outcome {
        call: call_ref(),
        tool: "exec".into(),
        outcome: ToolOutcome::Exited { code: 0, output: Capture::whole("hi\n") },
        behind: Some(Behind { level: 3, walls: "exec".into() }),
    },
    Note => TranscriptItem::Note { text: "a fallback was taken".into() },
    Summary => TranscriptItem::Summary { through: ItemId(6), text: "So far …".into() },
});

snapshots!(kinds_of_items: ItemKind {
    User => ItemKind::User,
    Answer => ItemKind::Answer,
    Outcome => ItemKind::Outcome,
    Note => ItemKind::Note,
    Summary => ItemKind::Summary,
});

snapshots!(kinds_of_no: RefusalKind {
    Denied => RefusalKind::Denied,
    Invalid => RefusalKind::Invalid,
    NotFound => RefusalKind::NotFound,
    OverBudget => RefusalKind::OverBudget,
    ContextFull => RefusalKind::ContextFull,
    Unavailable => RefusalKind::Unavailable,
    Cancelled => RefusalKind::Cancelled,
});
