//! Anthropic Messages. Roles alternate, results come first in the message after their calls, and no
//! text is empty. The system prompt and the end of the conversation are marked for its prompt cache.

mod read;

pub(super) use read::MessagesReader;

use crate::config::Thinking;
use crate::model::ModelCall;
use crate::model::catalog::Model;
use crate::model::error::ModelError;
use crate::model::http;
use crate::model::render::{Answer, Call, Dialect, GO_ON, Group, NOTHING, RenderCache, unique_id};
use crate::model::wire::{self, List};
use ipc::tool_args::ToolSpec;
use ipc::transcript::Image;
use reqwest::Url;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json as value};
use std::borrow::Cow;

/// The version of the API we speak.
pub(super) const VERSION: &str = "2023-06-01";
/// What lets a token stand in for a key.
pub(super) const TOKEN_BETA: &str = "oauth-2025-04-20";

/// Whether a credential is a token, whatever it was stored as.
pub(super) fn is_token(secret: &str) -> bool {
    secret.starts_with("sk-ant-oat")
}

/// Where to call, with or without the version in the base.
pub(super) fn url(base: &str) -> Result<Url, ModelError> {
    let has_version = base.trim_end_matches('/').ends_with("/v1");
    http::url(
        base,
        if has_version {
            "/messages"
        } else {
            "/v1/messages"
        },
    )
}

/// The request's body.
pub(super) fn body(
    model: &Model,
    call: &ModelCall<'_>,
    thinking: Option<Thinking>,
    cache: &mut RenderCache,
) -> Vec<u8> {
    let dialect = Messages {
        tag: model.tag(),
        sees: model.sees,
    };
    let rendered = cache.messages(&dialect, call.context, call.closing);
    let budget = thinking.filter(|_| model.thinks).and_then(budget);
    let max_tokens = model.most_tokens;
    let budget = budget
        .map(|tokens| tokens.min(max_tokens / 2))
        .filter(|tokens| *tokens >= 1024);
    let is_adaptive = adapts(&model.name.model);
    let rest = Rest {
        model: &model.name.model,
        max_tokens,
        stream: true,
        system: system(call.instructions),
        tools: call.tools.iter().map(Tool::of).collect(),
        thinking: budget.map(|budget_tokens| {
            if is_adaptive {
                value!({ "type": "adaptive" })
            } else {
                value!({ "type": "enabled", "budget_tokens": budget_tokens })
            }
        }),
    };
    wire::body(
        "messages",
        &[rendered.closed, rendered.tail.as_bytes()],
        rendered.pictures,
        &rest,
    )
}

fn system(instructions: &str) -> Vec<Block<'_>> {
    if instructions.trim().is_empty() {
        return Vec::new();
    }
    vec![Block::Text {
        text: instructions,
        cache_control: Some(Ephemeral::default()),
    }]
}

/// How much it may think, in tokens.
fn budget(thinking: Thinking) -> Option<u32> {
    match thinking {
        Thinking::Off => None,
        Thinking::Minimal => Some(1_024),
        Thinking::Low => Some(4_096),
        Thinking::Medium => Some(10_240),
        Thinking::High => Some(16_384),
        Thinking::Xhigh => Some(32_768),
    }
}

/// Models from 4.6 on choose for themselves how much to think.
fn adapts(model: &str) -> bool {
    let numbers: Vec<u32> = model
        .split(|c: char| !c.is_ascii_digit())
        .filter(|part| (1..=2).contains(&part.len()))
        .filter_map(|part| part.parse().ok())
        .collect();
    match numbers[..] {
        [major, minor, ..] => (major, minor) >= (4, 6),
        [major] => major >= 5,
        [] => false,
    }
}

#[derive(Serialize)]
struct Rest<'a> {
    model: &'a str,
    max_tokens: u32,
    stream: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<Block<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Value>,
}

#[derive(Serialize)]
struct Tool<'a> {
    name: &'a str,
    description: &'a str,
    input_schema: &'a Value,
}

impl<'a> Tool<'a> {
    fn of(spec: &'a ToolSpec) -> Self {
        Self {
            name: &spec.name,
            description: &spec.description,
            input_schema: &spec.parameters,
        }
    }
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: Vec<Block<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block<'a> {
    Text {
        text: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<Ephemeral>,
    },
    Image {
        source: ImageSource<'a>,
    },
    ToolUse {
        id: Cow<'a, str>,
        name: &'a str,
        input: Value,
    },
    ToolResult {
        tool_use_id: Cow<'a, str>,
        content: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<Ephemeral>,
    },
    #[serde(untagged)]
    Carried(&'a Value),
}

#[derive(Serialize)]
struct ImageSource<'a> {
    r#type: &'static str,
    media_type: &'a str,
    data: Box<RawValue>,
}

fn image(image: &Image) -> Block<'_> {
    Block::Image {
        source: ImageSource {
            r#type: "base64",
            media_type: &image.mime,
            data: wire::picture("", &image.blob),
        },
    }
}

#[derive(Serialize)]
struct Ephemeral {
    r#type: &'static str,
}

impl Default for Ephemeral {
    fn default() -> Self {
        Self {
            r#type: "ephemeral",
        }
    }
}

fn text(text: &str) -> Block<'_> {
    Block::Text {
        text: if text.trim().is_empty() {
            NOTHING
        } else {
            text
        },
        cache_control: None,
    }
}

/// Ids must be unique in the whole conversation; only its own are sure to be.
fn id<'a>(call: &Call<'a>) -> Cow<'a, str> {
    let own = call.request.id.as_str();
    let is_its = own.starts_with("toolu_")
        && own
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if is_its {
        own.into()
    } else {
        unique_id(call).into()
    }
}

/// How this wire writes messages.
pub(super) struct Messages {
    tag: String,
    sees: bool,
}

impl Dialect for Messages {
    fn tag(&self) -> &str {
        &self.tag
    }

    fn sees(&self) -> bool {
        self.sees
    }

    fn write(&self, group: &Group<'_>, last: bool, out: &mut List) {
        let mut content = Vec::new();
        if let Some(answer) = &group.answer {
            out.push(&Message {
                role: "assistant",
                content: blocks(answer),
            });
            content.extend(answer.calls.iter().map(|call| Block::ToolResult {
                tool_use_id: id(call),
                content: &call.result,
                cache_control: None,
            }));
        }
        for said in &group.said {
            // Pictures go first: it reads the words with them in mind.
            content.extend(said.pictures.iter().map(|one| image(one)));
            content.push(text(&said.text));
        }
        if content.is_empty() {
            content.push(text(GO_ON));
        }
        if last {
            mark(content.last_mut());
        }
        out.push(&Message {
            role: "user",
            content,
        });
    }
}

fn mark(block: Option<&mut Block<'_>>) {
    match block {
        Some(Block::Text { cache_control, .. } | Block::ToolResult { cache_control, .. }) => {
            *cache_control = Some(Ephemeral::default());
        }
        Some(Block::Image { .. } | Block::ToolUse { .. } | Block::Carried(_)) | None => {}
    }
}

fn blocks<'a>(answer: &'a Answer<'a>) -> Vec<Block<'a>> {
    // Thoughts must come back as they were, before what they led to.
    let mut blocks: Vec<_> = answer
        .carried
        .iter()
        .flat_map(|carried| &carried.items)
        .map(Block::Carried)
        .collect();
    if !answer.text.trim().is_empty() || answer.calls.is_empty() {
        blocks.push(text(answer.text));
    }
    blocks.extend(answer.calls.iter().map(|call| Block::ToolUse {
        id: id(call),
        name: &call.request.name,
        input: wire::arguments_object(&call.request.arguments),
    }));
    blocks
}
