//! A Responses stream, event by event.

use crate::model::error::{self, Complaint, ModelError};
use crate::model::reader::{Flow, Parsed, Reader, broken, cut, json};
use crate::model::sse::Event;
use ipc::model::{StopReason, Usage};
use ipc::transcript::ToolRequest;
use serde::Deserialize;
use serde_json::{Value, json as value};

/// Reads a streamed answer.
#[derive(Debug, Default)]
pub(in crate::model) struct ResponsesReader {
    streamed: String,
    items: Vec<Value>,
    end: Option<StopReason>,
    usage: Usage,
}

#[derive(Deserialize)]
struct Said {
    r#type: String,
    delta: Option<Value>,
    item: Option<Value>,
    response: Option<Response>,
    #[serde(flatten)]
    rest: serde_json::Map<String, Value>,
}

#[derive(Deserialize)]
struct Response {
    #[serde(default)]
    output: Vec<Value>,
    usage: Option<UsageIn>,
    error: Option<Value>,
    incomplete_details: Option<Incomplete>,
    status: Option<String>,
}

#[derive(Deserialize)]
struct Incomplete {
    reason: Option<String>,
}

#[derive(Deserialize)]
struct UsageIn {
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
    input_tokens_details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    cached_tokens: Option<u64>,
}

impl Reader for ResponsesReader {
    fn read(&mut self, event: Event, text: &mut String) -> Result<Flow, ModelError> {
        if event.data.trim() == "[DONE]" {
            return Ok(Flow::Done);
        }
        let said: Said = json(&event.data)?;
        match said.r#type.as_str() {
            "response.output_text.delta" | "response.refusal.delta" => {
                let delta = said.delta.as_ref().and_then(Value::as_str);
                let delta = delta.ok_or_else(|| broken("a text event without text"))?;
                self.streamed.push_str(delta);
                text.push_str(delta);
                Ok(Flow::More)
            }
            "response.output_item.done" => {
                let item = said
                    .item
                    .ok_or_else(|| broken("an item event without its item"))?;
                self.items.push(item);
                Ok(Flow::More)
            }
            "response.completed" | "response.done" | "response.incomplete" | "response.failed" => {
                self.last(said.response, &said.r#type)
            }
            "error" => {
                let error = Value::Object(said.rest);
                Err(error::of_event(Complaint::of_value(&error)))
            }
            "codex.rate_limits" | "response.created" | "response.in_progress" => Ok(Flow::Idle),
            // Reasoning, arguments and parts as they grow: the whole of them comes with the item.
            _ => Ok(Flow::More),
        }
    }

    fn finish(self: Box<Self>) -> Result<Parsed, ModelError> {
        let stop = self.end.ok_or_else(|| cut("response.completed"))?;
        let calls: Vec<_> = self
            .items
            .iter()
            .filter_map(call_of)
            .collect::<Result<_, _>>()?;
        let whole: String = self.items.iter().map(text_of).collect::<Vec<_>>().concat();
        let text = if whole.is_empty() {
            self.streamed
        } else {
            whole
        };
        if text.is_empty() && calls.is_empty() && stop == StopReason::End && self.usage.output == 0
        {
            return Err(broken("the stream held no answer"));
        }
        let carries = self.items.iter().any(is_worth_carrying);
        let is_ours = |item: &Value| {
            kind(item) != "reasoning" || item.get("encrypted_content").is_some_and(Value::is_string)
        };
        Ok(Parsed {
            text,
            calls,
            stop,
            usage: self.usage,
            carried: if carries {
                self.items.into_iter().filter(is_ours).collect()
            } else {
                Vec::new()
            },
        })
    }
}

impl ResponsesReader {
    fn last(&mut self, response: Option<Response>, kind: &str) -> Result<Flow, ModelError> {
        let response = response.ok_or_else(|| broken(format!("{kind} without its response")))?;
        let status = response.status.as_deref().unwrap_or_default();
        if kind == "response.failed" || status == "failed" {
            let error = value!({ "error": response.error.unwrap_or_else(|| value!({})) });
            return Err(error::of_event(Complaint::of_value(&error)));
        }
        // Some servers tell the items only here.
        if self.items.is_empty() {
            self.items = response.output;
        }
        self.usage = response.usage.map(Usage::from).unwrap_or_default();
        let reason = response.incomplete_details.and_then(|d| d.reason);
        self.end = Some(match reason.as_deref() {
            Some("content_filter") => StopReason::Filtered,
            Some(_) => StopReason::Length,
            None if kind == "response.incomplete" || status == "incomplete" => StopReason::Length,
            None => StopReason::End,
        });
        Ok(Flow::Done)
    }
}

fn kind(item: &Value) -> &str {
    item.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn call_of(item: &Value) -> Option<Result<ToolRequest, ModelError>> {
    if kind(item) != "function_call" {
        return None;
    }
    let text = |name: &str| {
        item.get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let call = ToolRequest {
        id: text("call_id"),
        name: text("name"),
        arguments: text("arguments"),
    };
    let named = !call.name.is_empty();
    Some(if named {
        Ok(call)
    } else {
        Err(broken("a tool call without a name"))
    })
}

/// The words of a message item, refusals among them.
fn text_of(item: &Value) -> String {
    if kind(item) != "message" {
        return String::new();
    }
    let parts = item
        .get("content")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    parts
        .filter_map(|part| part.get("text").or(part.get("refusal"))?.as_str())
        .collect()
}

/// Reasoning that can be sent back, or a message whose phase the model wants to know again.
fn is_worth_carrying(item: &Value) -> bool {
    let has = |name: &str| item.get(name).is_some_and(Value::is_string);
    match kind(item) {
        "reasoning" => has("encrypted_content"),
        "message" => has("phase"),
        _ => false,
    }
}

impl From<UsageIn> for Usage {
    fn from(usage: UsageIn) -> Self {
        Self {
            input: usage.input_tokens,
            output: usage.output_tokens,
            cached: usage
                .input_tokens_details
                .and_then(|d| d.cached_tokens)
                .unwrap_or(0),
        }
    }
}
