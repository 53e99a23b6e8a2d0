//! OpenAI Chat Completions, the language most providers and all local servers speak.

use super::ModelCall;
use super::catalog::{self, Model};
use super::error::{self, Complaint, ModelError};
use super::reader::{Flow, Parsed, Pieces, Reader, broken, cut, json};
use super::render::{Answer, Dialect, GO_ON, Group, NOTHING, RenderCache, joined, wire_id};
use super::sse::Event;
use super::wire::{self, List};
use crate::config::Thinking;
use ipc::model::{StopReason, Usage};
use ipc::tool_args::ToolSpec;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json as value};
use std::borrow::Cow;

/// Path after the base address.
pub(super) const PATH: &str = "/chat/completions";

/// Longest id of a call that every provider of this API takes.
const MAX_ID: usize = 40;

/// The request's body.
pub(super) fn body(
    model: &Model,
    call: &ModelCall<'_>,
    thinking: Option<Thinking>,
    cache: &mut RenderCache,
) -> Vec<u8> {
    let dialect = Chat { tag: model.tag() };
    let (closed, tail) = cache.messages(&dialect, call.context, call.closing);
    let mut system = List::default();
    if !call.instructions.is_empty() {
        system.push(&Message::said("system", call.instructions.into()));
    }
    let is_openai = model.is_usual && model.name.provider == catalog::OPENAI;
    let rest = Rest {
        model: &model.name.model,
        stream: true,
        stream_options: StreamOptions {
            include_usage: true,
        },
        tools: call.tools.iter().map(Tool::of).collect(),
        // OpenAI's own newer models know only the new name, others' servers only the old.
        max_tokens: model.max_tokens.filter(|_| !is_openai),
        max_completion_tokens: model.max_tokens.filter(|_| is_openai),
        reasoning_effort: catalog::effort(model, thinking),
    };
    wire::body(
        "messages",
        &[system.as_bytes(), closed, tail.as_bytes()],
        &rest,
    )
}

#[derive(Serialize)]
struct Rest<'a> {
    model: &'a str,
    stream: bool,
    stream_options: StreamOptions,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'static str>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Serialize)]
struct Tool<'a> {
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    description: &'a str,
    parameters: &'a Value,
}

impl<'a> Tool<'a> {
    fn of(spec: &'a ToolSpec) -> Self {
        Self {
            r#type: "function",
            function: Function {
                name: &spec.name,
                description: &spec.description,
                parameters: &spec.parameters,
            },
        }
    }
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: Cow<'a, str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<CallOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a Value>,
}

#[derive(Serialize)]
struct CallOut<'a> {
    id: Cow<'a, str>,
    r#type: &'static str,
    function: FunctionOut<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_content: Option<&'a Value>,
}

#[derive(Serialize)]
struct FunctionOut<'a> {
    name: &'a str,
    arguments: Cow<'a, str>,
}

impl<'a> Message<'a> {
    fn said(role: &'static str, content: Cow<'a, str>) -> Self {
        Self {
            role,
            content,
            tool_calls: Vec::new(),
            tool_call_id: None,
            reasoning_content: None,
        }
    }

    fn answer(answer: &'a Answer<'a>) -> Self {
        let carried = answer.carried.map_or(&[][..], |carried| &carried.items);
        let of_call = |index: usize| {
            let is_it =
                |item: &&Value| item.get("call").and_then(Value::as_u64) == Some(index as u64);
            carried.iter().find(is_it)?.get("extra_content")
        };
        let tool_calls: Vec<_> = answer
            .calls
            .iter()
            .enumerate()
            .map(|(index, call)| CallOut {
                id: wire_id(call, MAX_ID),
                r#type: "function",
                function: FunctionOut {
                    name: &call.request.name,
                    arguments: wire::arguments_text(&call.request.arguments),
                },
                extra_content: of_call(index),
            })
            .collect();
        let silent = answer.text.is_empty() && tool_calls.is_empty();
        Self {
            content: if silent { NOTHING } else { answer.text }.into(),
            tool_calls,
            reasoning_content: carried
                .iter()
                .find_map(|item| item.get("reasoning_content")),
            ..Self::said("assistant", "".into())
        }
    }
}

/// How this wire writes messages.
pub(super) struct Chat {
    tag: String,
}

impl Dialect for Chat {
    fn tag(&self) -> &str {
        &self.tag
    }

    // Templates of local models want user and assistant to take turns, so all that was said between
    // two answers is one message.
    fn write(&self, group: &Group<'_>, _last: bool, out: &mut List) {
        let mut calls = &[][..];
        if let Some(answer) = &group.answer {
            out.push(&Message::answer(answer));
            calls = &answer.calls;
        }
        for call in calls {
            let mut message = Message::said("tool", call.result.as_str().into());
            message.tool_call_id = Some(wire_id(call, MAX_ID));
            out.push(&message);
        }
        if !group.said.is_empty() {
            out.push(&Message::said("user", joined(&group.said)));
        } else if calls.is_empty() && group.answer.is_some() {
            out.push(&Message::said("user", GO_ON.into()));
        }
    }
}

/// Reads a streamed answer.
#[derive(Debug, Default)]
pub(super) struct ChatReader {
    text: String,
    reasoning: String,
    calls: Pieces,
    extras: Vec<Value>,
    stop: Option<StopReason>,
    done: bool,
    usage: Usage,
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<UsageIn>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: u64,
    #[serde(default)]
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<Content>,
    refusal: Option<String>,
    reasoning_content: Option<String>,
    tool_calls: Option<Vec<CallIn>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
struct Part {
    text: Option<String>,
}

#[derive(Deserialize)]
struct CallIn {
    index: Option<u64>,
    id: Option<String>,
    function: Option<FunctionIn>,
    extra_content: Option<Value>,
}

#[derive(Deserialize)]
struct FunctionIn {
    name: Option<String>,
    arguments: Option<Value>,
}

#[derive(Deserialize)]
struct UsageIn {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
    prompt_tokens_details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    cached_tokens: Option<u64>,
}

impl Reader for ChatReader {
    fn read(&mut self, event: Event, text: &mut String) -> Result<Flow, ModelError> {
        if event.data.trim() == "[DONE]" {
            self.done = true;
            return Ok(Flow::Done);
        }
        let chunk: Chunk = json(&event.data)?;
        if let Some(error) = chunk.error.filter(|error| !error.is_null()) {
            return Err(error::of_event(Complaint::of_value(
                &value!({ "error": error }),
            )));
        }
        if let Some(usage) = chunk.usage {
            self.usage = usage.into();
        }
        for choice in chunk.choices.into_iter().filter(|c| c.index == 0) {
            self.choice(choice, text)?;
        }
        Ok(Flow::More)
    }

    fn finish(self: Box<Self>) -> Result<Parsed, ModelError> {
        if self.stop.is_none() && !self.done {
            return Err(cut("finish_reason or [DONE]"));
        }
        let calls = self.calls.into_calls()?;
        if calls.is_empty() && self.text.is_empty() && self.stop.is_none() {
            return Err(broken("the stream held no answer"));
        }
        let mut carried = self.extras;
        // Models that think between tool calls want their thoughts back with the results.
        if !calls.is_empty() && !self.reasoning.is_empty() {
            carried.push(value!({ "reasoning_content": self.reasoning }));
        }
        Ok(Parsed {
            text: self.text,
            calls,
            stop: self.stop.unwrap_or(StopReason::End),
            usage: self.usage,
            carried,
        })
    }
}

impl ChatReader {
    fn choice(&mut self, choice: Choice, text: &mut String) -> Result<(), ModelError> {
        if let Some(delta) = choice.delta {
            let words = delta.content.map(Content::into_text);
            for piece in words.into_iter().chain(delta.refusal) {
                self.text.push_str(&piece);
                text.push_str(&piece);
            }
            self.reasoning.extend(delta.reasoning_content);
            for call in delta.tool_calls.unwrap_or_default() {
                self.call(call);
            }
        }
        match choice.finish_reason.as_deref() {
            None | Some("") => {}
            Some("length") => self.stop = Some(StopReason::Length),
            Some("tool_calls" | "function_call") => self.stop = Some(StopReason::ToolCalls),
            Some("content_filter") => self.stop = Some(StopReason::Filtered),
            Some("error") => return Err(broken("the provider gave up in the middle")),
            Some(_) => self.stop = Some(StopReason::End),
        }
        Ok(())
    }

    // Keyed by `index`. Servers that leave it out, or say 0 for each of several calls, begin a call
    // by giving a new id.
    fn call(&mut self, piece: CallIn) {
        let id = piece.id.unwrap_or_default();
        let index = match piece.index {
            Some(index) if !id.is_empty() && self.calls.is_other(index, &id) => {
                self.calls.next_index()
            }
            Some(index) => index,
            None if id.is_empty() => self.calls.last_index(),
            None => self.calls.next_index(),
        };
        let call = self.calls.at(index);
        if call.id.is_empty() {
            call.id = id;
        }
        if let Some(function) = piece.function {
            // Some repeat the name with every piece.
            if call.name.is_empty() {
                call.name = function.name.unwrap_or_default();
            }
            match function.arguments {
                Some(Value::String(text)) => call.arguments.push_str(&text),
                Some(object @ Value::Object(_)) => call.arguments = object.to_string(),
                Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_)) | None => {}
            }
        }
        if let Some(extra) = piece.extra_content {
            self.extras
                .push(value!({ "call": index, "extra_content": extra }));
        }
    }
}

impl Content {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Parts(parts) => parts.into_iter().filter_map(|part| part.text).collect(),
        }
    }
}

impl From<UsageIn> for Usage {
    fn from(usage: UsageIn) -> Self {
        Self {
            input: usage.prompt_tokens,
            output: usage.completion_tokens,
            cached: usage
                .prompt_tokens_details
                .and_then(|d| d.cached_tokens)
                .unwrap_or(0),
        }
    }
}
