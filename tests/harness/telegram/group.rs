//! Groups: basic ones, supergroups, forums with topics.

use super::Bot;
use super::person::Person;
use super::shown::Shown;
use super::world::{Chat, Kind, Message};
use serde_json::{Value, json};

/// A group, or one topic of it.
#[derive(Debug, Clone)]
pub struct Group {
    pub(super) bot: Bot,
    pub(super) chat: i64,
    /// Which part of it is looked at: all, the General topic, a topic.
    pub(super) thread: Option<Option<i32>>,
}

impl Group {
    pub(super) fn new(bot: &Bot, title: &str, kind: Kind) -> Self {
        let chat = bot.with(|world| {
            let number = world.fresh();
            let id = match kind {
                Kind::Super => -1_001_000_000_000 - number,
                Kind::Basic | Kind::Private => -400_000 - number,
            };
            world.chats.insert(id, Chat::new(id, kind, title));
            id
        });
        Self {
            bot: bot.clone(),
            chat,
            thread: None,
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> i64 {
        self.chat
    }

    /// A topic of it, which is then a forum. The number is that of the message which began it: those
    /// numbers are not used for others.
    #[must_use]
    pub fn topic(&self, thread: i32) -> Self {
        self.bot.with(|world| {
            let somebody = world.bot.id + 1;
            let opener = super::world::User {
                id: somebody,
                is_bot: false,
                name: "Owner".to_owned(),
                username: None,
            };
            world.users.entry(somebody).or_insert(opener);
            let chat = world.chat_mut(self.chat);
            chat.is_forum = true;
            chat.topics.insert(thread, format!("topic {thread}"));
            chat.last_message = chat.last_message.max(thread);
            let mut began = Message {
                id: thread,
                at: super::world::now(),
                from: Some(somebody),
                kind: "service".to_owned(),
                thread: Some(thread),
                ..Message::default()
            };
            let created = json!({ "name": format!("topic {thread}"), "icon_color": 7_322_096 });
            began
                .extra
                .insert("forum_topic_created".to_owned(), created);
            chat.messages.entry(thread).or_insert(began);
        });
        Self {
            thread: Some(Some(thread)),
            ..self.clone()
        }
    }

    /// The General topic.
    #[must_use]
    pub fn general(&self) -> Self {
        Self {
            thread: Some(None),
            ..self.clone()
        }
    }

    /// What is to be seen in it.
    #[must_use]
    pub fn chat(&self) -> Vec<Shown> {
        self.bot.lock().shown(self.chat, self.thread)
    }

    /// A line for each message that is to be seen.
    #[must_use]
    pub fn transcript(&self) -> Vec<String> {
        let chat = self.chat();
        chat.iter().map(|shown| shown.line(&chat)).collect()
    }

    /// Waits until somebody here would see what is wanted.
    pub async fn sees_where(&self, what: &str, holds: impl Fn(&[Shown]) -> bool) {
        super::person::sees_where(&self.bot, self.chat, self.thread, what, holds).await;
    }

    /// Waits for a message of the bot with exactly this text; that message.
    pub async fn sees(&self, text: &str) -> Shown {
        super::person::sees(&self.bot, self.chat, self.thread, text).await
    }

    /// Becomes a supergroup, with another id.
    #[must_use]
    pub fn migrates(&self) -> Self {
        let title = self.bot.lock().chat(self.chat).title.clone();
        let new = Self::new(&self.bot, &title, Kind::Super);
        self.bot.with(|world| {
            world.chat_mut(self.chat).moved_to = Some(new.chat);
            let members = world.chat(self.chat).members.clone();
            world.chat_mut(new.chat).members = members;
            for (chat, field, other) in [
                (self.chat, "migrate_to_chat_id", new.chat),
                (new.chat, "migrate_from_chat_id", self.chat),
            ] {
                let from = world.chat(chat).members.iter().next().copied();
                let mut moved = Message {
                    kind: "service".to_owned(),
                    from,
                    ..Message::default()
                };
                moved.extra.insert(field.to_owned(), json!(other));
                let id = world.put(chat, moved);
                let told = world.message_json(chat, id);
                world.updates.push("message", told);
            }
        });
        new
    }

    /// Throws the bot out.
    pub fn kicks_bot(&self) {
        self.bot.with(|world| {
            let why = "bot was kicked from the supergroup chat";
            world.chat_mut(self.chat).shut = Some(why);
        });
        self.tells_membership("member", "kicked");
    }

    fn tells_membership(&self, old: &str, new: &str) {
        self.bot.with(|world| {
            let member = |status: &str| -> Value {
                let mut member = json!({ "status": status, "user": world.bot.json() });
                if status == "kicked" {
                    member["until_date"] = json!(0);
                }
                member
            };
            let from = world.chat(self.chat).members.iter().next();
            let from = from.map_or_else(|| world.bot.json(), |id| world.users[id].json());
            let change = json!({ "chat": world.chat(self.chat).json(), "from": from,
                "date": super::world::now(), "old_chat_member": member(old),
                "new_chat_member": member(new) });
            world.updates.push("my_chat_member", change);
        });
    }

    /// Makes somebody one of its administrators.
    pub fn is_led_by(&self, person: &Person) {
        let id = person.id();
        self.joins(person);
        self.bot
            .with(|world| world.chat_mut(self.chat).leaders.insert(id));
    }

    /// Takes somebody in who says nothing yet.
    pub fn joins(&self, person: &Person) {
        let id = person.id();
        self.bot
            .with(|world| world.chat_mut(self.chat).members.insert(id));
    }
}
