//! Models that fail: what is tried again, what is not, who is asked instead, and who is told.

use ipc::control::{FinalReply, ReplyStatus};
use ipc::transcript::TranscriptItem;
use serde_json::json;
use std::time::{Duration, Instant};
use tests::model::KEY;
use tests::{Gateway, Wire, turn};

/// A gateway with `one` and, where that fails, `two`.
async fn gateway(wire: Wire) -> Gateway {
    Gateway::setup().await.speaking(wire).start().await
}

/// The models of every request, in order.
fn asked(gateway: &Gateway) -> Vec<String> {
    gateway
        .model
        .requests()
        .into_iter()
        .map(|seen| seen.model)
        .collect()
}

/// That a fallback was taken is told: to whoever watches, in the log, and in the session.
async fn is_told(gateway: &Gateway, notices: &[&str], reply: &FinalReply) {
    let told = |text: &str| text.contains("one") && text.contains("two");
    assert!(notices.iter().any(|text| told(text)), "{notices:?}");
    let in_log = gateway
        .log()
        .lines()
        .any(|line| line.contains("falling back") && told(line));
    assert!(in_log, "{}", gateway.log());
    let notes = gateway.transcript(reply.session.as_str()).await;
    let in_session = notes
        .iter()
        .any(|item| matches!(item, TranscriptItem::Note { text } if told(text)));
    assert!(in_session, "{notes:#?}");
}

#[tokio::test]
async fn too_many_requests_are_waited_for_as_long_as_they_ask() {
    for wire in Wire::ALL {
        let gateway = gateway(wire).await;
        gateway.model.script([
            turn().fails(429).with_header("retry-after", "1"),
            turn().says("Here I am."),
        ]);
        let reply = gateway.chat().asks("hi").await;
        assert_eq!(reply.text, "Here I am.");
        assert_eq!(asked(&gateway), ["one", "one"], "{wire:?}");
        let waited = gateway.model.request(1).at - gateway.model.request(0).at;
        assert!(
            waited >= Duration::from_millis(990),
            "{wire:?} waited {waited:?}"
        );
    }
}

#[tokio::test]
async fn milliseconds_are_obeyed_too() {
    let gateway = gateway(Wire::Chat).await;
    gateway.model.script([
        turn().fails(429).with_header("retry-after-ms", "300"),
        turn().says("Here I am."),
    ]);
    assert_eq!(gateway.chat().asks("hi").await.text, "Here I am.");
    let waited = gateway.model.request(1).at - gateway.model.request(0).at;
    assert!(waited >= Duration::from_millis(299), "waited {waited:?}");
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_spent_with_the_next_model() {
    let gateway = gateway(Wire::Chat).await;
    gateway.model.script([
        turn().fails(429).with_header("retry-after", "600"),
        turn().says("Two here."),
    ]);
    let began = Instant::now();
    let mut exchange = gateway.chat().says("hi").await;
    let reply = exchange.reply().await;
    assert_eq!(
        (reply.text.as_str(), reply.model.as_str()),
        ("Two here.", "fake/two")
    );
    assert!(began.elapsed() < Duration::from_secs(30));
    is_told(&gateway, &exchange.notices(), &reply).await;
}

#[tokio::test]
async fn a_broken_server_is_tried_a_few_times_and_then_left() {
    for (wire, status) in [
        (Wire::Chat, 500),
        (Wire::Responses, 503),
        (Wire::Anthropic, 529),
    ] {
        let gateway = gateway(wire).await;
        gateway.model.script([
            turn().fails(status),
            turn().fails(status),
            turn().fails(status),
            turn().says("Two here."),
        ]);
        let mut exchange = gateway.chat().says("hi").await;
        let reply = exchange.reply().await;
        assert_eq!(reply.text, "Two here.", "{status}");
        assert_eq!(asked(&gateway), ["one", "one", "one", "two"], "{status}");
        is_told(&gateway, &exchange.notices(), &reply).await;
    }
}

#[tokio::test]
async fn a_cut_stream_is_no_answer() {
    for wire in Wire::ALL {
        let gateway = gateway(wire).await;
        gateway.model.script([
            turn().says("Half of an ans").cut_after(3),
            turn().says("A whole answer."),
        ]);
        let reply = gateway.chat().asks("hi").await;
        assert_eq!(reply.text, "A whole answer.", "{wire:?}");
        let items = gateway.chat().transcript().await;
        let half = items.iter().any(
            |item| matches!(item, TranscriptItem::Answer { text, .. } if text.contains("Half")),
        );
        assert!(!half, "{items:#?}");
    }
}

#[tokio::test]
async fn a_stream_cut_in_the_middle_of_a_call_runs_nothing() {
    for wire in Wire::ALL {
        let gateway = gateway(wire).await;
        gateway.model.script([
            turn()
                .calls("exec", json!({ "command": "echo x >> ran" }))
                .cut_after(1),
            turn().says("Nothing to do."),
        ]);
        assert_eq!(
            gateway.chat().asks("hi").await.text,
            "Nothing to do.",
            "{wire:?}"
        );
        assert_eq!(gateway.read("ran"), "");
    }
}

#[tokio::test]
async fn a_malformed_stream_is_no_answer() {
    for wire in Wire::ALL {
        let gateway = gateway(wire).await;
        gateway.model.script([
            turn().says("Some words and").garbled_after(2),
            turn().says("A whole answer."),
        ]);
        assert_eq!(
            gateway.chat().asks("hi").await.text,
            "A whole answer.",
            "{wire:?}"
        );
    }
}

#[tokio::test]
async fn a_failure_inside_the_stream_is_a_failure() {
    for wire in Wire::ALL {
        let gateway = gateway(wire).await;
        let code = if wire == Wire::Anthropic {
            "overloaded_error"
        } else {
            "server_error"
        };
        gateway.model.script([
            turn().says("Some words").fails_in_stream(code),
            turn().says("A whole answer."),
        ]);
        assert_eq!(
            gateway.chat().asks("hi").await.text,
            "A whole answer.",
            "{wire:?}"
        );
    }
}

#[tokio::test]
async fn what_would_fail_again_is_not_tried_again() {
    for (status, code) in [(400, ""), (401, ""), (404, ""), (429, "insufficient_quota")] {
        let gateway = gateway(Wire::Chat).await;
        let failure = turn().fails(status);
        let failure = if code.is_empty() {
            failure
        } else {
            failure.with_error(code, "no more credit")
        };
        gateway.model.script([failure, turn().says("Two here.")]);
        let mut exchange = gateway.chat().says("hi").await;
        let reply = exchange.reply().await;
        let models = asked(&gateway);
        let by_one = models.iter().filter(|model| *model == "one").count();
        assert_eq!(by_one, 1, "{status}: {models:?}");
        if status == 401 || !code.is_empty() {
            // Both models have the one key, which rests now: nobody can answer, and says so.
            assert!(
                reply.status == ReplyStatus::Failed || reply.text == "Two here.",
                "{reply:?}"
            );
        } else {
            assert_eq!(reply.text, "Two here.", "{status}");
            is_told(&gateway, &exchange.notices(), &reply).await;
        }
    }
}

#[tokio::test]
async fn a_key_that_is_refused_gives_way_to_the_next() {
    let profiles = json!({ "version": 1, "profiles": {
        "fake:first": { "type": "api_key", "provider": "fake", "key": "first-key" },
        "fake:second": { "type": "api_key", "provider": "fake", "key": "second-key" },
    }});
    let setup = Gateway::setup().await;
    let setup = setup.config(|config| {
        config["models"]["providers"]["fake"]
            .as_object_mut()
            .unwrap()
            .remove("apiKey");
        config["auth"] = json!({ "order": { "fake": ["fake:first", "fake:second"] } });
    });
    let gateway = setup
        .file(
            "agents/main/agent/auth-profiles.json",
            &profiles.to_string(),
        )
        .start()
        .await;
    gateway.model.takes_keys(&["first-key", "second-key"]);
    gateway.model.script([
        turn().fails(401),
        turn().says("Second key."),
        turn().says("Second again."),
    ]);
    assert_eq!(gateway.chat().asks("hi").await.text, "Second key.");
    // The first rests now.
    assert_eq!(gateway.chat().asks("hi").await.text, "Second again.");
    let keys: Vec<_> = gateway
        .model
        .requests()
        .into_iter()
        .map(|seen| seen.key.unwrap())
        .collect();
    assert_eq!(keys, ["first-key", "second-key", "second-key"]);
    let report = gateway.models().await;
    let first = report
        .profiles
        .iter()
        .find(|profile| profile.id == "fake:first")
        .unwrap();
    assert!(!first.usable, "{first:?}");
    assert!(
        !format!("{report:?}").contains("first-key"),
        "no secret in a report"
    );
}

#[tokio::test]
async fn a_silent_model_is_left_after_its_time() {
    for silent in [turn().silent(), turn().says("A word, then").silent_after(1)] {
        let setup = Gateway::setup().await.speaking(Wire::Chat);
        let setup =
            setup.config(|config| config["agents"]["defaults"]["timeoutSeconds"] = json!(1));
        let gateway = setup.start().await;
        gateway.model.script([silent, turn().says("Two here.")]);
        let mut exchange = gateway.chat().says("hi").await;
        let reply = exchange.reply().await;
        assert_eq!(reply.text, "Two here.", "{reply:?} {}", gateway.log());
        is_told(&gateway, &exchange.notices(), &reply).await;
        assert!(gateway.model.request(0).was_left());
    }
}

#[tokio::test]
async fn when_nobody_can_answer_the_person_is_told_why() {
    let gateway = gateway(Wire::Chat).await;
    gateway.model.script([turn().fails(404), turn().fails(400)]);
    let reply = gateway.chat().asks("hi").await;
    assert_eq!(reply.status, ReplyStatus::Failed);
    for words in [
        "fake/one",
        "fake/two",
        "no such model",
        "the request is not right",
    ] {
        assert!(reply.text.contains(words), "{words} not in {}", reply.text);
    }
    assert!(!reply.text.contains(KEY));
    // And the session is none the worse.
    gateway.model.script([turn().says("Better now.")]);
    assert_eq!(gateway.chat().asks("hi again").await.text, "Better now.");
}

#[tokio::test]
async fn no_server_at_all_is_told_too() {
    let setup = Gateway::setup().await.config(|config| {
        // Port 9 is nobody's.
        config["models"]["providers"]["fake"]["baseUrl"] = json!("http://127.0.0.1:9/v1");
    });
    let gateway = setup.start().await;
    let reply = gateway.chat().asks("hi").await;
    assert_eq!(reply.status, ReplyStatus::Failed);
    assert!(reply.text.contains("fake/one"), "{}", reply.text);
}

#[tokio::test]
async fn a_small_local_models_call_is_read_out_of_its_words() {
    let call = r#"{"name": "exec", "arguments": {"command": "echo hi"}}"#;
    let forms = [
        call.to_owned(),
        format!("```json\n{call}\n```"),
        format!("<tool_call>\n{call}\n</tool_call>"),
    ];
    for form in forms {
        let setup = Gateway::setup().await;
        let setup =
            setup.config(|config| config["models"]["providers"]["fake"]["local"] = json!(true));
        let gateway = setup.start().await;
        gateway
            .model
            .script([turn().says(&form), turn().says("It printed hi.")]);
        let mut exchange = gateway.chat().says("run echo hi").await;
        assert_eq!(exchange.reply().await.text, "It printed hi.", "{form}");
        assert_eq!(
            gateway.model.request(1).tool_output("exec"),
            "hi\n",
            "{form}"
        );
    }
}

#[tokio::test]
async fn a_text_that_looks_like_a_call_is_a_text_to_any_other_model() {
    let gateway = Gateway::start().await;
    let call = r#"{"name": "exec", "arguments": {"command": "echo x >> ran"}}"#;
    gateway.model.script([turn().says(call)]);
    assert_eq!(gateway.chat().asks("show me a call").await.text, call);
    assert_eq!(gateway.read("ran"), "");
}

#[tokio::test]
async fn calls_with_one_id_for_all_are_told_apart() {
    let gateway = Gateway::start().await;
    gateway.model.script([
        turn()
            .calls("exec", json!({ "command": "echo one" }))
            .calls("exec", json!({ "command": "echo two" }))
            .with_one_id_for_all(),
        turn().says("Done."),
    ]);
    assert_eq!(gateway.chat().asks("go").await.text, "Done.");
    assert_eq!(
        gateway.model.request(1).tool_outputs("exec"),
        ["one\n", "two\n"]
    );
}
