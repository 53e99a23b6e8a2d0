//! OpenAI Responses, stateless: nothing is stored at the provider, so its encrypted reasoning is
//! carried in our transcript and sent back.

mod read;

pub(super) use read::ResponsesReader;

use crate::config::Thinking;
use crate::model::ModelCall;
use crate::model::catalog::{self, Model};
use crate::model::render::{Answer, Dialect, GO_ON, Group, NOTHING, RenderCache, Said, wire_id};
use crate::model::wire::{self, List};
use ipc::tool_args::ToolSpec;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
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
    let dialect = Responses {
        tag: model.tag(),
        sees: model.sees,
    };
    let rendered = cache.messages(&dialect, call.context, call.closing);
    wire::body(
        "input",
        &[rendered.closed, rendered.tail.as_bytes()],
        rendered.pictures,
        rest,
    )
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
    sees: bool,
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
#[serde(tag = "type", rename_all = "snake_case")]
enum Part<'a> {
    InputText { text: &'a str },
    OutputText { text: &'a str },
    InputImage { image_url: Box<RawValue> },
}

fn said<'a>(said: &'a [Said<'_>]) -> Item<'a> {
    let content = said.iter().flat_map(|one| {
        // A message that is a picture alone has no words to be told.
        let words = (!one.text.is_empty() || one.pictures.is_empty())
            .then_some(Part::InputText { text: &one.text });
        let shown = one.pictures.iter().map(|image| Part::InputImage {
            image_url: wire::picture(&format!("data:{};base64,", image.mime), &image.blob),
        });
        words.into_iter().chain(shown)
    });
    Item::Message {
        role: "user",
        content: content.collect(),
    }
}

impl Dialect for Responses {
    fn tag(&self) -> &str {
        &self.tag
    }

    fn sees(&self) -> bool {
        self.sees
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
            out.push(&said(&group.said));
        } else if calls.is_empty() && group.answer.is_some() {
            out.push(&said(&[Said::from(GO_ON)]));
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
            content: vec![Part::OutputText {
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
