//! Many sessions, and kills at any moment: of the gateway, of agents, of tools, of walls.

use ipc::control::ReplyStatus;
use serde_json::json;
use std::time::Duration;
use tests::{Gateway, eventually, turn};

const ROUNDS: usize = 12;
const SESSIONS: usize = 5;
/// Kills in a round; fewer than a turn survives, so that none is given up however they fall.
const KILLS: usize = 5;

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let drawn = (self.0 >> 33) % u64::try_from(bound).unwrap();
        usize::try_from(drawn).unwrap()
    }
}

#[tokio::test]
async fn a_storm_of_kills_loses_no_message_and_runs_no_tool_twice() {
    let mut gateway = Gateway::start().await;
    let mut dice = Dice(20_261_122);
    for round in 0..ROUNDS {
        for n in 0..SESSIONS {
            begin(&gateway, &format!("storm-{round}-{n}")).await;
        }
        for _ in 0..KILLS {
            // Any moment: the one wait that is not for a condition.
            tokio::time::sleep(Duration::from_millis(dice.below(40) as u64)).await;
            kill_somebody(&mut gateway, &mut dice).await;
        }
        for n in 0..SESSIONS {
            ends_well(&gateway, &format!("storm-{round}-{n}")).await;
        }
    }
    let tools = || gateway.titled("openclaw-jail");
    eventually!(tools().is_empty(), "{:#?}", tools());
}

/// Every third time the gateway, else whoever there is.
async fn kill_somebody(gateway: &mut Gateway, dice: &mut Dice) {
    let tree = gateway.tree();
    if tree.is_empty() || dice.below(3) == 0 {
        gateway.kill9_and_start_again().await;
    } else {
        tree[dice.below(tree.len())].kill9();
    }
}

fn words(name: &str) -> String {
    format!("{name} speaking")
}

async fn begin(gateway: &Gateway, name: &str) {
    // Whatever is lost is asked for again, so there is always a turn: a call while the tool was not
    // run, words as soon as its outcome is known.
    let command = format!("echo ran >> {name}; sleep 0.03");
    let call = turn().calls("exec", json!({ "command": command }));
    let model = &gateway.model;
    model.script_for(&words(name), vec![call; 1 + KILLS]);
    model.answers_outcomes(&words(name), turn().says("Done."));
    let session = format!("agent:main:{name}");
    let chat = gateway.chat_in(&session);
    drop(chat.says_keyed(&words(name), name).await);
}

async fn ends_well(gateway: &Gateway, name: &str) {
    let session = format!("agent:main:{name}");
    let mut again = gateway
        .chat_in(&session)
        .says_keyed(&words(name), name)
        .await;
    assert!(again.again);
    let reply = again.reply().await;
    assert_eq!(
        (reply.text.as_str(), reply.status),
        ("Done.", ReplyStatus::Ok),
        "{name}: {}",
        gateway.log()
    );
    let ran = gateway.read(name).lines().count();
    assert!(ran <= 1, "{name} ran its tool {ran} times");
    let told = format!("{:?}", gateway.transcript(&session).await);
    let died = ["Interrupted", "Signaled", "Failed"];
    assert!(
        ran == 1 || died.iter().any(|died| told.contains(died)),
        "{name}: {told}"
    );
}
