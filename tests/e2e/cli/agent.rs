//! `openclaw agent`: one message, one answer.

use ipc::control::{FinalReply, ReplyStatus};
use nix::sys::signal::Signal;
use serde_json::json;
use std::process::Stdio;
use tests::cli::{ended, process};
use tests::{Gate, Gateway, MAIN, eventually, turn};

#[tokio::test]
async fn a_key_that_was_answered_is_answered_the_same_and_the_model_is_asked_once() {
    let mut gateway = Gateway::start().await;
    gateway.model.script([turn().says("Once.")]);
    let args = ["agent", "-m", "hi", "--idempotency-key", "k1"];
    assert_eq!(gateway.cli(&args).await.ok(), "Once.\n");
    assert_eq!(gateway.cli(&args).await.ok(), "Once.\n");
    gateway.restart().await;
    assert_eq!(gateway.cli(&args).await.ok(), "Once.\n");
    assert_eq!(gateway.model.requests().len(), 1);
    assert_eq!(gateway.transcript(MAIN).await.len(), 2);
}

#[tokio::test]
async fn a_message_comes_by_a_pipe_as_well() {
    let gateway = Gateway::start().await;
    gateway.model.always(turn().says("Read."));
    let text = "two\nlines, é 👩‍👧\r\n";
    assert_eq!(gateway.cli_reading(&["agent"], text).await.ok(), "Read.\n");
    assert_eq!(gateway.model.last().last_user(), text);
    let dashed = gateway.cli_reading(&["agent", "-m", "-"], "dashed").await;
    assert_eq!(dashed.ok(), "Read.\n");
    assert_eq!(gateway.model.last().last_user(), "dashed");
}

#[tokio::test]
async fn what_is_no_message_is_refused_in_words() {
    let gateway = Gateway::start().await;
    gateway.model.always(turn().says("Read."));
    let mebibyte = 1024 * 1024;
    for (input, words) in [
        (&b""[..], "the message is empty"),
        (b" \n\t", "the message is empty"),
        (b"run echo \xff", "not UTF-8 text (byte 10"),
        (&vec![b'a'; mebibyte + 1], "over 1 MiB"),
        (&vec![b'a'; 20 * mebibyte], "over 1 MiB"),
    ] {
        let ran = gateway.cli_reading(&["agent"], input).await;
        assert_eq!(ran.code, 1, "{words}: {ran:?}");
        assert!(ran.err.contains(words), "{words}: {ran:?}");
    }
    assert!(gateway.model.requests().is_empty());
    let longest = vec![b'a'; mebibyte];
    let ran = gateway.cli_reading(&["agent"], longest).await;
    assert_eq!(ran.ok(), "Read.\n");
}

#[tokio::test]
async fn who_is_not_there_is_named_with_who_is() {
    let gateway = Gateway::start().await;
    for (args, words) in [
        (&["--agent", "nobody"][..], "there are: main, "),
        (&["--agent", ""], "there are: main, "),
        (&["--session", "main"], "agent:main:main"),
        (&["--session-key", "main"], "agent:main:main"),
        (&["--session-key", ""], "agent:main:main"),
        (&["--session-key", "agent:main:a\tb"], "control characters"),
        (&["--session-key", "agent:nobody:main"], "no agent nobody"),
        (
            &["--agent", "backend-dev", "--session-key", MAIN],
            "belongs to agent main",
        ),
        (&["--idempotency-key", ""], "1 to 256 bytes"),
    ] {
        let ran = gateway.cli(&[&["agent", "-m", "hi"], args].concat()).await;
        assert_eq!(ran.code, 1, "{args:?}: {ran:?}");
        assert!(ran.err.contains(words), "{args:?}: {ran:?}");
    }
    assert!(gateway.sessions().await.is_empty());
}

#[tokio::test]
async fn a_session_may_be_called_anything() {
    let gateway = Gateway::start().await;
    gateway
        .model
        .always(turn().calls("exec", json!({ "command": "pwd" })));
    gateway.model.answers_outcomes("who", turn().says("I am."));
    for name in [
        "a b",
        "../../etc",
        "é👩",
        "x] y",
        "\"\\'",
        "-100:topic:7",
        "%s",
    ] {
        let key = format!("agent:main:{name}");
        let args = [
            "agent",
            "-m",
            "who are you?",
            "--session-key",
            &key,
            "--json",
        ];
        let reply: FinalReply = gateway.cli(&args).await.json();
        assert_eq!(
            (reply.text.as_str(), reply.session.as_str()),
            ("I am.", &*key)
        );
    }
    assert_eq!(gateway.sessions().await.len(), 7);
}

#[tokio::test]
async fn ctrl_c_stops_the_turn_and_a_second_one_leaves() {
    let gateway = Gateway::start().await;
    let gate = Gate::new();
    gateway.model.always(turn().says("never").waits_for(&gate));
    let person = gateway.cli_begins(&["agent", "-m", "hi", "--json"]);
    gate.reached().await;
    process(&person).signal(Signal::SIGINT);
    let ran = ended(person).await;
    let reply: FinalReply = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (ran.code, reply.status),
        (1, ReplyStatus::Cancelled),
        "{ran:?}"
    );
    eventually!(gateway.state_of(MAIN).await == "idle");

    // An agent that does not hear is not waited for.
    let person = gateway.cli_begins(&["agent", "-m", "hi"]);
    gate.reached_by(2).await;
    gateway.process().freeze();
    let pid = process(&person);
    eventually!({
        pid.signal(Signal::SIGINT);
        !pid.is_alive()
    });
    gateway.process().thaw();
    let ran = ended(person).await;
    assert_eq!(ran.code, 130, "{ran:?}");
    assert!(ran.err.contains("interrupted"), "{ran:?}");
}

#[tokio::test]
async fn a_reader_that_has_heard_enough_is_no_mishap() {
    let gateway = Gateway::start().await;
    gateway.model.always(turn().says("Words."));
    for args in [
        &["agent", "-m", "hi"][..],
        &["health"],
        &["sessions"],
        &["models"],
        &["config", "schema"],
        &["completion", "bash"],
        &["doctor"],
    ] {
        let mut child = gateway.cli_begins(args);
        drop(child.stdout.take());
        let ran = ended(child).await;
        assert!(!ran.err.contains("panic"), "{args:?}: {ran:?}");
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{args:?}");

        let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
        let mut command = gateway.command(args);
        command.stdout(Stdio::from(full.unwrap()));
        let ran = ended(command.spawn().unwrap()).await;
        assert_eq!(ran.code, 1, "{args:?}: {ran:?}");
        assert!(ran.err.contains("failed to print"), "{args:?}: {ran:?}");
    }
}
