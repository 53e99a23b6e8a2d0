//! Who the bot is, where it is, what it can be told to do.

use crate::telegram::refusal::Refusal;
use crate::telegram::request::Params;
use crate::telegram::world::{Kind, World};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const COMMANDS: usize = 100;
/// What an administrator is told to be allowed.
const RIGHTS: [&str; 13] = [
    "can_be_edited",
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_pin_messages",
    "can_manage_topics",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
];

pub(super) fn me(world: &World) -> Value {
    let mut me = world.bot.json();
    for (name, can) in [
        ("can_join_groups", true),
        ("can_read_all_group_messages", true),
        ("supports_inline_queries", false),
        ("can_connect_to_business", false),
        ("has_main_web_app", false),
        ("has_topics_enabled", false),
        ("allows_users_to_create_topics", false),
    ] {
        me[name] = json!(can);
    }
    me
}

pub(super) fn chat(world: &World, params: &Params) -> Result<Value, Refusal> {
    let id = world.chat_for(params.int("chat_id"))?;
    let mut chat = world.chat(id).json();
    chat["accent_color_id"] = json!(3);
    chat["max_reaction_count"] = json!(11);
    chat["accepted_gift_types"] = json!({ "unlimited_gifts": true, "limited_gifts": true,
        "unique_gifts": true, "premium_subscription": false, "gifts_from_channels": false });
    Ok(chat)
}

fn member_json(world: &World, user: i64, is_member: bool) -> Value {
    let status = if is_member { "member" } else { "left" };
    let user = match user {
        id if id == world.bot.id => world.bot.json(),
        id => world.users[&id].json(),
    };
    json!({ "status": status, "user": user })
}

pub(super) fn member(world: &mut World, params: &Params) -> Result<Value, Refusal> {
    let chat = world.chat_for(params.int("chat_id"))?;
    let user = params.int("user_id").unwrap_or(0);
    if user != world.bot.id && !world.users.contains_key(&user) {
        return Err(Refusal::bad("user not found"));
    }
    let is_member = user == world.bot.id || world.chat(chat).members.contains(&user);
    let mut member = member_json(world, user, is_member);
    if world.chat(chat).leaders.contains(&user) {
        member["status"] = json!("administrator");
        member["is_anonymous"] = json!(false);
        for right in RIGHTS {
            member[right] = json!(true);
        }
    }
    Ok(member)
}

pub(super) fn administrators(world: &mut World, params: &Params) -> Result<Value, Refusal> {
    let chat = world.chat_for(params.int("chat_id"))?;
    if world.chat(chat).kind == Kind::Private {
        return Err(Refusal::bad(
            "there are no administrators in the private chat",
        ));
    }
    Ok(json!([]))
}

pub(super) fn count(world: &mut World, params: &Params) -> Result<Value, Refusal> {
    let chat = world.chat_for(params.int("chat_id"))?;
    Ok(json!(world.chat(chat).members.len() + 1))
}

pub(super) fn leave(world: &mut World, params: &Params) -> Result<Value, Refusal> {
    let chat = world.chat_for(params.int("chat_id"))?;
    world.chat_mut(chat).shut = Some("bot is not a member of the supergroup chat");
    Ok(json!(true))
}

// === commands ===

/// For whom they are: `default`, `all_private_chats`, `chat:ID` … , and `/LANGUAGE` if there is one.
fn scope(params: &Params) -> Result<String, Refusal> {
    let scope = params.json("scope")?.unwrap_or_else(|| json!({}));
    let kind = scope["type"].as_str().unwrap_or("default").to_owned();
    let key = match kind.as_str() {
        "default" | "all_private_chats" | "all_group_chats" | "all_chat_administrators" => kind,
        "chat" | "chat_administrators" => format!("{kind}:{}", scope["chat_id"]),
        "chat_member" => format!("{kind}:{}:{}", scope["chat_id"], scope["user_id"]),
        _ => return Err(Refusal::rude("unsupported type specified")),
    };
    let language = params.text("language_code").unwrap_or_default();
    Ok(if language.is_empty() {
        key
    } else {
        format!("{key}/{language}")
    })
}

pub(super) fn set_commands(world: &mut World, params: &Params) -> Result<Value, Refusal> {
    let scope = scope(params)?;
    let commands = params.json("commands")?.unwrap_or_default();
    let list = commands
        .as_array()
        .ok_or_else(|| Refusal::rude("expected an Array of BotCommand"))?;
    if list.len() > COMMANDS {
        return Err(Refusal::rude("BOT_COMMANDS_TOO_MUCH"));
    }
    let mut names = BTreeSet::new();
    for command in list {
        let name = command["command"].as_str().unwrap_or_default();
        let name = name.strip_prefix('/').unwrap_or(name);
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if !(1..=32).contains(&name.len()) || !name.chars().all(fits) || !names.insert(name) {
            return Err(Refusal::rude("BOT_COMMAND_INVALID"));
        }
        let about = command["description"].as_str().unwrap_or_default();
        if !(1..=256).contains(&about.encode_utf16().count()) {
            return Err(Refusal::rude("BOT_COMMAND_DESCRIPTION_INVALID"));
        }
    }
    world.commands.insert(scope, commands);
    Ok(json!(true))
}

pub(super) fn delete_commands(world: &mut World, params: &Params) -> Result<Value, Refusal> {
    world.commands.remove(&scope(params)?);
    Ok(json!(true))
}

pub(super) fn commands(world: &mut World, params: &Params) -> Result<Value, Refusal> {
    let set = world.commands.get(&scope(params)?).cloned();
    Ok(set.unwrap_or_else(|| json!([])))
}
