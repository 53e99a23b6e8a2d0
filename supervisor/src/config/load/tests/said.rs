use super::*;
use crate::config::Streaming;

#[test]
fn the_brief_s_example_is_understood() {
    let home = Home::with(
        r#"{
          agents: {
            defaults: {model: {primary: "openai-codex/gpt-5.3-codex", fallbacks: ["openai/o3-mini", "openai/gpt-4o"]}},
            list: [{
              id: "main",
              tools: {
                profile: "coding", alsoAllow: ["cron", "browser"],
                exec: {security: "full", ask: "off", timeoutSec: 3600},
                elevated: {enabled: true, allowFrom: {"*": ["*"]}},
              },
            }],
          },
          channels: {telegram: {enabled: true, botToken: "${BOT}", streamMode: "partial"}},
        }"#,
    );
    let config = home.set("BOT", TOKEN).load();
    let main = config.default_agent();
    let chain: Vec<_> = main.model.iter().map(ToString::to_string).collect();
    assert_eq!(
        chain,
        [
            "openai-codex/gpt-5.3-codex",
            "openai/o3-mini",
            "openai/gpt-4o"
        ]
    );
    assert_eq!(main.tools.exec.timeout, Duration::from_secs(3600));
    assert_eq!(main.tools.agent.also_allow, ["cron", "browser"]);
    assert_eq!(config.telegram[0].streaming, Streaming::Partial);
}

#[test]
fn an_agent_s_own_settings_go_before_the_defaults() {
    let config = load(
        r#"{
          agents: {
            defaults: {
              model: {primary: "a/one", fallbacks: ["a/two"]}, thinkingDefault: "low", timeoutSeconds: 60,
              models: {"b/Big": {alias: "big"}},
            },
            list: [
              {id: "main"},
              {id: "Work", default: true, model: "big", thinkingDefault: "high", workspace: "~/w",
               tools: {exec: {ask: "always"}, loopDetection: {enabled: false}}},
              {id: "lone", model: {fallbacks: []}},
            ],
          },
          tools: {exec: {security: "allowlist", ask: "on-miss"}, deny: ["write"]},
        }"#,
    );
    let (main, work, lone) = (
        agent(&config, "main"),
        agent(&config, "work"),
        agent(&config, "lone"),
    );
    assert_eq!(config.default_agent().id, work.id);
    let chain: Vec<_> = work.model.iter().map(ToString::to_string).collect();
    assert_eq!(chain, ["b/Big", "a/two"]);
    assert!(lone.model.fallbacks.is_empty() && lone.model.primary == main.model.primary);
    assert_eq!(
        (work.thinking, main.thinking),
        (Some(Thinking::High), Some(Thinking::Low))
    );
    assert_eq!(work.timeout, Duration::from_secs(60));
    assert_eq!(
        (work.tools.exec.security, work.tools.exec.ask),
        (ExecSecurity::Allowlist, ExecAsk::Always)
    );
    assert_eq!(main.tools.exec.ask, ExecAsk::OnMiss);
    assert_eq!(work.tools.global.deny, ["write"]);
    assert!(!work.loops.enabled && main.loops.enabled && config.loops.enabled);
    assert_eq!(work.workspace, config.paths.home.join("w"));
    assert_eq!(work.manual, "work-AGENTS.md");
    assert_eq!(config.choices.len(), 1);
}

#[test]
fn whoever_has_a_manual_in_the_workspace_is_an_agent() {
    let home = Home::new(&[
        ("workspace/AGENTS.md", ""),
        ("workspace/qa-reliability-AGENTS.md", ""),
        ("workspace/backend-dev-AGENTS.md", ""),
        ("workspace/Not An Id-AGENTS.md", ""),
        ("workspace-backend-dev/x", ""),
        (
            "openclaw.json",
            r#"{agents: {list: [{id: "backend-dev", name: "Bee"}]}}"#,
        ),
    ]);
    let config = home.load();
    let ids: Vec<_> = config
        .agents
        .iter()
        .map(|agent| agent.id.as_str())
        .collect();
    assert_eq!(ids, ["backend-dev", "main", "qa-reliability"]);
    assert_eq!(agent(&config, "backend-dev").name, "Bee");
    assert_eq!(
        agent(&config, "backend-dev").workspace,
        home.dir.path().join("workspace-backend-dev")
    );
    assert_eq!(
        agent(&config, "qa-reliability").manual,
        "qa-reliability-AGENTS.md"
    );
    assert_eq!(
        agent(&config, "qa-reliability").workspace,
        home.dir.path().join("workspace")
    );
}

#[test]
fn providers_say_where_they_are_and_how_to_speak_to_them() {
    let home = Home::with(
        r#"{models: {providers: {
            Ollama: {baseUrl: "http://127.0.0.1:11434/v1/", models: [{id: "q", contextWindow: 8192, input: ["text", "image"]}]},
            mine: {baseUrl: "https://x.example/v1", api: "openai-responses", apiKey: "MY_KEY", headers: {"x-a": "${MY_KEY}b"}},
            odd: {baseUrl: "https://g.example", api: "google-generative-ai"},
        }}}"#,
    )
    .set("MY_KEY", "sk-1");
    let config = home.load();
    let ollama = &config.providers["ollama"];
    assert!(ollama.local && ollama.base_url.as_deref() == Some("http://127.0.0.1:11434/v1"));
    assert!(ollama.models[0].images == Some(true) && ollama.models[0].context_window == Some(8192));
    let mine = &config.providers["mine"];
    assert_eq!(mine.api, Some(Api::OpenAiResponses));
    assert_eq!(mine.api_key.as_ref().unwrap().expose_secret(), "sk-1");
    assert_eq!(mine.headers["x-a"].expose_secret(), "sk-1b");
    assert!(!config.providers.contains_key("odd"));
    assert!(!format!("{config:?}").contains("sk-1"));
    assert_eq!(
        config.raw["models"]["providers"]["mine"]["headers"]["x-a"],
        "${MY_KEY}b"
    );
    assert_eq!(
        home.warnings(),
        "openclaw.json:4:54: models.providers.odd.api: google-generative-ai is known to OpenClaw \
         and not supported here yet; it is left out"
    );
}
