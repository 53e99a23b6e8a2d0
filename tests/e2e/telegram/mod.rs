//! Telegram, as people use it: a real gateway, and a Bot API that is as strict as the real one.

mod answering;
mod approvals;
mod commands;
mod content;
mod crash;
mod flow;
mod groups;
mod hostile;
mod pairing;
mod receive;
mod seen;
mod text;
mod undelivered;

use serde_json::{Value, json};
use tests::{Gateway, Shown, turn};

/// A gateway with a bot; `shape` changes what is configured of it.
async fn gateway(shape: impl FnOnce(&mut Value)) -> Gateway {
    Gateway::setup().await.telegram(shape).start().await
}

/// As [`gateway`], and its model answers whatever it is told: each message by itself, however soon
/// the next one comes.
async fn greets(shape: impl FnOnce(&mut Value)) -> Gateway {
    let setup = Gateway::setup().await.telegram(shape);
    let setup = setup.config(|config| config["messages"]["queue"] = json!({ "mode": "followup" }));
    let gateway = setup.start().await;
    gateway.model.always(turn().says("Hello."));
    gateway
}

/// What the bot wrote.
fn texts(chat: &[Shown]) -> Vec<&str> {
    let ours = chat.iter().filter(|shown| shown.is_ours());
    ours.map(|shown| shown.text.as_str()).collect()
}
