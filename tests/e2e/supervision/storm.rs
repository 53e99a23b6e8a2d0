//! Many sessions, and a gateway that is killed again and again, wherever it happens to be.

use ipc::control::ReplyStatus;
use serde_json::json;
use tests::model::Turn;
use tests::{Gateway, eventually, turn};

const SESSIONS: usize = 6;
const KILLS: usize = 8;

fn session(n: usize) -> String {
    format!("agent:main:storm-{n}")
}

fn words(n: usize) -> String {
    format!("session {n} speaking")
}

/// Whatever was lost is asked for again, so there is always a turn: a call while the tool was not
/// run, words as soon as its outcome is known.
fn turns(n: usize) -> Vec<Turn> {
    let call = turn().calls(
        "exec",
        json!({ "command": format!("echo {n} >> log-{n}; sleep 0.02") }),
    );
    vec![call]
}

/// Whether every session has had its answer.
async fn is_over(gateway: &Gateway) -> bool {
    for n in 0..SESSIONS {
        let items = gateway.transcript(&session(n)).await;
        if !format!("{:?}", items.last()).contains("Done.") {
            return false;
        }
    }
    true
}

#[tokio::test]
async fn a_storm_of_kills_loses_no_message_and_runs_no_tool_twice() {
    let mut gateway = Gateway::start().await;
    for n in 0..SESSIONS {
        // The call may be lost with its answer once a kill; its words too.
        let many = (0..=KILLS).flat_map(|_| turns(n));
        gateway
            .model
            .script_for(&format!("{} once", words(n)), many);
        gateway
            .model
            .answers_outcomes(&words(n), turn().says("Done."));
    }
    for n in 0..SESSIONS {
        let said = format!("{} once", words(n));
        drop(
            gateway
                .chat_in(&session(n))
                .says_keyed(&said, &session(n))
                .await,
        );
    }
    for kill in 1..=KILLS {
        eventually!(gateway.model.requests().len() >= kill * 2 || is_over(&gateway).await);
        gateway.kill9_and_start_again().await;
    }
    for n in 0..SESSIONS {
        let said = format!("{} once", words(n));
        let mut again = gateway
            .chat_in(&session(n))
            .says_keyed(&said, &session(n))
            .await;
        assert!(again.again);
        let reply = again.reply().await;
        assert_eq!(
            (reply.text.as_str(), reply.status),
            ("Done.", ReplyStatus::Ok)
        );
        let lines = gateway.read(&format!("log-{n}"));
        assert!(
            lines.lines().count() <= 1,
            "session {n} ran its tool twice: {lines:?}"
        );
        if lines.is_empty() {
            let told = gateway.transcript(&session(n)).await;
            assert!(format!("{told:?}").contains("Interrupted"), "{told:#?}");
        }
    }
    eventually!(
        gateway
            .tree()
            .iter()
            .all(|process| !process.title.contains("openclaw-jail"))
    );
}
