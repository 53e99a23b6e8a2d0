//! OpenAI Chat Completions, the language most providers and all local servers speak.

mod read;

pub(super) use read::ChatReader;

use crate::config::Thinking;
use crate::model::ModelCall;
use crate::model::catalog::{self, Model};
use crate::model::render::{
    Answer, Dialect, GO_ON, Group, NOTHING, RenderCache, Said, joined, wire_id,
};
use crate::model::wire::{self, List};
use ipc::tool_args::ToolSpec;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
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
    let dialect = Chat {
        tag: model.tag(),
        sees: model.sees,
    };
    let rendered = cache.messages(&dialect, call.context, call.closing);
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
        &[system.as_bytes(), rendered.closed, rendered.tail.as_bytes()],
        rendered.pictures,
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
    content: Content<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<CallOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a Value>,
}

/// Plain text where there is no picture: not every server reads the other form.
#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(Cow<'a, str>),
    Parts(Vec<Part<'a>>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part<'a> {
    Text { text: Cow<'a, str> },
    ImageUrl { image_url: ImageUrl },
}

#[derive(Serialize)]
struct ImageUrl {
    url: Box<RawValue>,
}

/// All that was said, as one message, with its pictures behind the words.
fn content<'a>(said: &'a [Said<'_>]) -> Content<'a> {
    let text = joined(said);
    let pictures = said.iter().flat_map(|one| &one.pictures);
    let shown: Vec<_> = pictures
        .map(|image| Part::ImageUrl {
            image_url: ImageUrl {
                url: wire::picture(&format!("data:{};base64,", image.mime), &image.blob),
            },
        })
        .collect();
    if shown.is_empty() {
        return Content::Text(text);
    }
    let words = (!text.is_empty()).then_some(Part::Text { text });
    Content::Parts(words.into_iter().chain(shown).collect())
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
    fn said(role: &'static str, text: Cow<'a, str>) -> Self {
        Self {
            role,
            content: Content::Text(text),
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
            content: Content::Text(if silent { NOTHING } else { answer.text }.into()),
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
    sees: bool,
}

impl Dialect for Chat {
    fn tag(&self) -> &str {
        &self.tag
    }

    fn sees(&self) -> bool {
        self.sees
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
            let mut message = Message::said("user", "".into());
            message.content = content(&group.said);
            out.push(&message);
        } else if calls.is_empty() && group.answer.is_some() {
            out.push(&Message::said("user", GO_ON.into()));
        }
    }
}
