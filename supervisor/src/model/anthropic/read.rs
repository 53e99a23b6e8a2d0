//! A Messages stream, event by event.

use crate::model::error::{self, Complaint, ModelError};
use crate::model::reader::{Flow, Parsed, Pieces, Reader, broken, cut, json};
use crate::model::sse::Event;
use ipc::model::{StopReason, Usage};
use serde::Deserialize;
use serde_json::{Value, json as value};
use std::collections::BTreeMap;

/// Reads a streamed answer.
#[derive(Debug, Default)]
pub(in crate::model) struct MessagesReader {
    text: String,
    calls: Pieces,
    thoughts: BTreeMap<u64, Value>,
    stop: Option<StopReason>,
    done: bool,
    usage: UsageIn,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Said {
    MessageStart {
        message: Start,
    },
    ContentBlockStart {
        index: u64,
        content_block: Value,
    },
    ContentBlockDelta {
        index: u64,
        delta: Delta,
    },
    ContentBlockStop {},
    MessageDelta {
        delta: End,
        usage: Option<UsageIn>,
    },
    MessageStop {},
    Ping {},
    Error {
        error: Value,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Start {
    usage: Option<UsageIn>,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Delta {
    #[serde(rename = "text_delta")]
    Text { text: String },
    #[serde(rename = "input_json_delta")]
    Input { partial_json: String },
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: String },
    #[serde(rename = "signature_delta")]
    Signature { signature: String },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct End {
    stop_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct UsageIn {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
}

impl Reader for MessagesReader {
    fn read(&mut self, event: Event, text: &mut String) -> Result<Flow, ModelError> {
        let said: Said = json(&event.data)?;
        match said {
            Said::MessageStart { message } => self.count(message.usage),
            Said::ContentBlockStart {
                index,
                content_block,
            } => self.begin(index, content_block, text),
            Said::ContentBlockDelta { index, delta } => self.grow(index, delta, text),
            Said::ContentBlockStop {} | Said::Other => {}
            Said::MessageDelta { delta, usage } => {
                self.count(usage);
                self.stop = delta.stop_reason.as_deref().map(stop).or(self.stop);
            }
            Said::MessageStop {} => {
                self.done = true;
                return Ok(Flow::Done);
            }
            Said::Ping {} => return Ok(Flow::Idle),
            Said::Error { error } => {
                let said = Complaint::of_value(&value!({ "error": error }));
                return Err(error::of_event(said));
            }
        }
        Ok(Flow::More)
    }

    fn finish(self: Box<Self>) -> Result<Parsed, ModelError> {
        if !self.done {
            return Err(cut("message_stop"));
        }
        let stop = self
            .stop
            .ok_or_else(|| broken("the answer has no stop_reason"))?;
        let cached = self.usage.cache_read_input_tokens.unwrap_or(0);
        let created = self.usage.cache_creation_input_tokens.unwrap_or(0);
        Ok(Parsed {
            text: self.text,
            calls: self.calls.into_calls()?,
            stop,
            usage: Usage {
                input: self.usage.input_tokens.unwrap_or(0) + cached + created,
                output: self.usage.output_tokens.unwrap_or(0),
                cached,
            },
            carried: self.thoughts.into_values().collect(),
        })
    }
}

impl MessagesReader {
    fn begin(&mut self, index: u64, mut block: Value, text: &mut String) {
        let field = |name: &str| block.get(name).and_then(Value::as_str).unwrap_or_default();
        match field("type") {
            "text" => {
                let words = field("text");
                self.text.push_str(words);
                text.push_str(words);
            }
            "tool_use" => {
                let call = self.calls.at(index);
                field("id").clone_into(&mut call.id);
                field("name").clone_into(&mut call.name);
                if let Some(Value::Object(input)) = block.get("input")
                    && !input.is_empty()
                {
                    call.arguments = Value::Object(input.clone()).to_string();
                }
            }
            "thinking" | "redacted_thinking" => {
                self.thoughts.insert(index, block.take());
            }
            _ => {}
        }
    }

    fn grow(&mut self, index: u64, delta: Delta, text: &mut String) {
        match delta {
            Delta::Text { text: words } => {
                self.text.push_str(&words);
                text.push_str(&words);
            }
            Delta::Input { partial_json } => {
                self.calls.at(index).arguments.push_str(&partial_json);
            }
            Delta::Thinking { thinking } => self.think(index, "thinking", &thinking),
            Delta::Signature { signature } => self.think(index, "signature", &signature),
            Delta::Other => {}
        }
    }

    fn think(&mut self, index: u64, field: &str, more: &str) {
        let Some(Value::Object(block)) = self.thoughts.get_mut(&index) else {
            return;
        };
        let so_far = block.get(field).and_then(Value::as_str).unwrap_or_default();
        let whole = format!("{so_far}{more}");
        block.insert(field.to_owned(), whole.into());
    }

    /// Later counts are of the whole answer so far, and leave out what has not changed.
    fn count(&mut self, usage: Option<UsageIn>) {
        let Some(new) = usage else {
            return;
        };
        let old = std::mem::take(&mut self.usage);
        self.usage = UsageIn {
            input_tokens: new.input_tokens.or(old.input_tokens),
            output_tokens: new.output_tokens.or(old.output_tokens),
            cache_read_input_tokens: new.cache_read_input_tokens.or(old.cache_read_input_tokens),
            cache_creation_input_tokens: new
                .cache_creation_input_tokens
                .or(old.cache_creation_input_tokens),
        };
    }
}

fn stop(reason: &str) -> StopReason {
    match reason {
        "tool_use" => StopReason::ToolCalls,
        "max_tokens" | "model_context_window_exceeded" => StopReason::Length,
        "refusal" => StopReason::Filtered,
        _ => StopReason::End,
    }
}
