//! The methods of the Bot API, by their names in any spelling.

mod profile;

mod send;

mod media;

pub(super) use media::hold;

mod edit;

mod reactions;

use super::refusal::Refusal;
use super::request::Params;
use super::world::World;
use super::{callbacks, files, webhook};
use serde_json::Value;

type Method = fn(&mut World, &Params) -> Result<Value, Refusal>;

const METHODS: [(&str, Method); 36] = [
    ("getMe", |world, _| Ok(profile::me(world))),
    ("getChat", |world, params| profile::chat(world, params)),
    ("getChatMember", profile::member),
    ("getChatAdministrators", profile::administrators),
    ("getChatMemberCount", profile::count),
    ("leaveChat", profile::leave),
    ("setMyCommands", profile::set_commands),
    ("deleteMyCommands", profile::delete_commands),
    ("getMyCommands", profile::commands),
    ("setWebhook", webhook::set),
    ("deleteWebhook", webhook::delete),
    ("getWebhookInfo", |world, _| Ok(webhook::info(world))),
    ("sendMessage", send::message),
    ("sendMessageDraft", send::draft),
    ("sendChatAction", send::action),
    ("sendPhoto", |world, params| {
        media::one(world, params, "photo")
    }),
    ("sendDocument", |world, params| {
        media::one(world, params, "document")
    }),
    ("sendVoice", |world, params| {
        media::one(world, params, "voice")
    }),
    ("sendAudio", |world, params| {
        media::one(world, params, "audio")
    }),
    ("sendVideo", |world, params| {
        media::one(world, params, "video")
    }),
    ("sendAnimation", |world, params| {
        media::one(world, params, "animation")
    }),
    ("sendSticker", |world, params| {
        media::one(world, params, "sticker")
    }),
    ("sendMediaGroup", media::group),
    ("editMessageText", edit::text),
    ("editMessageCaption", edit::caption),
    ("editMessageReplyMarkup", edit::markup),
    ("deleteMessage", edit::delete),
    ("deleteMessages", edit::delete_several),
    ("answerCallbackQuery", callbacks::answer),
    ("setMessageReaction", reactions::set),
    ("getFile", |world, params| files::get(world, params)),
    ("getUserProfilePhotos", |_, _| {
        Ok(serde_json::json!({ "total_count": 0, "photos": [] }))
    }),
    ("getMyName", |world, _| {
        Ok(serde_json::json!({ "name": world.bot.name }))
    }),
    ("setMyDescription", |_, _| Ok(Value::Bool(true))),
    ("setMyShortDescription", |_, _| Ok(Value::Bool(true))),
    ("setChatMenuButton", |_, _| Ok(Value::Bool(true))),
];

/// A method's name as the server spells it; what is no method, as it came.
pub(super) fn spelled(name: &str) -> String {
    let known = METHODS.iter().map(|(known, _)| *known);
    let known = known.chain(["getUpdates"]);
    let mut same = known.filter(|known| known.eq_ignore_ascii_case(name));
    same.next().unwrap_or(name).to_owned()
}

/// Does what is asked.
pub(super) fn act(world: &mut World, method: &str, params: &Params) -> Result<Value, Refusal> {
    let known = METHODS.iter().find(|(name, _)| *name == method);
    let Some((_, act)) = known else {
        let mut refusal = Refusal::new(404, "Not Found: method not found");
        refusal.is_rude = true;
        return Err(refusal);
    };
    act(world, params)
}
