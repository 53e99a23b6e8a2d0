//! Messages, and what is seen before them.

use crate::telegram::Drafts;
use crate::telegram::entity::Formatted;
use crate::telegram::keyboard::Keyboard;
use crate::telegram::pace::Verdict;
use crate::telegram::refusal::Refusal;
use crate::telegram::request::Params;
use crate::telegram::world::{Kind, Message, World};
use serde_json::{Value, json};
use std::time::Instant;

/// Of a text, in UTF-16 units without its markup.
pub(super) const TEXT: usize = 4096;
/// The same of a caption.
pub(super) const CAPTION: usize = 1024;
/// Edits in a chat within a second that nobody complains of: one, the last, and a moment's jitter.
const EDITS: usize = 3;

const ACTIONS: [&str; 11] = [
    "typing",
    "upload_photo",
    "record_video",
    "upload_video",
    "record_voice",
    "upload_voice",
    "upload_document",
    "choose_sticker",
    "find_location",
    "record_video_note",
    "upload_video_note",
];

/// Where a message goes, and what it answers.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) chat: i64,
    thread: Option<i32>,
    reply_to: Option<i32>,
    quote: Option<String>,
}

impl Place {
    pub(super) fn read(world: &World, params: &Params) -> Result<Self, Refusal> {
        let chat = open_chat(world, params)?;
        let thread = thread(world, chat, params)?;
        let (reply_to, quote) = reply(world, chat, params)?;
        Ok(Self {
            chat,
            thread,
            reply_to,
            quote,
        })
    }

    pub(super) fn message(
        &self,
        kind: &str,
        text: Formatted,
        keyboard: Option<Keyboard>,
    ) -> Message {
        Message {
            thread: self.thread,
            reply_to: self.reply_to,
            quote: self.quote.clone(),
            kind: kind.to_owned(),
            text: text.text,
            source: text.source,
            entities: text.entities,
            keyboard,
            ..Message::default()
        }
    }
}

/// The chat, if the bot may speak there: nobody is spoken to who has not spoken first.
fn open_chat(world: &World, params: &Params) -> Result<i64, Refusal> {
    let id = world.chat_for(params.int("chat_id"))?;
    let chat = world.chat(id);
    if chat.kind == Kind::Private && chat.messages.is_empty() {
        let why = "Forbidden: bot can't initiate conversation with a user";
        return Err(Refusal::new(403, why));
    }
    Ok(id)
}

fn thread(world: &World, chat: i64, params: &Params) -> Result<Option<i32>, Refusal> {
    let Some(thread) = params.int("message_thread_id").filter(|id| *id != 0) else {
        return Ok(None);
    };
    let not_found = "message thread not found";
    // The General topic has a number, and is written to without it.
    if thread == 1 {
        return Err(Refusal::rude(not_found));
    }
    let thread = i32::try_from(thread).unwrap_or(0);
    if !world.chat(chat).topics.contains_key(&thread) {
        return Err(Refusal::bad(not_found));
    }
    Ok(Some(thread))
}

fn reply(
    world: &World,
    chat: i64,
    params: &Params,
) -> Result<(Option<i32>, Option<String>), Refusal> {
    let given = params.json("reply_parameters")?.unwrap_or_default();
    let id = given["message_id"]
        .as_i64()
        .or_else(|| params.int("reply_to_message_id"));
    let Some(id) = id.filter(|id| *id != 0) else {
        return Ok((None, None));
    };
    let is_optional = given["allow_sending_without_reply"] == Value::Bool(true)
        || params.flag("allow_sending_without_reply");
    let id = i32::try_from(id).unwrap_or(0);
    let Some(message) = world.message(chat, id) else {
        return if is_optional {
            Ok((None, None))
        } else {
            Err(Refusal::bad("message to be replied not found"))
        };
    };
    let quote = given["quote"].as_str().map(str::to_owned);
    if quote
        .as_ref()
        .is_some_and(|quote| !message.text.contains(quote))
    {
        return Err(Refusal::bad("QUOTE_TEXT_INVALID"));
    }
    Ok((Some(id), quote))
}

/// A text that is neither empty nor too long.
pub(super) fn text(world: &mut World, params: &Params) -> Result<Formatted, Refusal> {
    if params.text("text").unwrap_or_default().is_empty() {
        return Err(Refusal::rude("message text is empty"));
    }
    let text = formatted(world, params, "text", "entities")?;
    match text.units() {
        0 => Err(Refusal::rude("text must be non-empty")),
        1..=TEXT => Ok(text),
        _ => Err(Refusal::rude("message is too long")),
    }
}

/// A caption that is not too long.
pub(super) fn caption(world: &mut World, params: &Params) -> Result<Formatted, Refusal> {
    let caption = formatted(world, params, "caption", "caption_entities")?;
    if caption.units() > CAPTION {
        return Err(Refusal::rude("message caption is too long"));
    }
    Ok(caption)
}

fn formatted(
    world: &mut World,
    params: &Params,
    text: &str,
    entities: &str,
) -> Result<Formatted, Refusal> {
    let mut untidy = Vec::new();
    let formatted = Formatted::read(params, text, entities, &mut untidy);
    for what in untidy {
        world.manners.complain(what);
    }
    formatted
}

/// Counts a message or an edit against the rates.
pub(super) fn pace(world: &mut World, chat: i64, is_edit: bool) -> Result<(), Refusal> {
    let at = Instant::now();
    let is_group = world.chat(chat).kind != Kind::Private;
    match world.pace.say(chat, is_group, at) {
        Verdict::Go => {}
        Verdict::Wait(seconds) => return Err(Refusal::too_many(seconds)),
        Verdict::Again(seconds) => {
            let what = format!("chat {chat}: told to wait, it did not ({seconds} s are left)");
            world.manners.complain_unless_shaken(what);
            return Err(Refusal::too_many(seconds));
        }
    }
    if is_edit && world.pace.edits(chat, at) > EDITS {
        let what = format!("chat {chat}: edits over pace");
        world.manners.complain_unless_shaken(what);
    }
    Ok(())
}

pub(super) fn message(world: &mut World, params: &Params) -> Result<Value, Refusal> {
    let place = Place::read(world, params)?;
    let text = text(world, params)?;
    let keyboard = Keyboard::read(params)?;
    pace(world, place.chat, false)?;
    let message = place.message("text", text, keyboard);
    world.chat_mut(place.chat).draft = None;
    let id = world.put(place.chat, message);
    Ok(world.message_json(place.chat, id))
}

/// A text that grows before it is sent, in private chats.
pub(super) fn draft(world: &mut World, params: &Params) -> Result<Value, Refusal> {
    match world.drafts {
        Drafts::Shown => {}
        Drafts::Refused => return Err(Refusal::bad("TEXTDRAFT_PEER_INVALID")),
        Drafts::Unknown => return Err(Refusal::new(404, "Not Found: method not found")),
    }
    let chat = open_chat(world, params)?;
    if world.chat(chat).kind != Kind::Private {
        return Err(Refusal::rude("TEXTDRAFT_PEER_INVALID"));
    }
    thread(world, chat, params)?;
    let draft = params.int("draft_id").unwrap_or(0);
    if draft == 0 {
        return Err(Refusal::rude("draft_id must be non-zero"));
    }
    let text = formatted(world, params, "text", "entities")?;
    if text.units() > TEXT {
        return Err(Refusal::rude("message is too long"));
    }
    let chat = world.chat_mut(chat);
    chat.drafted.push(text.text.clone());
    chat.draft = Some((draft, text.text));
    Ok(json!(true))
}

pub(super) fn action(world: &mut World, params: &Params) -> Result<Value, Refusal> {
    let chat = open_chat(world, params)?;
    // Here, and only here, the General topic may be named.
    if params.int("message_thread_id") != Some(1) {
        thread(world, chat, params)?;
    }
    let action = params.text("action").unwrap_or_default();
    if !ACTIONS.contains(&action.as_str()) {
        return Err(Refusal::rude("wrong parameter action in request"));
    }
    let actions = &mut world.chat_mut(chat).actions;
    actions.push((action, Instant::now()));
    Ok(json!(true))
}
