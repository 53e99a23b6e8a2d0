//! A Chat Completions stream, chunk by chunk.

use crate::model::error::{self, Complaint, ModelError};
use crate::model::reader::{Flow, Parsed, Pieces, Reader, broken, cut, json};
use crate::model::sse::Event;
use ipc::model::{StopReason, Usage};
use serde::Deserialize;
use serde_json::{Value, json as value};

/// Reads a streamed answer.
#[derive(Debug, Default)]
pub(in crate::model) struct ChatReader {
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
