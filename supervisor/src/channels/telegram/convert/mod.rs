//! An update as its server said it → what happened, and what a model is told of it. Pure.
//!
//! Read leniently, field by field: a part of a message that is of a shape we do not know is left
//! out, and the rest still arrives. (The strict types of the library lose the whole message then,
//! and some of them panic.) Whatever strangers chose, names and words alike, is bounded, and can
//! not pass for a line of ours: [`words`] sees to it.

mod message;
mod media;
mod entities;
mod words;
mod clean;
mod shape;

use super::Place;
use serde::Deserialize;
use thiserror::Error;

pub(crate) use clean::line as clean_line;
pub(crate) use words::{frame, heard, unframed, words};

/// The bot that hears.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Us<'a> {
    /// The account's id.
    pub(crate) account: &'a str,
    /// The bot's user id.
    pub(crate) id: i64,
    /// Its name, without the `@`.
    pub(crate) username: &'a str,
    /// Largest file taken in, in bytes: of a photo's sizes the largest within it is taken.
    pub(crate) media_max: u64,
}

/// What an update says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Happening {
    /// Somebody said something, or changed what they had said.
    Message(Box<Incoming>),
    /// Somebody tapped a button of ours.
    Tap(Tap),
    /// Somebody reacted to a message.
    Reaction(Reaction),
    /// A group became another chat.
    Migrated {
        /// Its number until now.
        from: i64,
        /// Its number from now on.
        to: i64,
    },
    /// Nothing that concerns us: somebody joined, a title changed, a live location moved.
    Other,
}

/// A message.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Incoming {
    /// The update it came in.
    pub(crate) update: i64,
    /// Where it was said.
    pub(crate) place: Place,
    /// Its number in the chat.
    pub(crate) message: i32,
    /// When, in seconds since 1970.
    pub(crate) at: i64,
    /// Who said it.
    pub(crate) from: Person,
    /// The kind of chat.
    pub(crate) chat: ChatKind,
    /// What they typed, or wrote beneath a picture: code and hidden links as Markdown, `/new@us` as
    /// `/new`. Commands are read from it.
    pub(crate) text: String,
    /// What they sent that is neither words nor a file, told in words: a place, a contact, a poll.
    pub(crate) folded: Vec<String>,
    /// Whether it names us: `@us`, a mention of our user, `/command@us`.
    pub(crate) mentions_us: bool,
    /// Whether it is a command for another bot.
    pub(crate) elsewhere: bool,
    /// Whether it answers a message of ours.
    pub(crate) replies_to_us: bool,
    /// What it answers.
    pub(crate) reply: Option<Quoted>,
    /// Whose words it passes on, and when they were said.
    pub(crate) forward: Option<String>,
    /// Its files.
    pub(crate) media: Vec<Media>,
    /// What is shared by the messages of one album.
    pub(crate) album: Option<String>,
    /// Whether it replaces what this message said before.
    pub(crate) edited: bool,
}

/// Who acts: a user, or a chat in whose name somebody speaks (its number is negative then).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    /// The user's number, or the chat's.
    pub(crate) id: i64,
    /// What they call themselves: one line, at most [`clean::NAME`] characters, no brackets.
    pub(crate) name: String,
    /// Without the `@`.
    pub(crate) username: Option<String>,
    /// Whether it is a bot.
    pub(crate) is_bot: bool,
}

/// The kinds of chat we speak in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ChatKind {
    /// With one person.
    Private,
    /// With many.
    Group {
        /// What it is called.
        title: String,
    },
}

/// What a message answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Quoted {
    /// Its number; `None` where it is in another chat.
    pub(crate) message: Option<i32>,
    /// Who said it.
    pub(crate) name: String,
    /// What it said, or the part that was quoted.
    pub(crate) text: String,
    /// Whether it is ours.
    pub(crate) ours: bool,
}

/// A file that came with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Media {
    /// What it is.
    pub(crate) kind: MediaKind,
    /// By which it is fetched.
    pub(crate) file_id: String,
    /// The same for the same file, whoever asks.
    pub(crate) unique_id: String,
    /// What its sender calls it. Anything.
    pub(crate) name: Option<String>,
    /// What its sender says it is. Anything.
    pub(crate) mime: Option<String>,
    /// Bytes, where the server says.
    pub(crate) size: Option<u64>,
    /// How long it plays, in seconds.
    pub(crate) seconds: Option<u32>,
}

/// The kinds of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MediaKind {
    /// A picture, compressed by the server.
    Photo,
    /// Any file.
    Document,
    /// A spoken message.
    Voice,
    /// A piece of music, or any other recording.
    Audio,
    /// A film.
    Video,
    /// A round spoken film.
    VideoNote,
    /// A film without sound.
    Animation,
    /// A sticker that does not move.
    Sticker,
}

/// A tap on a button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tap {
    /// By which it is answered.
    pub(crate) id: String,
    /// Who tapped.
    pub(crate) from: Person,
    /// Where.
    pub(crate) place: Place,
    /// The message with the button; 0 where the server does not say.
    pub(crate) message: i32,
    /// What the button carries; anything, since clients can be made to lie.
    pub(crate) data: String,
}

/// A change of somebody's reactions to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reaction {
    /// The update it came in.
    pub(crate) update: i64,
    /// Where. The server does not say in which topic.
    pub(crate) place: Place,
    /// The kind of chat.
    pub(crate) chat: ChatKind,
    /// Who.
    pub(crate) from: Person,
    /// To which message.
    pub(crate) message: i32,
    /// When, in seconds since 1970.
    pub(crate) at: i64,
    /// The emoji before.
    pub(crate) old: Vec<String>,
    /// The emoji now.
    pub(crate) new: Vec<String>,
}

/// An update that can not be read at all.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("update is not readable: {0}")]
pub(crate) struct Unreadable(pub(crate) String);

/// What an update's JSON says.
///
/// # Errors
/// [`Unreadable`] where it is no update, or a message without a number, chat or time.
pub(crate) fn read(us: &Us<'_>, body: &str) -> Result<Happening, Unreadable> {
    let mut update: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(body).map_err(|error| Unreadable(error.to_string()))?;
    let id = update
        .get("update_id")
        .and_then(serde_json::Value::as_i64)
        .ok_or_else(|| Unreadable("no update_id".to_owned()))?;
    if let Some(found) = part(&mut update, "message") {
        return Ok(message::said(us, id, false, found?));
    }
    if let Some(found) = part(&mut update, "edited_message") {
        return Ok(message::said(us, id, true, found?));
    }
    if let Some(found) = part(&mut update, "callback_query") {
        return Ok(message::tapped(us, found?));
    }
    if let Some(found) = part(&mut update, "message_reaction") {
        return Ok(message::reacted(us, id, found?));
    }
    Ok(Happening::Other)
}

fn part<T: for<'de> Deserialize<'de>>(
    update: &mut serde_json::Map<String, serde_json::Value>,
    key: &str,
) -> Option<Result<T, Unreadable>> {
    let found = update.remove(key)?;
    Some(T::deserialize(found).map_err(|error| Unreadable(format!("{key}: {error}"))))
}

/// The messages of one album, oldest first, as one. `None` for none.
pub(crate) fn join(album: Vec<Incoming>) -> Option<Incoming> {
    let mut rest = album.into_iter();
    let mut whole = rest.next()?;
    for one in rest {
        if !one.text.is_empty() {
            if !whole.text.is_empty() {
                whole.text.push('\n');
            }
            whole.text.push_str(&one.text);
        }
        whole.folded.extend(one.folded);
        whole.media.extend(one.media);
        whole.mentions_us |= one.mentions_us;
        whole.replies_to_us |= one.replies_to_us;
        whole.elsewhere |= one.elsewhere;
        whole.reply = whole.reply.or(one.reply);
        whole.forward = whole.forward.or(one.forward);
    }
    Some(whole)
}

impl Incoming {
    /// What was typed, without the bot's name in front of it: `@us stop` says `stop`.
    pub(crate) fn spoken<'t>(&'t self, username: &str) -> &'t str {
        let text = self.text.trim();
        let rest = text
            .strip_prefix('@')
            .and_then(|rest| Some((rest.get(..username.len())?, rest)))
            .filter(|(named, _)| !named.is_empty() && named.eq_ignore_ascii_case(username))
            .and_then(|(named, rest)| rest.get(named.len()..))
            .filter(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'));
        rest.map_or(text, |rest| rest.trim_start_matches([',', ':', ' ', '\n']))
    }
}

#[cfg(test)]
mod tests;
