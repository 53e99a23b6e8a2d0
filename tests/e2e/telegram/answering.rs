//! How answers are said: while they grow, at the server's pace, and once, whatever breaks.

use super::gateway;
use serde_json::{Value, json};
use std::time::Duration;
use tests::telegram::{Bot, Drafts, Fault};
use tests::{Gate, Gateway, Person, Shown, turn};

/// Enough to be shown at once.
const BEGIN: &str = "Once upon a time there was a fox who lived in a wood";

/// A gateway whose answers grow by edits, in the given mode.
async fn edits(mode: &str) -> Gateway {
    let gateway = gateway(|telegram| telegram["streaming"] = json!(mode)).await;
    gateway.telegram().forget_drafts();
    gateway
}

/// A command that runs until the workspace has a file of this name.
fn waits_for(file: &str) -> Value {
    json!({ "command": format!("until [ -e {file} ]; do sleep 0.05; done; echo done") })
}

fn ours(person: &Person) -> Vec<String> {
    person.heard().into_iter().map(|shown| shown.text).collect()
}

async fn sees_alone(person: &Person, text: &str) -> Shown {
    let alone = |chat: &[Shown]| {
        let ours: Vec<_> = chat.iter().filter(|shown| shown.is_ours()).collect();
        ours.len() == 1 && ours[0].text == text
    };
    person.sees_where(&format!("{text:?} alone"), alone).await;
    person.heard().remove(0)
}

#[tokio::test]
async fn off_shows_nothing_before_the_answer_is_whole() {
    let gateway = edits("off").await;
    let gate = Gate::new();
    let text = format!("{BEGIN} and that was all.");
    gateway
        .model
        .script([turn().says(&text).held_after(12, &gate)]);
    let alice = gateway.telegram().person("Alice");
    alice.says("a story").await;
    gate.reached().await;
    alice.sees_action("typing", 1).await;
    assert!(alice.heard().is_empty());
    gate.open();
    let whole = sees_alone(&alice, &text).await;
    assert_eq!((whole.edits, whole.buttons.len()), (0, 0));
}

#[tokio::test]
async fn what_is_being_done_is_told_below_the_text_and_goes() {
    let gateway = edits("partial").await;
    gateway.model.script([
        turn().says(BEGIN).calls("exec", waits_for("go")),
        turn().says("It is done."),
    ]);
    let bot = gateway.telegram();
    let alice = bot.person("Alice");
    alice.says("do it").await;
    let line = |chat: &[Shown]| {
        let works = |shown: &Shown| {
            shown.text.starts_with(BEGIN) && shown.text.contains("⚙ exec: until [ -e go ]")
        };
        chat.iter().any(works)
    };
    alice.sees_where("what is done", line).await;
    let growing = alice.heard().remove(0);
    assert_eq!(growing.data_of("⏹ Stop"), Some("/stop"));
    // It goes on for longer than one word of typing shows.
    alice.sees_action("typing", 3).await;
    gateway.write("go", "");
    let whole = sees_alone(&alice, "It is done.").await;
    assert_eq!(whole.id, growing.id);
    assert!(whole.buttons.is_empty(), "{whole:?}");
    bot.is_idle().await;
    let edits = bot.calls_of("editMessageText");
    let last = edits.len() - 1;
    for two in edits[..last].windows(2) {
        let apart = two[1].at.duration_since(two[0].at);
        assert!(apart >= Duration::from_millis(990), "{apart:?}");
    }
}

#[tokio::test]
async fn what_was_shown_before_a_stop_stays_without_its_button() {
    let gateway = edits("partial").await;
    let gate = Gate::new();
    gateway.model.script([turn()
        .says(&format!("{BEGIN} and more."))
        .held_after(13, &gate)]);
    let alice = gateway.telegram().person("Alice");
    alice.says("a story").await;
    let grown = |chat: &[Shown]| chat.iter().any(|shown| shown.text.starts_with(BEGIN));
    alice.sees_where("the beginning", grown).await;
    let growing = alice.heard().remove(0);
    alice.taps(growing.id, "⏹ Stop").await;
    let whole = sees_alone(&alice, &format!("{BEGIN}\n\nStopped.")).await;
    assert_eq!((whole.id, whole.buttons.len()), (growing.id, 0));
}

#[tokio::test]
async fn a_quick_tool_is_not_worth_a_word() {
    let gateway = edits("partial").await;
    gateway.model.script([
        turn().calls("exec", json!({ "command": "echo quick" })),
        turn().says("It was quick."),
    ]);
    let bot = gateway.telegram();
    let alice = bot.person("Alice");
    alice.says("do it").await;
    sees_alone(&alice, "It was quick.").await;
    bot.is_idle().await;
    assert!(bot.calls_of("editMessageText").len() <= 1);
}

#[tokio::test]
async fn progress_is_a_list_that_goes_when_the_answer_is_there() {
    let gateway = edits("progress").await;
    gateway.model.script([
        turn().calls("exec", json!({ "command": "echo first" })),
        turn().calls("exec", waits_for("go")),
        turn().says("Both are done."),
    ]);
    let alice = gateway.telegram().person("Alice");
    alice.says("do both").await;
    let list = |chat: &[Shown]| {
        let is_list = |shown: &Shown| {
            let text = &shown.text;
            text.starts_with("Working…\n✓ exec: echo first\n• exec: until")
        };
        chat.iter().any(is_list)
    };
    alice.sees_where("the list", list).await;
    let list = alice.heard().remove(0);
    gateway.write("go", "");
    let whole = sees_alone(&alice, "Both are done.").await;
    assert!(whole.id > list.id && whole.edits == 0);
}

#[tokio::test]
async fn blocks_are_said_as_they_are_finished_and_once() {
    let gateway = edits("block").await;
    let gate = Gate::new();
    let first = "A sentence about foxes. ".repeat(40);
    let first = first.trim_end();
    let text = format!("{first}\n\nAnd one about the wood.");
    let pieces = first.split_whitespace().count() + 1;
    gateway
        .model
        .script([turn().says(&text).held_after(pieces, &gate)]);
    let alice = gateway.telegram().person("Alice");
    alice.says("a story").await;
    gate.reached().await;
    alice.sees(first).await;
    gate.open();
    alice.sees("And one about the wood.").await;
    gateway.telegram().is_idle().await;
    assert_eq!(ours(&alice), [first, "And one about the wood."]);
}

#[tokio::test]
async fn a_block_that_was_said_before_the_gateway_died_is_not_said_again() {
    let mut gateway = edits("block").await;
    let gate = Gate::new();
    let first = "A sentence about foxes. ".repeat(40);
    let first = first.trim_end();
    let text = format!("{first}\n\nAnd one about the wood.");
    let pieces = first.split_whitespace().count() + 1;
    let held = turn().says(&text).held_after(pieces, &gate);
    gateway.model.script([held, turn().says(&text)]);
    let bot = gateway.bot();
    let alice = bot.person("Alice");
    alice.says("a story").await;
    gate.reached().await;
    alice.sees(first).await;
    gateway.kill9();
    gate.open();
    gateway.start_again().await;
    alice.sees("And one about the wood.").await;
    bot.is_idle().await;
    assert_eq!(ours(&alice), [first, "And one about the wood."]);
}

#[tokio::test]
async fn a_block_ends_where_a_tool_begins() {
    let gateway = edits("block").await;
    gateway.model.script([
        turn().says("I will look.").calls("exec", waits_for("go")),
        turn().says("It is there."),
    ]);
    let alice = gateway.telegram().person("Alice");
    alice.says("look").await;
    alice.sees("I will look.").await;
    gateway.write("go", "");
    alice.sees("It is there.").await;
    gateway.telegram().is_idle().await;
    assert_eq!(ours(&alice), ["I will look.", "It is there."]);
}

#[tokio::test]
async fn where_drafts_are_refused_messages_are_edited() {
    let gateway = gateway(|_| {}).await;
    let bot = gateway.telegram();
    bot.set_drafts(Drafts::Refused);
    let alice = bot.person("Alice");
    for n in 0..2 {
        let gate = Gate::new();
        let text = format!("{BEGIN}. That was number {n}.");
        gateway
            .model
            .script([turn().says(&text).held_after(12, &gate)]);
        alice.says("a story").await;
        gate.reached().await;
        let growing = |chat: &[Shown]| {
            let last = chat.last();
            last.is_some_and(|shown| shown.is_ours() && shown.text.starts_with("Once upon"))
        };
        alice.sees_where("the beginning", growing).await;
        gate.open();
        alice.sees(&text).await;
    }
    bot.is_idle().await;
    assert_eq!(bot.calls_of("sendMessageDraft").len(), 1, "asked once");
    assert_eq!(alice.heard().len(), 2);
}

#[tokio::test]
async fn markup_that_is_refused_is_said_plainly() {
    let gateway = edits("off").await;
    gateway.model.script([turn().says("Hello **Alice**.")]);
    let bot = gateway.telegram();
    let refusal = "Bad Request: can't parse entities: Unsupported start tag \"b\"";
    bot.fail_next("sendMessage", Fault::Refused(400, refusal.into()));
    let alice = bot.person("Alice");
    alice.says("hi").await;
    let plain = sees_alone(&alice, "Hello Alice.").await;
    assert!(plain.entities.is_empty());
}

#[tokio::test]
async fn a_chat_that_must_wait_holds_up_no_other() {
    let gateway = edits("off").await;
    gateway.model.always(turn().says("Here I am."));
    let bot = gateway.telegram();
    let (alice, bob) = (bot.person("Alice"), bot.person("Bob"));
    bot.fail_next("sendMessage", Fault::TooMany(3));
    alice.says("hi").await;
    bot.was_called("sendMessage", 1).await;
    bob.says("hi").await;
    bob.sees("Here I am.").await;
    assert!(alice.heard().is_empty());
    alice.sees("Here I am.").await;
    bot.is_idle().await;
    assert_eq!((alice.heard().len(), bob.heard().len()), (1, 1));
}

#[tokio::test]
async fn whatever_breaks_on_the_way_an_answer_is_said_once() {
    let gateway = edits("off").await;
    let bot = gateway.telegram();
    let alice = bot.person("Alice");
    let faults = [
        Fault::BadGateway,
        Fault::Drop,
        Fault::DropAfter,
        Fault::TooMany(1),
    ];
    for (n, fault) in faults.into_iter().enumerate() {
        let text = format!("Answer number {n}.");
        gateway.model.script([turn().says(&text)]);
        bot.fail_next("sendMessage", fault);
        alice.says("again").await;
        alice.sees(&text).await;
    }
    bot.is_idle().await;
    assert_eq!(alice.heard().len(), 4, "{:?}", ours(&alice));
}

/// The gateway dies while `sendMessage` is under way.
async fn dies_while_sending(fault: impl FnOnce(Gate) -> Fault) -> Vec<String> {
    let mut gateway = edits("off").await;
    gateway.model.script([turn().says("Here I am.")]);
    let alice = gateway.telegram().person("Alice");
    let gate = Gate::new();
    gateway
        .telegram()
        .fail_next("sendMessage", fault(gate.clone()));
    alice.says("hi").await;
    gate.reached().await;
    gateway.kill9();
    gate.open();
    gateway.start_again().await;
    alice.sees("Here I am.").await;
    gateway.telegram().is_idle().await;
    ours(&alice)
}

#[tokio::test]
async fn what_had_arrived_when_the_gateway_died_is_not_said_again() {
    assert_eq!(dies_while_sending(Fault::SlowAfter).await, ["Here I am."]);
}

#[tokio::test]
async fn what_had_not_arrived_when_the_gateway_died_is_said() {
    assert_eq!(dies_while_sending(Fault::Slow).await, ["Here I am."]);
}

#[tokio::test]
async fn an_answer_that_grows_when_the_gateway_dies_ends_in_the_same_message() {
    let mut gateway = edits("partial").await;
    let gate = Gate::new();
    let text = format!("{BEGIN} and that was all.");
    let held = turn().says(&text).held_after(12, &gate);
    gateway.model.script([held, turn().says(&text)]);
    let alice = gateway.telegram().person("Alice");
    alice.says("a story").await;
    gate.reached().await;
    alice.sees_more_than(0).await;
    let growing = alice.heard().remove(0);
    gateway.kill9();
    gate.open();
    gateway.start_again().await;
    let whole = sees_alone(&alice, &text).await;
    assert_eq!(whole.id, growing.id);
}

#[tokio::test]
async fn who_blocked_the_bot_is_left_alone() {
    let mut gateway = edits("off").await;
    let gate = Gate::new();
    gateway
        .model
        .script([turn().says("Too late.").waits_for(&gate)]);
    let bot = gateway.bot();
    let (alice, bob) = (bot.person("Alice"), bot.person("Bob"));
    alice.says("hi").await;
    gate.reached().await;
    alice.blocks();
    gate.open();
    bot.was_called("sendMessage", 1).await;
    gateway.model.always(turn().says("Hello Bob."));
    bob.says("hi").await;
    bob.sees("Hello Bob.").await;
    bot.is_idle().await;
    assert!(gateway.log().contains("this can not be said"), "said why");
    let before = bot.calls_of("sendMessage").len();
    gateway.restart().await;
    bob.says("again").await;
    bob.sees_where("the second answer", |chat| {
        chat.iter().filter(|shown| shown.is_ours()).count() == 2
    })
    .await;
    assert_eq!(bot.calls_of("sendMessage").len(), before + 1, "not again");
}

/// A gateway that listens to everything in every group.
async fn in_groups() -> Gateway {
    let gateway = gateway(|telegram| {
        telegram["groupPolicy"] = json!("open");
        telegram["groups"] = json!({ "*": { "requireMention": false } });
    });
    gateway.await
}

#[tokio::test]
async fn a_group_that_was_upgraded_is_answered_where_it_is_now() {
    let gateway = in_groups().await;
    let gate = Gate::new();
    gateway
        .model
        .script([turn().says("Here I am.").waits_for(&gate)]);
    let bot = gateway.telegram();
    let alice = bot.person("Alice");
    let friends = bot.basic_group("friends");
    alice.says_in(&friends, "hi").await;
    gate.reached().await;
    let now = friends.migrates();
    gate.open();
    now.sees("Here I am.").await;
}

#[tokio::test]
async fn in_a_group_the_asker_is_quoted_and_in_private_nobody() {
    let gateway = in_groups().await;
    gateway.model.always(turn().says("Yes."));
    let bot = gateway.telegram();
    let alice = bot.person("Alice");
    let devs = bot.group("devs");
    let asked = alice.says_in(&devs, "are you there?").await;
    assert_eq!(devs.sees("Yes.").await.reply_to, Some(asked));
    alice.says("and here?").await;
    assert_eq!(alice.sees("Yes.").await.reply_to, None);
}

#[tokio::test]
async fn an_answer_may_say_what_it_quotes() {
    let gateway = edits("off").await;
    let bot = gateway.telegram();
    let alice = bot.person("Alice");
    let first = alice.says("one").await;
    gateway.model.always(turn().says("Heard."));
    alice.sees("Heard.").await;
    gateway
        .model
        .script([turn().says("[[reply_to_current]] This one.")]);
    let second = alice.says("two").await;
    assert_eq!(alice.sees("This one.").await.reply_to, Some(second));
    let named = format!("[[reply_to:{first}]] That one.");
    gateway.model.script([turn().says(&named)]);
    alice.says("three").await;
    assert_eq!(alice.sees("That one.").await.reply_to, Some(first));
}

#[tokio::test]
async fn a_long_answer_is_several_messages_and_all_of_it() {
    let gateway = edits("partial").await;
    let text: Vec<String> = (0..900).map(|n| format!("word{n:04}")).collect();
    let text = text.join(" ");
    gateway.model.script([turn().says(&text)]);
    let bot = gateway.telegram();
    let alice = bot.person("Alice");
    alice.says("much").await;
    alice
        .sees_where("the end", |chat| {
            chat.last()
                .is_some_and(|shown| shown.text.ends_with("word0899"))
        })
        .await;
    bot.is_idle().await;
    let said = ours(&alice);
    assert_eq!(said.len(), 3);
    let words: Vec<&str> = said
        .iter()
        .flat_map(|part| part.split_whitespace())
        .collect();
    assert_eq!(words.join(" "), text);
}

#[tokio::test]
async fn an_agent_that_has_nothing_to_say_takes_back_what_grew() {
    let gateway = edits("partial").await;
    gateway.model.script([
        turn().says(BEGIN).calls("exec", waits_for("go")),
        turn().says("NO_REPLY"),
    ]);
    let alice = gateway.telegram().person("Alice");
    alice.says("be quiet").await;
    alice.sees_more_than(0).await;
    gateway.write("go", "");
    alice
        .sees_where("nothing", |chat| !chat.iter().any(Shown::is_ours))
        .await;
}

#[tokio::test]
async fn a_message_is_acknowledged_by_a_reaction_that_may_go() {
    let setup = Gateway::setup().await.telegram(|_| {}).config(|config| {
        config["messages"]["ackReaction"] = json!("👀");
        config["messages"]["ackReactionScope"] = json!("all");
        config["messages"]["removeAckAfterReply"] = json!(true);
    });
    let gateway = setup.start().await;
    let gate = Gate::new();
    gateway
        .model
        .script([turn().says("Seen.").waits_for(&gate)]);
    let alice = gateway.telegram().person("Alice");
    let asked = alice.says("look").await;
    let reacted = |emoji: &'static [&'static str]| {
        move |chat: &[Shown]| {
            let mut asked = chat.iter().filter(|shown| shown.id == asked);
            asked.any(|shown| shown.reactions == emoji)
        }
    };
    alice.sees_where("eyes", reacted(&["👀"])).await;
    gate.open();
    alice.sees("Seen.").await;
    alice.sees_where("no eyes", reacted(&[])).await;
}

/// How often each person heard something.
fn counts(people: &[Person]) -> Vec<usize> {
    people.iter().map(|person| person.heard().len()).collect()
}

#[tokio::test]
async fn many_at_once_are_answered_once_each_at_the_servers_pace() {
    let gateway = Gateway::setup()
        .await
        .telegram(|telegram| telegram["streaming"] = json!("off"))
        .config(|config| config["session"]["dmScope"] = json!("per-channel-peer"))
        .start()
        .await;
    gateway.model.always(turn().says("Hello."));
    let bot: &Bot = gateway.telegram();
    let people: Vec<Person> = (0..40).map(|n| bot.person(&format!("P{n}"))).collect();
    for person in &people {
        person.says("hi").await;
    }
    for person in &people {
        person.sees("Hello.").await;
    }
    bot.is_idle().await;
    assert_eq!(counts(&people), vec![1; 40]);
}
