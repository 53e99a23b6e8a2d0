//! The golden path: a message in, real tools in a jail, an answer out.

use ipc::control::{FinalReply, ReplyStatus};
use serde_json::json;
use tests::{Gateway, MAIN, Wire, turn};

#[tokio::test]
async fn a_tool_result_reaches_the_user() {
    let gateway = Gateway::start().await;
    gateway.model.script([
        turn().calls("exec", json!({ "command": "echo hi" })),
        turn().says("It printed hi."),
    ]);
    let alice = gateway.chat();
    let reply = alice.asks("run echo hi").await;
    assert_eq!(reply.text, "It printed hi.");
    assert_eq!(reply.status, ReplyStatus::Ok);
    assert_eq!(reply.model, "fake/one");
    assert_eq!(gateway.model.request(0).last_user(), "run echo hi");
    assert_eq!(gateway.model.request(1).tool_output("exec"), "hi\n");
}

#[tokio::test]
async fn every_language_of_models_is_spoken() {
    for wire in Wire::ALL {
        let gateway = Gateway::setup().await.speaking(wire).start().await;
        gateway.model.script([
            turn()
                .says("Let me see.")
                .calls("exec", json!({ "command": "echo hi" }))
                .used(100, 10),
            turn().says("It printed hi.").used(120, 5),
        ]);
        let reply = gateway.chat().asks("run echo hi").await;
        assert_eq!(reply.text, "It printed hi.", "{wire:?}");
        assert_eq!(reply.model, format!("{}/one", wire.provider()));
        assert_eq!(
            (reply.usage.input, reply.usage.output),
            (220, 15),
            "{wire:?}"
        );
        assert_eq!(gateway.model.request(1).tool_output("exec"), "hi\n");
    }
}

#[tokio::test]
async fn a_conversation_goes_on_where_it_was() {
    let gateway = Gateway::start().await;
    gateway
        .model
        .script([turn().says("Hello Alice."), turn().says("You are Alice.")]);
    let alice = gateway.chat();
    alice.asks("I am Alice").await;
    alice.asks("who am I?").await;
    let second = gateway.model.request(1);
    assert_eq!(second.users(), ["I am Alice", "who am I?"]);
    assert_eq!(gateway.agents(MAIN).len(), 1);
}

#[tokio::test]
async fn the_command_line_carries_a_message_there_and_back() {
    let gateway = Gateway::start().await;
    gateway.model.script([
        turn().calls("exec", json!({ "command": "echo hi" })),
        turn().says("It printed hi."),
    ]);
    let ran = gateway.cli(&["agent", "-m", "run echo hi"]).await;
    assert_eq!(ran.ok(), "It printed hi.\n");
    gateway.model.script([turn().says("Yes.")]);
    let reply: FinalReply = gateway
        .cli(&["agent", "-m", "really?", "--json"])
        .await
        .json();
    assert_eq!(reply.text, "Yes.");
    assert_eq!(reply.session.as_str(), MAIN);
}

#[tokio::test]
async fn the_offline_responder_drives_the_very_same_tools() {
    let gateway = Gateway::setup().await.bare().start().await;
    let alice = gateway.chat();
    let first = alice.asks("run echo hi").await;
    assert!(first.text.contains("hi"), "{first:?}");
    assert!(first.text.to_lowercase().contains("offline"), "{first:?}");
    assert_eq!(first.model, "offline/responder");
    alice.asks("write a line to notes/a.txt").await;
    assert_eq!(gateway.read("notes/a.txt"), "a line\n");
    assert!(alice.asks("read notes/a.txt").await.text.contains("a line"));
    assert!(alice.asks("list notes").await.text.contains("a.txt"));
    assert!(alice.asks("help").await.text.contains("run"));
    assert!(gateway.model.requests().is_empty());
}

#[tokio::test]
async fn a_command_without_a_gateway_has_one_of_its_own_and_leaves_nothing_behind() {
    let gateway = Gateway::setup().await.bare().laid_out();
    std::fs::remove_dir(gateway.state_dir()).unwrap();
    let ran = gateway.cli(&["agent", "-m", "run echo hi"]).await;
    assert!(ran.err.contains("no gateway is running"), "{ran:?}");
    assert!(ran.out.contains("hi"), "{ran:?}");
    assert_eq!(ran.code, 0);
    let words = gateway.home().display().to_string();
    tests::eventually!(tests::gateway::nobody_is_called(&words));
}
