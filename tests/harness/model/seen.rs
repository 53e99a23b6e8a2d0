//! A request as it came, in one form for all wires.

use super::{Wire, anthropic, chat, responses};
use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// One request.
#[derive(Debug, Clone)]
pub struct Seen {
    /// In which language.
    pub wire: Wire,
    /// Which model it wants.
    pub model: String,
    /// With which key.
    pub key: Option<String>,
    /// The system prompt.
    pub system: String,
    /// The conversation.
    pub said: Vec<Said>,
    /// The tools on offer: name and schema.
    pub tools: Vec<(String, Value)>,
    /// The pictures in it, in order: what they are said to be, and their bytes.
    pub images: Vec<(String, Vec<u8>)>,
    /// All of it.
    pub body: Value,
    /// Its headers.
    pub headers: HeaderMap,
    /// When it came.
    pub at: Instant,
    pub(super) left: Arc<AtomicBool>,
}

/// Something said in a conversation.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// By a person.
    User(String),
    /// By the model.
    Model {
        /// Its words.
        text: String,
        /// The tools it asked for.
        calls: Vec<CallSeen>,
    },
    /// By a tool.
    Tool {
        /// Which call it answers.
        id: String,
        /// What came of it.
        output: String,
    },
}

/// A tool call in a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct CallSeen {
    /// Its id.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments, as JSON text.
    pub arguments: String,
}

/// What a wire's reader finds in a body.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) system: String,
    pub(super) said: Vec<Said>,
    pub(super) tools: Vec<(String, Value)>,
}

/// Every picture in a request, wherever its wire puts them.
fn images(value: &Value, wrong: &mut Vec<String>) -> Vec<(String, Vec<u8>)> {
    let found = match value {
        Value::String(text) => text
            .strip_prefix("data:image/")
            .and_then(|rest| rest.split_once(";base64,"))
            .map(|(kind, data)| (format!("image/{kind}"), data)),
        Value::Object(source) if source.get("type") == Some(&Value::from("base64")) => {
            let text = |name: &str| source.get(name).and_then(Value::as_str).unwrap_or_default();
            Some((text("media_type").to_owned(), text("data")))
        }
        Value::Object(fields) => {
            return fields
                .values()
                .flat_map(|value| images(value, wrong))
                .collect();
        }
        Value::Array(list) => return list.iter().flat_map(|value| images(value, wrong)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    };
    let Some((mime, data)) = found else {
        return Vec::new();
    };
    let bytes = STANDARD.decode(data).unwrap_or_default();
    if bytes.is_empty() || !mime.starts_with("image/") {
        wrong.push(format!("no picture of {mime:?}: {data:.40}"));
    }
    vec![(mime, bytes)]
}

impl Seen {
    pub(super) fn read(
        wire: Wire,
        headers: &HeaderMap,
        body: Value,
        wrong: &mut Vec<String>,
    ) -> Self {
        let found = match wire {
            Wire::Chat => chat::read(&body, wrong),
            Wire::Responses => responses::read(&body, wrong),
            Wire::Anthropic => anthropic::read(&body, headers, wrong),
        };
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = text("authorization").and_then(|value| value.strip_prefix("Bearer "));
        Self {
            wire,
            model: body["model"].as_str().unwrap_or_default().to_owned(),
            key: bearer.or_else(|| text("x-api-key")).map(str::to_owned),
            system: found.system,
            said: found.said,
            tools: found.tools,
            images: images(&body, wrong),
            headers: headers.clone(),
            body,
            at: Instant::now(),
            left: Arc::default(),
        }
    }

    /// What the last call of `tool` brought.
    #[must_use]
    pub fn tool_output(&self, tool: &str) -> String {
        let outputs = self.tool_outputs(tool);
        outputs
            .last()
            .cloned()
            .unwrap_or_else(|| panic!("no call of {tool} in {:#?}", self.said))
    }

    /// What every call of `tool` brought, in order. An id is of the last answer that used it.
    #[must_use]
    pub fn tool_outputs(&self, tool: &str) -> Vec<String> {
        let mut outputs = Vec::new();
        let mut calls: &[CallSeen] = &[];
        for said in &self.said {
            match said {
                Said::Model { calls: made, .. } => calls = made,
                Said::Tool { id, output } => {
                    let of = calls.iter().find(|call| call.id == *id);
                    if of.is_some_and(|call| call.name == tool) {
                        outputs.push(output.clone());
                    }
                }
                Said::User(_) => {}
            }
        }
        outputs
    }

    /// What people (and notes in their place) said, in order.
    #[must_use]
    pub fn users(&self) -> Vec<&str> {
        let users = self.said.iter().filter_map(|said| match said {
            Said::User(text) => Some(text.as_str()),
            Said::Model { .. } | Said::Tool { .. } => None,
        });
        users.collect()
    }

    /// What was said last in a person's place.
    #[must_use]
    pub fn last_user(&self) -> &str {
        self.users().last().copied().unwrap_or_default()
    }

    /// Whether a tool is on offer.
    #[must_use]
    pub fn offers(&self, tool: &str) -> bool {
        self.tools.iter().any(|(name, _)| name == tool)
    }

    /// Whether the peer hung up before the answer was whole.
    #[must_use]
    pub fn was_left(&self) -> bool {
        self.left.load(Ordering::SeqCst)
    }
}
