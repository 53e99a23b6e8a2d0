//! The configuration, as a person writes it and a running gateway takes it.

use ipc::control::HealthReport;
use serde_json::json;
use std::time::{Duration, Instant};
use tests::{Gate, Gateway, eventually, turn};

/// A gateway on a text that need not be a configuration; not started.
async fn on_text(text: &str) -> Gateway {
    let gateway = Gateway::setup().await.bare().laid_out();
    gateway.write_config_text(text);
    gateway
}

#[tokio::test]
async fn every_mistake_is_named_with_its_place() {
    let gateway = on_text(
        "{\n  // a remark\n  agents: { defaults: { timeoutSeconds: 'soon' } },\n  tools: {\n    exec: { ask: 'sometimes' } },\n  gateway: { port: 99999999 },\n}\n",
    )
    .await;
    for args in [
        &["gateway"][..],
        &["config", "validate"],
        &["agent", "-m", "hi"],
    ] {
        let ran = gateway.cli(args).await;
        assert_eq!(ran.code, 78, "{args:?}: {}", ran.err);
        for words in [
            "openclaw.json:3:",
            "agents.defaults.timeoutSeconds",
            "openclaw.json:5:",
            "tools.exec.ask",
            "on-miss",
            "openclaw.json:6:",
            "gateway.port",
        ] {
            assert!(
                ran.err.contains(words),
                "{args:?}: no {words:?} in {}",
                ran.err
            );
        }
    }
}

#[tokio::test]
async fn a_text_that_is_no_configuration_is_told_with_its_place() {
    for (text, words) in [
        ("{\n  agents: {,}\n}", "openclaw.json:2:"),
        ("[]", "openclaw.json:1:"),
        (
            "{ agents: { defaults: { workspace: '${NOT_SET_ANYWHERE}' } } }",
            "NOT_SET_ANYWHERE",
        ),
        ("{ $include: 'openclaw.json' }", "include"),
        ("{ $include: 'missing.json' }", "missing.json"),
    ] {
        let ran = on_text(text).await.cli(&["config", "validate"]).await;
        assert_eq!(ran.code, 78, "{text}: {}", ran.err);
        assert!(ran.err.contains(words), "{text}: {}", ran.err);
    }
}

#[tokio::test]
async fn an_unknown_key_is_kept_and_named_with_the_nearest() {
    let gateway = on_text("{ agents: { defaults: { timeoutSecond: 5 } }, talk: {} }").await;
    let ran = gateway.cli(&["config", "validate"]).await;
    assert_eq!(ran.code, 0);
    assert!(ran.err.contains("timeoutSeconds"), "{}", ran.err);
    assert!(ran.err.contains("talk"), "{}", ran.err);
    let kept = gateway
        .cli(&["config", "get", "agents.defaults.timeoutSecond"])
        .await
        .ok();
    assert_eq!(kept.trim(), "5");
}

#[tokio::test]
async fn a_value_is_set_and_taken_out_and_remarks_stay() {
    let gateway = on_text("{\n  // mine\n  agents: {},\n}\n").await;
    let key = "agents.defaults.model.primary";
    let set = gateway.cli(&["config", "set", key, "openai/gpt-4o"]).await;
    assert_eq!(set.code, 0, "{}", set.err);
    assert_eq!(
        gateway.cli(&["config", "get", key]).await.ok().trim(),
        "openai/gpt-4o"
    );
    let text = std::fs::read_to_string(gateway.state_dir().join("openclaw.json")).unwrap();
    assert!(text.contains("// mine"), "{text}");
    let refused = gateway
        .cli(&["config", "set", "tools.exec.ask", "sometimes"])
        .await;
    assert_eq!(refused.code, 78, "{}", refused.err);
    let unset = gateway.cli(&["config", "unset", key]).await;
    assert_eq!(unset.code, 0, "{}", unset.err);
    assert_eq!(gateway.cli(&["config", "get", key]).await.code, 1);
    let schema: serde_json::Value = gateway.cli(&["config", "schema"]).await.json();
    assert!(schema["properties"]["agents"].is_object());
    let file = gateway.cli(&["config", "file"]).await.ok();
    assert_eq!(
        file.trim(),
        gateway
            .state_dir()
            .join("openclaw.json")
            .display()
            .to_string()
    );
}

#[tokio::test]
async fn a_change_is_live_within_a_second_and_drops_no_turn() {
    let gateway = Gateway::start().await;
    let gate = Gate::new();
    gateway.model.script([
        turn().says("The old one.").waits_for(&gate),
        turn().says("The new one."),
    ]);
    let alice = gateway.chat();
    let mut running = alice.says("first").await;
    gateway.model.was_asked(1).await;
    let changed = Instant::now();
    gateway.change_config(|config| {
        config["agents"]["defaults"]["model"]["primary"] = json!("fake/two");
    });
    eventually!(
        gateway
            .health()
            .await
            .models
            .first()
            .is_some_and(|model| model == "fake/two")
    );
    let took = changed.elapsed();
    assert!(
        took < Duration::from_secs(3),
        "{took:?} on a machine that may be busy; a second on a quiet one"
    );
    gate.open();
    assert_eq!(running.reply().await.text, "The old one.");
    assert_eq!(alice.asks("second").await.model, "fake/two");
}

fn complains(health: &HealthReport) -> bool {
    !health.ok
        && health
            .notices
            .iter()
            .any(|notice| notice.contains("timeoutSeconds"))
}

#[tokio::test]
async fn a_running_gateway_stays_on_its_last_good_configuration() {
    let gateway = Gateway::start().await;
    let good = gateway.config();
    gateway.write_config_text("{ agents: { defaults: { timeoutSeconds: 'soon' } } }");
    eventually!(complains(&gateway.health().await));
    assert_eq!(gateway.cli(&["health"]).await.code, 1);
    gateway.model.script([turn().says("Still here.")]);
    assert_eq!(gateway.chat().asks("hello?").await.text, "Still here.");
    gateway.write_config(&good);
    eventually!(gateway.health().await.ok);
}

#[tokio::test]
async fn a_new_manual_is_a_new_agent() {
    let gateway = Gateway::start().await;
    gateway.write("gardener-AGENTS.md", "You look after the fig tree.");
    eventually!(
        gateway
            .health()
            .await
            .agents
            .iter()
            .any(|agent| agent.as_str() == "gardener")
    );
    gateway.model.script([turn().says("Watered.")]);
    let reply = gateway
        .chat_in("agent:gardener:main")
        .asks("water it")
        .await;
    assert_eq!(reply.text, "Watered.");
    assert!(
        gateway
            .model
            .last()
            .system
            .contains("You look after the fig tree.")
    );
}

#[tokio::test]
async fn a_mode_that_is_off_waits_to_be_told() {
    let setup = Gateway::setup().await.config(|config| {
        config["gateway"] = json!({ "reload": { "mode": "off" } });
    });
    let mut gateway = setup.start().await;
    gateway.change_config(|config| {
        config["agents"]["defaults"]["model"]["primary"] = json!("fake/two");
    });
    gateway.model.always(turn().says("Yes."));
    assert_eq!(gateway.chat().asks("which?").await.model, "fake/one");
    gateway.restart().await;
    assert_eq!(gateway.chat().asks("and now?").await.model, "fake/two");
}
