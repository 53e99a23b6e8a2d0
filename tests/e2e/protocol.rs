//! Agents that turned bad: they flood, garble, forge and sulk. Each is told from a good one at once
//! and ended; its person is told in words; nobody else notices.

mod excess;

use ipc::control::{FinalReply, FromSupervisor, ReplyStatus, ToSupervisor};
use ipc::hello::Hello;
use serde_json::json;
use std::time::Duration;
use tests::chat::Control;
use tests::{Gateway, MAIN, eventually, turn};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::task::JoinSet;

/// What each does (see `tests/probes/hostile`), and what the log says of it.
const PARTS: [(&str, &str); 26] = [
    ("garbled-noise", "is over the limit"),
    ("garbled-oversize", "is over the limit"),
    ("garbled-half", "in the middle of a frame"),
    ("garbled-text", "is not a message"),
    ("garbled-unknown", "is not a message"),
    ("garbled-deep", "is not a message"),
    ("garbled-version", "speaks protocol 999"),
    ("garbled-version-shape", "is not a message"),
    ("forger-early", "a frame before the hello"),
    ("forger-hello", "a second hello"),
    ("forger-idle", "a turn that does not run"),
    ("forger-tool", "a tool call that no answer asked for"),
    ("forger-args", "other arguments than the model gave"),
    ("forger-fold", "a summary of what is not in the context"),
    ("forger-twice", "a tool call that no answer asked for"),
    ("forger-number", "an ask whose number was used"),
    ("forger-model", "a second model call at once"),
    ("forger-open", "a model call that leaves tool calls open"),
    (
        "forger-done",
        "the end of a turn that still waits for replies",
    ),
    (
        "forger-end",
        "the end of a turn that still waits for replies",
    ),
    ("forger-cancelled", "a cancelled turn that nobody cancelled"),
    ("forger-turn", "a turn that does not run"),
    ("forger-reject", "a rejection of a call that is not open"),
    ("stubborn-panic", "exited with code 101"),
    ("stubborn-dead", "exited"),
    ("stubborn-frail", "exited"),
];

fn session(part: &str) -> String {
    format!("agent:main:bad-{part}")
}

#[tokio::test]
async fn bad_agents_are_ended_their_people_told_and_nobody_else_notices() {
    let setup = Gateway::setup().await.instead("openclaw-agent", "hostile");
    let mut gateway = setup.start().await;
    for (part, _) in PARTS {
        // Those who ask the model get a wish for a tool, in each of their lives.
        let call = || turn().calls("exec", json!({ "command": "echo asked >> asked" }));
        gateway
            .model
            .script_for(&format!("I am {part}."), (0..8).map(|_| call()));
    }
    let mut waiting = Vec::new();
    for (part, _) in PARTS {
        let exchange = gateway
            .chat_in(&session(part))
            .says(&format!("I am {part}."))
            .await;
        waiting.push((part, exchange));
    }
    // Meanwhile a good one works.
    for n in 0..5 {
        gateway.model.script([
            turn().calls("exec", json!({ "command": format!("echo {n}") })),
            turn().says("Good."),
        ]);
        assert_eq!(gateway.chat().asks("be good").await.text, "Good.");
    }
    for (part, mut exchange) in waiting {
        let reply = exchange.reply().await;
        is_told(part, &reply);
        assert!(
            !exchange.notices().is_empty() || reply.status == ReplyStatus::Failed,
            "{part}"
        );
    }
    let log = gateway.log();
    for (part, reason) in PARTS {
        let line = |line: &&str| line.contains(&session(part)) && line.contains(reason);
        assert!(
            log.lines().any(|l| line(&l)),
            "{part}: {reason:?} is not in the log:\n{log}"
        );
    }
    assert_eq!(
        gateway.read("forged"),
        "",
        "nothing was run that no model asked for"
    );
    let asked = gateway.read("asked").lines().count();
    let twice = gateway.transcript(&session("forger-twice")).await;
    assert!(asked <= twice.len(), "a call ran more than once");

    // And with a good agent each session is as good as any other.
    gateway.put_own("openclaw-agent");
    for (part, _) in PARTS {
        gateway
            .model
            .script_for(&format!("Now, {part}?"), [turn().says("Better now.")]);
        let reply = gateway
            .chat_in(&session(part))
            .asks(&format!("Now, {part}?"))
            .await;
        assert!(reply.status == ReplyStatus::Ok, "{part}: {reply:?}");
    }
}

/// A failure, in words for a person.
fn is_told(part: &str, reply: &FinalReply) {
    assert_eq!(reply.status, ReplyStatus::Failed, "{part}: {reply:?}");
    let words = ["was killed for", "exited", "was ended"];
    assert!(
        words.iter().any(|words| reply.text.contains(words)),
        "{part}: {reply:?}"
    );
    assert!(
        reply.text.contains("log"),
        "{part} is not told what to do: {reply:?}"
    );
}

#[tokio::test]
async fn a_flood_drowns_nobody() {
    let setup = Gateway::setup().await.instead("openclaw-agent", "hostile");
    let gateway = setup.start().await;
    let before = gateway.process().pss();
    let mut floods = Vec::new();
    for part in ["chatty-deltas", "chatty-undeltas"] {
        let chat = gateway.chat_in(&format!("agent:main:bad-{part}"));
        let mut exchange = chat.says("talk").await;
        if part == "chatty-deltas" {
            exchange.sees("a flood", |seen| seen.pieces > 10).await;
        }
        floods.push((chat, exchange));
    }
    for _ in 0..10 {
        gateway.model.script([turn().says("Good.")]);
        assert_eq!(gateway.chat().asks("be good").await.text, "Good.");
    }
    let grown = gateway.process().pss().saturating_sub(before);
    assert!(grown < 200 << 20, "the flood takes {} MiB", grown >> 20);
    for (chat, mut exchange) in floods {
        chat.stops().await;
        // It does not listen, so it is ended.
        assert_eq!(exchange.reply().await.status, ReplyStatus::Cancelled);
    }
}

#[tokio::test]
async fn an_agent_that_promises_a_frame_and_never_sends_it_can_be_stopped() {
    let setup = Gateway::setup().await.instead("openclaw-agent", "hostile");
    let gateway = setup.start().await;
    for part in ["garbled-promise", "stubborn-turn", "stubborn-deaf"] {
        let chat = gateway.chat_in(&format!("agent:main:bad-{part}"));
        let mut exchange = chat.says("go").await;
        eventually!(gateway.state_of(chat.session()).await == "in turn");
        assert_eq!(chat.stops().await, "stopping");
        assert_eq!(
            exchange.reply().await.status,
            ReplyStatus::Cancelled,
            "{part}"
        );
        eventually!(gateway.agents(chat.session()).is_empty());
    }
}

#[tokio::test]
async fn an_agent_that_is_never_ready_is_replaced() {
    let setup = Gateway::setup().await.instead("openclaw-agent", "hostile");
    let mut gateway = setup.start().await;
    gateway.model.script([turn().says("Better now.")]);
    let session = "agent:main:bad-stubborn-mute";
    let mut exchange = gateway.chat_in(session).says("are you there?").await;
    let mute = gateway.agent(session).await;
    gateway.put_own("openclaw-agent");
    assert_eq!(exchange.reply().await.text, "Better now.");
    assert!(!mute.is_alive());
}

#[tokio::test]
async fn an_agent_that_does_not_go_is_taken_down_rung_by_rung() {
    let setup = Gateway::setup().await.instead("openclaw-agent", "hostile");
    let setup = setup.config(|config| {
        config["agents"]["defaults"]["process"] = json!({ "idleSeconds": 1 });
    });
    let mut gateway = setup.start().await;
    let session = "agent:main:bad-stubborn-idle";
    // It never takes its turn, so that is stopped first; then it is asked to go.
    let mut exchange = gateway.chat_in(session).says("hello").await;
    let stubborn = gateway.agent(session).await;
    eventually!(gateway.state_of(session).await == "in turn");
    gateway.chat_in(session).stops().await;
    assert_eq!(exchange.reply().await.status, ReplyStatus::Cancelled);
    eventually!(!stubborn.is_alive());
    // A gateway that stops does not wait for one for ever either.
    let mut exchange = gateway.chat_in(session).says("hello again").await;
    let stubborn = gateway.agent(session).await;
    eventually!(gateway.state_of(session).await == "in turn");
    let status = tokio::time::timeout(Duration::from_secs(20), gateway.terminate()).await;
    assert_eq!(status.unwrap().code(), Some(0));
    assert!(!stubborn.is_alive());
    drop(exchange.draft.split_off(0));
}

// === the control socket ===

#[tokio::test]
async fn bad_clients_are_told_and_dropped_and_good_ones_do_not_notice() {
    let gateway = Gateway::start().await;
    let path = gateway.socket();
    let says: [(&str, Vec<u8>); 5] = [
        ("noise", vec![0xff; 4096]),
        ("too long", (u32::MAX).to_le_bytes().to_vec()),
        ("no message", framed(b"hello?")),
        ("unknown", framed(br#"{"type":"root_shell"}"#)),
        ("half", vec![200, 0, 0, 0, b'{']),
    ];
    let mut open = JoinSet::new();
    for (name, bytes) in says {
        let mut stream = UnixStream::connect(&path).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        open.spawn(async move {
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            (name, answer)
        });
    }
    gateway.model.script([turn().says("Good.")]);
    assert_eq!(gateway.chat().asks("be good").await.text, "Good.");
    while let Some(ended) = open.join_next().await {
        let (name, answer) = ended.unwrap();
        assert!(
            String::from_utf8_lossy(&answer).contains("hello"),
            "{name} was not even greeted"
        );
    }
}

#[tokio::test]
async fn a_client_of_another_version_is_told_what_to_do() {
    let gateway = Gateway::start().await;
    let mut control = Control::connect_rudely(&gateway.socket()).await.unwrap();
    let hello = Hello {
        protocol: 999,
        version: "9.9.9".into(),
    };
    control.say(&ToSupervisor::Hello(hello)).await.unwrap();
    assert!(matches!(
        control.hear().await.unwrap(),
        FromSupervisor::Hello(_)
    ));
    let FromSupervisor::Refused(refusal) = control.hear().await.unwrap() else {
        panic!("not refused")
    };
    assert!(refusal.message.contains("999"), "{refusal:?}");
    assert!(
        refusal.message.contains("restart the gateway"),
        "{refusal:?}"
    );

    let mut rude = Control::connect_rudely(&gateway.socket()).await.unwrap();
    rude.say(&ToSupervisor::Health).await.unwrap();
    assert!(matches!(
        rude.hear().await.unwrap(),
        FromSupervisor::Hello(_)
    ));
    assert!(matches!(
        rude.hear().await.unwrap(),
        FromSupervisor::Refused(_)
    ));
}

#[tokio::test]
async fn bad_messages_are_refused_with_the_mend_and_nothing_is_stored() {
    let gateway = Gateway::start().await;
    let main = gateway.chat();
    let refused = |refusal: Option<ipc::refusal::Refusal>, words: &str| {
        let refusal = refusal.expect("it is refused");
        assert!(
            refusal.message.contains(words),
            "{words} not in {refusal:?}"
        );
    };
    refused(main.submits("  \n", "k").await.err(), "empty");
    refused(
        main.submits(&"x".repeat((1 << 20) + 1), "k").await.err(),
        "1 MiB",
    );
    refused(main.submits("hi", "").await.err(), "idempotency key");
    refused(
        main.submits("hi", &"k".repeat(300)).await.err(),
        "idempotency key",
    );
    refused(
        gateway.chat_in("nonsense").submits("hi", "k").await.err(),
        "agent:main:main",
    );
    refused(
        gateway
            .chat_in("agent:nobody:main")
            .submits("hi", "k")
            .await
            .err(),
        "nobody",
    );
    assert!(
        gateway.sessions().await.is_empty(),
        "{:?}",
        gateway.sessions().await
    );
}

#[tokio::test]
async fn only_our_own_user_may_speak_to_the_gateway() {
    use std::os::unix::fs::PermissionsExt as _;
    let gateway = Gateway::start().await;
    let mode = std::fs::metadata(gateway.socket())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let folder = std::fs::metadata(gateway.state_dir().join("state"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(
        folder & 0o077,
        0,
        "the folder is private as well: {folder:o}"
    );
    assert!(gateway.agents(MAIN).is_empty());
}

fn framed(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_le_bytes();
    [&length, body].concat()
}
