//! OpenAI Responses, stateless: nothing is stored at the provider, so its encrypted reasoning is
//! carried in our transcript and sent back.

use super::ModelCall;
use super::catalog::{self, Model};
use super::error::{self, Complaint, ModelError};
use super::reader::{Flow, Parsed, Reader, broken, cut, json};
use super::render::{Answer, Dialect, GO_ON, Group, NOTHING, RenderCache, wire_id};
use super::sse::Event;
use super::wire::{self, List};
use crate::config::Thinking;
use ipc::model::{StopReason, Usage};
use ipc::tool_args::ToolSpec;
use ipc::transcript::ToolRequest;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json as value};
use std::borrow::Cow;

/// Path after the base address.
pub(super) const PATH: &str = "/responses";

/// Longest id of a call.
const MAX_ID: usize = 64;
/// Asks for reasoning in the form that can be sent back.
const ENCRYPTED: &str = "reasoning.encrypted_content";

/// The request's body.
pub(super) fn body(
    model: &Model,
    call: &ModelCall<'_>,
    thinking: Option<Thinking>,
    cache: &mut RenderCache,
) -> Vec<u8> {
    let is_openai = model.is_usual;
    let rest = Rest {
        model: &model.name.model,
        instructions: Some(call.instructions).filter(|text| !text.is_empty()),
        store: false,
        stream: true,
        tools: tools(call.tools),
        max_output_tokens: model.max_tokens,
        include: model.thinks.then_some([ENCRYPTED]),
        reasoning: catalog::effort(model, thinking).map(Reasoning::of),
        prompt_cache_key: is_openai.then(|| cache_key(call)),
        ..Rest::default()
    };
    write(model, call, cache, &rest)
}

/// The body around the messages; Codex has its own `rest`.
pub(super) fn write(
    model: &Model,
    call: &ModelCall<'_>,
    cache: &mut RenderCache,
    rest: &Rest<'_>,
) -> Vec<u8> {
    let dialect = Responses { tag: model.tag() };
    let (closed, tail) = cache.messages(&dialect, call.context, call.closing);
    wire::body("input", &[closed, tail.as_bytes()], rest)
}

/// What a provider groups requests by for its prompt cache: one a session, and tells nothing of it.
pub(super) fn cache_key(call: &ModelCall<'_>) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(call.session.as_str().as_bytes());
    digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Everything but the messages.
#[derive(Debug, Default, Serialize)]
pub(super) struct Rest<'a> {
    pub(super) model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) instructions: Option<&'a str>,
    pub(super) store: bool,
    pub(super) stream: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_output_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) include: Option<[&'static str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reasoning: Option<Reasoning>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<Verbosity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) prompt_cache_key: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Reasoning {
    effort: &'static str,
    summary: &'static str,
}

impl Reasoning {
    pub(super) fn of(effort: &'static str) -> Self {
        let summary = "auto";
        Self { effort, summary }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Verbosity {
    pub(super) verbosity: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct Tool<'a> {
    r#type: &'static str,
    name: &'a str,
    description: &'a str,
    parameters: &'a Value,
    // Ours have optional arguments, which the strict form does not know.
    strict: bool,
}

/// The tools on offer.
pub(super) fn tools(specs: &[ToolSpec]) -> Vec<Tool<'_>> {
    specs.iter().map(Tool::of).collect()
}

impl<'a> Tool<'a> {
    fn of(spec: &'a ToolSpec) -> Self {
        Self {
            r#type: "function",
            name: &spec.name,
            description: &spec.description,
            parameters: &spec.parameters,
            strict: false,
        }
    }
}

/// How this wire writes messages.
pub(super) struct Responses {
    tag: String,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Item<'a> {
    Message {
        role: &'static str,
        content: Vec<Part<'a>>,
    },
    FunctionCall {
        call_id: Cow<'a, str>,
        name: &'a str,
        arguments: Cow<'a, str>,
    },
    FunctionCallOutput {
        call_id: Cow<'a, str>,
        output: &'a str,
    },
}

#[derive(Serialize)]
struct Part<'a> {
    r#type: &'static str,
    text: &'a str,
}

fn said<'a>(texts: impl Iterator<Item = &'a str>) -> Item<'a> {
    let part = |text| Part {
        r#type: "input_text",
        text,
    };
    Item::Message {
        role: "user",
        content: texts.map(part).collect(),
    }
}

impl Dialect for Responses {
    fn tag(&self) -> &str {
        &self.tag
    }

    fn write(&self, group: &Group<'_>, _last: bool, out: &mut List) {
        let mut calls = &[][..];
        if let Some(answer) = &group.answer {
            write_answer(answer, out);
            calls = &answer.calls;
        }
        for call in calls {
            out.push(&Item::FunctionCallOutput {
                call_id: wire_id(call, MAX_ID),
                output: &call.result,
            });
        }
        if !group.said.is_empty() {
            out.push(&said(group.said.iter().map(AsRef::as_ref)));
        } else if calls.is_empty() && group.answer.is_some() {
            out.push(&said(std::iter::once(GO_ON)));
        }
    }
}

fn write_answer(answer: &Answer<'_>, out: &mut List) {
    // The provider's own items, in its own order: reasoning belongs to what follows it.
    if let Some(carried) = answer
        .carried
        .filter(|carried| fits(&carried.items, answer))
    {
        for item in &carried.items {
            out.push(item);
        }
        return;
    }
    let silent = answer.text.is_empty() && answer.calls.is_empty();
    if !answer.text.is_empty() || silent {
        out.push(&Item::Message {
            role: "assistant",
            content: vec![Part {
                r#type: "output_text",
                text: if silent { NOTHING } else { answer.text },
            }],
        });
    }
    for call in &answer.calls {
        out.push(&Item::FunctionCall {
            call_id: wire_id(call, MAX_ID),
            name: &call.request.name,
            arguments: wire::arguments_text(&call.request.arguments),
        });
    }
}

/// Whether carried items make the same calls, by the same ids, as the answer they came with.
fn fits(items: &[Value], answer: &Answer<'_>) -> bool {
    let carried = items
        .iter()
        .filter_map(|item| item.get("call_id")?.as_str());
    carried.eq(answer.calls.iter().map(|call| call.request.id.as_str()))
        && answer
            .calls
            .iter()
            .all(|call| wire_id(call, MAX_ID) == call.request.id)
}

/// Reads a streamed answer.
#[derive(Debug, Default)]
pub(super) struct ResponsesReader {
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
