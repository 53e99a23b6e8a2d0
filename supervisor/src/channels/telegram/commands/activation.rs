//! `/activation`: when the bot answers in a group. Its administrators decide, and the owner of the
//! gateway.

use crate::channels::telegram::Origin;
use crate::channels::telegram::admission::Activation;
use crate::channels::telegram::bot::Bot;
use crate::message::{Button, Said};
use crate::store::StoreError;
use ipc::id::SessionKey;
use serde_json::json;

/// What is stored of it.
const ACTIVATION: &str = "activation";

/// How it is told.
const HOW: &str = "say /activation mention, and I answer when I am named; or /activation always";

/// Shows it, or sets it where `sender` may.
pub(super) async fn said(
    bot: &Bot,
    origin: &Origin,
    sender: i64,
    session: &SessionKey,
    word: &str,
) -> Result<Said, StoreError> {
    if !origin.group {
        return Ok(Said::text(
            "Here I always answer; /activation is for groups.",
        ));
    }
    let word = word.to_ascii_lowercase();
    if word.is_empty() {
        let set = bot.services.store.setting(session, ACTIVATION).await?;
        return Ok(shown(set.as_deref().and_then(Activation::parse)));
    }
    let Some(activation) = Activation::parse(&word) else {
        return Ok(Said::text(HOW));
    };
    if !origin.owner
        && let Err(why) = is_administrator(bot, origin, sender).await
    {
        return Ok(Said::text(why));
    }
    let name = name(activation).to_owned();
    bot.services
        .store
        .set(session, ACTIVATION, Some(name))
        .await?;
    Ok(Said::text(in_words(activation)))
}

fn shown(activation: Option<Activation>) -> Said {
    let text = activation.map_or_else(
        || format!("As configured: {HOW}."),
        |activation| in_words(activation).to_owned(),
    );
    let button = |activation: Activation| Button {
        label: name(activation).to_owned(),
        command: format!("/activation {}", name(activation)),
    };
    Said {
        text,
        buttons: vec![vec![
            button(Activation::Mention),
            button(Activation::Always),
        ]],
    }
}

fn name(activation: Activation) -> &'static str {
    match activation {
        Activation::Mention => "mention",
        Activation::Always => "always",
    }
}

fn in_words(activation: Activation) -> &'static str {
    match activation {
        Activation::Mention => "I answer when I am named.",
        Activation::Always => "I answer everything that is said here.",
    }
}

/// Whether somebody leads the group; why not, otherwise.
async fn is_administrator(bot: &Bot, origin: &Origin, sender: i64) -> Result<(), String> {
    let chat = origin.place.chat;
    // Who speaks in the group's own name is one of its administrators.
    if sender == chat {
        return Ok(());
    }
    let asked = json!({ "chat_id": chat, "user_id": sender });
    let member = bot.api.call_named("getChatMember", &asked).await;
    let member = member.map_err(|error| {
        format!("I could not find out whether you lead this group: {error}; say it again")
    })?;
    match member.get("status").and_then(serde_json::Value::as_str) {
        Some("creator" | "administrator") => Ok(()),
        Some(_) | None => Err(
            "Only administrators of this group, or the owner of the gateway, decide that."
                .to_owned(),
        ),
    }
}
