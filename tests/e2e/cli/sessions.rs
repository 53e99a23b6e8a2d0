//! `openclaw sessions`, with a gateway and without.

use serde_json::{Value, json};
use tests::{Gateway, MAIN, turn};

#[tokio::test]
async fn sessions_are_the_same_with_a_gateway_and_without() {
    let mut gateway = Gateway::start().await;
    gateway.model.script([
        turn().calls("exec", json!({ "command": "echo hi" })),
        turn().says("It printed hi."),
    ]);
    assert_eq!(gateway.cli(&["agent", "-m", "run echo hi"]).await.code, 0);
    let show = ["sessions", "show", MAIN, "--json"];
    let last = ["sessions", "show", MAIN, "--json", "--limit", "1"];
    let export = ["sessions", "export", MAIN];
    let shown: Value = gateway.cli(&show).await.json();
    let exported = gateway.cli(&export).await.ok();
    assert_eq!(shown["items"].as_array().unwrap().len(), 4);
    assert!(gateway.terminate().await.success());

    let after: Value = gateway.cli(&show).await.json();
    assert_eq!(after["items"], shown["items"]);
    assert_eq!(after["summary"]["state"], "cold");
    assert_eq!(gateway.cli(&export).await.ok(), exported);
    let last: Value = gateway.cli(&last).await.json();
    assert_eq!(last["items"].as_array().unwrap().len(), 1);
    assert_eq!(last["items"][0]["item"]["text"], "It printed hi.");
    let words = gateway.cli(&["sessions", "show", MAIN]).await.ok();
    for part in ["run echo hi", "→ exec", "hi", "It printed hi."] {
        assert!(words.contains(part), "{part}: {words}");
    }
    let listed = gateway.cli(&["sessions"]).await.ok();
    assert!(listed.starts_with(MAIN), "{listed}");
}

#[tokio::test]
async fn an_export_is_written_where_one_likes() {
    let gateway = Gateway::start().await;
    gateway.model.script([turn().says("Hi.")]);
    assert_eq!(gateway.cli(&["agent", "-m", "hi"]).await.code, 0);
    let file = gateway.home().join("out.jsonl").display().to_string();
    let ran = gateway
        .cli(&["sessions", "export", MAIN, "-o", &file])
        .await;
    assert!(ran.err.contains(&file), "{ran:?}");
    assert_eq!(ran.ok(), "");
    let lines = std::fs::read_to_string(&file).unwrap();
    assert!(lines.lines().count() >= 3, "{lines}");
    let nowhere = ["sessions", "export", MAIN, "-o", "/nonexistent/x"];
    let ran = gateway.cli(&nowhere).await;
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("/nonexistent/x"), "{ran:?}");
}

#[tokio::test]
async fn what_is_not_there_is_said_in_words() {
    let mut gateway = Gateway::start().await;
    let unknown = "agent:main:unknown";
    for _ in ["with a gateway", "without"] {
        for command in ["show", "export"] {
            let ran = gateway.cli(&["sessions", command, unknown]).await;
            assert_eq!(ran.code, 1, "{ran:?}");
            assert!(ran.err.contains("there is no session"), "{ran:?}");
        }
        let listed = gateway.cli(&["sessions"]).await.ok();
        assert_eq!(listed, "no sessions yet\n");
        let listed = gateway.cli(&["sessions", "list", "--json"]).await;
        assert_eq!(listed.json::<Value>(), json!([]));
        if gateway.socket().exists() {
            gateway.terminate().await;
        }
    }
    let empty = Gateway::setup().await.bare().laid_out();
    for command in ["show", "export"] {
        let ran = empty.cli(&["sessions", command, unknown]).await;
        assert_eq!(ran.code, 1, "{command}: {ran:?}");
        assert!(ran.err.contains("there is no session"), "{ran:?}");
    }
}

#[tokio::test]
async fn a_session_begins_anew_and_its_past_is_not_told_to_the_model() {
    let gateway = Gateway::start().await;
    gateway.model.always(turn().says("Yes."));
    assert_eq!(gateway.cli(&["agent", "-m", "I am Ada"]).await.code, 0);
    let said = gateway.cli(&["sessions", "reset", MAIN]).await.ok();
    assert!(said.contains("its past is kept"), "{said}");
    assert_eq!(gateway.cli(&["agent", "-m", "who am I?"]).await.code, 0);
    assert_eq!(gateway.model.last().users(), ["who am I?"]);
    let wrong = gateway.cli(&["sessions", "reset", "main"]).await;
    assert_eq!(wrong.code, 1);
    assert!(wrong.err.contains("agent:main:main"), "{wrong:?}");
}
