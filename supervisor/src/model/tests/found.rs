//! Which models there are, and what is told of them.

use super::*;
use crate::config::ModelChain;
use serde_json::json;

fn wish(world: &mut World, names: &[&str]) {
    let mut all = chain(names).into_iter();
    world.config.agents[0].model = ModelChain {
        primary: all.next(),
        fallbacks: all.collect(),
    };
}

async fn used(world: &World) -> Vec<String> {
    let chain = world.stack().chain(&"main".into(), None).await;
    chain.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn without_anything_the_responder_serves() {
    let world = World::new(&[]);
    assert_eq!(used(&world).await, ["offline/responder"]);
    let heard = ask(&world.stack(), &["offline/responder"]).await;
    assert!(heard.text().contains("offline responder"));
    assert_eq!(heard.shown(), heard.text());
    let report = world.stack().report().await;
    assert_eq!((report.chain.len(), report.chain[0].usable), (1, true));
}

#[tokio::test]
async fn models_without_a_credential_are_passed_over() {
    let mut world = World::new(&[("OPENAI_API_KEY", "sk-1")]);
    wish(
        &mut world,
        &["anthropic/claude-sonnet-4", "openai/gpt-4o", "who/x"],
    );
    assert_eq!(used(&world).await, ["openai/gpt-4o"]);
    let report = world.stack().report().await;
    let usable: Vec<_> = report
        .chain
        .iter()
        .map(|m| (m.model.as_str(), m.usable))
        .collect();
    assert_eq!(
        usable,
        [
            ("anthropic/claude-sonnet-4", false),
            ("openai/gpt-4o", true),
            ("who/x", false)
        ]
    );
    assert!(
        report.chain[0].detail.contains("set ANTHROPIC_API_KEY"),
        "{}",
        report.chain[0].detail
    );
    assert!(
        report.chain[1].detail.contains("openai:env: ok"),
        "{}",
        report.chain[1].detail
    );
    assert!(!serde_json::to_string(&report).unwrap().contains("sk-1"));
}

#[tokio::test]
async fn the_responder_tells_why_the_configured_model_does_not_serve() {
    let mut world = World::new(&[]);
    wish(&mut world, &["anthropic/claude-sonnet-4"]);
    let heard = ask(&world.stack(), &["offline/responder"]).await;
    assert!(
        heard.text().contains("set ANTHROPIC_API_KEY"),
        "{}",
        heard.text()
    );
}

#[tokio::test]
async fn a_pinned_model_goes_first() {
    let mut world = World::new(&[("OPENAI_API_KEY", "k"), ("GROQ_API_KEY", "k")]);
    wish(&mut world, &["openai/gpt-4o", "groq/x"]);
    let pinned = "groq/x".parse().unwrap();
    let chain = world.stack().chain(&"main".into(), Some(&pinned)).await;
    assert_eq!(chain, super::chain(&["groq/x", "openai/gpt-4o"]));
}

#[tokio::test]
async fn codex_serves_openais_spelling_where_there_is_no_key() {
    let world = World::new(&[]);
    let path = std::path::Path::new(world.config.env.get("HOME").unwrap()).join(".codex");
    std::fs::create_dir_all(&path).unwrap();
    let login = json!({"tokens": {"access_token": "a", "refresh_token": "r", "account_id": "x"},
        "last_refresh": (jiff::Timestamp::now() - Duration::from_secs(43_200)).to_string()});
    std::fs::write(path.join("auth.json"), login.to_string()).unwrap();
    let stack = world.stack();
    let usable = async |name: &str| {
        let name = name.parse().unwrap();
        stack.chain(&"main".into(), Some(&name)).await == [name]
    };
    assert!(usable("openai-codex/gpt-5.3-codex").await);
    assert!(usable("openai/gpt-5.3-codex").await);
    assert!(!usable("openai/gpt-4o").await);
    let report = stack.report().await;
    assert_eq!(report.profiles[0].status, "ok, expires in 7 d");
    assert_eq!(report.profiles[0].kind, "oauth");
}

#[tokio::test]
async fn a_server_on_this_machine_is_found_and_its_window_known() {
    let listing = json!({"object": "list", "data": [
        {"id": "nomic-embed-text"}, {"id": "qwen3:8b", "max_model_len": 4096}]});
    let server = Server::start([Reply::status(200, &listing.to_string())]).await;
    let world = World::new(&[]);
    let stack = world.stack();
    let found = stack
        .discovery
        .search_in(&stack.means.http, &[("vllm".into(), server.base())])
        .await;
    let found = found.unwrap();
    assert_eq!(found.name.to_string(), "vllm/qwen3:8b");
    assert_eq!(found.window, Some(4096));
}

#[tokio::test]
async fn a_server_that_says_nothing_is_not_waited_for() {
    let server = Server::start([Reply::status(200, "").then_silent()]).await;
    let stack = World::new(&[]).stack();
    let begun = std::time::Instant::now();
    let found = stack
        .discovery
        .search_in(&stack.means.http, &[("vllm".into(), server.base())])
        .await;
    assert_eq!(found, None);
    assert!(begun.elapsed() < Duration::from_secs(5));
}
