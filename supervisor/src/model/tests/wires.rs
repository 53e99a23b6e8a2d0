//! Laws every wire keeps to, whatever is in a transcript.

use crate::config::{Api, ModelRef};
use crate::model::render::samples::{answer, any_items, context, outcome, shows, user};
use crate::model::sight::Pictures;
use crate::model::{Context, ModelCall, RenderCache, anthropic, catalog, codex, openai, responses};
use ipc::transcript::TranscriptItem;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const WIRES: [(Api, &str); 4] = [
    (Api::OpenAiCompletions, "openrouter/m"),
    (Api::OpenAiResponses, "openai/gpt-5.1"),
    (Api::Codex, "openai-codex/gpt-5.3-codex"),
    (Api::AnthropicMessages, "anthropic/claude-sonnet-4"),
];

fn body(
    (api, name): (Api, &str),
    context: &Context,
    closing: Option<&str>,
    cache: &mut RenderCache,
) -> Value {
    let name: ModelRef = name.parse().unwrap();
    let model = catalog::model(&BTreeMap::new(), &name).unwrap();
    let call = ModelCall {
        chain: &[],
        session: &"agent:main:main".into(),
        instructions: "Be brief.",
        tools: &[],
        context,
        closing,
        thinking: None,
        timeout: Duration::from_secs(1),
    };
    if cache.pictures.is_empty() {
        cache.pictures = Pictures::of([("a.png", "AAAA"), ("b.png", "BBBB")]);
    }
    let bytes = match api {
        Api::OpenAiCompletions => openai::body(&model, &call, None, cache),
        Api::OpenAiResponses => responses::body(&model, &call, None, cache),
        Api::Codex => codex::body(&model, &call, None, cache),
        Api::AnthropicMessages => anthropic::body(&model, &call, None, cache),
    };
    serde_json::from_slice(&bytes).unwrap()
}

fn fresh(wire: (Api, &str), context: &Context, closing: Option<&str>) -> Value {
    body(wire, context, closing, &mut RenderCache::default())
}

fn messages(wire: (Api, &str), items: Vec<TranscriptItem>) -> Vec<Value> {
    let body = fresh(wire, &context(items), None);
    let list = body.get("messages").or(body.get("input")).unwrap();
    list.as_array().unwrap().clone()
}

proptest! {
    #[test]
    fn rendered_call_by_call_or_at_once_is_the_same(
        items in any_items(), closing in proptest::option::of("[a-z]{1,3}"), wire in 0usize..4,
    ) {
        let (wire, closing) = (WIRES[wire], closing.as_deref());
        let mut cache = RenderCache::default();
        for len in 1..=items.len() {
            let mut past = context(items[..len].to_vec());
            let expected = fresh(wire, &past, closing);
            prop_assert_eq!(&body(wire, &past, closing, &mut cache), &expected);
            // Another past, and another model in between.
            if len == items.len() / 2 {
                past.generation += 1;
                prop_assert_eq!(&body(wire, &past, closing, &mut cache), &expected);
                body(WIRES[0], &past, closing, &mut cache);
            }
        }
    }

    #[test]
    fn chat_every_call_is_followed_by_its_results_and_users_take_turns(items in any_items()) {
        let all = messages(WIRES[0], items);
        let mut open: Vec<Value> = Vec::new();
        let mut last = "assistant".to_owned();
        for message in &all[1..] {
            let role = message["role"].as_str().unwrap();
            match role {
                "tool" => prop_assert_eq!(&message["tool_call_id"], &open.remove(0)),
                "assistant" => {
                    prop_assert!(open.is_empty());
                    let calls = message.get("tool_calls").and_then(Value::as_array);
                    open = calls.into_iter().flatten().map(|c| c["id"].clone()).collect();
                    prop_assert!(!open.is_empty() || message["content"] != "");
                }
                "user" => prop_assert!(open.is_empty() && last != "user"),
                other => prop_assert!(false, "{other}"),
            }
            last = role.to_owned();
        }
        prop_assert!(open.is_empty());
    }

    #[test]
    fn anthropic_roles_alternate_results_come_first_and_ids_are_unique(items in any_items()) {
        let all = messages(WIRES[3], items);
        let mut open = Vec::new();
        let mut ids = BTreeSet::new();
        let mut expected = all[0]["role"].clone();
        for message in &all {
            prop_assert_eq!(&message["role"], &expected);
            expected = if expected == "user" { json!("assistant") } else { json!("user") };
            let content = message["content"].as_array().unwrap();
            prop_assert!(!content.is_empty());
            for block in content {
                match block["type"].as_str().unwrap() {
                    "tool_use" => {
                        prop_assert!(ids.insert(block["id"].to_string()));
                        prop_assert!(block["input"].is_object());
                        open.push(block["id"].clone());
                    }
                    "tool_result" => prop_assert_eq!(&block["tool_use_id"], &open.remove(0)),
                    "image" => prop_assert!(open.is_empty() && message["role"] == "user"),
                    _ => {
                        prop_assert!(message["role"] == "assistant" || open.is_empty());
                        prop_assert!(!block["text"].as_str().unwrap().trim().is_empty());
                    }
                }
            }
        }
        prop_assert!(open.is_empty());
        prop_assert_eq!(&all.last().unwrap()["role"], "user");
    }

    #[test]
    fn responses_every_call_has_its_output(items in any_items()) {
        let all = messages(WIRES[1], items);
        let ids = |kind: &str| -> Vec<Value> {
            all.iter().filter(|m| m["type"] == kind).map(|m| m["call_id"].clone()).collect()
        };
        prop_assert_eq!(ids("function_call"), ids("function_call_output"));
    }
}

#[test]
fn a_call_without_a_result_gets_one_that_says_so() {
    let items = vec![user("a"), answer("", 2), outcome(2, 1, "second"), user("b")];
    let all = messages(WIRES[0], items);
    let contents: Vec<_> = all[1..]
        .iter()
        .map(|m| m["content"].as_str().unwrap())
        .collect();
    assert_eq!(
        (contents[0], contents[1], contents[3], contents[4]),
        ("a", "", "second", "b")
    );
    assert!(contents[2].starts_with("[interrupted"), "{}", contents[2]);
}

#[test]
fn notes_summaries_and_late_results_are_told_as_the_systems_words() {
    let items = vec![
        TranscriptItem::Summary {
            through: ipc::id::ItemId(9),
            text: "long ago".into(),
        },
        TranscriptItem::Note {
            text: "a note".into(),
        },
        user("go on"),
        outcome(1, 0, "late"),
    ];
    let all = messages(WIRES[0], items);
    assert_eq!(all.len(), 2);
    let text = all[1]["content"].as_str().unwrap();
    for part in [
        "[Summary by the system of the conversation so far]\nlong ago",
        "[Note from the system, not from the user]\na note",
        "\n\ngo on\n\n",
        "A result of an earlier exec call:\nlate",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn nonsense_arguments_do_not_spoil_a_history() {
    let mut bad = answer("", 1);
    if let TranscriptItem::Answer { tool_calls, .. } = &mut bad {
        tool_calls[0].arguments = "{\"command\": ".into();
        tool_calls[0].id = "bad id!".into();
    }
    let items = || vec![user("a"), bad.clone()];
    let call = &messages(WIRES[0], items())[2]["tool_calls"][0];
    assert_eq!(call["id"], "call_2_0");
    assert_eq!(
        call["function"]["arguments"],
        r#"{"unreadable":"{\"command\": "}"#
    );
    let block = &messages(WIRES[3], items())[1]["content"][0];
    assert_eq!(block["input"], json!({"unreadable": "{\"command\": "}));
}

/// The parts of the last message, with pictures `a.png` and `b.png` at hand.
fn seen(wire: (Api, &str), items: Vec<TranscriptItem>) -> Value {
    let body = fresh(wire, &context(items), None);
    let list = body.get("messages").or(body.get("input")).unwrap();
    list.as_array().unwrap().last().unwrap()["content"].clone()
}

#[test]
fn pictures_are_written_as_each_provider_wants_them() {
    let items = || vec![shows("what is it?", &["a.png", "b.png"], 3)];
    let url = |data: &str| format!("data:image/png;base64,{data}");
    assert_eq!(
        seen(WIRES[0], items()),
        json!([
            { "type": "text", "text": "what is it?" },
            { "type": "image_url", "image_url": { "url": url("AAAA") } },
            { "type": "image_url", "image_url": { "url": url("BBBB") } },
        ])
    );
    for wire in [WIRES[1], WIRES[2]] {
        assert_eq!(
            seen(wire, items()),
            json!([
                { "type": "input_text", "text": "what is it?" },
                { "type": "input_image", "image_url": url("AAAA") },
                { "type": "input_image", "image_url": url("BBBB") },
            ])
        );
    }
    let source = |data: &str| json!({ "type": "base64", "media_type": "image/png", "data": data });
    assert_eq!(
        seen(WIRES[3], items()),
        json!([
            { "type": "image", "source": source("AAAA") },
            { "type": "image", "source": source("BBBB") },
            { "type": "text", "text": "what is it?", "cache_control": { "type": "ephemeral" } },
        ])
    );
}

#[test]
fn a_picture_in_a_closed_group_is_sent_again_and_kept_out_of_the_cache() {
    for wire in WIRES {
        let items = vec![shows("look", &["a.png"], 3), answer("ok", 0), user("and?")];
        let mut cache = RenderCache::default();
        for data in ["AAAA", "CCCC"] {
            cache.pictures = Pictures::of([("a.png", data)]);
            let sent = body(wire, &context(items.clone()), None, &mut cache).to_string();
            assert!(sent.contains(data), "{sent}");
        }
        cache.pictures = Pictures::default();
        let kept = format!("{cache:?}");
        assert!(kept.contains(&format!("{:?}", b"a.png").replace(['[', ']'], "")));
        assert!(!kept.contains(&format!("{:?}", b"CCCC").replace(['[', ']'], "")));
    }
}

#[test]
fn who_can_not_see_is_told_that_there_was_a_picture() {
    let blind = (Api::OpenAiCompletions, "openrouter/openai/gpt-oss-20b");
    assert_eq!(
        seen(blind, vec![shows("look", &["a.png"], 3)]),
        "look\n[a picture came with this; you can not see pictures]"
    );
    assert_eq!(
        seen(WIRES[0], vec![shows("look", &["a.png"], 4_000_000)]),
        "look\n[a picture came with this that is too large to be shown]"
    );
}
