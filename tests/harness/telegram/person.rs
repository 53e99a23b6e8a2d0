//! People: they write, tap, send, react, and see what there is to see.

use super::callbacks::{self, Answered};
use super::entity::{Entity, Formatted};
use super::group::Group;
use super::methods;
use super::shown::Shown;
use super::world::{Chat, Kind, Message, User, World, now};
use super::{Bot, html};
use serde_json::{Value, json};

/// Somebody in a chat: the private one with the bot, or a group. Clones are the same person.
#[derive(Debug, Clone)]
pub struct Person {
    bot: Bot,
    id: i64,
    chat: i64,
    thread: Option<i32>,
    /// Which part of the chat is looked at.
    sees: Option<Option<i32>>,
}

impl Person {
    pub(super) fn new(bot: &Bot, name: &str) -> Self {
        let id = bot.with(|world| {
            let id = 5_000_000_000 + world.fresh();
            let username = name.to_ascii_lowercase().replace(' ', "_");
            let user = User {
                id,
                is_bot: false,
                name: name.to_owned(),
                username: Some(username.clone()),
            };
            world.users.insert(id, user);
            let mut chat = Chat::new(id, Kind::Private, name);
            chat.username = Some(username);
            chat.members.insert(id);
            world.chats.insert(id, chat);
            id
        });
        Self {
            bot: bot.clone(),
            id,
            chat: id,
            thread: None,
            sees: None,
        }
    }

    /// The person's numeric id.
    #[must_use]
    pub fn id(&self) -> i64 {
        self.id
    }

    /// The id of the chat the person is in here.
    #[must_use]
    pub fn chat_id(&self) -> i64 {
        self.chat
    }

    /// The same person in a group, or a topic of one.
    #[must_use]
    pub fn at(&self, group: &Group) -> Self {
        group.joins(self);
        Self {
            chat: group.chat,
            thread: group.thread.flatten(),
            sees: group.thread,
            ..self.clone()
        }
    }

    // === writing ===

    /// Writes something; the message's id. Commands, names and addresses in it are marked, as
    /// Telegram's own programs do.
    pub async fn says(&self, text: &str) -> i32 {
        self.writes(Formatted::written(text), |_| {})
    }

    /// Writes something in a group.
    pub async fn says_in(&self, group: &Group, text: &str) -> i32 {
        self.at(group).says(text).await
    }

    /// Writes something with markup.
    pub async fn says_html(&self, source: &str) -> i32 {
        let parsed = html::parse(source).expect("markup that Telegram reads");
        let text = Formatted {
            text: parsed.text,
            entities: parsed.entities,
            source: source.to_owned(),
        };
        self.writes(text, |_| {})
    }

    /// Writes something to somebody without a username, who is marked in it.
    pub async fn says_to(&self, whom: &Value, name: &str, text: &str) -> i32 {
        let mut written = Formatted::written(&format!("{name} {text}"));
        let mut mention = Entity::new("text_mention", 0, name.encode_utf16().count());
        mention.user = Some(whom.clone());
        written.entities.push(mention);
        self.writes(written, |_| {})
    }

    /// Writes something to the bot, who is marked in it by name alone.
    pub async fn says_to_bot(&self, name: &str, text: &str) -> i32 {
        let bot = self.bot.lock().bot.json();
        self.says_to(&bot, name, text).await
    }

    /// Answers a message.
    pub async fn replies(&self, to: i32, text: &str) -> i32 {
        self.writes(Formatted::written(text), |message| {
            message.reply_to = Some(to)
        })
    }

    /// Answers some words of a message.
    pub async fn quotes(&self, to: i32, quote: &str, text: &str) -> i32 {
        self.writes(Formatted::written(text), |message| {
            message.reply_to = Some(to);
            message.quote = Some(quote.to_owned());
        })
    }

    /// Forwards what somebody said elsewhere.
    pub async fn forwards(&self, of: &str, text: &str) -> i32 {
        let origin = json!({ "type": "hidden_user", "date": now() - 60, "sender_user_name": of });
        self.writes(Formatted::written(text), |message| {
            message.extra.insert("forward_origin".to_owned(), origin);
        })
    }

    fn writes(&self, text: Formatted, change: impl FnOnce(&mut Message)) -> i32 {
        self.puts("text", text, |_, message| change(message))
    }

    fn puts(
        &self,
        kind: &str,
        text: Formatted,
        change: impl FnOnce(&mut World, &mut Message),
    ) -> i32 {
        self.bot.with(|world| {
            let mut message = Message {
                from: Some(self.id),
                thread: self.thread,
                kind: kind.to_owned(),
                text: text.text,
                source: text.source,
                entities: text.entities,
                ..Message::default()
            };
            change(world, &mut message);
            let id = world.put(self.chat, message);
            let told = world.message_json(self.chat, id);
            world.updates.push("message", told);
            id
        })
    }

    /// Changes what was written.
    pub async fn edits(&self, id: i32, text: &str) {
        let new = Formatted::written(text);
        self.bot.with(|world| {
            let message = world.message_mut(self.chat, id).expect("a message");
            message.text = new.text;
            message.entities = new.entities;
            message.edits += 1;
            message.edited_at = Some(now());
            let told = world.message_json(self.chat, id);
            world.updates.push("edited_message", told);
        });
    }

    /// Deletes a message, of which nobody is told.
    pub async fn deletes(&self, id: i32) {
        self.bot.with(|world| {
            let message = world.message_mut(self.chat, id).expect("a message");
            message.is_deleted = true;
        });
    }

    // === files and the like ===

    /// Sends a picture.
    pub async fn sends_photo(&self, bytes: &[u8], caption: &str) -> i32 {
        self.sends_file("photo", None, "image/jpeg", bytes, caption)
    }

    /// Sends a file.
    pub async fn sends_document(&self, name: &str, mime: &str, bytes: &[u8], caption: &str) -> i32 {
        self.sends_file("document", Some(name), mime, bytes, caption)
    }

    /// Sends a voice message.
    pub async fn sends_voice(&self, bytes: &[u8]) -> i32 {
        self.sends_file("voice", None, "audio/ogg", bytes, "")
    }

    /// Sends music.
    pub async fn sends_audio(&self, name: &str, bytes: &[u8], caption: &str) -> i32 {
        self.sends_file("audio", Some(name), "audio/mpeg", bytes, caption)
    }

    /// Sends a film.
    pub async fn sends_video(&self, name: &str, bytes: &[u8], caption: &str) -> i32 {
        self.sends_file("video", Some(name), "video/mp4", bytes, caption)
    }

    fn sends_file(
        &self,
        kind: &str,
        name: Option<&str>,
        mime: &str,
        bytes: &[u8],
        caption: &str,
    ) -> i32 {
        self.puts(kind, Formatted::written(caption), |world, message| {
            let file = world.keep(kind, name, mime, bytes);
            methods::hold(world, message, file);
        })
    }

    /// Sends a sticker.
    pub async fn sends_sticker(&self, emoji: &str, bytes: &[u8]) -> i32 {
        self.puts("sticker", Formatted::default(), |world, message| {
            let file = world.keep("sticker", None, "image/webp", bytes);
            methods::hold(world, message, file);
            message.extra["sticker"]["emoji"] = json!(emoji);
        })
    }

    /// Sends pictures as an album; their ids. The first one has the caption.
    pub async fn sends_album(&self, pictures: &[&[u8]], caption: &str) -> Vec<i32> {
        let album = self.bot.with(|world| format!("2{:017}", world.fresh()));
        let send = |(n, bytes): (usize, &&[u8])| {
            let caption = if n == 0 { caption } else { "" };
            self.puts("photo", Formatted::written(caption), |world, message| {
                let file = world.keep("photo", None, "image/jpeg", bytes);
                methods::hold(world, message, file);
                message.album = Some(album.clone());
            })
        };
        pictures.iter().enumerate().map(send).collect()
    }

    /// Says where something is.
    pub async fn sends_location(&self, latitude: f64, longitude: f64) -> i32 {
        let location = json!({ "latitude": latitude, "longitude": longitude });
        self.sends_thing("location", location)
    }

    /// Gives somebody's number.
    pub async fn sends_contact(&self, phone: &str, name: &str) -> i32 {
        let contact = json!({ "phone_number": phone, "first_name": name });
        self.sends_thing("contact", contact)
    }

    /// Asks everybody something.
    pub async fn sends_poll(&self, question: &str, options: &[&str]) -> i32 {
        let option = |text: &&str| json!({ "text": text, "voter_count": 0, "persistent_id": text });
        let options: Vec<Value> = options.iter().map(option).collect();
        let poll = json!({ "id": "77", "question": question, "options": options,
            "total_voter_count": 0, "is_closed": false, "is_anonymous": true, "type": "regular",
            "allows_multiple_answers": false, "allows_revoting": true });
        self.sends_thing("poll", poll)
    }

    fn sends_thing(&self, kind: &str, thing: Value) -> i32 {
        self.puts(kind, Formatted::default(), |_, message| {
            message.extra.insert(kind.to_owned(), thing);
        })
    }

    // === what is done to messages ===

    /// Taps the button with this label, and waits until that is answered.
    ///
    /// # Panics
    /// When there is no such button.
    pub async fn taps(&self, message: i32, label: &str) -> Answered {
        let chat = self.all();
        let found = chat.iter().find(|shown| shown.id == message);
        let data = found.and_then(|shown| shown.data_of(label));
        let data = data.unwrap_or_else(|| panic!("no button {label:?} on {found:#?}"));
        self.taps_data(message, data).await
    }

    /// Taps a button that says whatever a rude client wants it to; waits until that is answered.
    pub async fn taps_data(&self, message: i32, data: &str) -> Answered {
        let query = self.taps_and_leaves(message, data);
        let answered = |world: &World| world.queries.get(&query)?.answered.clone();
        self.bot
            .wait(answered, |_| format!("the tap on {data:?} is not answered"))
            .await
    }

    /// Taps a button and does not wait; the query's id.
    pub fn taps_and_leaves(&self, message: i32, data: &str) -> String {
        self.bot
            .with(|world| callbacks::tap(world, self.id, self.chat, message, data))
    }

    /// Reacts to a message; an empty one takes the reaction back.
    pub async fn reacts(&self, message: i32, emoji: &str) {
        self.bot.with(|world| {
            let new = if emoji.is_empty() {
                Vec::new()
            } else {
                vec![emoji.to_owned()]
            };
            let found = world.message_mut(self.chat, message).expect("a message");
            let old = found.reactions.insert(Some(self.id), new.clone());
            let list = |emoji: Vec<String>| -> Vec<Value> {
                let reaction = |emoji: String| json!({ "type": "emoji", "emoji": emoji });
                emoji.into_iter().map(reaction).collect()
            };
            let told = json!({ "chat": world.chat(self.chat).json(), "message_id": message,
                "user": world.users[&self.id].json(), "date": now(),
                "old_reaction": list(old.unwrap_or_default()), "new_reaction": list(new) });
            world.updates.push("message_reaction", told);
        });
    }

    /// Wants to hear no more of the bot.
    pub fn blocks(&self) {
        self.bot.with(|world| {
            world.chat_mut(self.id).shut = Some("bot was blocked by the user");
        });
    }

    // === seeing ===

    /// What is to be seen in the chat.
    #[must_use]
    pub fn chat(&self) -> Vec<Shown> {
        self.bot.lock().shown(self.chat, self.sees)
    }

    fn all(&self) -> Vec<Shown> {
        self.bot.lock().shown(self.chat, None)
    }

    /// What of it the bot wrote.
    #[must_use]
    pub fn heard(&self) -> Vec<Shown> {
        let mut chat = self.chat();
        chat.retain(Shown::is_ours);
        chat
    }

    /// A line for each message that is to be seen.
    #[must_use]
    pub fn transcript(&self) -> Vec<String> {
        let chat = self.chat();
        chat.iter().map(|shown| shown.line(&chat)).collect()
    }

    /// The text that grows at this moment, of a server that has drafts.
    #[must_use]
    pub fn draft(&self) -> Option<String> {
        let world = self.bot.lock();
        let draft = world.chat(self.chat).draft.as_ref();
        draft.map(|(_, text)| text.clone())
    }

    /// Every text that was seen to grow, step by step.
    #[must_use]
    pub fn drafts(&self) -> Vec<String> {
        self.bot.lock().chat(self.chat).drafted.clone()
    }

    /// How often the bot was seen to do something: `typing`, say.
    #[must_use]
    pub fn actions(&self, action: &str) -> usize {
        let world = self.bot.lock();
        let actions = world.chat(self.chat).actions.iter();
        actions.filter(|(done, _)| done == action).count()
    }

    /// Waits until the bot was seen to do something so many times.
    pub async fn sees_action(&self, action: &str, times: usize) {
        let count = |world: &World| {
            let actions = world.chat(self.chat).actions.iter();
            actions.filter(|(done, _)| done == action).count()
        };
        self.bot
            .wait(
                |world| (count(world) >= times).then_some(()),
                |world| format!("{action}: {} of {times} times", count(world)),
            )
            .await;
    }

    /// Waits for a growing text that satisfies a condition.
    pub async fn sees_draft(&self, holds: impl Fn(&str) -> bool) -> String {
        let look = |world: &World| {
            let drafted = &world.chat(self.chat).drafted;
            drafted.iter().find(|text| holds(text)).cloned()
        };
        self.bot
            .wait(look, |world| {
                format!("never seen: {:#?}", world.chat(self.chat).drafted)
            })
            .await
    }

    /// Waits for a message of the bot with exactly this text; that message.
    ///
    /// # Panics
    /// When none comes, with all there is to see.
    pub async fn sees(&self, text: &str) -> Shown {
        sees(&self.bot, self.chat, self.sees, text).await
    }

    /// Waits until the chat satisfies a condition.
    ///
    /// # Panics
    /// When it does not, with all there is to see.
    pub async fn sees_where(&self, what: &str, holds: impl Fn(&[Shown]) -> bool) {
        sees_where(&self.bot, self.chat, self.sees, what, holds).await;
    }

    /// Waits until there are more messages of the bot than so many.
    pub async fn sees_more_than(&self, count: usize) {
        let ours = |chat: &[Shown]| chat.iter().filter(|shown| shown.is_ours()).count();
        let what = format!("more than {count} messages");
        self.sees_where(&what, |chat| ours(chat) > count).await;
    }

    /// Writes something and waits for the next message of the bot that satisfies a condition.
    pub async fn asks(&self, text: &str, holds: impl Fn(&Shown) -> bool) -> Shown {
        let asked = self.says(text).await;
        let look = |world: &World| {
            let chat = world.shown(self.chat, self.sees);
            let fits = |shown: &Shown| shown.id > asked && shown.is_ours() && holds(shown);
            chat.into_iter().find(fits)
        };
        self.bot
            .wait(look, |world| told(world, self.chat, self.sees, text))
            .await
    }
}

pub(super) async fn sees(bot: &Bot, chat: i64, thread: Option<Option<i32>>, text: &str) -> Shown {
    let look = |world: &World| {
        let mut shown = world.shown(chat, thread).into_iter();
        shown.find(|shown| shown.is_ours() && shown.text == text)
    };
    bot.wait(look, |world| told(world, chat, thread, text))
        .await
}

pub(super) async fn sees_where(
    bot: &Bot,
    chat: i64,
    thread: Option<Option<i32>>,
    what: &str,
    holds: impl Fn(&[Shown]) -> bool,
) {
    let look = |world: &World| holds(&world.shown(chat, thread)).then_some(());
    bot.wait(look, |world| told(world, chat, thread, what))
        .await;
}

fn told(world: &World, chat: i64, thread: Option<Option<i32>>, wanted: &str) -> String {
    let shown = world.shown(chat, thread);
    let lines: Vec<_> = shown.iter().map(|message| message.line(&shown)).collect();
    let calls = world.calls.iter().rev().take(12).rev();
    let calls: Vec<_> = calls
        .map(|call| format!("{} {} -> {}", call.method, call.params, call.status))
        .collect();
    format!("never seen: {wanted:?}; this is: {lines:#?}, after {calls:#?}")
}
