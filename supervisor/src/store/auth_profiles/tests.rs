use super::*;
use serde_json::json;
use std::os::unix::fs::PermissionsExt;

fn root(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn file_with(content: &Value) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("auth-profiles.json");
    fs::write(&path, content.to_string()).unwrap();
    (dir, path)
}

#[test]
fn every_kind_is_read_and_nonsense_spoils_only_itself() {
    let file = parse(&root(json!({
        "version": 1,
        "profiles": {
            "openai:default": {"type": "api_key", "provider": "OpenAI", "key": " sk-1 "},
            "groq:env": {"type": "api_key", "provider": "groq", "keyRef": {"source": "env", "id": "K"}},
            "anthropic:t": {"type": "token", "token": "t", "expires": 5},
            "openai-codex:default": {"type": "oauth", "access": "a", "refresh": "r", "expires": 9, "accountId": "x"},
            "x:1": {"type": "api_key", "provider": "x"},
            "x:2": {"type": "api_key", "provider": "x", "keyRef": {"source": "exec", "id": "rm"}},
            "x:3": {"type": "magic"},
            "x:4": 7,
        },
        "order": {"openai": ["openai:default"], "bad": 1},
        "lastGood": {"openai": "openai:default"},
        "usageStats": {"openai:default": {"lastUsed": 3, "errorCount": 2, "other": true}},
    })));
    let ids: Vec<_> = file.profiles.keys().map(String::as_str).collect();
    assert_eq!(
        ids,
        [
            "anthropic:t",
            "groq:env",
            "openai-codex:default",
            "openai:default"
        ]
    );
    assert_eq!(file.profiles["openai:default"].provider, "openai");
    assert_eq!(file.problems.len(), 4, "{:?}", file.problems);
    assert_eq!(file.order["openai"], ["openai:default"]);
    assert_eq!(file.usage["openai:default"].error_count, 2);
}

#[test]
fn a_change_keeps_what_we_do_not_know() {
    let (_dir, path) = file_with(&json!({
        "version": 1, "future": {"a": 1},
        "profiles": {"o:1": {"type": "oauth", "access": "a", "refresh": "r", "note": "mine"}},
        "usageStats": {"o:1": {"cooldownUntil": 5, "more": "x"}},
    }));
    let usage = Usage {
        last_used: 7,
        ..Usage::default()
    };
    let oauth = Oauth {
        access: "b".into(),
        refresh: Some("s".into()),
        expires: Some(9),
        account_id: None,
        email: None,
    };
    update(&path, |root| {
        set_usage(root, "o:1", &usage);
        set_last_good(root, "o", "o:1");
        set_oauth(root, "o:1", &oauth);
    })
    .unwrap();
    let after: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(
        after,
        json!({
            "version": 1, "future": {"a": 1},
            "profiles": {"o:1": {"type": "oauth", "access": "b", "refresh": "s", "expires": 9, "note": "mine"}},
            "lastGood": {"o": "o:1"},
            "usageStats": {"o:1": {"lastUsed": 7, "errorCount": 0, "more": "x"}},
        })
    );
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(parse(&root(after)).usage["o:1"], usage);
}

#[test]
fn a_broken_file_is_named_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("auth-profiles.json");
    assert!(read(&path).unwrap().is_none());
    fs::write(&path, "{\"key\": \"sk-secret\"").unwrap();
    let error = read(&path).unwrap_err().to_string();
    assert!(
        error.contains("auth-profiles.json") && !error.contains("sk-secret"),
        "{error}"
    );
    assert!(update(&path, |_| ()).is_err());
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "{\"key\": \"sk-secret\""
    );
}

#[test]
fn no_secret_is_in_its_debug_text() {
    let file = parse(&root(json!({"profiles": {
        "a:1": {"type": "api_key", "key": "sk-secret"},
        "a:2": {"type": "oauth", "access": "sk-secret", "refresh": "sk-secret"},
    }})));
    assert!(!format!("{file:?}").contains("sk-secret"));
}

#[test]
fn writers_wait_for_each_other() {
    let (_dir, path) = file_with(&json!({"n": 0}));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                update(&path, |root| {
                    let n = root["n"].as_i64().unwrap();
                    root.insert("n".into(), (n + 1).into());
                })
                .unwrap();
            });
        }
    });
    assert_eq!(raw(&path).unwrap().unwrap()["n"], 8);
}
