//! What is on record: every process, every refusal, and no secret, in whatever log.

use ipc::control::ReplyStatus;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tests::{Gateway, MAIN, PATIENCE, eventually, turn};
use tokio::io::{AsyncBufReadExt as _, BufReader};

fn record(gateway: &Gateway) -> PathBuf {
    gateway.state_dir().join("logs/audit.jsonl")
}

fn log_file(gateway: &Gateway) -> PathBuf {
    gateway.state_dir().join("logs/gateway.log")
}

/// Every line on record; each must be one of JSON with a time and a kind.
fn lines(gateway: &Gateway) -> Vec<Value> {
    let text = fs::read_to_string(record(gateway)).unwrap_or_default();
    assert!(text.is_empty() || text.ends_with('\n'), "{text:?}");
    let read = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert!(
            line["at"].is_string() && line["event"].is_string(),
            "{line}"
        );
        line
    };
    text.lines().map(read).collect()
}

/// The lines of one kind.
fn of(gateway: &Gateway, event: &str) -> Vec<Value> {
    let all = lines(gateway).into_iter();
    all.filter(|line| line["event"] == event).collect()
}

#[tokio::test]
async fn every_process_is_on_record_with_who_what_and_how_high() {
    let mut gateway = Gateway::start().await;
    eventually!(!of(&gateway, "walls").is_empty(), "{:?}", lines(&gateway));
    gateway
        .chat_in(MAIN)
        .calls("exec", json!({ "command": "true" }))
        .await;
    gateway.chat_in(MAIN).calls("ls", json!({})).await;
    let wanted = BTreeSet::from(["agent", "exec", "files"].map(str::to_owned));
    let roles = || {
        let spawns = of(&gateway, "spawn").into_iter();
        let roles = spawns.map(|line| line["role"].as_str().unwrap().to_owned());
        roles.collect::<BTreeSet<_>>()
    };
    eventually!(roles().is_superset(&wanted), "{:?}", lines(&gateway));
    let level = of(&gateway, "walls")[0]["level"].clone();
    let agent = gateway.agent(MAIN).await;
    for line in of(&gateway, "spawn") {
        assert_eq!(line["session"], MAIN, "{line}");
        assert!(line["title"].as_str().unwrap().contains(MAIN), "{line}");
        assert!(line["pid"].as_u64().unwrap() > 1, "{line}");
        assert!(!line["profile"].as_str().unwrap().is_empty(), "{line}");
        assert_eq!(line["level"], level, "{line}");
        if line["role"] == "agent" {
            assert_eq!(line["pid"], agent.pid);
        }
    }
    assert_eq!(of(&gateway, "started").len(), 1);
    assert_eq!(of(&gateway, "stopped").len(), 0);
    gateway.terminate().await;
    assert_eq!(lines(&gateway).last().unwrap()["event"], "stopped");
}

#[tokio::test]
async fn every_refusal_is_on_record_as_the_model_was_told() {
    let gateway = Gateway::setup().await;
    let gateway = gateway.config(|config| {
        config["tools"] = json!({ "exec": { "security": "allowlist", "safeBins": ["head"] } });
    });
    let gateway = gateway.start().await;
    gateway
        .chat_in(MAIN)
        .calls("exec", json!({ "command": "touch x" }))
        .await;
    eventually!(of(&gateway, "refused").len() == 1, "{:?}", lines(&gateway));
    let line = &of(&gateway, "refused")[0];
    let (session, tool) = (&line["session"], &line["tool"]);
    assert_eq!((session, tool), (&json!(MAIN), &json!("exec")));
    let told = gateway.model.last().tool_output("exec");
    let reason = line["reason"].as_str().unwrap();
    assert!(told.contains(reason), "{told}: {line}");
}

/// Secrets of every kind, and where they get into what is said.
const TOKEN: &str = "ghp_abcdefghijklmnopqrstuvwxyz0123456789";
const PASSWORD: &str = "correct-horse-battery";
const CONFIGURED: &str = "no-shape-at-all-but-known";
const PROFILE: &str = "another one, of the profiles";

fn nobody_tells(gateway: &Gateway, secrets: &[&str]) {
    let logs = [
        ("standard error", gateway.log()),
        (
            "the log file",
            fs::read_to_string(log_file(gateway)).unwrap(),
        ),
        ("the record", fs::read_to_string(record(gateway)).unwrap()),
    ];
    for (name, text) in logs {
        for secret in secrets {
            let line = text.lines().find(|line| line.contains(secret));
            assert!(
                line.is_none(),
                "{name} tells {secret}: {}",
                line.unwrap_or_default()
            );
        }
    }
}

#[tokio::test]
async fn no_log_tells_a_secret() {
    let profiles = json!({ "version": 1, "profiles": {
        "fake:default": { "type": "api_key", "provider": "fake", "key": PROFILE },
    } });
    let setup = Gateway::setup().await;
    let setup = setup
        .file(
            "agents/main/agent/auth-profiles.json",
            &profiles.to_string(),
        )
        .env("SOME_API_KEY", CONFIGURED)
        .config(|config| {
            config["models"]["providers"]["fake"]["apiKey"] = Value::Null;
            config["models"]["providers"]["fake"]
                .as_object_mut()
                .unwrap()
                .remove("apiKey");
            let strict = json!({ "exec": { "security": "deny" } });
            config["agents"]["list"] =
                json!([{ "id": "main" }, { "id": "strict", "tools": strict }]);
        });
    let gateway = setup.laid_out();
    gateway.model.takes_keys(&[PROFILE]);
    let mut gateway = gateway;
    gateway.start_again().await;
    // The model is refused with words that hold the key, and calls tools with all of them.
    let leak = format!("key {PROFILE} and {CONFIGURED} are no good, nor is {TOKEN}");
    let command = format!(
        "echo {TOKEN} https://me:{PASSWORD}@example.org/?password={PASSWORD} {CONFIGURED} \
         -H 'Authorization: Bearer {TOKEN}' >&2; exit 1"
    );
    gateway.model.script([
        turn().fails(503).with_error("overloaded", &leak),
        turn().calls("exec", json!({ "command": &command })),
        turn().says(&leak),
    ]);
    let session = format!("agent:main:{CONFIGURED}");
    let reply = gateway.chat_in(&session).asks(&leak).await;
    assert_eq!(reply.status, ReplyStatus::Ok, "{}", reply.text);
    let output = gateway.model.last().tool_output("exec");
    assert!(
        output.contains(TOKEN),
        "a tool's words are not our log: {output}"
    );
    let strict = format!("agent:strict:{CONFIGURED}");
    gateway
        .chat_in(&strict)
        .calls("exec", json!({ "command": command }))
        .await;
    eventually!(!of(&gateway, "refused").is_empty(), "{:?}", lines(&gateway));
    gateway.terminate().await;
    let key = tests::model::KEY;
    nobody_tells(&gateway, &[TOKEN, PASSWORD, CONFIGURED, PROFILE, key]);
    // There is something to be told of.
    assert!(gateway.log().contains("[redacted]"), "{}", gateway.log());
    assert!(
        fs::read_to_string(record(&gateway))
            .unwrap()
            .contains("[redacted]")
    );
}

#[tokio::test]
async fn a_killed_gateway_leaves_a_record_that_can_be_read() {
    let mut gateway = Gateway::start().await;
    for round in 0..3 {
        gateway
            .chat_in(MAIN)
            .calls("exec", json!({ "command": format!("echo {round}") }))
            .await;
        eventually!(
            of(&gateway, "spawn")
                .iter()
                .filter(|line| line["role"] == "exec")
                .count()
                > round,
            "{:?}",
            lines(&gateway)
        );
        gateway.kill9_and_start_again().await;
    }
    assert_eq!(of(&gateway, "stopped").len(), 0);
    // One that was killed in the middle of a line leaves it torn; the next gateway closes it.
    gateway.kill9();
    let mut torn = fs::OpenOptions::new()
        .append(true)
        .open(record(&gateway))
        .unwrap();
    torn.write_all(b"{\"at\":\"2026-11-22T17:4").unwrap();
    gateway.start_again().await;
    eventually!(
        fs::read_to_string(record(&gateway))
            .unwrap()
            .matches("\"started\"")
            .count()
            == 5
    );
    let text = fs::read_to_string(record(&gateway)).unwrap();
    let broken: Vec<_> = text
        .lines()
        .filter(|line| serde_json::from_str::<Value>(line).is_err())
        .collect();
    assert_eq!(broken, ["{\"at\":\"2026-11-22T17:4"]);
}

#[tokio::test]
async fn logs_are_shown_without_a_gateway_by_session_and_as_json() {
    let mut gateway = Gateway::start().await;
    let nothing = Gateway::setup().await.laid_out().cli(&["logs"]).await;
    assert_eq!((nothing.code, nothing.out.as_str()), (0, ""));
    assert!(nothing.err.contains("nothing is logged yet"), "{nothing:?}");

    let other = "agent:main:main-too";
    gateway
        .chat_in(MAIN)
        .calls("exec", json!({ "command": "true" }))
        .await;
    // A failure is logged with its session.
    let turns = [
        turn().fails(503),
        turn().calls("exec", json!({ "command": "true" })),
        turn().says("Hello."),
    ];
    gateway.model.script_for("other", turns);
    gateway.chat_in(other).asks("other").await;
    gateway.terminate().await;

    let words = gateway.cli(&["logs", "--audit"]).await.ok();
    for word in [
        "started",
        "walls proven",
        "exec process",
        "stopped",
        MAIN,
        other,
    ] {
        assert!(words.contains(word), "no {word} in {words}");
    }
    let mine = gateway
        .cli(&["logs", "--audit", "--session", MAIN, "--json"])
        .await
        .ok();
    assert!(mine.lines().count() >= 2, "{mine}");
    for line in mine.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["session"], MAIN);
    }
    let last = gateway
        .cli(&["logs", "--audit", "-n", "1", "--json"])
        .await
        .ok();
    assert_eq!(
        serde_json::from_str::<Value>(&last).unwrap()["event"],
        "stopped"
    );

    let log = gateway.cli(&["logs", "-n", "100000"]).await.ok();
    assert_eq!(log, fs::read_to_string(log_file(&gateway)).unwrap());
    let log = gateway.cli(&["logs", "--session", other]).await.ok();
    assert!(
        log.lines().count() > 0 && log.lines().all(|line| line.contains(other)),
        "{log}"
    );
    for line in gateway.cli(&["logs", "--json"]).await.ok().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(line["text"].is_string(), "{line}");
    }
    let wrong = gateway.cli(&["logs", "-n", "many"]).await;
    assert_eq!(wrong.code, 2, "{wrong:?}");
}

#[tokio::test]
async fn logs_are_followed_through_rotations() {
    let setup = Gateway::setup().await;
    let setup = setup.config(|config| config["logging"] = json!({ "maxFileBytes": 2000 }));
    let gateway = setup.env("OPENCLAW_LOG", "info").start().await;
    let mut command = gateway.command(&["logs", "--follow", "-n", "100000"]);
    let mut follower = command.stdin(Stdio::null()).spawn().unwrap();
    let mut shown = BufReader::new(follower.stdout.take().unwrap()).lines();

    // Each bad configuration is a line or two.
    let rotated = |number: u32| {
        let mut name = log_file(&gateway).into_os_string();
        name.push(format!(".{number}"));
        PathBuf::from(name).exists()
    };
    let config = gateway.config().to_string();
    let mut wanted = Vec::new();
    for n in 0..400 {
        let name = format!("no-such-key-{n}");
        let mark = format!("\"{name}\"");
        gateway.write_config_text(&config.replacen('{', &format!("{{{mark}: 1,"), 1));
        let _ = gateway.cli(&["gateway", "reload"]).await.ok();
        eventually!(gateway.log().contains(&name), "{name}: {}", gateway.log());
        wanted.push(name);
        if rotated(2) {
            break;
        }
    }
    assert!(rotated(2) && !rotated(4), "it was not rotated");
    for name in wanted {
        let seen = async {
            while let Some(line) = shown.next_line().await.unwrap() {
                if line.contains(&name) {
                    return true;
                }
            }
            false
        };
        let seen = tokio::time::timeout(PATIENCE, seen).await;
        assert_eq!(seen, Ok(true), "{name} was not shown");
    }
    follower.kill().await.unwrap();
}

#[tokio::test]
async fn the_log_file_is_where_the_configuration_says_and_private() {
    let setup = Gateway::setup().await;
    let setup = setup.config(|config| config["logging"] = json!({ "file": "own/here.log" }));
    let gateway = setup.start().await;
    let file = gateway.state_dir().join("own/here.log");
    eventually!(fs::read_to_string(&file).is_ok_and(|text| text.contains("level")));
    let mode = |path: &Path| {
        use std::os::unix::fs::PermissionsExt as _;
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert_eq!([mode(&file), mode(&record(&gateway))], [0o600; 2]);
    assert_eq!(mode(record(&gateway).parent().unwrap()), 0o700);
    assert!(!log_file(&gateway).exists());

    // It moves with the configuration, while the gateway runs.
    gateway.change_config(|config| config["logging"]["file"] = json!("own/there.log"));
    let there = gateway.state_dir().join("own/there.log");
    eventually!(
        fs::read_to_string(&there).is_ok_and(|text| text.contains("logging.file")),
        "{}",
        gateway.log()
    );
}

#[tokio::test]
async fn a_record_that_can_not_be_written_stops_nothing_and_is_told() {
    let setup = Gateway::setup().await.file("logs", "in the way");
    let gateway = setup.start().await;
    gateway
        .chat_in(MAIN)
        .calls("exec", json!({ "command": "true" }))
        .await;
    eventually!(
        gateway
            .health()
            .await
            .notices
            .iter()
            .any(|notice| notice.contains("audit.jsonl")),
        "{:?}",
        gateway.health().await
    );
    fs::remove_file(gateway.state_dir().join("logs")).unwrap();
    gateway
        .chat_in(MAIN)
        .calls("exec", json!({ "command": "true" }))
        .await;
    eventually!(!of(&gateway, "lost").is_empty(), "{:?}", lines(&gateway));
    let lost = &of(&gateway, "lost")[0]["lines"];
    assert!(lost["spawn"].as_u64().unwrap() >= 2, "{lost}");
    eventually!(gateway.health().await.ok, "{:?}", gateway.health().await);
}
