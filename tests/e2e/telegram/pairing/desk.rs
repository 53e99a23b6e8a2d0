//! At the command line, in the files, and over time.

use super::{code_of, codes, credentials, file, gateway, last_code, pairs, record, word};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::time::{SystemTime, UNIX_EPOCH};
use tests::{Gateway, eventually, turn};

#[tokio::test]
async fn a_stranger_is_told_what_this_is_and_answered_once_they_are_let_in() {
    let gateway = gateway().await;
    let alice = gateway.telegram().person("Alice");
    let first = alice.says("question one").await;
    let code = code_of(&alice).await;
    let told = alice.heard().remove(0);
    let at = gateway.address().await;
    for words in [
        "@our_bot",
        &alice.id().to_string(),
        &code,
        &format!("http://127.0.0.1:{}/pair/{code}", at.port()),
        &format!("openclaw pairing approve {code}"),
    ] {
        assert!(told.text.contains(words), "{words} in {}", told.text);
    }
    assert_eq!(told.reply_to, Some(first));
    alice.says("question two").await;
    assert!(gateway.model.requests().is_empty());

    let listed: Value = gateway.cli(&["pairing", "list", "--json"]).await.json();
    assert_eq!(listed["pending"][0]["code"], code.as_str(), "{listed}");
    assert_eq!(listed["pending"][0]["sender"], alice.id().to_string());
    let said = gateway
        .cli(&["pairing", "approve", &code.to_lowercase()])
        .await
        .ok();
    assert!(said.contains("Alice") && said.contains("owns"), "{said}");
    alice.sees("You said two.").await;
    let heard: Vec<String> = alice.heard().into_iter().map(|said| said.text).collect();
    assert_eq!(heard[1], "You are in.");
    assert!(
        heard[2..].contains(&"You said two.".to_owned()),
        "{heard:?}"
    );
    assert!(knows(&gateway, "question one"), "{heard:?}");

    alice.says("three").await;
    alice.sees("You said three.").await;
    assert_eq!(codes(&alice), 1);
    let listed: Value = gateway.cli(&["pairing", "--json"]).await.json();
    assert_eq!(listed["pending"], json!([]), "{listed}");
    assert_eq!(listed["paired"][0]["owner"], true, "{listed}");
    let who = alice.id().to_string();
    eventually!(record(&gateway).len() == 2, "{:?}", record(&gateway));
    let record = record(&gateway);
    assert_eq!(record[0], ("asked".into(), who.clone(), who.clone()));
    assert_eq!(
        record[1],
        ("approved as owner".into(), who, "the command line".into())
    );
}

#[tokio::test]
async fn the_files_are_openclaws_and_nobody_elses_to_read() {
    let gateway = gateway().await;
    let alice = gateway.telegram().person("Alice");
    alice.says("/start").await;
    let code = code_of(&alice).await;
    let asked = file(&gateway, "telegram-pairing.json");
    assert_eq!(asked["version"], 1);
    let request = &asked["requests"][0];
    assert_eq!(request["id"], alice.id().to_string());
    assert_eq!(request["code"], code.as_str());
    for at in ["createdAt", "lastSeenAt"] {
        let written = request[at].as_str().unwrap();
        assert!(
            written.starts_with("20") && written.ends_with('Z'),
            "{written}"
        );
    }
    let approve = ["pairing", "approve", "telegram", &code];
    let said = gateway.cli(&approve).await.ok();
    assert!(said.contains("Alice"), "{said}");
    alice.sees("You are in.").await;
    let approved = file(&gateway, "telegram-allowFrom.json");
    assert_eq!(
        approved,
        json!({ "version": 1, "allowFrom": [alice.id().to_string()] })
    );
    eventually!(
        file(&gateway, "telegram-pairing.json")["requests"] == json!([]),
        "{}",
        file(&gateway, "telegram-pairing.json")
    );
    for name in [
        "telegram-pairing.json",
        "telegram-allowFrom.json",
        "telegram-owner.json",
    ] {
        let mode = std::fs::metadata(credentials(&gateway, name)).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600, "{name}");
    }
    // A bare /start asks nothing that is to be answered.
    assert!(gateway.model.requests().is_empty());
}

#[tokio::test]
async fn a_code_is_good_once() {
    let gateway = gateway().await;
    let alice = gateway.telegram().person("Alice");
    alice.says("hi").await;
    let code = code_of(&alice).await;
    word(&gateway, "approve", &code).await;
    for said in ["approve", "reject"] {
        let again = gateway.cli(&["pairing", said, &code]).await;
        assert!(
            again.code != 0 && again.err.contains("nobody waits"),
            "{again:?}"
        );
    }
    alice.sees("You said hi.").await;
}

#[tokio::test]
async fn who_is_sent_away_is_not_answered_and_asks_in_vain_for_a_day() {
    let gateway = gateway().await;
    let alice = gateway.telegram().person("Alice");
    alice.says("please").await;
    let code = code_of(&alice).await;
    word(&gateway, "reject", &code).await;
    alice.says("please!").await;
    gateway.telegram().all_confirmed().await;
    // Somebody else's first word is behind hers.
    let bob = gateway.telegram().person("Bob");
    bob.says("hello").await;
    let other = code_of(&bob).await;
    word(&gateway, "approve", &other).await;
    bob.sees("You said hello.").await;
    assert_eq!(alice.heard().len(), 1, "{:?}", alice.transcript());
    assert_eq!(gateway.model.requests().len(), 1);
    let held: Vec<Value> = gateway.cli(&["channels", "status", "--json"]).await.json();
    assert_eq!(held[0]["held"], 0, "{held:?}");
}

#[tokio::test]
async fn who_is_put_out_is_a_stranger_again() {
    let gateway = gateway().await;
    let alice = gateway.telegram().person("Alice");
    alice.says("one").await;
    let code = code_of(&alice).await;
    word(&gateway, "approve", &code).await;
    alice.sees("You said one.").await;
    let who = alice.id().to_string();
    word(&gateway, "revoke", &who).await;
    alice.says("two").await;
    eventually!(codes(&alice) == 2, "{:?}", alice.transcript());
    assert_ne!(last_code(&alice), code);
    assert_eq!(gateway.model.requests().len(), 1);
    let again = gateway.cli(&["pairing", "revoke", &who]).await;
    assert!(
        again.code != 0 && again.err.contains("was not let in"),
        "{again:?}"
    );
}

/// Whether the model was told something.
fn knows(gateway: &Gateway, words: &str) -> bool {
    let requests = gateway.model.requests();
    let mut users = requests.iter().flat_map(|seen| seen.users());
    users.any(|said| said.contains(words))
}

/// Makes every request so much older.
fn age(gateway: &Gateway, minutes: i64) {
    let mut asked = file(gateway, "telegram-pairing.json");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let then = i64::try_from(now.as_millis()).unwrap() - minutes * 60_000;
    for request in asked["requests"].as_array_mut().unwrap() {
        request["createdAt"] = json!(then);
    }
    let path = credentials(gateway, "telegram-pairing.json");
    std::fs::write(path, asked.to_string()).unwrap();
}

#[tokio::test]
async fn a_code_is_worth_nothing_after_an_hour_and_what_was_said_is_answered_all_the_same() {
    let gateway = gateway().await;
    let alice = gateway.telegram().person("Alice");
    alice.says("one").await;
    let code = code_of(&alice).await;
    age(&gateway, 61);
    let late = gateway.cli(&["pairing", "approve", &code]).await;
    assert!(late.code != 0, "{late:?}");
    alice.says("two").await;
    eventually!(codes(&alice) == 2, "{:?}", alice.transcript());
    word(&gateway, "approve", &last_code(&alice)).await;
    alice.sees("You said two.").await;
    assert!(knows(&gateway, "one"));
}

#[tokio::test]
async fn a_restart_in_between_loses_nothing() {
    let mut gateway = gateway().await;
    let alice = gateway.telegram().person("Alice");
    alice.says("early").await;
    let code = code_of(&alice).await;
    gateway.kill9_and_start_again().await;
    word(&gateway, "approve", &code).await;
    alice.sees("You said early.").await;
    assert_eq!(codes(&alice), 1);
    gateway.restart().await;
    alice.says("late").await;
    alice.sees("You said late.").await;
}

#[tokio::test]
async fn a_list_that_is_written_while_the_gateway_is_down_counts() {
    let mut gateway = gateway().await;
    let alice = gateway.telegram().person("Alice");
    alice.says("early").await;
    code_of(&alice).await;
    gateway.kill9();
    let list = json!({ "version": 1, "allowFrom": [alice.id().to_string()] });
    let path = credentials(&gateway, "telegram-allowFrom.json");
    std::fs::write(path, list.to_string()).unwrap();
    gateway.start_again().await;
    alice.sees("You said early.").await;
    assert_eq!(alice.heard()[1].text, "You are in.");
}

#[tokio::test]
async fn three_ask_at_a_time_and_the_fourth_is_told_to_wait() {
    let gateway = gateway().await;
    let bot = gateway.telegram();
    let people: Vec<_> = ["Ann", "Ben", "Cat"].map(|name| bot.person(name)).into();
    for person in &people {
        person.says("hi").await;
        code_of(person).await;
    }
    let dan = bot.person("Dan");
    dan.says("hi").await;
    dan.sees_more_than(0).await;
    assert_eq!(codes(&dan), 0, "{:?}", dan.transcript());
    let listed: Value = gateway.cli(&["pairing", "--json"]).await.json();
    assert_eq!(listed["pending"].as_array().unwrap().len(), 3, "{listed}");
    word(&gateway, "reject", &last_code(&people[1])).await;
    dan.says("hi again").await;
    code_of(&dan).await;
}

#[tokio::test]
async fn a_flood_of_one_stranger_is_one_answer_and_few_rows() {
    let gateway = gateway().await;
    let bot = gateway.telegram();
    let mallory = bot.person("Mallory");
    for n in 0..300 {
        mallory.says(&format!("let me in {n}")).await;
    }
    bot.all_confirmed().await;
    let code = code_of(&mallory).await;
    let settled = || async {
        let all: Vec<Value> = gateway.cli(&["channels", "status", "--json"]).await.json();
        (
            all[0]["held"].as_u64().unwrap(),
            all[0]["waiting"].as_u64().unwrap(),
        )
    };
    eventually!(settled().await == (20, 0), "{:?}", settled().await);
    assert_eq!(mallory.heard().len(), 1, "{:?}", mallory.transcript());
    let size = std::fs::metadata(credentials(&gateway, "telegram-pairing.json"))
        .unwrap()
        .len();
    assert!(size < 1024, "{size}");
    assert!(gateway.model.requests().is_empty());
    word(&gateway, "reject", &code).await;
    eventually!(settled().await == (0, 0), "{:?}", settled().await);
}

#[tokio::test]
async fn a_broken_list_lets_nobody_in_says_so_and_loses_nothing() {
    let gateway = gateway().await;
    let alice = gateway.telegram().person("Alice");
    alice.says("one").await;
    let code = code_of(&alice).await;
    word(&gateway, "approve", &code).await;
    alice.sees("You said one.").await;
    let path = credentials(&gateway, "telegram-allowFrom.json");
    let good = std::fs::read(&path).unwrap();
    std::fs::write(&path, "{ half").unwrap();
    alice.says("two").await;
    gateway.telegram().all_confirmed().await;
    let held = || async {
        let all: Vec<Value> = gateway.cli(&["channels", "status", "--json"]).await.json();
        all[0]["held"].as_u64().unwrap()
    };
    eventually!(held().await == 1, "{}", gateway.log());
    assert_eq!(codes(&alice), 1);
    let listed = gateway.cli(&["pairing", "list"]).await;
    assert!(
        listed.code != 0 && listed.err.contains("telegram-allowFrom.json"),
        "{listed:?}"
    );
    std::fs::write(&path, good).unwrap();
    alice.says("three").await;
    alice.sees("You said three.").await;
    eventually!(knows(&gateway, "two"), "{:?}", alice.transcript());
}

#[tokio::test]
async fn codes_are_not_guessed_at_the_command_line_either() {
    let gateway = gateway().await;
    let alice = gateway.telegram().person("Alice");
    alice.says("hi").await;
    let code = code_of(&alice).await;
    for n in 0..10 {
        let guess = format!("AAAA222{}", "23456789AB".chars().nth(n).unwrap());
        let wrong = gateway.cli(&["pairing", "approve", &guess]).await;
        assert!(wrong.err.contains("nobody waits"), "{wrong:?}");
    }
    let locked = gateway.cli(&["pairing", "approve", &code]).await;
    assert!(locked.err.contains("too many wrong tries"), "{locked:?}");
    let locked_out = |(what, _, _): &(String, String, String)| what == "locked out";
    eventually!(
        record(&gateway).iter().any(locked_out),
        "{:?}",
        record(&gateway)
    );
}

#[tokio::test]
async fn other_policies_pair_nobody() {
    let setup = Gateway::setup().await.telegram(|telegram| {
        pairs(telegram);
        telegram["dmPolicy"] = json!("allowlist");
        telegram["allowFrom"] = json!(["4711"]);
    });
    let gateway = setup.start().await;
    gateway.model.thinks(|_| turn().says("yes"));
    let alice = gateway.telegram().person("Alice");
    alice.says("hi").await;
    gateway.telegram().all_confirmed().await;
    let list = json!({ "version": 1, "allowFrom": [alice.id().to_string()] });
    let path = credentials(&gateway, "telegram-allowFrom.json");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let waiting = || async {
        let all: Vec<Value> = gateway.cli(&["channels", "status", "--json"]).await.json();
        all[0]["waiting"].as_u64().unwrap()
    };
    eventually!(waiting().await == 0, "{}", waiting().await);
    assert!(alice.heard().is_empty());
    std::fs::write(path, list.to_string()).unwrap();
    alice.says("hi").await;
    alice.sees("yes").await;
    assert_eq!(alice.heard().len(), 1);
}

#[tokio::test]
async fn another_bot_has_a_desk_of_its_own() {
    let other = "987654321:AAanother-token-that-no-child-may-see_12";
    let setup = Gateway::setup().await.telegram(|telegram| {
        pairs(telegram);
        telegram["accounts"]["work"] = json!({ "botToken": other });
    });
    let mut gateway = setup.laid_out();
    gateway
        .model
        .thinks(|seen| turn().says(&super::echo(seen.last_user())));
    let work = gateway.telegram().bot(other, "work_bot");
    gateway.start_again().await;
    let (here, there) = (gateway.telegram().person("Alice"), work.person("Alice"));
    here.says("hi").await;
    there.says("hi").await;
    let (one, two) = (code_of(&here).await, code_of(&there).await);
    word(&gateway, "approve", &two).await;
    there.sees("You said hi.").await;
    assert_eq!(here.heard().len(), 1, "{:?}", here.transcript());
    assert!(credentials(&gateway, "telegram-work-allowFrom.json").exists());
    word(&gateway, "approve", &one).await;
    here.sees("You said hi.").await;
}
