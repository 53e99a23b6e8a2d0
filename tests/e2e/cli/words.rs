//! Exit codes, and words that help.

use serde_json::Value;
use tests::{Gateway, MAIN, turn};

#[tokio::test]
async fn every_exit_code_means_what_help_says() {
    let gateway = Gateway::setup().await.bare().laid_out();
    for (args, code, words) in [
        (&["--version"][..], 0, ""),
        (&["config", "get", "tools"], 1, "tools is not set"),
        (&["nonsense"], 2, "nonsense"),
        (&[], 2, "Usage"),
        (&["agent", "--message"], 2, "--message"),
        (&["sessions", "show"], 2, "<SESSION>"),
        (
            &["sessions", "show", MAIN, "--limit", "few"],
            2,
            "invalid value",
        ),
        (&["completion", "tcsh"], 2, "bash"),
        (&["health"], 69, "openclaw gateway"),
        (&["sessions", "reset", MAIN], 69, "openclaw gateway"),
        (&["gateway", "stop"], 69, "no gateway answers"),
        (&["gateway", "reload"], 69, "no gateway answers"),
    ] {
        let ran = gateway.cli(args).await;
        assert_eq!(ran.code, code, "{args:?}: {ran:?}");
        assert!(ran.err.contains(words), "{args:?}: {ran:?}");
    }
    gateway.write_config_text("{");
    for args in [&["agent", "-m", "hi"][..], &["chat"], &["gateway"]] {
        let ran = gateway.cli(args).await;
        assert_eq!(ran.code, 78, "{args:?}: {ran:?}");
    }
    let help = gateway.cli(&["--help"]).await.ok();
    for code in ["0 ", "1 ", "2 ", "69 ", "78 ", "130 "] {
        assert!(help.contains(&format!("\n  {code}")), "{code}: {help}");
    }
}

#[tokio::test]
async fn every_command_explains_itself() {
    let gateway = Gateway::setup().await.bare().laid_out();
    let version = gateway.cli(&["--version"]).await.ok();
    assert_eq!(version, format!("openclaw {}\n", env!("CARGO_PKG_VERSION")));
    let help = gateway.cli(&["--help"]).await.ok();
    assert!(help.starts_with("A self-hosted AI agent gateway"), "{help}");
    for command in [
        "gateway",
        "agent",
        "chat",
        "health",
        "models",
        "sessions",
        "channels",
        "pairing",
        "config",
        "doctor",
        "completion",
    ] {
        assert!(help.contains(command), "{command}: {help}");
        let explained = gateway.cli(&[command, "--help"]).await.ok();
        assert!(explained.contains("Usage: openclaw"), "{explained}");
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = gateway.cli(&["completion", shell]).await.ok();
        assert!(script.contains("openclaw"), "{shell}");
        assert!(script.contains("doctor"), "{shell}");
    }
}

/// Whether a report has all the fields it is documented with.
fn has(report: &Value, fields: &[&str]) {
    let object = report.as_object().unwrap();
    let mut found: Vec<_> = object.keys().map(String::as_str).collect();
    let mut wanted = fields.to_vec();
    found.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(found, wanted);
}

#[tokio::test]
async fn what_is_printed_as_json_has_its_fields() {
    let gateway = Gateway::start().await;
    gateway.model.script([turn().says("Hi.").used(10, 2)]);
    let reply: Value = gateway.cli(&["agent", "-m", "hi", "--json"]).await.json();
    has(
        &reply,
        &["text", "input", "session", "status", "model", "usage"],
    );
    has(&reply["usage"], &["input", "output", "cached"]);
    assert_eq!(reply["status"], "ok");

    let health: Value = gateway.cli(&["health", "--json"]).await.json();
    has(
        &health,
        &[
            "ok",
            "version",
            "pid",
            "uptime_ms",
            "state_dir",
            "channels",
            "agents",
            "models",
            "walls",
            "live_agents",
            "sessions",
            "notices",
        ],
    );
    has(&health["channels"][0], &["name", "ok", "detail"]);
    has(
        &health["walls"],
        &["level", "layers", "limits", "minimum", "network"],
    );
    assert_eq!(health["pid"], gateway.process().pid);

    let models: Value = gateway.cli(&["models", "--json"]).await.json();
    has(&models, &["chain", "agents", "profiles"]);
    has(
        &models["chain"][0],
        &["model", "usable", "detail", "context_window"],
    );
    has(
        &models["profiles"][0],
        &["id", "provider", "kind", "source", "status", "usable"],
    );

    let sessions: Value = gateway.cli(&["sessions", "list", "--json"]).await.json();
    let summary = [
        "session",
        "agent",
        "state",
        "updated_at",
        "items",
        "usage",
        "pid",
    ];
    has(&sessions[0], &summary);
    let shown: Value = gateway
        .cli(&["sessions", "show", MAIN, "--json"])
        .await
        .json();
    has(&shown, &["summary", "items"]);
    has(&shown["summary"], &summary);
    has(&shown["items"][0], &["id", "turn", "at", "item"]);

    let found: Value = gateway.cli(&["config", "validate", "--json"]).await.json();
    has(&found, &["ok", "errors", "warnings"]);
    let doctor: Value = gateway.cli(&["doctor", "--json", "--fix"]).await.json();
    has(&doctor[0], &["what", "ok", "detail"]);
}
