//! The entries of a branch as transcript items.

use super::branch::{Branch, Entry};
use crate::store::StoredItem;
use ipc::id::{CallRef, InputId, ItemId, TurnId};
use ipc::model::Usage;
use ipc::tool::ToolOutcome;
use ipc::transcript::{ToolRequest, TranscriptItem};
use serde_json::Value;
use std::collections::HashMap;

/// A transcript in our own form.
#[derive(Debug, PartialEq)]
pub(in crate::store) struct Converted {
    /// Milliseconds since 1970.
    pub begun_at: i64,
    pub items: Vec<StoredItem>,
    /// What could not be taken over, by line.
    pub broken: Vec<String>,
}

/// Makes items of a branch. Thinking, settings and other entries that are not part of what was said
/// are left out. Every call gets an outcome: one that has none was interrupted.
pub(in crate::store) fn convert(branch: Branch) -> Converted {
    let begun_at = branch.begun.as_ref().and_then(instant).unwrap_or(0);
    let mut converter = Converter {
        converted: Converted {
            begun_at,
            items: Vec::new(),
            broken: branch.broken,
        },
        at: begun_at,
        turn: TurnId(0),
        open: Vec::new(),
        begins: HashMap::new(),
    };
    for entry in branch.entries {
        converter.take(entry);
    }
    converter.interrupt_open();
    converter.converted
}

/// What an answer cost, and who gave it.
pub(in crate::store) fn usage_of(item: &TranscriptItem) -> Option<(&str, Usage)> {
    match item {
        TranscriptItem::Answer { model, usage, .. } => Some((model, *usage)),
        TranscriptItem::User { .. }
        | TranscriptItem::Outcome { .. }
        | TranscriptItem::Note { .. }
        | TranscriptItem::Summary { .. } => None,
    }
}

struct Converter {
    converted: Converted,
    /// The instant of the current entry.
    at: i64,
    turn: TurnId,
    /// Calls without an outcome yet.
    open: Vec<OpenCall>,
    /// How many items there were before each entry.
    begins: HashMap<String, u64>,
}

struct OpenCall {
    call: CallRef,
    /// The provider's id of it.
    id: String,
    tool: String,
}

impl Converter {
    fn take(&mut self, entry: Entry) {
        self.at = entry
            .timestamp
            .as_ref()
            .and_then(instant)
            .unwrap_or(self.at);
        let role = entry
            .message
            .as_ref()
            .map(|message| text_of(message, "role"));
        if matches!(role.as_deref(), Some("user" | "assistant")) {
            self.interrupt_open();
        }
        if let Some(id) = &entry.id {
            self.begins.insert(id.clone(), self.last().0);
        }
        match (entry.kind.as_str(), entry.message) {
            ("message", Some(message)) => self.message(entry.line, &message),
            ("message", None) => self.leave(entry.line, "a message without its words"),
            ("compaction", _) => {
                let kept = entry
                    .first_kept_entry_id
                    .and_then(|id| self.begins.get(&id));
                self.push(TranscriptItem::Summary {
                    through: kept.copied().map_or(self.last(), ItemId),
                    text: entry.summary.unwrap_or_default(),
                });
            }
            ("branch_summary", _) => self.note(entry.summary.unwrap_or_default()),
            ("custom_message", _) => self.note(content_text(entry.content.as_ref())),
            // Settings, labels, an extension's own state: nothing the model was told.
            _ => {}
        }
    }

    fn message(&mut self, line: usize, message: &Value) {
        let content = message.get("content");
        match text_of(message, "role").as_str() {
            "user" => {
                self.turn = self.turn.next();
                self.push(TranscriptItem::User {
                    input: InputId(0),
                    text: content_text(content),
                    images: Vec::new(),
                });
            }
            "assistant" => self.answer(message),
            "toolResult" => self.outcome(line, message),
            "bashExecution" => {
                let command = text_of(message, "command");
                let output = text_of(message, "output");
                self.note(format!("The person ran `{command}`:\n{output}"));
            }
            "custom" => self.note(content_text(content)),
            role => self.leave(line, &format!("a message of role `{role}`")),
        }
    }

    fn answer(&mut self, message: &Value) {
        let content = message.get("content");
        let text = content_text(content);
        let tool_calls = blocks(content, "toolCall")
            .map(tool_request)
            .collect::<Vec<_>>();
        let stop = text_of(message, "stopReason");
        if text.is_empty() && tool_calls.is_empty() && matches!(stop.as_str(), "error" | "aborted")
        {
            return; // an attempt that came to nothing
        }
        let item = self.last().next();
        self.open = (0..)
            .zip(&tool_calls)
            .map(|(index, call)| OpenCall {
                call: CallRef { item, index },
                id: call.id.clone(),
                tool: call.name.clone(),
            })
            .collect();
        self.push(TranscriptItem::Answer {
            text,
            tool_calls,
            model: model_name(message),
            usage: usage(message.get("usage")),
            carried: None,
        });
    }

    fn outcome(&mut self, line: usize, message: &Value) {
        let id = text_of(message, "toolCallId");
        let Some(at) = self.open.iter().position(|open| open.id == id) else {
            return self.leave(line, &format!("a result of call `{id}`, which nobody made"));
        };
        let OpenCall { call, tool, .. } = self.open.remove(at);
        let outcome = ToolOutcome::Text {
            text: content_text(message.get("content")),
        };
        self.push(TranscriptItem::Outcome {
            call,
            tool,
            outcome,
            behind: None,
        });
    }

    fn interrupt_open(&mut self) {
        for OpenCall { call, tool, .. } in std::mem::take(&mut self.open) {
            let outcome = ToolOutcome::Interrupted;
            self.push(TranscriptItem::Outcome {
                call,
                tool,
                outcome,
                behind: None,
            });
        }
    }

    fn note(&mut self, text: String) {
        self.push(TranscriptItem::Note { text });
    }

    fn push(&mut self, item: TranscriptItem) {
        self.converted.items.push(StoredItem {
            id: self.last().next(),
            turn: self.turn,
            at: self.at,
            item,
        });
    }

    fn leave(&mut self, line: usize, what: &str) {
        self.converted.broken.push(format!("line {line}: {what}"));
    }

    fn last(&self) -> ItemId {
        ItemId(self.converted.items.len() as u64)
    }
}

/// Milliseconds since 1970, from a number of them or an ISO instant.
fn instant(value: &Value) -> Option<i64> {
    let parsed = || value.as_str()?.parse::<jiff::Timestamp>().ok();
    value.as_i64().or_else(|| Some(parsed()?.as_millisecond()))
}

/// The blocks of `kind` in a message's content.
fn blocks<'a>(content: Option<&'a Value>, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    let blocks = content.and_then(Value::as_array).into_iter().flatten();
    blocks.filter(move |block| text_of(block, "type") == kind)
}

/// The words of a message's content: a string, or text blocks. A picture is only told of.
fn content_text(content: Option<&Value>) -> String {
    if let Some(text) = content.and_then(Value::as_str) {
        return text.to_owned();
    }
    let blocks = content.and_then(Value::as_array).into_iter().flatten();
    let texts = blocks.filter_map(|block| match text_of(block, "type").as_str() {
        "text" => Some(text_of(block, "text")),
        "image" => Some("[image]".to_owned()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

fn tool_request(block: &Value) -> ToolRequest {
    let arguments = match block.get("arguments") {
        Some(Value::String(text)) => text.clone(),
        Some(arguments) => arguments.to_string(),
        None => "{}".to_owned(),
    };
    ToolRequest {
        id: text_of(block, "id"),
        name: text_of(block, "name"),
        arguments,
    }
}

fn model_name(message: &Value) -> String {
    match (text_of(message, "provider"), text_of(message, "model")) {
        (provider, model) if provider.is_empty() => model,
        (provider, model) => format!("{provider}/{model}"),
    }
}

/// OpenClaw counts what came from the cache apart from `input`.
fn usage(usage: Option<&Value>) -> Usage {
    let count = |name: &str| usage.and_then(|u| u.get(name)?.as_u64()).unwrap_or(0);
    let cached = count("cacheRead");
    Usage {
        input: count("input")
            .saturating_add(cached)
            .saturating_add(count("cacheWrite")),
        output: count("output"),
        cached,
    }
}

fn text_of(value: &Value, name: &str) -> String {
    let text = value.get(name).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}
