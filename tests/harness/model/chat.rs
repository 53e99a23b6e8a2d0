//! OpenAI Chat Completions.

use super::play::Event;
use super::script::Turn;
use super::seen::{CallSeen, Found, Said};
use serde_json::{Value, json};

pub(super) fn read(body: &Value, wrong: &mut Vec<String>) -> Found {
    let mut found = Found::default();
    if body["stream_options"]["include_usage"] != Value::Bool(true) {
        wrong.push("it does not ask what it will have used".to_owned());
    }
    for tool in body["tools"].as_array().into_iter().flatten() {
        let function = &tool["function"];
        found
            .tools
            .push((text(&function["name"]), function["parameters"].clone()));
    }
    for message in body["messages"].as_array().into_iter().flatten() {
        let content = text(&message["content"]);
        match message["role"].as_str() {
            Some("system") if found.said.is_empty() => found.system.push_str(&content),
            Some("user") => found.said.push(Said::User(content)),
            Some("assistant") => {
                let calls = message["tool_calls"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(call);
                found.said.push(Said::Model {
                    text: content,
                    calls: calls.collect(),
                });
            }
            Some("tool") => {
                found.said.push(Said::Tool {
                    id: text(&message["tool_call_id"]),
                    output: content,
                });
            }
            other => wrong.push(format!("a message of the role {other:?} has no place here")),
        }
    }
    found
}

fn call(call: &Value) -> CallSeen {
    CallSeen {
        id: text(&call["id"]),
        name: text(&call["function"]["name"]),
        arguments: text(&call["function"]["arguments"]),
    }
}

/// A text, or the texts of a list of parts.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(|part| text(&part["text"])).collect(),
        _ => String::new(),
    }
}

pub(super) fn events(turn: &Turn, model: &str, number: usize) -> Vec<Event> {
    let chunk = |delta: Value, finish: Value| {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
        json!({ "id": format!("chatcmpl-{number}"), "object": "chat.completion.chunk", "model": model,
                "choices": [choice] })
    };
    let data = |value: &Value| Event::sign(format!("data: {value}\n\n"));
    let mut events = vec![data(&chunk(
        json!({ "role": "assistant", "content": "" }),
        Value::Null,
    ))];
    for piece in &turn.pieces {
        events.push(data(&chunk(json!({ "content": piece }), Value::Null)).into_piece());
    }
    if let Some(code) = &turn.in_stream {
        events.push(data(
            &json!({ "error": { "message": "it broke", "code": code, "type": code } }),
        ));
        return events;
    }
    events.extend(
        calls(turn, number)
            .into_iter()
            .map(|calls| data(&chunk(json!({ "tool_calls": calls }), Value::Null)).into_piece()),
    );
    let finish = match turn {
        _ if turn.is_cut_at_limit => "length",
        _ if turn.calls.is_empty() => "stop",
        _ => "tool_calls",
    };
    events.push(data(&chunk(json!({}), json!(finish))));
    if let Some((input, output)) = turn.usage {
        let used = json!({ "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output });
        events.push(data(
            &json!({ "id": "chatcmpl", "model": model, "choices": [], "usage": used }),
        ));
    }
    events.push(Event::sign("data: [DONE]\n\n".to_owned()));
    events
}

/// The calls' pieces: all of them begin, then their arguments come by turns.
fn calls(turn: &Turn, number: usize) -> Vec<Value> {
    let calls = || turn.calls.iter().enumerate();
    let mut pieces: Vec<Value> = calls()
        .map(|(index, (name, _))| {
            let function = json!({ "name": name, "arguments": "" });
            json!([{ "index": index, "id": turn.call_id(number, index), "type": "function", "function": function }])
        })
        .collect();
    for half in [0, 1] {
        pieces.extend(calls().map(|(index, (_, arguments))| {
            let part = halves(arguments)[half];
            json!([{ "index": index, "function": { "arguments": part } }])
        }));
    }
    pieces
}

/// A text in two parts.
pub(super) fn halves(text: &str) -> [&str; 2] {
    let mut middle = text.len() / 2;
    while !text.is_char_boundary(middle) {
        middle += 1;
    }
    [&text[..middle], &text[middle..]]
}
