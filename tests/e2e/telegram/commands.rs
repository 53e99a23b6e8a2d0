//! What is said to a bot rather than to its model, typed or tapped, alone with it and in a group.

use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tests::telegram::{Group, Person, Rates};
use tests::{Gate, Gateway, Shown, eventually, turn};

/// A gateway that Alice owns and Bob may talk to; groups are open.
pub(super) struct Stage {
    pub(super) gateway: Gateway,
    pub(super) alice: Person,
    pub(super) bob: Person,
    pub(super) devs: Group,
}

impl Stage {
    pub(super) async fn set(change: impl FnOnce(&mut Value)) -> Self {
        let setup = Gateway::setup().await.telegram(|telegram| {
            telegram["groupPolicy"] = json!("open");
        });
        let mut gateway = setup.laid_out();
        let bot = gateway.telegram();
        bot.set_rates(Rates::none());
        let (alice, bob) = (bot.person("Alice"), bot.person("Bob"));
        let devs = bot.group("devs");
        gateway.change_config(|config| {
            config["commands"] = json!({ "ownerAllowFrom": [format!("telegram:{}", alice.id())] });
            change(config);
        });
        gateway.start_again().await;
        Self {
            gateway,
            alice,
            bob,
            devs,
        }
    }
}

/// Says each command and waits for words in the answer; all of them.
async fn all_answered(person: &Person, table: &[(&str, &[&str])]) {
    for (command, words) in table {
        let answer = person.asks(command, |shown| fits(shown, words)).await;
        assert!(fits(&answer, words));
    }
}

fn fits(shown: &Shown, words: &[&str]) -> bool {
    words.iter().all(|words| shown.text.contains(words))
}

#[tokio::test]
async fn every_command_is_answered_alone_with_the_bot() {
    let stage = Stage::set(|_| {}).await;
    let Stage { gateway, alice, .. } = &stage;
    gateway.model.script([
        turn().says("Hi.").used(1_200, 30),
        turn().says("They said hello."),
    ]);
    alice.says("hello").await;
    alice.sees("Hi.").await;
    let id = alice.id().to_string();
    all_answered(
        alice,
        &[
            ("/start", &["Hello. This is main", "/help"]),
            ("/start help", &["/status", "/restart"]),
            ("/help", &["/status", "/activation"]),
            ("/commands", &["/status"]),
            (
                "/whoami",
                &["Alice", &id, "agent:main:main", "Owner: yes", "@our_bot"],
            ),
            (
                "/status",
                &[
                    "Session: agent:main:main",
                    "Model: fake/one (configured)",
                    "Now: idle",
                ],
            ),
            ("/STATUS@our_bot", &["Session: agent:main:main"]),
            ("/model", &["Model: fake/one"]),
            ("/models fake", &["fake/one", "fake/two"]),
            ("/model fake/two", &["fake/two (chosen for this session)"]),
            ("/model default", &["fake/one (configured)"]),
            ("/think", &["Thinking: as the provider has it"]),
            ("/think low", &["Thinking: low (chosen for this session)"]),
            ("/think default", &["as the provider has it"]),
            ("/queue", &["Messages in a turn: collect"]),
            ("/queue steer", &["Messages in a turn: steer"]),
            ("/queue default", &["collect (configured)"]),
            ("/context", &["messages: 1", "History is folded at"]),
            ("/usage", &["This session: 1 answer", "Today, all sessions"]),
            ("/subagents", &["no sub-agents"]),
            ("/kill", &["No command runs."]),
            ("/kill job-1", &["does not run"]),
            ("/stop", &["Nothing was running."]),
            ("/approve nothing deny", &["nothing waits for approval"]),
            ("/activation always", &["for groups"]),
            ("/compact", &["History is folded: about "]),
        ],
    )
    .await;
    // The model was asked for the answer and for a summary, and for nothing else.
    assert_eq!(gateway.model.requests().len(), 2);
    gateway.model.always(turn().says("I see."));
    for words in ["/status of my order?", "/whatever", "stop", "/etc/passwd"] {
        alice.asks(words, |shown| shown.text == "I see.").await;
        assert_eq!(gateway.model.last().last_user(), words);
    }
    let answer = alice
        .asks("/new be new", |shown| shown.text == "I see.")
        .await;
    assert!(answer.buttons.is_empty());
    assert_eq!(gateway.model.last().users(), ["be new"]);
}

#[tokio::test]
async fn a_command_in_a_group_names_the_bot_and_is_answered_to_who_said_it() {
    let stage = Stage::set(|_| {}).await;
    let Stage {
        alice, bob, devs, ..
    } = &stage;
    let (alice, bob) = (alice.at(devs), bob.at(devs));
    let session = format!("agent:main:telegram:group:{}", devs.id());
    all_answered(
        &bob,
        &[
            ("/status", &[&session]),
            ("/status@our_bot", &[&session]),
            ("/whoami", &["Bob", "Owner: no", &session]),
            ("/help", &["/activation"]),
            ("/model", &["Model: fake/one"]),
            ("/usage", &["This session: 0 answers"]),
            ("/approve x deny", &["Only the owner"]),
            ("/restart", &["Only the owner"]),
            ("/kill all", &["Only the owner"]),
        ],
    )
    .await;
    let asked = bob.says("/queue").await;
    bob.sees_where("an answer that quotes", |chat| {
        let quotes = |shown: &Shown| shown.is_ours() && shown.reply_to == Some(asked);
        chat.iter().any(quotes)
    })
    .await;
    // What others use is the owner's business.
    let usage = alice
        .asks("/usage", |shown| fits(shown, &["This session"]))
        .await;
    assert!(usage.text.contains("Today, all sessions"));
    let before = devs.chat().len();
    bob.says("/status@another_bot").await;
    bob.says("stop").await;
    bob.asks("/kill", |shown| fits(shown, &["No command runs."]))
        .await;
    assert_eq!(
        devs.chat().len(),
        before + 4,
        "the others' are not answered"
    );
}

#[tokio::test]
async fn who_leads_a_group_decides_when_the_bot_answers_there() {
    let stage = Stage::set(|_| {}).await;
    let Stage {
        gateway,
        alice,
        bob,
        devs,
    } = &stage;
    gateway.model.always(turn().says("I heard you."));
    let (alice, bob) = (alice.at(devs), bob.at(devs));
    bob.asks("/activation always", |shown| {
        fits(shown, &["Only administrators"])
    })
    .await;
    bob.says("does anybody hear me?").await;
    devs.is_led_by(&bob);
    bob.asks("/activation always", |shown| {
        fits(shown, &["I answer everything"])
    })
    .await;
    bob.says("does anybody hear me now?").await;
    devs.sees("I heard you.").await;
    assert_eq!(gateway.model.requests().len(), 1);
    // The owner of the gateway may as well, with a tap.
    let shown = alice
        .asks("/activation", |shown| fits(shown, &["I answer everything"]))
        .await;
    alice.taps(shown.id, "mention").await;
    devs.sees("I answer when I am named.").await;
    bob.says("and now?").await;
    bob.asks("/kill", |shown| fits(shown, &["No command runs."]))
        .await;
    assert_eq!(gateway.model.requests().len(), 1);
}

#[tokio::test]
async fn a_model_is_chosen_with_a_tap_and_the_buttons_are_spent() {
    let mut stage = Stage::set(|config| {
        config["agents"]["defaults"]["models"] = json!({
            "fake/one": {}, "fake/two": { "alias": "other" },
        });
    })
    .await;
    let Stage { gateway, alice, .. } = &mut stage;
    let asked = alice
        .asks("/model", |shown| !shown.buttons.is_empty())
        .await;
    let labels: Vec<_> = asked
        .buttons
        .iter()
        .flatten()
        .map(|(label, _)| label.as_str())
        .collect();
    assert_eq!(labels, ["fake/one", "other", "as configured"]);
    // Buttons outlive the gateway that made them.
    gateway.kill9_and_start_again().await;
    alice.taps(asked.id, "other").await;
    alice
        .sees_where("the choice in its place", |chat| {
            let shown = chat.iter().find(|shown| shown.id == asked.id).unwrap();
            shown
                .text
                .starts_with("Model: fake/two (chosen for this session)")
                && shown.buttons.is_empty()
        })
        .await;
    // Tapped again by somebody whose screen is old, it is answered and changes nothing.
    alice.taps_data(asked.id, "/model other").await;
    gateway.model.always(turn().says("Two."));
    alice.says("who are you?").await;
    alice.sees("Two.").await;
    assert_eq!(gateway.model.last().model, "two");
}

/// What a person is promised, and what a busy machine adds to it.
const AT_ONCE: Duration = Duration::from_millis(200);
const TRIES: u32 = 5;

#[tokio::test]
async fn a_tool_is_stopped_at_once_typed_or_tapped_and_what_waits_is_answered() {
    // Where an answer grows as a draft there is no message to hang a button on.
    let stage = Stage::set(|config| {
        config["channels"]["telegram"]["nativeDrafts"] = json!(false);
    })
    .await;
    let Stage { gateway, alice, .. } = &stage;
    let command = "sleep 4000.1";
    gateway
        .model
        .thinks(move |seen| match seen.last_user().ends_with("sleep") {
            true => turn()
                .says("On it.")
                .calls("exec", json!({ "command": command })),
            false => turn().says("And so."),
        });
    let answers = || {
        let heard = alice.heard();
        heard.iter().filter(|shown| shown.text == "And so.").count()
    };
    let button = || {
        let mut chat = alice.chat().into_iter().rev();
        chat.find(|shown| shown.data_of("⏹ Stop").is_some())
    };
    for way in ["/stop", "stop", "⏹ Stop"] {
        let mut fastest = Duration::MAX;
        for _ in 0..TRIES {
            let before = answers();
            alice.says("sleep").await;
            eventually!(
                !gateway.titled(command).is_empty(),
                "{:#?}",
                alice.transcript()
            );
            // A queue behind it must not keep it waiting.
            for waiting in 0..5 {
                alice.says(&format!("and then {waiting}?")).await;
            }
            let tapped = way.starts_with('⏹');
            if tapped {
                eventually!(button().is_some(), "{:#?}", alice.chat());
            }
            let began = Instant::now();
            match button().filter(|_| tapped) {
                Some(shown) => drop(alice.taps_and_leaves(shown.id, "/stop")),
                None => drop(alice.says(way).await),
            }
            while !gateway.titled(command).is_empty() {
                assert!(began.elapsed() < tests::PATIENCE, "it goes on");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            fastest = fastest.min(began.elapsed());
            eventually!(answers() > before, "{:#?}", alice.transcript());
            if fastest <= AT_ONCE {
                break;
            }
        }
        assert!(fastest <= AT_ONCE, "{way} took {fastest:?}");
    }
}

#[tokio::test]
async fn a_stopped_turn_says_so_once() {
    let stage = Stage::set(|_| {}).await;
    let Stage { gateway, alice, .. } = &stage;
    let gate = Gate::new();
    gateway
        .model
        .script([turn().says("Never.").waits_for(&gate)]);
    alice.says("think").await;
    gate.reached().await;
    alice.says("/stop").await;
    alice.sees("Stopped.").await;
    alice
        .asks("/stop", |shown| fits(shown, &["Nothing was running."]))
        .await;
    assert_eq!(
        alice.transcript(),
        [
            "Alice: think",
            "Alice: /stop",
            "bot: Stopped.",
            "Alice: /stop",
            "bot: Nothing was running.",
        ]
    );
    gate.open();
}

#[tokio::test]
async fn the_menu_is_told_once_and_taken_away_where_it_is_not_wanted() {
    let mut stage = Stage::set(|config| {
        config["channels"]["telegram"]["customCommands"] =
            json!([{ "command": "deploy", "description": "ship it" }]);
    })
    .await;
    let bot = (**stage.gateway.telegram()).clone();
    bot.was_called("setMyCommands", 3).await;
    let names = |scope: &str| -> Vec<String> {
        let list = bot.commands(scope);
        list.into_iter().map(|(name, _)| name).collect()
    };
    for scope in ["default", "all_private_chats", "all_group_chats"] {
        let names = names(scope);
        for name in ["status", "stop", "model", "approve", "restart", "deploy"] {
            assert!(
                names.iter().any(|known| known == name),
                "{name} in {scope}: {names:?}"
            );
        }
    }
    assert!(!names("all_private_chats").contains(&"activation".to_owned()));
    // Cut off before it was noted, it is told once more; after that no start says it again.
    let mut told = 0;
    for _ in 0..5 {
        told = bot.calls_of("setMyCommands").len();
        stage.gateway.restart().await;
        let answered = |shown: &Shown| fits(shown, &["No command"]);
        stage.alice.asks("/kill", answered).await;
        if bot.calls_of("setMyCommands").len() == told {
            break;
        }
    }
    assert_eq!(
        bot.calls_of("setMyCommands").len(),
        told,
        "it did not change"
    );
    stage.gateway.change_config(|config| {
        config["channels"]["telegram"]["commands"] = json!({ "native": false });
    });
    bot.was_called("deleteMyCommands", 3).await;
    assert!(names("default").is_empty());
    // They are heard all the same.
    stage
        .alice
        .asks("/kill", |shown| fits(shown, &["No command"]))
        .await;
}

#[tokio::test]
async fn the_owner_begins_the_gateway_again_once_and_nobody_else() {
    let stage = Stage::set(|_| {}).await;
    let Stage {
        gateway,
        alice,
        bob,
        ..
    } = &stage;
    bob.asks("/restart", |shown| fits(shown, &["Only the owner"]))
        .await;
    let begun = || gateway.log().matches("starting again").count();
    assert_eq!(begun(), 0);
    alice
        .asks("/restart", |shown| {
            fits(shown, &["The gateway begins again."])
        })
        .await;
    eventually!(begun() == 1, "{}", gateway.log());
    // The next one does not take the same words for new ones.
    alice
        .asks("/status", |shown| fits(shown, &["Session:"]))
        .await;
    assert_eq!(begun(), 1);
    let acknowledged = alice.heard();
    let many = acknowledged
        .iter()
        .filter(|shown| shown.text.contains("begins again"));
    assert_eq!(many.count(), 1);
}

#[tokio::test]
async fn where_somebody_may_not_command_their_commands_are_words() {
    let stage = Stage::set(|config| {
        config["commands"]["allowFrom"] = json!({ "telegram": ["1"] });
    })
    .await;
    let Stage { gateway, bob, .. } = &stage;
    gateway.model.always(turn().says("Only words."));
    bob.says("/status").await;
    bob.sees("Only words.").await;
    assert_eq!(gateway.model.last().last_user(), "/status");
}
