//! Every tool with good and bad input, from the model's call to the outcome it reads.

use ipc::control::{FromSupervisor, ReplyStatus, ToSupervisor};
use ipc::id::{JobId, SessionKey};
use serde_json::{Value, json};
use tests::{Gateway, MAIN, turn};

/// The gateway with `apply_patch` on, since it is off unless asked for, and with file tools that
/// stay in the workspace.
async fn with_every_tool() -> Gateway {
    let setup = Gateway::setup().await.config(|config| {
        config["tools"] = json!({
            "exec": { "applyPatch": { "enabled": true } },
            "fs": { "workspaceOnly": true },
        });
    });
    setup.start().await
}

/// Calls one after the other; each outcome must hold its words.
async fn calls(gateway: &Gateway, table: &[(&str, Value, &[&str])]) {
    for (tool, arguments, words) in table {
        let outcome = gateway.chat().calls(tool, arguments.clone()).await;
        for word in *words {
            assert!(
                outcome.contains(word),
                "{tool} {arguments}: no {word:?} in {outcome:?}"
            );
        }
    }
}

#[tokio::test]
async fn files_are_written_read_edited_patched_and_listed() {
    let gateway = with_every_tool().await;
    let patch = "*** Begin Patch\n*** Update File: notes/a.txt\n@@\n-one\n+ONE\n*** Add File: b.txt\n+bee\n*** End Patch";
    calls(
        &gateway,
        &[
            (
                "write",
                json!({ "path": "notes/a.txt", "content": "one\ntwo\nthree\n" }),
                &["notes/a.txt"],
            ),
            (
                "read",
                json!({ "path": "notes/a.txt" }),
                &["one\ntwo\nthree"],
            ),
            (
                "read",
                json!({ "file_path": "notes/a.txt", "offset": 2, "limit": 1 }),
                &["two"],
            ),
            (
                "edit",
                json!({ "path": "notes/a.txt", "oldText": "two", "newText": "2" }),
                &["notes/a.txt"],
            ),
            (
                "apply_patch",
                json!({ "input": patch }),
                &["notes/a.txt", "b.txt"],
            ),
            ("ls", json!({}), &["notes/", "b.txt"]),
            ("ls", json!({ "path": "notes" }), &["a.txt"]),
        ],
    )
    .await;
    assert_eq!(gateway.read("notes/a.txt"), "ONE\n2\nthree\n");
    assert_eq!(gateway.read("b.txt"), "bee\n");
}

#[tokio::test]
async fn bad_input_is_told_in_words_that_mend_it() {
    let gateway = with_every_tool().await;
    gateway.write("a.txt", "same same");
    std::os::unix::fs::symlink("/etc/passwd", gateway.workspace().join("link")).unwrap();
    calls(
        &gateway,
        &[
            ("read", json!({ "path": "missing.txt" }), &["missing.txt"]),
            (
                "read",
                json!({ "path": "/etc/passwd" }),
                &["outside the workspace"],
            ),
            ("read", json!({ "path": "../openclaw.json" }), &["failed"]),
            ("read", json!({ "path": "link" }), &["failed"]),
            ("read", json!({}), &["path"]),
            (
                "write",
                json!({ "path": "a.txt/b", "content": "" }),
                &["failed"],
            ),
            (
                "write",
                json!({ "path": "link", "content": "x" }),
                &["failed"],
            ),
            (
                "edit",
                json!({ "path": "a.txt", "oldText": "same", "newText": "x" }),
                &["2"],
            ),
            (
                "edit",
                json!({ "path": "a.txt", "oldText": "nowhere", "newText": "x" }),
                &["failed"],
            ),
            (
                "apply_patch",
                json!({ "input": "no patch" }),
                &["Begin Patch"],
            ),
            ("ls", json!({ "path": "nowhere" }), &["nowhere"]),
            ("exec", json!({}), &["command"]),
            (
                "exec",
                json!({ "command": "true", "workdir": "nowhere" }),
                &["nowhere"],
            ),
            (
                "exec",
                json!({ "command": "true", "env": { "LD_PRELOAD": "x" } }),
                &["LD_PRELOAD"],
            ),
            (
                "process",
                json!({ "action": "poll", "sessionId": "job-9" }),
                &["job-9"],
            ),
            ("process", json!({ "action": "dance" }), &["dance"]),
            ("no_such_tool", json!({}), &["no_such_tool", "exec"]),
        ],
    )
    .await;
    assert_eq!(gateway.read("a.txt"), "same same");
}

#[tokio::test]
async fn every_way_a_command_ends_is_read() {
    let gateway = Gateway::start().await;
    calls(
        &gateway,
        &[
            (
                "exec",
                json!({ "command": "echo out; echo err >&2" }),
                &["out", "err"],
            ),
            ("exec", json!({ "command": "exit 3" }), &["exit code 3"]),
            ("exec", json!({ "command": "kill -9 $$" }), &["signal 9"]),
            (
                "exec",
                json!({ "command": "sleep 60", "timeout": 1 }),
                &["timeout of 1 s"],
            ),
            (
                "exec",
                json!({ "command": "no-such-program" }),
                &["no-such-program", "127"],
            ),
            ("exec", json!({ "command": "true" }), &["no output"]),
            ("exec", json!({ "command": "cat" }), &["no output"]),
            (
                "exec",
                json!({ "command": "echo $GREETING", "env": { "GREETING": "hei" } }),
                &["hei"],
            ),
            (
                "exec",
                json!({ "command": "tty && test -t 1 && echo yes", "pty": true }),
                &["yes"],
            ),
            (
                "bash",
                json!({ "command": "echo by another name" }),
                &["by another name"],
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn long_output_keeps_its_head_and_tail() {
    let gateway = Gateway::start().await;
    let outcome = gateway
        .chat()
        .calls("exec", json!({ "command": "seq 1 2000000" }))
        .await;
    assert!(outcome.starts_with("1\n2\n"), "{}", &outcome[..40]);
    assert!(outcome.contains("bytes dropped"), "the gap is told");
    assert!(outcome.trim_end().ends_with("2000000"));
    assert!(outcome.len() < 300_000, "{} bytes", outcome.len());
}

#[tokio::test]
async fn a_command_in_the_background_is_looked_after() {
    let gateway = Gateway::start().await;
    let job = |action: &str| json!({ "action": action, "sessionId": "job-1" });
    calls(
        &gateway,
        &[
            (
                "exec",
                json!({ "command": "while read line; do echo got $line; done; echo bye", "background": true }),
                &["still running", "job-1"],
            ),
            ("process", json!({ "action": "list" }), &["job-1", "while read line"]),
            ("process", json!({ "action": "write", "sessionId": "job-1", "data": "salt\n" }), &[]),
            ("process", json!({ "action": "poll", "sessionId": "job-1", "timeout": 20000 }), &["got salt"]),
            ("process", json!({ "action": "write", "sessionId": "job-1", "data": "x", "eof": true }), &[]),
            ("process", json!({ "action": "poll", "sessionId": "job-1", "timeout": 20000 }), &["bye"]),
            ("process", job("log"), &["got salt"]),
            ("process", job("remove"), &["job-1"]),
            ("process", json!({ "action": "list" }), &["no background"]),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_killed_background_command_leaves_nothing() {
    let gateway = Gateway::start().await;
    let command = "sleep 4321 & sleep 4321";
    gateway
        .chat()
        .calls("exec", json!({ "command": command, "background": true }))
        .await;
    assert!(!gateway.titled("sleep 4321").is_empty());
    gateway
        .chat()
        .calls("process", json!({ "action": "kill", "sessionId": "job-1" }))
        .await;
    tests::eventually!(gateway.titled("sleep 4321").is_empty());
}

#[tokio::test]
async fn an_operator_ends_the_command_that_is_named_and_counts_each_once() {
    let gateway = Gateway::start().await;
    for command in ["sleep 4322", "sleep 4323"] {
        let arguments = json!({ "command": command, "background": true });
        gateway.chat().calls("exec", arguments).await;
    }
    let kill = |job: Option<&str>| ToSupervisor::Kill {
        session: SessionKey::from(MAIN),
        job: job.map(JobId::from),
    };
    let mut control = gateway.control().await;
    let FromSupervisor::Done { message } = control.ask(&kill(Some("job-1"))).await else {
        panic!("job-1 runs");
    };
    assert!(message.starts_with("job-1 of "), "{message}");
    tests::eventually!(matches!(
        control.ask(&kill(Some("job-1"))).await,
        FromSupervisor::Refused(_)
    ));
    assert!(gateway.titled("sleep 4322").is_empty());
    assert!(!gateway.titled("sleep 4323").is_empty());
    // A command in the background is one command, though its call had been one too.
    let FromSupervisor::Done { message } = control.ask(&kill(None)).await else {
        panic!("the session has processes");
    };
    assert!(
        message.ends_with("; 1 running tools were ended"),
        "{message}"
    );
    tests::eventually!(gateway.titled("sleep 4323").is_empty());
}

#[tokio::test]
async fn several_calls_of_one_answer_run_side_by_side_and_keep_their_order() {
    let gateway = Gateway::start().await;
    // Each waits for the other: run one after the other, neither would end.
    let meet = |mine: &str, other: &str| json!({ "command": format!("touch {mine}; until test -e {other}; do sleep 0.01; done; echo {mine}"), "timeout": 30 });
    gateway.model.script([
        turn()
            .calls("exec", meet("a", "b"))
            .calls("exec", meet("b", "a")),
        turn().says("Both."),
    ]);
    gateway.chat().asks("meet").await;
    assert_eq!(gateway.model.last().tool_outputs("exec"), ["a\n", "b\n"]);
}

#[tokio::test]
async fn a_session_tells_of_itself_and_its_agents() {
    let gateway = Gateway::start().await;
    calls(
        &gateway,
        &[
            (
                "session_status",
                json!({}),
                &["agent:main:main", "fake/one", "walls: level"],
            ),
            (
                "session_status",
                json!({ "sessionKey": "agent:main:other" }),
                &["denied"],
            ),
            (
                "session_status",
                json!({ "model": "fake/two" }),
                &["fake/two"],
            ),
            (
                "session_status",
                json!({ "model": "default" }),
                &["fake/one"],
            ),
            ("agents_list", json!({}), &["main (default)", "backend-dev"]),
        ],
    )
    .await;
}

#[tokio::test]
async fn what_policy_forbids_is_not_run() {
    let setup = Gateway::setup().await.config(|config| {
        config["tools"] = json!({
            "deny": ["write", "group:automation"],
            "exec": { "security": "allowlist", "safeBins": ["head"] },
        });
    });
    let gateway = setup.start().await;
    let denied = gateway
        .chat()
        .calls("exec", json!({ "command": "touch forbidden" }))
        .await;
    assert!(denied.contains("denied"), "{denied}");
    let unknown = gateway
        .chat()
        .calls("write", json!({ "path": "forbidden", "content": "" }))
        .await;
    assert!(unknown.contains("write"), "{unknown}");
    assert!(!gateway.workspace().join("forbidden").exists());
    assert!(!gateway.model.last().offers("write"));
    assert!(gateway.model.last().offers("read"));
}

#[tokio::test]
async fn an_agent_in_circles_is_stopped_by_the_supervisor() {
    let gateway = Gateway::start().await;
    let again = || turn().calls("exec", json!({ "command": "echo same" }));
    gateway
        .model
        .script((0..31).map(|_| again()).chain([turn().says("I stop.")]));
    let reply = gateway.chat().asks("go round").await;
    assert_eq!(reply.text, "I stop.");
    let outcomes = gateway.model.last().tool_outputs("exec");
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| *outcome == "same\n")
            .count(),
        30
    );
    assert!(outcomes.last().unwrap().contains("denied"), "{outcomes:?}");
}

#[tokio::test]
async fn a_turn_has_a_budget_no_agent_can_raise() {
    let setup = Gateway::setup().await.config(|config| {
        config["budget"] = json!({ "modelCallsPerTurn": 3 });
    });
    let gateway = setup.start().await;
    for n in 0..3 {
        gateway
            .model
            .script([turn().calls("exec", json!({ "command": format!("echo {n}") }))]);
    }
    let reply = gateway.chat().asks("go on for ever").await;
    assert_eq!(reply.status, ReplyStatus::Failed);
    assert!(
        reply.text.contains("budget.modelCallsPerTurn"),
        "{}",
        reply.text
    );
    assert_eq!(gateway.model.requests().len(), 3);
}

/// What a command says that takes its time, and is waited for.
async fn installs(gateway: &Gateway, command: &str) -> String {
    let patiently = json!({ "command": command, "timeout": 120, "yieldMs": 110_000 });
    gateway.chat().calls("exec", patiently).await
}

#[tokio::test]
async fn python_packages_are_installed_and_used() {
    let gateway = Gateway::start().await;
    gateway.write(
        "pkg/pyproject.toml",
        "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n\
         [project]\nname = \"salutation\"\nversion = \"1.0\"\n",
    );
    // A build backend of our own: no network is there to fetch one.
    gateway.write("pkg/backend.py", BACKEND);
    let command = "pip install --no-index --no-build-isolation -q ./pkg && python3 -c 'import salutation; print(salutation.hello())'";
    let outcome = installs(&gateway, command).await;
    assert!(outcome.contains("hello from a wheel"), "{outcome}");
    let again = gateway
        .chat()
        .calls(
            "exec",
            json!({ "command": "python3 -c 'import sys, salutation; print(sys.prefix)'" }),
        )
        .await;
    assert!(again.contains(".venv"), "{again}");
}

/// Builds the wheel by hand, as PEP 517 has it.
const BACKEND: &str = r#"
import zipfile, os
def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "salutation-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.writestr("salutation.py", "def hello():\n    return 'hello from a wheel'\n")
        info = "salutation-1.0.dist-info/"
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: salutation\nVersion: 1.0\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(info + "RECORD", "")
    return name
"#;

#[tokio::test]
async fn node_packages_are_installed_and_used() {
    let gateway = Gateway::start().await;
    gateway.write(
        "lib/package.json",
        r#"{"name":"salutation","version":"1.0.0","main":"index.js"}"#,
    );
    gateway.write(
        "lib/index.js",
        "module.exports = () => 'hello from a package';",
    );
    gateway.write("app/package.json", r#"{"name":"app","version":"1.0.0"}"#);
    let command = "cd app && npm install --offline --no-audit --no-fund ../lib && node -p \"require('salutation')()\"";
    let outcome = installs(&gateway, command).await;
    assert!(outcome.contains("hello from a package"), "{outcome}");
}
