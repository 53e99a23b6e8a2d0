//! What goes out and what comes back, for every wire.

use super::*;
use crate::model::render::samples::{answer, context, outcome, user};
use ipc::model::{StopReason, Usage};
use serde_json::{Value, json};

/// A conversation with a call of a tool in it.
fn talk() -> Context {
    context(vec![
        user("Hello"),
        answer("I look.", 1),
        outcome(2, 0, "a.txt\n"),
    ])
}

fn tool() -> Vec<ToolSpec> {
    vec![ToolSpec {
        name: "exec".into(),
        description: "Runs.".into(),
        parameters: json!({"type": "object"}),
    }]
}

async fn exchange(api: Api, id: &str, model: &str, reply: Reply) -> (Heard, super::server::Asked) {
    let server = Server::start([reply]).await;
    let world = World::new(&[]).provider(id, api, &server).key(id, "sk-1");
    let names = [format!("{id}/{model}")];
    let heard = ask_with(
        &world.stack(),
        &names.each_ref().map(String::as_str),
        &talk(),
        &tool(),
        &mut RenderCache::default(),
    )
    .await;
    (heard, server.asked().remove(0))
}

#[tokio::test]
async fn chat_completions() {
    let (heard, asked) = exchange(
        Api::OpenAiCompletions,
        "mine",
        "m-1",
        Reply::stream(&[
            r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"Two "}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"calls."}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"b","type":"function","function":{"name":"exec","arguments":""}}]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"exec","arguments":"{\"comm"}}]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"and\":\"ls\"}"}}]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
            r#"{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":4}}}"#,
            "[DONE]",
        ]),
    )
    .await;
    let done = heard.result.as_ref().unwrap();
    assert_eq!(heard.shown(), "Two calls.");
    let calls: Vec<_> = done
        .tool_calls
        .iter()
        .map(|c| (c.id.as_str(), c.arguments.as_str()))
        .collect();
    assert_eq!(calls, [("a", r#"{"command":"ls"}"#), ("b", "")]);
    assert_eq!(done.stop, StopReason::ToolCalls);
    assert_eq!(
        done.usage,
        Usage {
            input: 10,
            output: 5,
            cached: 4
        }
    );
    assert_eq!(done.model.to_string(), "mine/m-1");

    assert_eq!(asked.line, "POST /v1/chat/completions");
    assert_eq!(asked.header("authorization"), Some("Bearer sk-1"));
    assert_eq!(
        asked.header("user-agent"),
        Some(concat!("openclaw/", env!("CARGO_PKG_VERSION")))
    );
    assert_eq!(
        asked.body,
        json!({
            "model": "m-1",
            "stream": true,
            "stream_options": {"include_usage": true},
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Hello"},
                {"role": "assistant", "content": "I look.", "tool_calls": [
                    {"id": "call_0", "type": "function",
                     "function": {"name": "exec", "arguments": "{\"command\":\"true\"}"}}]},
                {"role": "tool", "tool_call_id": "call_0", "content": "a.txt\n"},
            ],
            "tools": [{"type": "function", "function":
                {"name": "exec", "description": "Runs.", "parameters": {"type": "object"}}}],
        })
    );
}

const REASONED: [&str; 8] = [
    r#"{"type":"response.created","response":{"id":"r"}}"#,
    r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"reasoning","id":"rs_1"}}"#,
    r#"{"type":"response.reasoning_summary_text.delta","delta":"hm"}"#,
    r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"zzz"}}"#,
    r#"{"type":"response.output_text.delta","output_index":1,"delta":"Done."}"#,
    r#"{"type":"response.output_item.done","item":{"type":"message","id":"msg_1","role":"assistant","content":[{"type":"output_text","text":"Done."}]}}"#,
    r#"{"type":"response.output_item.done","item":{"type":"function_call","id":"fc_1","call_id":"call_9","name":"exec","arguments":"{}"}}"#,
    r#"{"type":"response.completed","response":{"status":"completed","usage":{"input_tokens":7,"output_tokens":3,"input_tokens_details":{"cached_tokens":2}}}}"#,
];

#[tokio::test]
async fn responses() {
    let (heard, asked) = exchange(
        Api::OpenAiResponses,
        "mine",
        "gpt-5.1",
        Reply::stream(&REASONED),
    )
    .await;
    let done = heard.result.as_ref().unwrap();
    assert_eq!(
        (heard.shown().as_str(), done.text.as_str()),
        ("Done.", "Done.")
    );
    assert_eq!(done.tool_calls[0].id, "call_9");
    assert_eq!(done.stop, StopReason::ToolCalls);
    assert_eq!(
        done.usage,
        Usage {
            input: 7,
            output: 3,
            cached: 2
        }
    );
    let carried = done.carried.as_ref().unwrap();
    assert_eq!(carried.api, "openai-responses mine/gpt-5.1");
    assert_eq!(carried.items.len(), 3);

    assert_eq!(asked.line, "POST /v1/responses");
    assert_eq!(
        asked.body,
        json!({
            "model": "gpt-5.1",
            "instructions": "Be brief.",
            "store": false,
            "stream": true,
            "include": ["reasoning.encrypted_content"],
            "input": [
                {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
                {"type": "function_call", "call_id": "call_0", "name": "exec", "arguments": "{\"command\":\"true\"}"},
                {"type": "function_call_output", "call_id": "call_0", "output": "a.txt\n"},
            ],
            "tools": [{"type": "function", "name": "exec", "description": "Runs.",
                "parameters": {"type": "object"}, "strict": false}],
        })
    );
}

#[tokio::test]
async fn what_a_model_carried_goes_back_to_it_and_to_nobody_else() {
    let server = Server::start([
        Reply::stream(&REASONED),
        Reply::stream(&REASONED),
        Reply::stream(&REASONED),
    ])
    .await;
    let world = World::new(&[])
        .provider("mine", Api::OpenAiResponses, &server)
        .key("mine", "k");
    let stack = world.stack();
    let first = ask(&stack, &["mine/gpt-5.1"]).await.result.unwrap();
    let mut items = vec![user("Hello"), answer("", 0), outcome(2, 0, "ok")];
    items[1] = ipc::transcript::TranscriptItem::Answer {
        text: first.text,
        tool_calls: first.tool_calls,
        model: first.model.to_string(),
        usage: first.usage,
        carried: first.carried,
    };
    let context = context(items);
    for name in ["mine/gpt-5.1", "mine/gpt-5.2"] {
        let _ = ask_with(&stack, &[name], &context, &[], &mut RenderCache::default()).await;
    }
    let asked = server.asked();
    let kinds = |at: usize| -> Vec<&str> {
        let input = asked[at].body["input"].as_array().unwrap();
        input
            .iter()
            .map(|item| item["type"].as_str().unwrap())
            .collect()
    };
    assert_eq!(
        kinds(1),
        [
            "message",
            "reasoning",
            "message",
            "function_call",
            "function_call_output"
        ]
    );
    assert_eq!(
        kinds(2),
        [
            "message",
            "message",
            "function_call",
            "function_call_output"
        ]
    );
    assert_eq!(asked[1].body["input"][1]["encrypted_content"], "zzz");
}

#[tokio::test]
async fn anthropic_messages() {
    let (heard, asked) = exchange(
        Api::AnthropicMessages,
        "anthropic",
        "claude-sonnet-4",
        Reply::stream(&[
            r#"{"type":"message_start","message":{"usage":{"input_tokens":10,"cache_read_input_tokens":5,"output_tokens":1}}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"ping"}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Look."}}"#,
            r#"{"type":"content_block_stop","index":0}"#,
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"toolu_1","name":"exec","input":{}}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"command\":"}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"\"ls\"}"}}"#,
            r#"{"type":"content_block_stop","index":1}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":9}}"#,
            r#"{"type":"message_stop"}"#,
        ]),
    )
    .await;
    let done = heard.result.as_ref().unwrap();
    assert_eq!(heard.shown(), "Look.");
    assert_eq!(done.tool_calls[0].arguments, r#"{"command":"ls"}"#);
    assert_eq!(
        done.usage,
        Usage {
            input: 15,
            output: 9,
            cached: 5
        }
    );

    assert_eq!(asked.line, "POST /v1/messages");
    assert_eq!(asked.header("x-api-key"), Some("sk-1"));
    assert_eq!(asked.header("authorization"), None);
    assert_eq!(asked.header("anthropic-version"), Some("2023-06-01"));
    assert_eq!(
        asked.body,
        json!({
            "model": "claude-sonnet-4",
            "max_tokens": 32000,
            "stream": true,
            "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "Hello"}]},
                {"role": "assistant", "content": [
                    {"type": "text", "text": "I look."},
                    {"type": "tool_use", "id": "call_2_0", "name": "exec", "input": {"command": "true"}}]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "call_2_0", "content": "a.txt\n",
                     "cache_control": {"type": "ephemeral"}}]},
            ],
            "tools": [{"name": "exec", "description": "Runs.", "input_schema": {"type": "object"}}],
        })
    );
}

#[tokio::test]
async fn a_local_models_written_call_is_a_call_and_is_never_shown() {
    let written = "```json\n{\"name\": \"exec\", \"arguments\": {\"command\": \"ls\"}}\n```";
    let server = Server::start([Reply::says(written), Reply::says(written)]).await;
    let mut world = World::new(&[]).provider("mine", Api::OpenAiCompletions, &server);
    world.config.providers.get_mut("mine").unwrap().local = true;
    let (stack, context) = (world.stack(), context(vec![user("ls")]));
    let heard = ask_with(
        &stack,
        &["mine/m"],
        &context,
        &tool(),
        &mut RenderCache::default(),
    )
    .await;
    let done = heard.result.as_ref().unwrap();
    assert_eq!(heard.shown(), "");
    assert_eq!(done.tool_calls[0].name, "exec");
    assert_eq!(done.stop, StopReason::ToolCalls);
    assert_eq!(server.asked()[0].header("authorization"), None);

    // Nobody else's words are read that way.
    world.config.providers.get_mut("mine").unwrap().local = false;
    let stack = world.key("mine", "k").stack();
    let heard = ask_with(
        &stack,
        &["mine/m"],
        &context,
        &tool(),
        &mut RenderCache::default(),
    )
    .await;
    assert_eq!(heard.text(), written);
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let server = Server::start((0..5).map(|_| Reply::says("hi"))).await;
    let world = World::new(&[])
        .provider("mine", Api::OpenAiCompletions, &server)
        .key("mine", "k");
    let stack = world.stack();
    for _ in 0..5 {
        assert_eq!(ask(&stack, &["mine/m"]).await.text(), "hi");
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn configured_headers_are_sent_and_have_the_last_word() {
    let server = Server::start([Reply::says("hi")]).await;
    let mut world = World::new(&[])
        .provider("mine", Api::OpenAiCompletions, &server)
        .key("mine", "k");
    let headers = &mut world.config.providers.get_mut("mine").unwrap().headers;
    headers.insert("X-Title".into(), "OpenClaw".into());
    headers.insert("Authorization".into(), "Custom 1".into());
    ask(&world.stack(), &["mine/m"]).await;
    let asked = server.asked().remove(0);
    assert_eq!(asked.header("x-title"), Some("OpenClaw"));
    assert_eq!(asked.header("authorization"), Some("Custom 1"));
}

#[tokio::test]
async fn a_closing_message_comes_last_and_offers_no_more() {
    let server = Server::start([Reply::says("a summary")]).await;
    let world = World::new(&[])
        .provider("mine", Api::OpenAiCompletions, &server)
        .key("mine", "k");
    let context = talk();
    let call = ModelCall {
        chain: &chain(&["mine/m"]),
        session: &"agent:main:main".into(),
        instructions: "",
        tools: &[],
        context: &context,
        closing: Some("Summarise."),
        thinking: None,
        timeout: Duration::from_secs(5),
    };
    let result = world
        .stack()
        .answer(call, &mut RenderCache::default(), &mut |_| ())
        .await;
    assert_eq!(result.unwrap().text, "a summary");
    let body = server.asked().remove(0).body;
    let last = body["messages"].as_array().unwrap().last().unwrap();
    assert_eq!(*last, json!({"role": "user", "content": "Summarise."}));
    assert_eq!(body.get("tools"), None::<&Value>);
}
