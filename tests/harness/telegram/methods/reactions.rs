//! Reactions of the bot.

use crate::telegram::refusal::Refusal;
use crate::telegram::request::Params;
use crate::telegram::world::World;
use serde_json::{Value, json};

/// What a bot may react with, once a message.
const EMOJI: &str = "❤ 👍 👎 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤‍🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 \
    🍓 🍾 💋 🖕 😈 😴 😭 🤓 👻 👨‍💻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷‍♂ 🤷 🤷‍♀ 😡";

/// `setMessageReaction`.
pub(super) fn set(world: &mut World, params: &Params) -> Result<Value, Refusal> {
    let chat = world.chat_for(params.int("chat_id"))?;
    let id = i32::try_from(params.int("message_id").unwrap_or(0)).unwrap_or(0);
    let list = params.json("reaction")?.unwrap_or_default();
    let list = list.as_array().cloned().unwrap_or_default();
    let emoji = |reaction: &Value| reaction["emoji"].as_str().unwrap_or_default().to_owned();
    let reactions: Vec<String> = list.iter().map(emoji).collect();
    if world.message(chat, id).is_none() {
        return Err(Refusal::bad("message to react not found"));
    }
    if reactions.len() > 1 {
        return Err(Refusal::rude("REACTIONS_TOO_MANY"));
    }
    let is_known = |reaction: &String| EMOJI.split_whitespace().any(|known| known == reaction);
    if !reactions.iter().all(is_known) {
        return Err(Refusal::bad("REACTION_INVALID"));
    }
    if let Some(message) = world.message_mut(chat, id) {
        message.reactions.insert(None, reactions);
    }
    Ok(json!(true))
}
