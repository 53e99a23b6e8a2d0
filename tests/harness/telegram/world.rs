//! What one bot's part of Telegram is made of: people, chats, messages, files.

use super::callbacks::Query;
use super::entity::Entity;
use super::faults::Faults;
use super::files::File;
use super::keyboard::Keyboard;
use super::manners::Manners;
use super::pace::Pace;
use super::refusal::Refusal;
use super::shown::Shown;
use super::updates::Updates;
use super::{Call, Drafts};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Everything one bot can see, and what is known of it.
#[derive(Debug)]
pub(super) struct World {
    pub(super) bot: User,
    pub(super) users: BTreeMap<i64, User>,
    pub(super) chats: BTreeMap<i64, Chat>,
    /// Private chats and basic groups of a bot count their messages together.
    pub(super) last_message: i32,
    pub(super) updates: Updates,
    pub(super) files: BTreeMap<String, File>,
    pub(super) commands: BTreeMap<String, Value>,
    pub(super) queries: BTreeMap<String, Query>,
    pub(super) drafts: Drafts,
    pub(super) pace: Pace,
    pub(super) faults: Faults,
    pub(super) manners: Manners,
    pub(super) calls: Vec<Call>,
    /// Requests that are being answered, waiting for updates aside.
    pub(super) busy: usize,
    next_id: i64,
}

/// Somebody.
#[derive(Debug, Clone)]
pub(super) struct User {
    pub(super) id: i64,
    pub(super) is_bot: bool,
    pub(super) name: String,
    pub(super) username: Option<String>,
}

impl User {
    pub(super) fn json(&self) -> Value {
        let mut user = json!({ "id": self.id, "is_bot": self.is_bot, "first_name": self.name });
        if let Some(username) = &self.username {
            user["username"] = json!(username);
        }
        if !self.is_bot {
            user["language_code"] = json!("en");
        }
        user
    }
}

/// What a chat is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Private,
    Basic,
    Super,
}

/// A chat with everything ever said in it.
#[derive(Debug)]
pub(super) struct Chat {
    pub(super) id: i64,
    pub(super) kind: Kind,
    pub(super) title: String,
    pub(super) username: Option<String>,
    /// Threads of a forum by the message that began them.
    pub(super) topics: BTreeMap<i32, String>,
    pub(super) is_forum: bool,
    /// The bot may not write here any more; why.
    pub(super) shut: Option<&'static str>,
    pub(super) moved_to: Option<i64>,
    pub(super) messages: BTreeMap<i32, Message>,
    pub(super) last_message: i32,
    /// The text that grows, of a server that has drafts.
    pub(super) draft: Option<(i64, String)>,
    /// Every text that grew.
    pub(super) drafted: Vec<String>,
    /// What the bot was seen to do, and when.
    pub(super) actions: Vec<(String, Instant)>,
    pub(super) members: BTreeSet<i64>,
    /// Those of them who administrate it.
    pub(super) leaders: BTreeSet<i64>,
}

impl Chat {
    pub(super) fn new(id: i64, kind: Kind, title: &str) -> Self {
        Self {
            id,
            kind,
            title: title.to_owned(),
            username: None,
            topics: BTreeMap::new(),
            is_forum: false,
            shut: None,
            moved_to: None,
            messages: BTreeMap::new(),
            last_message: 0,
            draft: None,
            drafted: Vec::new(),
            actions: Vec::new(),
            members: BTreeSet::new(),
            leaders: BTreeSet::new(),
        }
    }

    pub(super) fn json(&self) -> Value {
        let mut chat = match self.kind {
            Kind::Private => json!({ "id": self.id, "type": "private", "first_name": self.title }),
            Kind::Basic => json!({ "id": self.id, "type": "group", "title": self.title }),
            Kind::Super => json!({ "id": self.id, "type": "supergroup", "title": self.title }),
        };
        if self.is_forum {
            chat["is_forum"] = json!(true);
        }
        if let Some(username) = &self.username {
            chat["username"] = json!(username);
        }
        chat
    }
}

/// A message.
#[derive(Debug, Clone, Default)]
pub(super) struct Message {
    pub(super) id: i32,
    pub(super) at: i64,
    /// Nobody: the bot.
    pub(super) from: Option<i64>,
    pub(super) thread: Option<i32>,
    pub(super) kind: String,
    /// Text or caption.
    pub(super) text: String,
    pub(super) source: String,
    pub(super) entities: Vec<Entity>,
    pub(super) keyboard: Option<Keyboard>,
    pub(super) reply_to: Option<i32>,
    pub(super) quote: Option<String>,
    pub(super) album: Option<String>,
    /// The file in it, by its id.
    pub(super) file: Option<String>,
    /// What a message of its kind has besides.
    pub(super) extra: serde_json::Map<String, Value>,
    pub(super) edits: usize,
    pub(super) edited_at: Option<i64>,
    pub(super) is_deleted: bool,
    /// By whom (nobody: the bot), which.
    pub(super) reactions: BTreeMap<Option<i64>, Vec<String>>,
}

pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

impl World {
    pub(super) fn new(id: i64, username: &str) -> Self {
        let bot = User {
            id,
            is_bot: true,
            name: username.replace('_', " "),
            username: Some(username.to_owned()),
        };
        Self {
            bot,
            users: BTreeMap::new(),
            chats: BTreeMap::new(),
            last_message: 0,
            updates: Updates::default(),
            files: BTreeMap::new(),
            commands: BTreeMap::new(),
            queries: BTreeMap::new(),
            drafts: Drafts::Shown,
            pace: Pace::default(),
            faults: Faults::default(),
            manners: Manners::default(),
            calls: Vec::new(),
            busy: 0,
            next_id: 1,
        }
    }

    /// A number nothing else here has.
    pub(super) fn fresh(&mut self) -> i64 {
        self.next_id += 1;
        self.next_id
    }

    pub(super) fn chat(&self, id: i64) -> &Chat {
        &self.chats[&id]
    }

    pub(super) fn chat_mut(&mut self, id: i64) -> &mut Chat {
        self.chats.get_mut(&id).expect("a chat of this world")
    }

    /// A message that was not deleted.
    pub(super) fn message(&self, chat: i64, id: i32) -> Option<&Message> {
        let found = self.chats.get(&chat)?.messages.get(&id)?;
        (!found.is_deleted).then_some(found)
    }

    pub(super) fn message_mut(&mut self, chat: i64, id: i32) -> Option<&mut Message> {
        let found = self.chats.get_mut(&chat)?.messages.get_mut(&id)?;
        (!found.is_deleted).then_some(found)
    }

    /// Puts a message into a chat, with the number that is next there.
    pub(super) fn put(&mut self, chat: i64, mut message: Message) -> i32 {
        let counted_alone = self.chat(chat).kind == Kind::Super;
        let last = if counted_alone {
            &mut self.chat_mut(chat).last_message
        } else {
            &mut self.last_message
        };
        *last += 1;
        message.id = *last;
        message.at = now();
        let id = message.id;
        self.chat_mut(chat).messages.insert(id, message);
        id
    }

    /// The chat a request means.
    ///
    /// # Errors
    /// When there is none, or the bot may not write there.
    pub(super) fn chat_for(&self, id: Option<i64>) -> Result<i64, Refusal> {
        let id = id.ok_or_else(|| Refusal::rude("chat_id is empty"))?;
        let chat = self
            .chats
            .get(&id)
            .ok_or_else(|| Refusal::bad("chat not found"))?;
        if let Some(to) = chat.moved_to {
            let mut refusal = Refusal::bad("group chat was upgraded to a supergroup chat");
            refusal.parameters = Some(json!({ "migrate_to_chat_id": to }));
            return Err(refusal);
        }
        match chat.shut {
            Some(why) => Err(Refusal::new(403, &format!("Forbidden: {why}"))),
            None => Ok(id),
        }
    }

    // === as the server tells it ===

    pub(super) fn author(&self, message: &Message) -> Value {
        match message.from {
            None => self.bot.json(),
            Some(id) => self.users[&id].json(),
        }
    }

    /// A message with the one it replies to.
    pub(super) fn message_json(&self, chat: i64, id: i32) -> Value {
        let mut value = self.shallow(chat, id);
        let message = &self.chat(chat).messages[&id];
        if let Some(reply_to) = message.reply_to {
            if self.message(chat, reply_to).is_some() {
                value["reply_to_message"] = self.shallow(chat, reply_to);
            }
            if let Some(quote) = &message.quote {
                value["quote"] = json!({ "text": quote, "position": 0, "is_manual": true });
            }
        } else if let Some(thread) = message.thread.filter(|_| message.from.is_some()) {
            // A message of a topic replies to the one that began it: so does the server tell it.
            value["reply_to_message"] = self.shallow(chat, thread);
        }
        value
    }

    fn shallow(&self, chat: i64, id: i32) -> Value {
        let message = &self.chat(chat).messages[&id];
        let mut value = json!({
            "message_id": id, "date": message.at, "chat": self.chat(chat).json(),
            "from": self.author(message),
        });
        let (text, entities) = match message.kind.as_str() {
            "text" => ("text", "entities"),
            _ => ("caption", "caption_entities"),
        };
        if !message.text.is_empty() {
            value[text] = json!(message.text);
        }
        if !message.entities.is_empty() {
            value[entities] = message.entities.iter().map(Entity::json).collect();
        }
        if let Some(keyboard) = &message.keyboard {
            value["reply_markup"] = keyboard.json();
        }
        if let Some(thread) = message.thread {
            value["message_thread_id"] = json!(thread);
            value["is_topic_message"] = json!(true);
        }
        if let Some(album) = &message.album {
            value["media_group_id"] = json!(album);
        }
        if let Some(at) = message.edited_at {
            value["edit_date"] = json!(at);
        }
        for (name, more) in &message.extra {
            value[name] = more.clone();
        }
        value
    }

    // === as a person sees it ===

    pub(super) fn shown(&self, chat: i64, thread: Option<Option<i32>>) -> Vec<Shown> {
        let of_thread = |message: &&Message| thread.is_none_or(|thread| message.thread == thread);
        self.chat(chat)
            .messages
            .values()
            .filter(|message| !message.is_deleted && message.kind != "service")
            .filter(of_thread)
            .map(|message| self.show(message))
            .collect()
    }

    fn show(&self, message: &Message) -> Shown {
        let file = message.file.as_ref().map(|id| &self.files[id]);
        Shown {
            id: message.id,
            from: message.from,
            name: match message.from {
                Some(id) => self.users[&id].name.clone(),
                None => "bot".to_owned(),
            },
            text: message.text.clone(),
            html: message.source.clone(),
            entities: message.entities.clone(),
            buttons: message
                .keyboard
                .as_ref()
                .map(Keyboard::labels)
                .unwrap_or_default(),
            reply_to: message.reply_to,
            edits: message.edits,
            kind: message.kind.clone(),
            file: file.map(|file| file.bytes.clone()),
            file_name: file.and_then(|file| file.name.clone()),
            album: message.album.clone(),
            reactions: message.reactions.get(&None).cloned().unwrap_or_default(),
            thread: message.thread,
        }
    }
}
