//! Files in messages, one or an album.

use super::send::{self, Place};
use crate::telegram::keyboard::Keyboard;
use crate::telegram::refusal::Refusal;
use crate::telegram::request::Params;
use crate::telegram::world::{Message, World};
use serde_json::{Map, Value, json};

const ALBUM: std::ops::RangeInclusive<usize> = 2..=10;

/// A message with one file in it.
pub(super) fn one(world: &mut World, params: &Params, kind: &str) -> Result<Value, Refusal> {
    let place = Place::read(world, params)?;
    let caption = send::caption(world, params)?;
    let keyboard = Keyboard::read(params)?;
    let file = world.file_of(params, kind, kind)?;
    send::pace(world, place.chat, false)?;
    let kind = really(world, kind, &file);
    let mut message = place.message(kind, caption, keyboard);
    hold(world, &mut message, file);
    let id = world.put(place.chat, message);
    Ok(world.message_json(place.chat, id))
}

/// What the server makes of a file: a voice that is none is a document.
fn really<'a>(world: &World, kind: &'a str, file: &str) -> &'a str {
    let bytes = &world.files[file].bytes;
    let is_voice =
        bytes.starts_with(b"OggS") || bytes.starts_with(b"ID3") || bytes.get(4..8) == Some(b"ftyp");
    if kind == "voice" && !is_voice {
        "document"
    } else {
        kind
    }
}

/// Puts a file into a message.
pub(in crate::telegram) fn hold(world: &World, message: &mut Message, file: String) {
    let (field, value) = world.files[&file].json(&message.kind);
    message.extra.insert(field, value);
    message.file = Some(file);
}

/// Several files as one thing.
pub(super) fn group(world: &mut World, params: &Params) -> Result<Value, Refusal> {
    let place = Place::read(world, params)?;
    let media = params.json("media")?.unwrap_or_default();
    let media = media.as_array().cloned().unwrap_or_default();
    if !ALBUM.contains(&media.len()) {
        let why = "an album has 2 to 10 parts";
        return Err(Refusal::rude(why));
    }
    one_kind(&media)?;
    let mut parts = Vec::new();
    for item in &media {
        let own = own_params(params, item);
        let kind = item["type"].as_str().unwrap_or_default();
        let caption = send::caption(world, &own)?;
        let file = world.file_of(&own, kind, "media")?;
        parts.push((kind, caption, file));
    }
    send::pace(world, place.chat, false)?;
    let album = format!("1{:017}", world.fresh());
    let mut sent = Vec::new();
    for (kind, caption, file) in parts {
        let mut message = place.message(kind, caption, None);
        message.album = Some(album.clone());
        hold(world, &mut message, file);
        let id = world.put(place.chat, message);
        sent.push(world.message_json(place.chat, id));
    }
    Ok(json!(sent))
}

/// Photos and videos go together; documents and audio each with their own kind only.
fn one_kind(media: &[Value]) -> Result<(), Refusal> {
    let class = |item: &Value| match item["type"].as_str() {
        Some("photo" | "video") => Some("visual"),
        Some("document") => Some("document"),
        Some("audio") => Some("audio"),
        _ => None,
    };
    let first = media.first().and_then(class);
    if first.is_none() || media.iter().any(|item| class(item) != first) {
        return Err(Refusal::rude("wrong type of the media in an album"));
    }
    Ok(())
}

/// The parameters of one part, with the files of the whole form.
fn own_params(params: &Params, item: &Value) -> Params {
    let values: Map<String, Value> = item.as_object().cloned().unwrap_or_default();
    Params {
        values,
        uploads: params.uploads.clone(),
    }
}
