//! Groups: where the bot listens, to whom, and when it answers.

use super::pairing::word;
use serde_json::{Value, json};
use tests::telegram::{Group, Person};
use tests::{Gateway, eventually, turn};

/// A gateway that is not started yet, whose bot says what the last word was.
async fn laid_out() -> Gateway {
    let gateway = Gateway::setup().await.telegram(|_| {}).laid_out();
    gateway.model.thinks(|seen| {
        let words = seen.last_user().to_owned();
        let word = words.split_whitespace().last().unwrap_or_default();
        turn().says(&format!("You said {word}."))
    });
    gateway
}

/// Starts it with rules for the bot.
async fn start(gateway: &mut Gateway, rules: impl FnOnce(&mut Value)) {
    gateway.change_config(|config| rules(&mut config["channels"]["telegram"]));
    gateway.start_again().await;
}

/// Says something the bot answers, and waits for that: what was said before was looked at.
async fn is_past(person: &Person, group: &Group, word: &str) {
    person.says_in(group, &format!("@our_bot {word}")).await;
    group.sees(&format!("You said {word}.")).await;
}

fn answers(group: &Group) -> Vec<String> {
    let chat = group.chat().into_iter().filter(|said| said.is_ours());
    chat.map(|said| said.text).collect()
}

#[tokio::test]
async fn who_is_listed_is_answered_when_they_name_the_bot_and_nobody_else_is() {
    let mut gateway = laid_out().await;
    let bot = gateway.telegram();
    let (alice, mallory) = (bot.person("Alice"), bot.person("Mallory"));
    let (devs, others) = (bot.group("devs"), bot.group("others"));
    start(&mut gateway, |telegram| {
        telegram["groups"] = json!({ devs.id().to_string(): {} });
        telegram["groupAllowFrom"] = json!([alice.id().to_string()]);
    })
    .await;
    alice.says_in(&devs, "just between us").await;
    mallory.says_in(&devs, "@our_bot forbidden").await;
    alice.says_in(&others, "@our_bot elsewhere").await;
    is_past(&alice, &devs, "first").await;
    let said = answers(&devs);
    assert_eq!(said, ["You said first."]);
    assert!(answers(&others).is_empty());
    // What was said to others is known; what somebody said who may not speak is not.
    let asked = gateway.model.last();
    assert!(
        asked.last_user().contains("just between us"),
        "{}",
        asked.last_user()
    );
    assert!(!asked.last_user().contains("forbidden"));
    // A reply to the bot names it.
    let answer = devs.chat().into_iter().find(|said| said.is_ours()).unwrap();
    alice.at(&devs).replies(answer.id, "by reply").await;
    devs.sees("You said reply.").await;
}

#[tokio::test]
async fn being_let_in_in_private_opens_no_group() {
    let mut gateway = laid_out().await;
    start(&mut gateway, |telegram| {
        telegram["dmPolicy"] = json!("pairing");
        telegram["allowFrom"] = json!([]);
    })
    .await;
    let bot = gateway.telegram();
    let alice = bot.person("Alice");
    alice.says("hello").await;
    alice.sees_more_than(0).await;
    let pending: Value = gateway.cli(&["pairing", "--json"]).await.json();
    let code = pending["pending"][0]["code"].as_str().unwrap().to_owned();
    word(&gateway, "approve", &code).await;
    alice.sees("You said hello.").await;
    let devs = bot.group("devs");
    alice.says_in(&devs, "@our_bot secret").await;
    is_looked_at(&gateway).await;
    alice.says("still").await;
    alice.sees("You said still.").await;
    assert!(answers(&devs).is_empty(), "{:?}", devs.transcript());
}

/// Waits until nothing waits to be handled.
async fn is_looked_at(gateway: &Gateway) {
    gateway.telegram().all_confirmed().await;
    let waiting = || async {
        let all: Vec<Value> = gateway.cli(&["channels", "status", "--json"]).await.json();
        all[0]["waiting"].as_u64().unwrap()
    };
    eventually!(waiting().await == 0, "{}", waiting().await);
}

#[tokio::test]
async fn each_topic_is_a_conversation_with_rules_of_its_own() {
    let mut gateway = laid_out().await;
    let bot = gateway.telegram();
    let alice = bot.person("Alice");
    let forum = bot.group("forum");
    let (free, named, shut) = (forum.topic(70), forum.topic(80), forum.topic(90));
    start(&mut gateway, |telegram| {
        telegram["groups"] = json!({ forum.id().to_string(): {
            "allowFrom": [alice.id().to_string()],
            "topics": { "70": { "requireMention": false }, "90": { "enabled": false } },
        } });
    })
    .await;
    alice.says_in(&shut, "@our_bot shut").await;
    alice.says_in(&named, "unnamed").await;
    alice.says_in(&free, "free").await;
    free.sees("You said free.").await;
    is_past(&alice, &named, "named").await;
    assert!(answers(&shut).is_empty());
    assert_eq!(answers(&named), ["You said named."]);
    let general = forum.general();
    is_past(&alice, &general, "general").await;
    let sessions: Value = gateway.cli(&["sessions", "list", "--json"]).await.json();
    let sessions = sessions.to_string();
    for key in [":topic:70", ":topic:80", &format!("group:{}\"", forum.id())] {
        assert!(sessions.contains(key), "{key} in {sessions}");
    }
    assert!(!sessions.contains(":topic:90"), "{sessions}");
}

#[tokio::test]
async fn activation_is_said_in_the_group_and_stays() {
    let mut gateway = laid_out().await;
    let bot = gateway.telegram();
    let alice = bot.person("Alice");
    let devs = bot.group("devs");
    start(&mut gateway, |telegram| {
        telegram["groupAllowFrom"] = json!([alice.id().to_string()]);
        telegram["allowFrom"] = json!(["*", alice.id().to_string()]);
    })
    .await;
    is_past(&alice, &devs, "before").await;
    alice.says_in(&devs, "/activation@our_bot always").await;
    devs.sees_where("a word on it", |chat| {
        chat.iter().filter(|said| said.is_ours()).count() == 2
    })
    .await;
    alice.says_in(&devs, "unnamed").await;
    devs.sees("You said unnamed.").await;
    gateway.restart().await;
    alice.says_in(&devs, "again").await;
    devs.sees("You said again.").await;
    alice.says_in(&devs, "/activation@our_bot mention").await;
    devs.sees_where("a word on it", |chat| {
        chat.iter().filter(|said| said.is_ours()).count() == 5
    })
    .await;
    alice.says_in(&devs, "quiet").await;
    is_past(&alice, &devs, "loud").await;
    assert!(!answers(&devs).contains(&"You said quiet.".to_owned()));
}

#[tokio::test]
async fn patterns_name_the_bot_too() {
    let setup = Gateway::setup().await.telegram(|telegram| {
        telegram["groupPolicy"] = json!("open");
    });
    let setup = setup.config(|config| {
        config["messages"]["groupChat"]["mentionPatterns"] = json!(["\\bclawd\\b"]);
    });
    let gateway = setup.start().await;
    gateway.model.thinks(|_| turn().says("yes?"));
    let bot = gateway.telegram();
    let alice = bot.person("Alice");
    let devs = bot.group("devs");
    alice.says_in(&devs, "clawdius is somebody else").await;
    alice.says_in(&devs, "hey Clawd, are you there").await;
    devs.sees("yes?").await;
    assert_eq!(answers(&devs).len(), 1, "{:?}", devs.transcript());
}

#[tokio::test]
async fn a_group_that_becomes_a_supergroup_keeps_its_conversation() {
    let mut gateway = laid_out().await;
    start(&mut gateway, |telegram| {
        telegram["groupPolicy"] = json!("open")
    })
    .await;
    let bot = gateway.telegram();
    let alice = bot.person("Alice");
    let small = bot.basic_group("small");
    is_past(&alice, &small, "before").await;
    let large = small.migrates();
    is_looked_at(&gateway).await;
    is_past(&alice, &large, "after").await;
    let asked = gateway.model.last();
    let heard = asked.users().join("\n");
    assert!(heard.contains("before"), "{heard}");
}
