//! Whatever a server does wrong.

use super::*;
use ipc::model::StopReason;

const HALF: &str = r#"{"choices":[{"index":0,"delta":{"content":"half an "}}]}"#;

/// A world with a first and a second provider.
async fn two(
    first: impl IntoIterator<Item = Reply>,
    second: impl IntoIterator<Item = Reply>,
) -> (World, Server, Server) {
    let (a, b) = (Server::start(first).await, Server::start(second).await);
    let world = World::new(&[])
        .provider("one", Api::OpenAiCompletions, &a)
        .key("one", "sk-first-secret-1")
        .provider("two", Api::OpenAiCompletions, &b)
        .key("two", "sk-second-secret-2");
    (world, a, b)
}

const CHAIN: [&str; 2] = ["one/a", "two/b"];

#[tokio::test]
async fn what_can_not_be_cured_goes_to_the_fallback_at_once_and_is_told() {
    for (status, body) in [
        (400, r#"{"error":{"message":"bad schema"}}"#),
        (
            401,
            r#"{"error":{"code":"invalid_api_key","message":"no"}}"#,
        ),
        (403, "no"),
        (
            404,
            r#"{"error":{"code":"model_not_found","message":"no"}}"#,
        ),
        (
            429,
            r#"{"error":{"code":"insufficient_quota","message":"pay"}}"#,
        ),
        (
            429,
            r#"{"error":{"type":"usage_limit_reached","resets_at":99999999999}}"#,
        ),
        (302, ""),
    ] {
        let (world, a, _b) = two([Reply::status(status, body)], [Reply::says("b")]).await;
        let heard = ask(&world.stack(), &CHAIN).await;
        assert_eq!(heard.text(), "b", "{status}");
        assert_eq!(heard.fallbacks(), [("one/a", "two/b")], "{status}");
        assert_eq!(a.asked().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_rate_limit_is_waited_for_as_long_as_it_asks() {
    let wait = Reply::status(429, "slow").header("retry-after-ms", "300");
    let (world, a, b) = two([wait, Reply::says("a")], []).await;
    let begun = std::time::Instant::now();
    let heard = ask(&world.stack(), &CHAIN).await;
    assert_eq!(heard.text(), "a");
    assert!(begun.elapsed() >= Duration::from_millis(300));
    assert_eq!((a.asked().len(), b.asked().len()), (2, 0));
}

#[tokio::test]
async fn a_long_rate_limit_is_not_waited_for_and_rests_the_profile() {
    let wait = Reply::status(429, "slow").header("retry-after", "3600");
    let (world, a, _b) = two([wait], [Reply::says("b"), Reply::says("b")]).await;
    let stack = world.stack();
    let mut cache = RenderCache::default();
    let context = samples::context(vec![samples::user("Hello")]);
    let heard = ask_with(&stack, &CHAIN, &context, &[], &mut cache).await;
    assert_eq!((heard.text(), heard.fallbacks().len()), ("b", 1));
    // It is not asked again, and the fallback is not told again.
    let heard = ask_with(&stack, &CHAIN, &context, &[], &mut cache).await;
    assert_eq!((heard.text(), heard.fallbacks().len()), ("b", 0));
    assert_eq!(a.asked().len(), 1);
}

#[tokio::test]
async fn half_an_answer_is_none_and_what_was_shown_of_it_is_void() {
    for bad in [
        Reply::stream(&[HALF]),
        Reply::stream(&[HALF]).then_cut(),
        Reply::stream(&[HALF, "{malformed"]),
        Reply::stream(&[HALF, r#"{"error":{"message":"upstream broke","code":502}}"#]),
    ] {
        let (world, _a, _b) = two([bad, Reply::says("whole")], []).await;
        let heard = ask(&world.stack(), &CHAIN).await;
        assert_eq!((heard.text(), heard.shown().as_str()), ("whole", "whole"));
        assert!(heard.progress.contains(&Progress::Text("half an ".into())));
    }
}

#[tokio::test]
async fn a_document_in_the_place_of_a_stream_is_read_for_its_error() {
    let json = |body| Reply::status(200, body).header("content-type", "application/json");
    let said = json(r#"{"error":{"code":"model_not_found","message":"no such thing"}}"#);
    let (world, a, _b) = two([said], [Reply::says("b")]).await;
    assert_eq!(ask(&world.stack(), &CHAIN).await.text(), "b");
    assert_eq!(a.asked().len(), 1);

    let other = || json(r#"{"choices":[{"message":{"content":"hi"}}]}"#);
    let (world, _a, _b) = two([other(), other(), other()], []).await;
    let failure = ask(&world.stack(), &["one/a"]).await.failure();
    assert!(failure.contains("a document, not a stream"), "{failure}");

    let page = || Reply::status(200, "<html>Log in</html>").header("content-type", "text/html");
    let (world, _a, _b) = two([page(), page(), page()], []).await;
    let failure = ask(&world.stack(), &["one/a"]).await.failure();
    assert!(failure.contains("see that baseUrl"), "{failure}");
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let piece = "x".repeat(1024 * 1024);
    let piece = format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"{piece}"}}}}]}}"#);
    let endless = || Reply::stream(&[&*piece; 6]);
    let (world, a, _b) = two([endless(), endless(), endless()], [Reply::says("b")]).await;
    let heard = ask(&world.stack(), &CHAIN).await;
    assert_eq!(heard.text(), "b");
    assert_eq!(a.asked().len(), 3);
    let told: usize = heard.progress.iter().map(said).sum();
    assert!(told <= 3 * 4 * 1024 * 1024 + 1, "{told}");
}

fn said(progress: &Progress) -> usize {
    match progress {
        Progress::Text(text) => text.len(),
        Progress::Restart { .. } | Progress::Fallback { .. } => 0,
    }
}

#[tokio::test]
async fn an_overloaded_server_is_tried_three_times_in_all() {
    let overloaded = || Reply::status(503, "<html>later</html>");
    let (world, a, b) = two((0..5).map(|_| overloaded()), [Reply::says("b")]).await;
    let heard = ask(&world.stack(), &CHAIN).await;
    assert_eq!(heard.text(), "b");
    assert_eq!((a.asked().len(), b.asked().len()), (3, 1));
}

#[tokio::test]
async fn silence_is_a_failure_before_and_in_the_middle_of_an_answer() {
    for silent in [
        Reply::stream(&[]).then_silent(),
        Reply::stream(&[HALF]).then_silent(),
    ] {
        let (world, a, _b) = two([silent], [Reply::says("b")]).await;
        let call = ModelCall {
            chain: &chain(&CHAIN),
            session: &SessionKey::from("agent:main:main"),
            instructions: "",
            tools: &[],
            context: &samples::context(vec![samples::user("Hello")]),
            closing: None,
            thinking: None,
            timeout: Duration::from_secs(1),
        };
        let heard = hear(&world.stack(), call, &mut RenderCache::default()).await;
        assert_eq!((heard.text(), heard.shown().as_str()), ("b", "b"));
        assert_eq!(a.asked().len(), 1);
    }
}

#[tokio::test]
async fn nobody_there_is_a_failure_that_names_the_mend() {
    let (world, _a, b) = two([], []).await;
    drop(b);
    let heard = ask(&world.stack(), &["two/b"]).await;
    assert!(
        heard.failure().contains("two/b: not reachable: 127.0.0.1:"),
        "{}",
        heard.failure()
    );
}

#[tokio::test]
async fn a_context_that_is_too_long_is_the_callers_to_mend() {
    let words = r#"{"error":{"message":"This model's maximum context length is 10 tokens"}}"#;
    let (world, _a, b) = two([Reply::status(400, words)], [Reply::says("b")]).await;
    let heard = ask(&world.stack(), &CHAIN).await;
    let model = "one/a".parse().unwrap();
    assert_eq!(heard.result, Err(ModelFailure::ContextFull { model }));
    assert_eq!(b.asked().len(), 0);
}

#[tokio::test]
async fn when_nobody_answers_every_reason_is_told_without_a_secret() {
    let refused = |key: &str| Reply::status(401, &format!("Incorrect API key provided: {key}"));
    let (world, _a, _b) = two(
        [refused("sk-first-secret-1")],
        [refused("sk-second-secret-2")],
    )
    .await;
    let failure = ask(&world.stack(), &CHAIN).await.failure();
    for part in ["one/a: credential refused", "two/b: credential refused"] {
        assert!(failure.contains(part), "{failure}");
    }
    assert!(!failure.contains("secret"), "{failure}");
}

#[tokio::test]
async fn where_everything_rests_the_first_to_wake_is_tried_all_the_same() {
    let (world, a, _b) = two([Reply::status(401, "no"), Reply::says("back")], []).await;
    let stack = world.stack();
    assert!(ask(&stack, &["one/a"]).await.result.is_err());
    assert_eq!(ask(&stack, &["one/a"]).await.text(), "back");
    assert_eq!(a.asked().len(), 2);
}

#[tokio::test]
async fn a_spent_purse_is_not_tried_before_its_time() {
    let spent = Reply::status(402, "pay");
    let (world, a, _b) = two([spent, Reply::says("no")], []).await;
    let stack = world.stack();
    assert!(
        ask(&stack, &["one/a"])
            .await
            .failure()
            .contains("out of credit")
    );
    assert!(
        ask(&stack, &["one/a"])
            .await
            .failure()
            .contains("rests for 5 h")
    );
    assert_eq!(a.left(), 1);
}

#[tokio::test]
async fn an_answer_without_end_is_refused() {
    let long = "x".repeat(1024 * 1024);
    let piece =
        serde_json::json!({"choices": [{"index": 0, "delta": {"content": long}}]}).to_string();
    let mut lines = vec![piece.as_str(); 9];
    lines.push("[DONE]");
    let (world, _a, _b) = two([], (0..3).map(|_| Reply::stream(&lines))).await;
    let failure = ask(&world.stack(), &["two/b"]).await.failure();
    assert!(failure.contains("longer than"), "{failure}");
}

#[tokio::test]
async fn an_answer_cut_at_its_length_says_so() {
    let end = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}"#;
    let (world, _a, _b) = two([Reply::stream(&[HALF, end])], []).await;
    let heard = ask(&world.stack(), &CHAIN).await;
    assert_eq!(heard.result.unwrap().stop, StopReason::Length);
}
