//! Whose key is used, how it fares, and how sign-ins are renewed.

use super::*;
use crate::model::codex_login::tests::token;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const OK: [&str; 2] = [
    r#"{"type":"response.output_text.delta","delta":"hi"}"#,
    r#"{"type":"response.completed","response":{"usage":{"input_tokens":1,"output_tokens":1}}}"#,
];

const SECOND: i64 = 1000;

fn seconds_from_now(seconds: i64) -> i64 {
    jiff::Timestamp::now().as_second() + seconds
}

fn access(name: &str, seconds: i64) -> String {
    token(&json!({"exp": seconds_from_now(seconds), "name": name,
        "https://api.openai.com/auth": {"chatgpt_account_id": "acc-1"}}))
}

fn write_login(path: &Path, access: &str) {
    let content = json!({"auth_mode": "chatgpt", "tokens": {
        "id_token": "x", "access_token": access, "refresh_token": "rt-codex", "account_id": "acc-1"}});
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content.to_string()).unwrap();
}

fn login_path(world: &World) -> PathBuf {
    Path::new(world.config.env.get("HOME").unwrap()).join(".codex/auth.json")
}

fn stored(world: &World) -> Value {
    let path = world.config.paths.auth_profiles(&"main".into());
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Waits for what is written off the hot path.
async fn eventually(mut check: impl FnMut() -> bool) {
    let end = std::time::Instant::now() + Duration::from_secs(5);
    while !check() {
        assert!(std::time::Instant::now() < end, "it never came true");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn codex_is_called_by_its_own_rules() {
    let server = Server::start([Reply::stream(&OK)]).await;
    let world = World::new(&[]).provider("openai-codex", Api::Codex, &server);
    let access = access("a", 999);
    write_login(&login_path(&world), &access);
    let heard = ask(&world.stack(), &["openai-codex/gpt-5.3-codex"]).await;
    assert_eq!(heard.text(), "hi");
    let asked = server.asked().remove(0);
    assert_eq!(asked.line, "POST /v1/codex/responses");
    assert_eq!(
        asked.header("authorization"),
        Some(format!("Bearer {access}").as_str())
    );
    assert_eq!(asked.header("chatgpt-account-id"), Some("acc-1"));
    assert_eq!(asked.header("originator"), Some("openclaw"));
    assert_eq!(asked.header("openai-beta"), Some("responses=experimental"));
    let key = asked.header("session_id").unwrap().to_owned();
    assert_eq!(
        asked.body,
        json!({
            "model": "gpt-5.3-codex",
            "instructions": "Be brief.",
            "store": false,
            "stream": true,
            "parallel_tool_calls": true,
            "include": ["reasoning.encrypted_content"],
            "text": {"verbosity": "medium"},
            "prompt_cache_key": key,
            "input": [{"type": "message", "role": "user",
                "content": [{"type": "input_text", "text": "Hello"}]}],
        })
    );
}

#[tokio::test]
async fn a_refused_codex_sign_in_is_read_again_and_never_refreshed() {
    let nobody = Server::start([]).await;
    let world = World::new(&[("CODEX_REFRESH_TOKEN_URL_OVERRIDE", &nobody.base())]);
    let path = login_path(&world);
    write_login(&path, &access("old", 999));
    let (newer, there) = (access("new", 999), path.clone());
    let refused = Reply::status(401, r#"{"detail":"Unauthorized"}"#)
        .after(move || write_login(&there, &newer));
    let server = Server::start([refused, Reply::stream(&OK), Reply::status(401, "no")]).await;
    let world = world.provider("openai-codex", Api::Codex, &server);
    let stack = world.stack();
    assert_eq!(
        ask(&stack, &["openai-codex/gpt-5.3-codex"]).await.text(),
        "hi"
    );
    assert_eq!(server.asked().len(), 2);
    assert_ne!(
        server.asked()[0].header("authorization"),
        server.asked()[1].header("authorization")
    );

    // The file has not changed: one try, and the mend.
    let failure = ask(&stack, &["openai-codex/gpt-5.3-codex"]).await.failure();
    assert!(failure.contains("run codex"), "{failure}");
    assert_eq!((server.asked().len(), nobody.asked().len()), (3, 0));
}

#[tokio::test]
async fn an_expired_codex_sign_in_is_not_sent_but_told_with_the_mend() {
    let server = Server::start([]).await;
    let world = World::new(&[]).provider("openai-codex", Api::Codex, &server);
    write_login(&login_path(&world), &access("old", -3 * 86_400));
    let failure = ask(&world.stack(), &["openai-codex/gpt-5.3-codex"])
        .await
        .failure();
    assert!(failure.contains("expired 3 d ago; run codex"), "{failure}");
    assert_eq!(server.asked().len(), 0);
    let report = world.stack().report().await;
    assert!(!report.profiles[0].usable);
}

#[tokio::test]
async fn a_sign_in_of_ours_is_renewed_once_for_all_and_kept_before_it_is_used() {
    let fresh = json!({"access_token": access("new", 999), "refresh_token": "rt-2"}).to_string();
    let signer = Server::start([Reply::status(200, &fresh)]).await;
    let server = Server::start((0..4).map(|_| Reply::stream(&OK))).await;
    let world = World::new(&[("CODEX_REFRESH_TOKEN_URL_OVERRIDE", &signer.base())])
        .provider("openai-codex", Api::Codex, &server)
        .profiles(&json!({"version": 1, "profiles": {"openai-codex:default": {
            "type": "oauth", "provider": "openai-codex", "access": access("old", -5),
            "refresh": "rt-1", "expires": 5, "mine": true}}}));
    let stack = world.stack();
    let model = ["openai-codex/gpt-5.3-codex"];
    let all = futures_util::future::join_all((0..4).map(|_| ask(&stack, &model))).await;
    assert!(all.iter().all(|heard| heard.text() == "hi"));
    assert_eq!(signer.asked().len(), 1);
    assert_eq!(signer.asked()[0].body["refresh_token"], "rt-1");
    assert_eq!(signer.asked()[0].body["grant_type"], "refresh_token");
    let entry = stored(&world)["profiles"]["openai-codex:default"].clone();
    assert_eq!(
        (&entry["refresh"], &entry["mine"]),
        (&json!("rt-2"), &json!(true))
    );
}

#[tokio::test]
async fn a_copy_of_codexs_own_sign_in_is_codexs_to_refresh() {
    let signer = Server::start([]).await;
    let server = Server::start([]).await;
    let world = World::new(&[("CODEX_REFRESH_TOKEN_URL_OVERRIDE", &signer.base())])
        .provider("openai-codex", Api::Codex, &server)
        .profiles(&json!({"profiles": {"openai-codex:default": {
            "type": "oauth", "access": access("old", -5), "refresh": "rt-codex"}}}));
    write_login(&login_path(&world), &access("old", -5));
    assert!(
        ask(&world.stack(), &["openai-codex/gpt-5.3-codex"])
            .await
            .result
            .is_err()
    );
    assert_eq!((signer.asked().len(), server.asked().len()), (0, 0));
}

#[tokio::test]
async fn a_burnt_refresh_token_is_told_and_tried_once() {
    let burnt = Reply::status(
        400,
        r#"{"error":{"code":"refresh_token_reused","message":"used"}}"#,
    );
    let signer = Server::start([burnt]).await;
    let server = Server::start([]).await;
    let world = World::new(&[("CODEX_REFRESH_TOKEN_URL_OVERRIDE", &signer.base())])
        .provider("openai-codex", Api::Codex, &server)
        .profiles(&json!({"profiles": {"openai-codex:default": {
            "type": "oauth", "access": access("old", -5), "refresh": "rt-1"}}}));
    let failure = ask(&world.stack(), &["openai-codex/gpt-5.3-codex"])
        .await
        .failure();
    assert!(failure.contains("sign in again"), "{failure}");
    assert_eq!((signer.asked().len(), server.asked().len()), (1, 0));
}

#[tokio::test]
async fn profiles_rotate_and_a_refused_one_rests_in_its_file() {
    let server = Server::start([
        Reply::status(401, "no"),
        Reply::says("hi"),
        Reply::says("hi"),
    ])
    .await;
    let world = World::new(&[])
        .provider("mine", Api::OpenAiCompletions, &server)
        .profiles(&json!({
            "profiles": {
                "mine:a": {"type": "api_key", "key": "key-a"},
                "mine:b": {"type": "api_key", "key": "key-b"},
            },
            "usageStats": {"mine:b": {"lastUsed": 5}},
        }));
    let stack = world.stack();
    let heard = ask(&stack, &["mine/m"]).await;
    assert_eq!((heard.text(), heard.fallbacks().len()), ("hi", 0));
    // The oldest first; then the other; then only the other.
    assert_eq!(ask(&stack, &["mine/m"]).await.text(), "hi");
    let keys: Vec<_> = server
        .asked()
        .iter()
        .map(|a| a.header("authorization").unwrap().to_owned())
        .collect();
    assert_eq!(keys, ["Bearer key-a", "Bearer key-b", "Bearer key-b"]);
    eventually(|| {
        let usage = stored(&world)["usageStats"].clone();
        usage["mine:a"]["errorCount"] == 1
            && usage["mine:a"]["cooldownUntil"].as_i64() > Some(seconds_from_now(50) * SECOND)
            && usage["mine:b"]["lastUsed"].as_i64() > Some(5)
            && stored(&world)["lastGood"]["mine"] == "mine:b"
    })
    .await;
    // A new gateway remembers.
    let again = world.stack();
    let report = again.report().await;
    let resting = report.profiles.iter().find(|p| p.id == "mine:a").unwrap();
    assert!(
        resting.status.starts_with("cooling down for "),
        "{}",
        resting.status
    );
}

#[tokio::test]
async fn the_configured_order_is_kept() {
    let server = Server::start([Reply::says("hi")]).await;
    let mut world = World::new(&[])
        .provider("mine", Api::OpenAiCompletions, &server)
        .profiles(&json!({"profiles": {
            "mine:a": {"type": "api_key", "key": "key-a"},
            "mine:t": {"type": "token", "token": "tok"},
        }}));
    world
        .config
        .auth
        .order
        .insert("mine".into(), vec!["mine:gone".into(), "mine:a".into()]);
    assert_eq!(ask(&world.stack(), &["mine/m"]).await.text(), "hi");
    assert_eq!(
        server.asked()[0].header("authorization"),
        Some("Bearer key-a")
    );
}

#[tokio::test]
async fn a_session_keeps_to_its_profile() {
    let server = Server::start((0..3).map(|_| Reply::says("hi"))).await;
    let world = World::new(&[])
        .provider("mine", Api::OpenAiCompletions, &server)
        .profiles(&json!({"profiles": {
            "mine:a": {"type": "api_key", "key": "a"}, "mine:b": {"type": "api_key", "key": "b"}}}));
    let (stack, mut cache) = (world.stack(), RenderCache::default());
    let context = samples::context(vec![samples::user("Hello")]);
    for _ in 0..2 {
        ask_with(&stack, &["mine/m"], &context, &[], &mut cache).await;
    }
    ask(&stack, &["mine/m"]).await;
    let keys: Vec<_> = server
        .asked()
        .iter()
        .map(|a| a.header("authorization").unwrap().to_owned())
        .collect();
    assert_eq!(keys, ["Bearer a", "Bearer a", "Bearer b"]);
}

#[tokio::test]
async fn an_agent_without_credentials_uses_the_main_agents() {
    let server = Server::start([Reply::says("hi")]).await;
    let world = World::new(&[])
        .provider("mine", Api::OpenAiCompletions, &server)
        .profiles(&json!({"profiles": {"mine:a": {"type": "api_key", "key": "a"}}}));
    let chain = world
        .stack()
        .chain(&"helper".into(), Some(&"mine/m".parse().unwrap()))
        .await;
    assert_eq!(chain, super::chain(&["mine/m"]));
}
