//! OpenAI Responses, and Codex, which speaks it too.

use super::chat::halves;
use super::play::Event;
use super::script::Turn;
use super::seen::{CallSeen, Found, Said};
use serde_json::{Value, json};

pub(super) fn read(body: &Value, wrong: &mut Vec<String>) -> Found {
    let mut found = Found {
        system: text(&body["instructions"]),
        ..Found::default()
    };
    if body["store"] != Value::Bool(false) {
        wrong.push("it wants the provider to keep the conversation".to_owned());
    }
    for tool in body["tools"].as_array().into_iter().flatten() {
        found
            .tools
            .push((text(&tool["name"]), tool["parameters"].clone()));
    }
    let Some(input) = body["input"].as_array() else {
        wrong.push("the input is no list".to_owned());
        return found;
    };
    for item in input {
        take_in(item, &mut found.said, wrong);
    }
    found
}

fn take_in(item: &Value, said: &mut Vec<Said>, wrong: &mut Vec<String>) {
    match (item["type"].as_str(), item["role"].as_str()) {
        (None | Some("message"), Some("user")) => said.push(Said::User(content(item))),
        (None | Some("message"), Some("assistant")) => {
            said.push(Said::Model {
                text: content(item),
                calls: Vec::new(),
            });
        }
        (Some("function_call"), _) => {
            let call = CallSeen {
                id: text(&item["call_id"]),
                name: text(&item["name"]),
                arguments: text(&item["arguments"]),
            };
            // Words and calls of one answer are items of their own here.
            match said.last_mut() {
                Some(Said::Model { calls, .. }) => calls.push(call),
                _ => said.push(Said::Model {
                    text: String::new(),
                    calls: vec![call],
                }),
            }
        }
        (Some("function_call_output"), _) => {
            said.push(Said::Tool {
                id: text(&item["call_id"]),
                output: text(&item["output"]),
            });
        }
        (Some("reasoning"), _) => {}
        (kind, role) => wrong.push(format!("an item {kind:?} of {role:?} has no place here")),
    }
}

fn content(item: &Value) -> String {
    match &item["content"] {
        Value::Array(parts) => parts.iter().map(|part| text(&part["text"])).collect(),
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
    let response =
        |status: &str| json!({ "id": format!("resp_{number}"), "model": model, "status": status });
    let mut events = vec![event(
        "response.created",
        json!({ "response": response("in_progress") }),
    )];
    let mut output = Vec::new();
    if !turn.pieces.is_empty() {
        let id = format!("msg_{number}");
        let begun = json!({ "type": "message", "id": id, "role": "assistant", "content": [] });
        events.push(event(
            "response.output_item.added",
            json!({ "output_index": 0, "item": begun }),
        ));
        for piece in &turn.pieces {
            let delta =
                json!({ "item_id": id, "output_index": 0, "content_index": 0, "delta": piece });
            events.push(event("response.output_text.delta", delta).into_piece());
        }
        let part =
            json!({ "type": "output_text", "text": turn.pieces.concat(), "annotations": [] });
        let item = json!({ "type": "message", "id": id, "role": "assistant", "status": "completed",
                           "content": [part] });
        output.push(item.clone());
        events.push(event(
            "response.output_item.done",
            json!({ "output_index": 0, "item": item }),
        ));
    }
    if let Some(code) = &turn.in_stream {
        let mut failed = response("failed");
        failed["error"] = json!({ "code": code, "message": "it broke" });
        events.push(event("response.failed", json!({ "response": failed })));
        return events;
    }
    for (index, (name, arguments)) in turn.calls.iter().enumerate() {
        let at = output.len();
        let id = format!("fc_{number}_{index}");
        let item = |arguments: &str| {
            json!({ "type": "function_call", "id": id, "call_id": turn.call_id(number, index),
                    "name": name, "arguments": arguments })
        };
        events.push(event(
            "response.output_item.added",
            json!({ "output_index": at, "item": item("") }),
        ));
        for half in halves(arguments) {
            let delta = json!({ "item_id": id, "output_index": at, "delta": half });
            events.push(event("response.function_call_arguments.delta", delta).into_piece());
        }
        output.push(item(arguments));
        events.push(event(
            "response.output_item.done",
            json!({ "output_index": at, "item": item(arguments) }),
        ));
    }
    let (kind, status) = match turn.is_cut_at_limit {
        true => ("response.incomplete", "incomplete"),
        false => ("response.completed", "completed"),
    };
    let mut last = response(status);
    last["output"] = json!(output);
    if turn.is_cut_at_limit {
        last["incomplete_details"] = json!({ "reason": "max_output_tokens" });
    }
    if let Some((input, output)) = turn.usage {
        last["usage"] = json!({ "input_tokens": input, "output_tokens": output, "total_tokens": input + output });
    }
    events.push(event(kind, json!({ "response": last })));
    events
}
