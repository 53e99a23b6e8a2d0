//! Messages that change, and messages that go.

use super::send;
use crate::telegram::entity::Formatted;
use crate::telegram::keyboard::Keyboard;
use crate::telegram::refusal::Refusal;
use crate::telegram::request::Params;
use crate::telegram::world::{Kind, Message, World, now};
use serde_json::{Value, json};

const SAME: &str = "message is not modified: specified new message content and reply markup are \
    exactly the same as a current content and reply markup of the message";

/// The message that is meant, which has to be the bot's own.
fn own(world: &World, params: &Params) -> Result<(i64, i32), Refusal> {
    let chat = world.chat_for(params.int("chat_id"))?;
    let id = params.int("message_id").unwrap_or(0);
    let id = i32::try_from(id).unwrap_or(0);
    if id <= 0 {
        return Err(Refusal::rude("message identifier is not specified"));
    }
    let message = world
        .message(chat, id)
        .ok_or_else(|| Refusal::bad("message to edit not found"))?;
    if message.from.is_some() || message.kind == "service" {
        return Err(Refusal::bad("message can't be edited"));
    }
    Ok((chat, id))
}

/// Writes what is new, unless nothing is.
fn change(
    world: &mut World,
    (chat, id): (i64, i32),
    text: Option<Formatted>,
    keyboard: Option<Keyboard>,
) -> Result<Value, Refusal> {
    let is_text = text.is_some();
    let message = world.message(chat, id).expect("it was just found");
    let mut new = message.clone();
    if let Some(text) = text {
        new.text = text.text;
        new.source = text.source;
        new.entities = text.entities;
    }
    new.keyboard = keyboard;
    if same(message, &new) {
        if is_text {
            let what = format!(
                "an edit of {id} in {chat} that changes nothing: {:?}",
                new.text
            );
            world.manners.complain_unless_shaken(what);
        }
        return Err(Refusal::bad(SAME));
    }
    send::pace(world, chat, true)?;
    new.edits += 1;
    // New buttons are no edit that is shown.
    if is_text {
        new.edited_at = Some(now());
    }
    if let Some(message) = world.message_mut(chat, id) {
        *message = new;
    }
    Ok(world.message_json(chat, id))
}

fn same(old: &Message, new: &Message) -> bool {
    (&old.text, &old.entities, &old.keyboard) == (&new.text, &new.entities, &new.keyboard)
}

pub(super) fn text(world: &mut World, params: &Params) -> Result<Value, Refusal> {
    let place = own(world, params)?;
    let text = send::text(world, params)?;
    let keyboard = Keyboard::read(params)?;
    if world
        .message(place.0, place.1)
        .is_some_and(|message| message.kind != "text")
    {
        return Err(Refusal::bad("there is no text in the message to edit"));
    }
    change(world, place, Some(text), keyboard)
}

pub(super) fn caption(world: &mut World, params: &Params) -> Result<Value, Refusal> {
    let place = own(world, params)?;
    let caption = send::caption(world, params)?;
    let keyboard = Keyboard::read(params)?;
    if world
        .message(place.0, place.1)
        .is_some_and(|message| message.kind == "text")
    {
        return Err(Refusal::bad("there is no caption in the message to edit"));
    }
    change(world, place, Some(caption), keyboard)
}

pub(super) fn markup(world: &mut World, params: &Params) -> Result<Value, Refusal> {
    let place = own(world, params)?;
    let keyboard = Keyboard::read(params)?;
    change(world, place, None, keyboard)
}

pub(super) fn delete(world: &mut World, params: &Params) -> Result<Value, Refusal> {
    let chat = world.chat_for(params.int("chat_id"))?;
    let id = params.int("message_id").unwrap_or(0);
    let id = i32::try_from(id).unwrap_or(0);
    let message = world
        .message(chat, id)
        .ok_or_else(|| Refusal::bad("message to delete not found"))?;
    // In groups it would have to be an administrator.
    let is_allowed = message.from.is_none() || world.chat(chat).kind == Kind::Private;
    if !is_allowed {
        return Err(Refusal::bad("message can't be deleted"));
    }
    if let Some(message) = world.message_mut(chat, id) {
        message.is_deleted = true;
    }
    Ok(json!(true))
}

pub(super) fn delete_several(world: &mut World, params: &Params) -> Result<Value, Refusal> {
    let chat = world.chat_for(params.int("chat_id"))?;
    let ids = params.json("message_ids")?.unwrap_or_default();
    let ids = ids.as_array().cloned().unwrap_or_default();
    if !(1..=100).contains(&ids.len()) {
        return Err(Refusal::rude("message identifiers are not specified"));
    }
    for id in ids {
        let id = id.as_i64().and_then(|id| i32::try_from(id).ok());
        // Those that are not there are passed over.
        if let Some(message) = id.and_then(|id| world.message_mut(chat, id)) {
            message.is_deleted = true;
        }
    }
    Ok(json!(true))
}
