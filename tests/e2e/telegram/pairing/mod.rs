//! Strangers: from their first word to the day they are let in, or not.

mod browser;
mod desk;
mod page;

use serde_json::{Value, json};
use std::path::PathBuf;
use tests::telegram::Person;
use tests::{Gateway, turn};

const TOKEN: &str = "a-token-that-is-long-enough";

/// A gateway that pairs, with a token.
async fn gateway() -> Gateway {
    shaped(|_| {}).await
}

async fn shaped(change: impl FnOnce(&mut Value)) -> Gateway {
    let setup = Gateway::setup().await.telegram(pairs);
    let setup = setup.config(|config| {
        config["gateway"]["auth"] = json!({ "mode": "token", "token": TOKEN });
        change(config);
    });
    let gateway = setup.start().await;
    gateway
        .model
        .thinks(|seen| turn().says(&echo(seen.last_user())));
    gateway
}

/// People ask to be let in.
fn pairs(telegram: &mut Value) {
    telegram["dmPolicy"] = json!("pairing");
    telegram["allowFrom"] = json!([]);
}

/// What the model says: the last word it was told.
fn echo(words: &str) -> String {
    let word = words.split_whitespace().last().unwrap_or_default();
    format!("You said {word}.")
}

/// The code somebody was given; waits for it.
async fn code_of(person: &Person) -> String {
    person
        .sees_where("a code", |chat| {
            chat.iter().any(|said| code(&said.text).is_some())
        })
        .await;
    last_code(person)
}

/// The newest code somebody was given.
fn last_code(person: &Person) -> String {
    let chat = person.chat();
    let codes = chat.iter().rev().filter(|said| said.is_ours());
    codes.filter_map(|said| code(&said.text)).next().unwrap()
}

fn code(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("Pairing code: ")?;
    Some(rest.chars().take(8).collect())
}

/// How many messages with a code somebody got.
fn codes(person: &Person) -> usize {
    let chat = person.chat();
    chat.iter()
        .filter(|said| code(&said.text).is_some())
        .count()
}

fn credentials(gateway: &Gateway, name: &str) -> PathBuf {
    gateway.state_dir().join("credentials").join(name)
}

fn file(gateway: &Gateway, name: &str) -> Value {
    let text = std::fs::read_to_string(credentials(gateway, name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The events of pairing on record: what happened, to whom, by whom.
fn record(gateway: &Gateway) -> Vec<(String, String, String)> {
    let log = gateway.state_dir().join("logs/audit.jsonl");
    let text = std::fs::read_to_string(log).unwrap();
    let lines = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let said = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
    lines
        .filter(|line| line["event"] == "pairing")
        .map(|line| {
            (
                said(&line, "what"),
                said(&line, "sender"),
                said(&line, "by"),
            )
        })
        .collect()
}

/// Says a word on somebody at the command line: `approve`, `reject`, `revoke`.
pub(super) async fn word(gateway: &Gateway, word: &str, whom: &str) {
    let said = gateway.cli(&["pairing", word, whom]).await.ok();
    assert!(!said.is_empty());
}
