//! Anthropic Messages.

use super::chat::halves;
use super::play::Event;
use super::script::Turn;
use super::seen::{CallSeen, Found, Said};
use axum::http::HeaderMap;
use serde_json::{Value, json};

pub(super) fn read(body: &Value, headers: &HeaderMap, wrong: &mut Vec<String>) -> Found {
    let mut found = Found {
        system: texts(&body["system"]),
        ..Found::default()
    };
    if !headers.contains_key("anthropic-version") {
        wrong.push("no version of the API is named".to_owned());
    }
    if body["max_tokens"].as_u64().unwrap_or(0) == 0 {
        wrong.push("it does not say how much the model may say".to_owned());
    }
    for tool in body["tools"].as_array().into_iter().flatten() {
        found
            .tools
            .push((text(&tool["name"]), tool["input_schema"].clone()));
    }
    let mut before = None;
    for message in body["messages"].as_array().into_iter().flatten() {
        let role = message["role"].as_str();
        if role == before {
            wrong.push(format!("{role:?} speaks twice in a row"));
        }
        before = role;
        match role {
            Some("user") => user(&message["content"], &mut found.said, wrong),
            Some("assistant") => found.said.push(answer(&message["content"], wrong)),
            other => wrong.push(format!("a message of the role {other:?} has no place here")),
        }
    }
    found
}

/// Results first, words after them.
fn user(content: &Value, said: &mut Vec<Said>, wrong: &mut Vec<String>) {
    let mut words = String::new();
    match content {
        Value::String(text) => words.push_str(text),
        Value::Array(blocks) => {
            for block in blocks {
                match block["type"].as_str() {
                    Some("text") => words.push_str(&text(&block["text"])),
                    // Its bytes are looked at for all wires alike.
                    Some("image") if block["source"]["type"] == "base64" => {}
                    Some("tool_result") if words.is_empty() => {
                        let output = texts(&block["content"]);
                        said.push(Said::Tool {
                            id: text(&block["tool_use_id"]),
                            output,
                        });
                    }
                    Some("tool_result") => {
                        wrong.push("a tool's result after a person's words".to_owned())
                    }
                    other => wrong.push(format!("a block {other:?} has no place with a person")),
                }
            }
        }
        _ => wrong.push("a message without content".to_owned()),
    }
    let after_results = matches!(said.last(), Some(Said::Tool { .. }));
    if !words.is_empty() || !after_results {
        said.push(Said::User(words));
    }
}

fn answer(content: &Value, wrong: &mut Vec<String>) -> Said {
    let mut calls = Vec::new();
    for block in content.as_array().into_iter().flatten() {
        if block["type"] == "tool_use" {
            if !block["input"].is_object() {
                wrong.push("a call's input is no object".to_owned());
            }
            calls.push(CallSeen {
                id: text(&block["id"]),
                name: text(&block["name"]),
                arguments: block["input"].to_string(),
            });
        }
        if block["type"] == "text" && text(&block["text"]).trim().is_empty() {
            wrong.push("an empty block of text".to_owned());
        }
    }
    Said::Model {
        text: texts(content),
        calls,
    }
}

/// A text, or the texts of a list of blocks.
fn texts(value: &Value) -> String {
    match value {
        Value::Array(blocks) => blocks.iter().map(|block| text(&block["text"])).collect(),
        other => text(other),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(super) fn events(turn: &Turn, model: &str, number: usize) -> Vec<Event> {
    let event = |kind: &str, mut value: Value| {
        value["type"] = json!(kind);
        Event::sign(format!("event: {kind}\ndata: {value}\n\n"))
    };
    let (input, output) = turn.usage.unwrap_or_default();
    let message = json!({ "id": format!("msg_{number}"), "type": "message", "role": "assistant",
        "model": model, "content": [], "stop_reason": null,
        "usage": { "input_tokens": input, "output_tokens": 1 } });
    let mut events = vec![
        event("message_start", json!({ "message": message })),
        event("ping", json!({})),
    ];
    let mut index = 0;
    if !turn.pieces.is_empty() {
        let block = json!({ "type": "text", "text": "" });
        events.push(event(
            "content_block_start",
            json!({ "index": index, "content_block": block }),
        ));
        for piece in &turn.pieces {
            let delta = json!({ "type": "text_delta", "text": piece });
            events.push(
                event(
                    "content_block_delta",
                    json!({ "index": index, "delta": delta }),
                )
                .into_piece(),
            );
        }
        events.push(event("content_block_stop", json!({ "index": index })));
        index += 1;
    }
    if let Some(code) = &turn.in_stream {
        let error = json!({ "type": code, "message": "it broke" });
        events.push(event("error", json!({ "error": error })));
        return events;
    }
    for (at, (name, arguments)) in turn.calls.iter().enumerate() {
        let block = json!({ "type": "tool_use", "id": turn.call_id(number, at), "name": name, "input": {} });
        events.push(event(
            "content_block_start",
            json!({ "index": index, "content_block": block }),
        ));
        for half in halves(arguments) {
            let delta = json!({ "type": "input_json_delta", "partial_json": half });
            events.push(
                event(
                    "content_block_delta",
                    json!({ "index": index, "delta": delta }),
                )
                .into_piece(),
            );
        }
        events.push(event("content_block_stop", json!({ "index": index })));
        index += 1;
    }
    let stop = match turn {
        _ if turn.is_cut_at_limit => "max_tokens",
        _ if turn.calls.is_empty() => "end_turn",
        _ => "tool_use",
    };
    let used = json!({ "input_tokens": input, "output_tokens": output });
    let delta = json!({ "stop_reason": stop, "stop_sequence": null });
    events.push(event(
        "message_delta",
        json!({ "delta": delta, "usage": used }),
    ));
    events.push(event("message_stop", json!({})));
    events
}
