//! The fields of an update that we read, each by itself: one of a wrong shape is as if it were not
//! there.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A field that may be missing, or anything.
fn soft<'de, D: Deserializer<'de>, T: for<'a> Deserialize<'a>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Ok(T::deserialize(Value::deserialize(deserializer)?).ok())
}

/// A list of which the readable ones count.
fn each<'de, D: Deserializer<'de>, T: for<'a> Deserialize<'a>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let Value::Array(found) = Value::deserialize(deserializer)? else {
        return Ok(Vec::new());
    };
    Ok(found.into_iter().flat_map(T::deserialize).collect())
}

/// Whether a field is there, whatever it holds.
fn there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(!Value::deserialize(deserializer)?.is_null())
}

fn yes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Value::deserialize(deserializer)?.as_bool() == Some(true))
}

#[derive(Debug, Deserialize)]
pub(super) struct Message {
    pub(super) message_id: i32,
    pub(super) date: i64,
    pub(super) chat: Chat,
    #[serde(default, deserialize_with = "soft")]
    pub(super) edit_date: Option<i64>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) message_thread_id: Option<i32>,
    #[serde(default, deserialize_with = "yes")]
    pub(super) is_topic_message: bool,
    #[serde(default, deserialize_with = "soft")]
    pub(super) from: Option<User>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) sender_chat: Option<Chat>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) author_signature: Option<String>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) forward_origin: Option<ForwardOrigin>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) reply_to_message: Option<Box<Message>>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) external_reply: Option<ExternalReply>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) quote: Option<Quote>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) media_group_id: Option<String>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) text: Option<String>,
    #[serde(default, deserialize_with = "each")]
    pub(super) entities: Vec<Entity>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) caption: Option<String>,
    #[serde(default, deserialize_with = "each")]
    pub(super) caption_entities: Vec<Entity>,
    #[serde(default, deserialize_with = "each")]
    pub(super) photo: Vec<Photo>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) sticker: Option<Sticker>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) document: Option<File>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) animation: Option<File>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) audio: Option<File>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) voice: Option<File>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) video: Option<File>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) video_note: Option<File>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) location: Option<Location>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) venue: Option<Venue>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) contact: Option<Contact>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) dice: Option<Dice>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) poll: Option<Poll>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) migrate_to_chat_id: Option<i64>,
    #[serde(default, deserialize_with = "there")]
    pub(super) forum_topic_created: bool,
    // What people can send and we can not show.
    #[serde(default, deserialize_with = "there")]
    pub(super) story: bool,
    #[serde(default, deserialize_with = "there")]
    pub(super) game: bool,
    #[serde(default, deserialize_with = "there")]
    pub(super) invoice: bool,
    #[serde(default, deserialize_with = "there")]
    pub(super) giveaway: bool,
    #[serde(default, deserialize_with = "there")]
    pub(super) paid_media: bool,
    #[serde(default, deserialize_with = "there")]
    pub(super) checklist: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Chat {
    pub(super) id: i64,
    #[serde(rename = "type", default, deserialize_with = "soft")]
    pub(super) kind: Option<String>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) title: Option<String>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) username: Option<String>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) first_name: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct User {
    pub(super) id: i64,
    #[serde(default, deserialize_with = "yes")]
    pub(super) is_bot: bool,
    #[serde(default, deserialize_with = "soft")]
    pub(super) first_name: Option<String>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) last_name: Option<String>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) username: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct ForwardOrigin {
    #[serde(default, deserialize_with = "soft")]
    pub(super) date: Option<i64>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) sender_user: Option<User>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) sender_user_name: Option<String>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) sender_chat: Option<Chat>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) chat: Option<Chat>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) author_signature: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ExternalReply {
    #[serde(default, deserialize_with = "soft")]
    pub(super) origin: Option<ForwardOrigin>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Quote {
    pub(super) text: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Entity {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) offset: usize,
    pub(super) length: usize,
    #[serde(default, deserialize_with = "soft")]
    pub(super) url: Option<String>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) user: Option<User>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) language: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Photo {
    pub(super) file_id: String,
    pub(super) file_unique_id: String,
    #[serde(default, deserialize_with = "soft")]
    pub(super) width: Option<u64>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) height: Option<u64>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) file_size: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct File {
    pub(super) file_id: String,
    pub(super) file_unique_id: String,
    #[serde(default, deserialize_with = "soft")]
    pub(super) file_name: Option<String>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) mime_type: Option<String>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) file_size: Option<u64>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) duration: Option<u32>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Sticker {
    pub(super) file_id: String,
    pub(super) file_unique_id: String,
    #[serde(default, deserialize_with = "soft")]
    pub(super) file_size: Option<u64>,
    #[serde(default, deserialize_with = "yes")]
    pub(super) is_animated: bool,
    #[serde(default, deserialize_with = "yes")]
    pub(super) is_video: bool,
    #[serde(default, deserialize_with = "soft")]
    pub(super) emoji: Option<String>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) set_name: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Location {
    pub(super) latitude: f64,
    pub(super) longitude: f64,
    #[serde(default, deserialize_with = "soft")]
    pub(super) horizontal_accuracy: Option<f64>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) live_period: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Venue {
    pub(super) location: Location,
    #[serde(default, deserialize_with = "soft")]
    pub(super) title: Option<String>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) address: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Contact {
    pub(super) phone_number: String,
    #[serde(default, deserialize_with = "soft")]
    pub(super) first_name: Option<String>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) last_name: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Dice {
    pub(super) emoji: String,
    pub(super) value: i64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Poll {
    pub(super) question: String,
    #[serde(default, deserialize_with = "each")]
    pub(super) options: Vec<PollOption>,
}

#[derive(Debug, Deserialize)]
pub(super) struct PollOption {
    pub(super) text: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct CallbackQuery {
    pub(super) id: String,
    pub(super) from: User,
    #[serde(default, deserialize_with = "soft")]
    pub(super) message: Option<Message>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) data: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct MessageReaction {
    pub(super) chat: Chat,
    pub(super) message_id: i32,
    #[serde(default, deserialize_with = "soft")]
    pub(super) date: Option<i64>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) user: Option<User>,
    #[serde(default, deserialize_with = "soft")]
    pub(super) actor_chat: Option<Chat>,
    #[serde(default, deserialize_with = "each")]
    pub(super) old_reaction: Vec<ReactionType>,
    #[serde(default, deserialize_with = "each")]
    pub(super) new_reaction: Vec<ReactionType>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ReactionType {
    #[serde(default, deserialize_with = "soft")]
    pub(super) emoji: Option<String>,
}
