//! Commands that want a terminal, and being looked after: keys, lines, pastes, what they print.

use serde_json::{Value, json};
use tests::{Gateway, turn};

async fn process(gateway: &Gateway, arguments: Value) -> String {
    let mut arguments = arguments;
    arguments["sessionId"] = json!("job-1");
    gateway.chat().calls("process", arguments).await
}

/// Polls until the command has printed `words`.
async fn prints(gateway: &Gateway, words: &str) -> String {
    let mut printed = String::new();
    for _ in 0..20 {
        printed += &process(gateway, json!({ "action": "poll", "timeout": 2000 })).await;
        if printed.contains(words) {
            return printed;
        }
    }
    panic!("{words:?} never came: {printed}");
}

#[tokio::test]
async fn keys_lines_and_pastes_reach_a_terminal() {
    let gateway = Gateway::start().await;
    let program = "import sys, tty, os\n\
        print('ready', flush=True)\n\
        print('line:', sys.stdin.readline().strip(), flush=True)\n\
        tty.setraw(0)\n\
        print('raw', flush=True)\n\
        got = b''\n\
        while not got.endswith(b'Q'):\n\
        \x20   got += os.read(0, 100)\n\
        print(got.hex(), 'end', flush=True)\n";
    gateway.write("program.py", program);
    let began = gateway
        .chat()
        .calls(
            "exec",
            json!({ "command": "python3 program.py", "pty": true, "background": true }),
        )
        .await;
    assert!(began.contains("job-1"), "{began}");
    prints(&gateway, "ready").await;
    process(&gateway, json!({ "action": "write", "data": "hello" })).await;
    process(&gateway, json!({ "action": "submit" })).await;
    let printed = prints(&gateway, "raw").await;
    assert!(printed.contains("line: hello"), "{printed}");
    process(
        &gateway,
        json!({ "action": "send-keys", "keys": ["Up", "C-a", "Escape"] }),
    )
    .await;
    process(
        &gateway,
        json!({ "action": "send-keys", "hex": ["7f", "01"] }),
    )
    .await;
    process(&gateway, json!({ "action": "paste", "text": "pasted" })).await;
    process(&gateway, json!({ "action": "send-keys", "literal": "Q" })).await;
    let printed = prints(&gateway, "end").await;
    // Up, C-a, Escape, two raw bytes, a paste in its brackets, and the last key.
    let pasted: String = b"\x1b[200~pasted\x1b[201~"
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let all = format!("1b5b41011b7f01{pasted}51");
    assert!(printed.contains(&all), "{all} is not in {printed}");
}

#[tokio::test]
async fn what_a_command_printed_can_be_looked_at_and_forgotten() {
    let gateway = Gateway::start().await;
    let command = "seq 1 100; until [ -e go ]; do sleep 0.01; done; echo after";
    gateway
        .chat()
        .calls("exec", json!({ "command": command, "background": true }))
        .await;
    prints(&gateway, "100\n").await;
    let some = process(
        &gateway,
        json!({ "action": "log", "offset": 10, "limit": 3 }),
    )
    .await;
    assert!(some.contains("11\n12\n13"), "{some}");
    assert!(!some.contains("15\n") && !some.contains("9\n1"), "{some}");
    process(&gateway, json!({ "action": "clear" })).await;
    let cleared = process(&gateway, json!({ "action": "log" })).await;
    assert!(!cleared.contains("100\n"), "{cleared}");
    gateway.write("go", "");
    prints(&gateway, "after").await;
}

#[tokio::test]
async fn a_slow_command_goes_to_the_background_by_itself() {
    let gateway = Gateway::start().await;
    let command = "echo early; until [ -e go ]; do sleep 0.01; done; echo late";
    let began = gateway
        .chat()
        .calls("exec", json!({ "command": command, "yieldMs": 50 }))
        .await;
    assert!(
        began.contains("still running") && began.contains("job-1"),
        "{began}"
    );
    gateway.write("go", "");
    prints(&gateway, "late").await;
    let list = gateway
        .chat()
        .calls("process", json!({ "action": "list" }))
        .await;
    assert!(list.contains("job-1"), "{list}");
}

#[tokio::test]
async fn polling_what_brings_nothing_new_is_stopped() {
    let gateway = Gateway::start().await;
    gateway
        .chat()
        .calls(
            "exec",
            json!({ "command": "sleep 3003", "background": true }),
        )
        .await;
    let poll = || turn().calls("process", json!({ "action": "poll", "sessionId": "job-1" }));
    gateway
        .model
        .script((0..25).map(|_| poll()).chain([turn().says("I give up.")]));
    assert_eq!(gateway.chat().asks("wait for it").await.text, "I give up.");
    let outputs = gateway.model.last().tool_outputs("process");
    let denied = outputs
        .iter()
        .filter(|output| output.contains("denied"))
        .count();
    assert!((1..=6).contains(&denied), "{outputs:#?}");
}

#[tokio::test]
async fn what_exec_must_not_be_given_is_refused() {
    let gateway = Gateway::start().await;
    for (name, value) in [
        ("PATH", "/tmp"),
        ("LD_PRELOAD", "x"),
        ("LD_LIBRARY_PATH", "x"),
        ("DYLD_INSERT_LIBRARIES", "x"),
    ] {
        let arguments = json!({ "command": "echo ran", "env": { name: value } });
        let said = gateway.chat().calls("exec", arguments).await;
        assert!(
            said.contains(name) && !said.contains("ran\n"),
            "{name}: {said}"
        );
    }
    gateway.write("a-file", "");
    for workdir in ["missing", "a-file"] {
        let said = gateway
            .chat()
            .calls(
                "exec",
                json!({ "command": "pwd; echo ran", "workdir": workdir }),
            )
            .await;
        assert!(!said.contains("ran\n"), "{workdir}: {said}");
    }
}

#[tokio::test]
async fn a_patch_that_does_not_fit_changes_nothing_at_all() {
    let setup = Gateway::setup().await.config(|config| {
        config["tools"] = json!({ "exec": { "applyPatch": { "enabled": true } } });
    });
    let gateway = setup.start().await;
    gateway.write("a.txt", "one\n");
    gateway.write("b.txt", "two\n");
    let patch = "*** Begin Patch\n*** Update File: a.txt\n@@\n-one\n+ONE\n*** Update File: b.txt\n@@\n-no such line\n+x\n*** End Patch";
    let said = gateway
        .chat()
        .calls("apply_patch", json!({ "input": patch }))
        .await;
    assert!(said.contains("b.txt"), "{said}");
    assert_eq!(
        (
            gateway.read("a.txt").as_str(),
            gateway.read("b.txt").as_str()
        ),
        ("one\n", "two\n")
    );
    let patch = "*** Begin Patch\n*** Update File: a.txt\n*** Move to: c/d.txt\n@@\n-one\n+ONE\n*** Delete File: b.txt\n*** End Patch";
    gateway
        .chat()
        .calls("apply_patch", json!({ "input": patch }))
        .await;
    assert_eq!(gateway.read("c/d.txt"), "ONE\n");
    assert!(
        !gateway.workspace().join("a.txt").exists() && !gateway.workspace().join("b.txt").exists()
    );
}

#[tokio::test]
async fn edits_and_lists_have_their_other_forms_too() {
    let gateway = Gateway::start().await;
    gateway.write("a.txt", "one two three\n");
    let edits =
        json!([{ "oldText": "one", "newText": "1" }, { "old_string": "three", "new_string": "3" }]);
    gateway
        .chat()
        .calls("edit", json!({ "file_path": "a.txt", "edits": edits }))
        .await;
    assert_eq!(gateway.read("a.txt"), "1 two 3\n");
    gateway
        .chat()
        .calls(
            "edit",
            json!({ "filePath": "a.txt", "old_string": "two", "new_string": "2" }),
        )
        .await;
    assert_eq!(gateway.read("a.txt"), "1 2 3\n");
    for name in ["b", "c", "d"] {
        gateway.write(&format!("many/{name}"), "");
    }
    let first = gateway
        .chat()
        .calls("ls", json!({ "path": "many", "limit": 2 }))
        .await;
    assert!(
        first.contains('b') && first.contains('c') && !first.contains("d\n"),
        "{first}"
    );
    let rest = gateway
        .chat()
        .calls("ls", json!({ "path": "many", "after": "c" }))
        .await;
    assert!(rest.contains('d') && !rest.contains("b\n"), "{rest}");
}
