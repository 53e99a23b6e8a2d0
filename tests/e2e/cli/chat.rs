//! `openclaw chat` over a pipe.

use nix::sys::signal::Signal;
use serde_json::json;
use tests::cli::{ended, process};
use tests::{Gate, Gateway, MAIN, eventually, turn};
use tokio::io::AsyncWriteExt as _;

#[tokio::test]
async fn lines_are_answered_one_after_the_other() {
    let gateway = Gateway::start().await;
    gateway.model.script([
        turn().says("One."),
        turn().calls("exec", json!({ "command": "false" })),
        turn().says("Two."),
        turn().says("Three."),
    ]);
    let ran = gateway
        .cli_reading(&["chat"], "first\r\n\n  \nsecond\nthird")
        .await;
    assert_eq!((ran.code, ran.out.as_str()), (0, "One.\nTwo.\nThree.\n"));
    assert_eq!(ran.err, "[exec] false\n[exec] exit code 1\n");
    assert_eq!(gateway.model.last().users(), ["first", "second", "third"]);
}

#[tokio::test]
async fn a_command_is_not_a_message() {
    let gateway = Gateway::start().await;
    gateway.model.script([
        turn().says("One."),
        turn().says("Two."),
        turn().says("Path."),
    ]);
    let lines = "/help\none\n/new\ntwo\n/stop\n/health\n/etc/passwd is a file\n/quit\nnever\n";
    let ran = gateway.cli_reading(&["chat"], lines).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    for words in [
        "/quit   leave",
        "One.\nthe session begins anew; its past is kept\nTwo.\n",
        "no turn is running there\nCLI: ok",
        "Path.\n",
    ] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    let said = gateway.model.request(2);
    assert_eq!(said.users(), ["two", "/etc/passwd is a file"]);
}

#[tokio::test]
async fn commands_are_for_the_session_one_talks_with() {
    let setup = Gateway::setup().await.config(|config| {
        config["agents"]["list"] = json!([{ "id": "other", "default": true }, { "id": "main" }]);
        config["session"] = json!({ "mainKey": "home" });
    });
    let gateway = setup.start().await;
    gateway.model.always(turn().says("Yes."));
    let ran = gateway.cli_reading(&["chat"], "one\n/new\ntwo\n").await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(gateway.model.last().users(), ["two"]);
    let sessions = gateway.sessions().await;
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0].session.as_str(), "agent:other:home");

    let ran = gateway
        .cli_reading(&["chat", "--agent", "nobody"], "")
        .await;
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("there is no agent nobody"), "{ran:?}");
}

#[tokio::test]
async fn a_line_that_is_no_message_is_not_sent_and_the_next_one_is() {
    let gateway = Gateway::start().await;
    gateway.model.script([turn().says("Here.")]);
    let long = vec![b'a'; 1024 * 1024 + 1];
    let lines = [&b"\xff\xfe\n"[..], &long, b"\nhello\n"].concat();
    let ran = gateway.cli_reading(&["chat"], lines).await;
    assert_eq!((ran.code, ran.out.as_str()), (1, "Here.\n"), "{}", ran.err);
    for words in [
        "a line was not sent: what is written is not UTF-8",
        "over 1 MiB",
    ] {
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    }
    assert_eq!(gateway.model.last().users(), ["hello"]);
}

#[tokio::test]
async fn ctrl_c_stops_the_turn_and_between_turns_it_leaves() {
    let gateway = Gateway::start().await;
    let gate = Gate::new();
    gateway.model.script([
        turn().says("never").waits_for(&gate),
        turn().says("Second."),
    ]);
    let mut person = gateway.cli_begins(&["chat"]);
    let mut types = person.stdin.take().unwrap();
    types.write_all(b"one\n").await.unwrap();
    gate.reached().await;
    process(&person).signal(Signal::SIGINT);
    types.write_all(b"two\n").await.unwrap();
    gateway.model.was_asked(2).await;
    eventually!(gateway.state_of(MAIN).await == "idle");
    let pid = process(&person);
    eventually!({
        // It may just be printing.
        pid.signal(Signal::SIGINT);
        !pid.is_alive()
    });
    let ran = ended(person).await;
    assert_eq!(ran.code, 130, "{ran:?}");
    assert!(ran.out.contains("Second."), "{ran:?}");
    drop(types);
}

#[tokio::test]
async fn one_session_can_be_talked_with_from_two_places() {
    let gateway = Gateway::start().await;
    gateway.model.always(turn().says("Yes."));
    let lines = "a\nb\nc\nd\n";
    let (one, two) = tokio::join!(
        gateway.cli_reading(&["chat"], lines),
        gateway.cli_reading(&["chat"], lines)
    );
    for ran in [one, two] {
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.out.matches("Yes.").count() >= 4, "{ran:?}");
    }
    let users = gateway.model.last().users().join("\n");
    for line in ["a", "b", "c", "d"] {
        let said = users.lines().filter(|said| *said == line).count();
        assert_eq!(said, 2, "{users}");
    }
}
