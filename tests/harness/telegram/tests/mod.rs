//! The fake, asked by a client that knows only HTTP.

mod hearing;
mod saying;
mod tapping;
mod places;
mod files;
mod trouble;

use super::*;
use serde_json::json;
use std::io;

/// Asks for a method with JSON; the status and the body, if anything comes back.
async fn post(telegram: &Telegram, method: &str, params: Value) -> io::Result<(u16, Vec<u8>)> {
    let line = format!("POST /bot{TOKEN}/{method}");
    let headers = [("Content-Type", "application/json")];
    let body = params.to_string();
    http::ask(telegram.address(), &line, &headers, body.as_bytes()).await
}

/// Asks for a method with JSON; the status and the envelope.
async fn ask(telegram: &Telegram, method: &str, params: Value) -> (u16, Value) {
    let (status, body) = post(telegram, method, params).await.unwrap();
    let envelope: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(envelope["ok"], json!(status == 200), "{envelope}");
    if status != 200 {
        assert_eq!(envelope["error_code"], json!(status));
    }
    (status, envelope)
}

/// What a request that is granted brings.
async fn ok(telegram: &Telegram, method: &str, params: Value) -> Value {
    let (status, envelope) = ask(telegram, method, params).await;
    assert_eq!(status, 200, "{method}: {envelope}");
    envelope["result"].clone()
}

/// What a refused request is told; its status with it.
async fn no(telegram: &Telegram, method: &str, params: Value) -> String {
    let (status, envelope) = ask(telegram, method, params).await;
    format!("{status} {}", envelope["description"].as_str().unwrap())
}

/// A fake that forgives what no client does that knows the rules.
fn rude() -> Telegram {
    let telegram = Telegram::start();
    telegram.excuse("");
    telegram
}

/// Somebody the bot may write to: she has written to it.
async fn alice(telegram: &Telegram) -> Person {
    let alice = telegram.person("Alice");
    alice.says("hi").await;
    alice
}

/// The numbers of updates.
fn ids(updates: &Value) -> Vec<i64> {
    let updates = updates.as_array().unwrap().iter();
    updates
        .map(|update| update["update_id"].as_i64().unwrap())
        .collect()
}
