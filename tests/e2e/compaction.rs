//! A conversation that gets too long: memory is written, history is folded, the turn goes on.

use ipc::transcript::TranscriptItem;
use serde_json::json;
use tests::{Gateway, turn};

/// A gateway whose model takes 50,000 tokens, 10,000 of them kept free. The manuals take a good part
/// of it; the models say how much is taken in all.
async fn small_window(memory_flush: bool) -> Gateway {
    let setup = Gateway::setup().await;
    let setup = setup.config(|config| {
        config["agents"]["defaults"]["contextTokens"] = json!(50_000);
        config["agents"]["defaults"]["compaction"] = json!({
            "reserveTokensFloor": 10_000,
            "memoryFlush": { "enabled": memory_flush, "softThresholdTokens": 2000 },
        });
    });
    setup.start().await
}

fn long(word: &str) -> String {
    format!("{word} ").repeat(6000)
}

#[tokio::test]
async fn memory_is_written_before_history_is_folded() {
    // The note is an `Ask::Note` of the agent's: it is stored, the model reads it, nobody else does.
    let gateway = small_window(true).await;
    let alice = gateway.chat();
    gateway
        .model
        .script([turn().says("Noted one.").used(20_000, 10)]);
    alice.asks(&format!("one {}", long("alpha"))).await;
    gateway.model.script([
        turn().says("Noted two.").used(39_000, 10),
        turn()
            .calls(
                "write",
                json!({ "path": "MEMORY.md", "content": "alpha beta\n" }),
            )
            .used(39_100, 10),
        turn().says("NO_REPLY").used(39_200, 5),
        turn()
            .says("The user said alpha and beta.")
            .used(39_300, 50),
        turn().says("Three it is.").used(12_000, 10),
    ]);
    alice.asks(&format!("two {}", long("beta"))).await;
    let mut exchange = alice.says("three").await;
    let reply = exchange.reply().await;
    assert_eq!(
        reply.text,
        "Three it is.",
        "{:#?}",
        alice.transcript().await
    );
    assert_eq!(
        exchange.draft, "Three it is.",
        "the flush is shown to nobody"
    );
    assert_eq!(gateway.read("MEMORY.md"), "alpha beta\n");

    let items = alice.transcript().await;
    let notes = items
        .iter()
        .filter(|item| matches!(item, TranscriptItem::Note { .. }))
        .count();
    assert!(notes >= 1, "{items:#?}");
    assert!(
        items
            .iter()
            .any(|item| matches!(item, TranscriptItem::Summary { .. })),
        "{items:#?}"
    );
    let last = gateway.model.last();
    let said = last.users().join("\n");
    assert!(said.contains("The user said alpha and beta."), "{said}");
    assert!(said.contains("three"), "{said}");
    assert!(
        !said.contains("alpha alpha"),
        "what was folded is said no more"
    );
    let summary = gateway.model.requests().into_iter().rev().nth(1).unwrap();
    assert!(summary.tools.is_empty(), "a summary is no time for tools");
}

#[tokio::test]
async fn a_context_that_overflows_is_folded_and_tried_once_more() {
    let gateway = small_window(false).await;
    let alice = gateway.chat();
    gateway
        .model
        .script([turn().says("One."), turn().says("Two.")]);
    alice.asks(&format!("one {}", long("alpha"))).await;
    alice.asks("two").await;
    gateway.model.script([
        turn().overflows(),
        turn().says("It was about alpha."),
        turn().says("Three."),
    ]);
    assert_eq!(alice.asks("three").await.text, "Three.");
    let last = gateway.model.last();
    assert!(
        last.users().join("\n").contains("It was about alpha."),
        "{:?}",
        last.said
    );
    assert_eq!(gateway.model.requests().len(), 5);
}

#[tokio::test]
async fn a_context_that_overflows_twice_is_told_in_words() {
    let gateway = small_window(false).await;
    let alice = gateway.chat();
    gateway
        .model
        .script([turn().says("One."), turn().says("Two.")]);
    alice.asks(&format!("one {}", long("alpha"))).await;
    alice.asks("two").await;
    gateway.model.script([
        turn().overflows(),
        turn().says("Alpha."),
        turn().overflows(),
    ]);
    let reply = alice.asks("three").await;
    assert_eq!(reply.status, ipc::control::ReplyStatus::Failed);
    assert!(reply.text.contains("long"), "{reply:?}");
    assert_eq!(
        gateway.model.requests().len(),
        5,
        "once more, and not again"
    );
    // The next turn can work again.
    gateway.model.script([turn().says("Four.")]);
    assert_eq!(alice.asks("four").await.text, "Four.");
}

#[tokio::test]
async fn a_summary_that_is_none_folds_nothing() {
    let gateway = small_window(false).await;
    let alice = gateway.chat();
    gateway.model.script([
        turn().says("One.").used(45_000, 10),
        // Asked to sum up, it calls a tool instead.
        turn()
            .calls("exec", json!({ "command": "echo x >> ran" }))
            .used(45_000, 10),
        turn().says("Two.").used(46_000, 10),
    ]);
    alice.asks(&format!("one {}", long("alpha"))).await;
    assert_eq!(alice.asks("two").await.text, "Two.");
    assert!(
        gateway
            .model
            .last()
            .users()
            .join("\n")
            .contains("alpha alpha")
    );
    assert_eq!(gateway.read("ran"), "");
    assert!(!gateway.log().contains("was killed"), "{}", gateway.log());
}

#[tokio::test]
async fn a_folded_conversation_survives_a_restart() {
    let mut gateway = small_window(false).await;
    gateway.model.script([
        turn().says("One.").used(45_000, 10),
        turn().says("It was about alpha.").used(45_000, 10),
        turn().says("Two.").used(12_000, 10),
    ]);
    gateway.chat().asks(&format!("one {}", long("alpha"))).await;
    assert_eq!(gateway.chat().asks("two").await.text, "Two.");
    gateway.restart().await;
    gateway.model.script([turn().says("Three.")]);
    assert_eq!(gateway.chat().asks("three").await.text, "Three.");
    let said = gateway.model.last().users().join("\n");
    assert!(
        said.contains("It was about alpha.") && !said.contains("alpha alpha"),
        "{said}"
    );
}
