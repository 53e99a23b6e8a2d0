//! A session as OpenClaw's own JSONL (version 3), for `sessions export`: a head line, then each item
//! as the child of the one before.

use super::{SessionTranscript, StoredItem};
use ipc::id::{CallRef, ItemId};
use ipc::model::Usage;
use ipc::tool::ToolOutcome;
use ipc::transcript::{ToolRequest, TranscriptItem};
use serde_json::{Value, json};
use std::collections::HashMap;

/// The session's transcript, a line an item. Provider-made state that belongs to an answer is not
/// exported.
#[must_use]
pub fn to_jsonl(session: &SessionTranscript) -> String {
    let SessionTranscript { row, items } = session;
    let head = json!({
        "type": "session",
        "version": 3,
        "id": row.id,
        "timestamp": instant(row.begun_at),
        "cwd": "",
    });
    let mut text = format!("{head}\n");
    let calls = call_ids(items);
    let mut tokens = 0_u64;
    let mut parent = Value::Null;
    for stored in items {
        let id = json!(entry_id(stored.id));
        let mut line = entry(stored, &calls, tokens);
        line["id"] = id.clone();
        line["parentId"] = parent;
        line["timestamp"] = json!(instant(stored.at));
        text.push_str(&format!("{line}\n"));
        parent = id;
        tokens += u64::from(stored.item.tokens());
    }
    text
}

/// An item's line but for its place in the tree; `tokens` is how much there was before it.
fn entry(stored: &StoredItem, calls: &HashMap<CallRef, &str>, tokens: u64) -> Value {
    match &stored.item {
        TranscriptItem::Note { text } => json!({
            "type": "custom_message",
            "customType": "note",
            "content": text,
            "display": true,
        }),
        TranscriptItem::Summary { through, text } => json!({
            "type": "compaction",
            "summary": text,
            "firstKeptEntryId": entry_id(through.next()),
            "tokensBefore": tokens,
        }),
        TranscriptItem::User { .. }
        | TranscriptItem::Answer { .. }
        | TranscriptItem::Outcome { .. } => json!({
            "type": "message",
            "message": message(stored, calls),
        }),
    }
}

/// The message of an item that is one; its instant is the number of milliseconds there.
fn message(stored: &StoredItem, calls: &HashMap<CallRef, &str>) -> Value {
    match &stored.item {
        TranscriptItem::User { text, .. } => json!({
            "role": "user",
            "content": [text_block(text)],
            "timestamp": stored.at,
        }),
        TranscriptItem::Answer {
            text,
            tool_calls,
            model,
            usage,
            ..
        } => {
            let (provider, model) = model.split_once('/').unwrap_or(("", model));
            let words = (!text.is_empty()).then(|| text_block(text));
            let content: Vec<_> = words
                .into_iter()
                .chain(tool_calls.iter().map(call_block))
                .collect();
            json!({
                "role": "assistant",
                "content": content,
                "provider": provider,
                "model": model,
                "usage": usage_block(*usage),
                "stopReason": if tool_calls.is_empty() { "stop" } else { "toolUse" },
                "timestamp": stored.at,
            })
        }
        TranscriptItem::Outcome {
            call,
            tool,
            outcome,
            behind: _,
        } => json!({
            "role": "toolResult",
            "toolCallId": calls.get(call).map_or_else(|| call.to_string(), |id| (*id).to_owned()),
            "toolName": tool,
            "content": [text_block(&outcome.to_text())],
            "isError": is_error(outcome),
            "timestamp": stored.at,
        }),
        TranscriptItem::Note { .. } | TranscriptItem::Summary { .. } => Value::Null,
    }
}

/// The providers' ids of all calls.
fn call_ids(items: &[StoredItem]) -> HashMap<CallRef, &str> {
    let mut ids = HashMap::new();
    for stored in items {
        if let TranscriptItem::Answer { tool_calls, .. } = &stored.item {
            let item = stored.id;
            for (index, call) in (0..).zip(tool_calls) {
                ids.insert(CallRef { item, index }, call.id.as_str());
            }
        }
    }
    ids
}

fn text_block(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

/// Arguments are an object there; what the model gave instead stays text.
fn call_block(call: &ToolRequest) -> Value {
    let object = serde_json::from_str(&call.arguments).ok();
    let object = object.filter(Value::is_object);
    json!({
        "type": "toolCall",
        "id": call.id,
        "name": call.name,
        "arguments": object.unwrap_or_else(|| json!(call.arguments)),
    })
}

fn usage_block(usage: Usage) -> Value {
    json!({
        "input": usage.input.saturating_sub(usage.cached),
        "output": usage.output,
        "cacheRead": usage.cached,
        "cacheWrite": 0,
        "totalTokens": usage.input.saturating_add(usage.output),
    })
}

fn is_error(outcome: &ToolOutcome) -> bool {
    match outcome {
        ToolOutcome::Exited { code, .. } => *code != 0,
        ToolOutcome::Text { .. } | ToolOutcome::Running { .. } => false,
        ToolOutcome::Signaled { .. }
        | ToolOutcome::TimedOut { .. }
        | ToolOutcome::Denied { .. }
        | ToolOutcome::Cancelled { .. }
        | ToolOutcome::Stopped { .. }
        | ToolOutcome::Interrupted
        | ToolOutcome::Failed { .. } => true,
    }
}

fn entry_id(item: ItemId) -> String {
    format!("{:08x}", item.0)
}

fn instant(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms)
        .map(|instant| format!("{instant:.3}"))
        .unwrap_or_default()
}
