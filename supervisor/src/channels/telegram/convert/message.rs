//! The parts of an update, as what happened.

use super::shape::{CallbackQuery, Chat, ForwardOrigin, Message, MessageReaction, User};
use super::{
    ChatKind, Happening, Incoming, Person, Place, Quoted, Reaction, Tap, Us, clean, entities, media,
};

/// Emoji of one reaction that are read.
const EMOJI: usize = 12;
/// The topic that every forum has, and whose messages name none.
const GENERAL: i32 = 1;

/// A message, new or edited.
pub(super) fn said(us: &Us<'_>, update: i64, edited: bool, message: Message) -> Happening {
    if let Some(to) = message.migrate_to_chat_id {
        let from = message.chat.id;
        return Happening::Migrated { from, to };
    }
    let Some(chat) = chat_kind(&message.chat) else {
        return Happening::Other;
    };
    // Somebody walks about with their location shared: each step would be a message.
    if edited && message.location.is_some() {
        return Happening::Other;
    }
    let media = media::files(&message, us.media_max);
    let folded = media::folded(&message);
    let typed = match (&message.text, &message.caption) {
        (Some(text), _) => entities::typed(us, text, &message.entities),
        (None, Some(caption)) => entities::typed(us, caption, &message.caption_entities),
        (None, None) => entities::Typed::default(),
    };
    if typed.text.trim().is_empty() && media.is_empty() && folded.is_empty() {
        return Happening::Other;
    }
    let Some(from) = sender(&message) else {
        return Happening::Other;
    };
    let reply = quoted(us, &message);
    Happening::Message(Box::new(Incoming {
        update,
        place: place(us, &message),
        message: message.message_id,
        at: message.edit_date.filter(|_| edited).unwrap_or(message.date),
        from,
        chat,
        text: clean::text(&typed.text),
        folded,
        mentions_us: typed.mentions_us,
        elsewhere: typed.elsewhere,
        replies_to_us: reply.as_ref().is_some_and(|quoted| quoted.ours),
        reply,
        forward: message.forward_origin.as_ref().map(whose),
        media,
        album: message.media_group_id,
        edited,
    }))
}

/// A tap. One whose message is not known belongs to the chat with whoever tapped.
pub(super) fn tapped(us: &Us<'_>, query: CallbackQuery) -> Happening {
    let place = match &query.message {
        Some(message) => place(us, message),
        None => Place {
            account: us.account.to_owned(),
            chat: query.from.id,
            thread: None,
        },
    };
    Happening::Tap(Tap {
        id: query.id,
        from: user(&query.from),
        place,
        message: query.message.map_or(0, |message| message.message_id),
        data: query.data.unwrap_or_default(),
    })
}

/// A changed reaction. One that nobody is named for does not concern us.
pub(super) fn reacted(us: &Us<'_>, update: i64, found: MessageReaction) -> Happening {
    let from = match (&found.user, &found.actor_chat) {
        (Some(one), _) => user(one),
        (None, Some(chat)) => in_the_name_of(chat, None),
        (None, None) => return Happening::Other,
    };
    let Some(chat) = chat_kind(&found.chat) else {
        return Happening::Other;
    };
    let emoji = |list: Vec<super::shape::ReactionType>| {
        let shown = |one: super::shape::ReactionType| {
            let own = one.emoji.map(|emoji| clean::line(&emoji, 16));
            own.unwrap_or_else(|| "a special emoji".to_owned())
        };
        list.into_iter().take(EMOJI).map(shown).collect()
    };
    Happening::Reaction(Reaction {
        update,
        place: Place {
            account: us.account.to_owned(),
            chat: found.chat.id,
            thread: None,
        },
        chat,
        from,
        message: found.message_id,
        at: found.date.unwrap_or(0),
        old: emoji(found.old_reaction),
        new: emoji(found.new_reaction),
    })
}

fn chat_kind(chat: &Chat) -> Option<ChatKind> {
    match chat.kind.as_deref() {
        Some("private") => Some(ChatKind::Private),
        Some("group" | "supergroup") => Some(ChatKind::Group {
            title: clean::name(chat.title.as_deref().unwrap_or("a group")),
        }),
        // Nobody speaks to us in a channel.
        _ => None,
    }
}

/// A reply in a group that is no forum has a thread as well, but is said in the group.
fn place(us: &Us<'_>, message: &Message) -> Place {
    let thread = message.message_thread_id;
    Place {
        account: us.account.to_owned(),
        chat: message.chat.id,
        thread: thread.filter(|&thread| message.is_topic_message && thread != GENERAL),
    }
}

/// Who speaks: the chat itself for an admin who wishes to stay unknown, and for a channel.
fn sender(message: &Message) -> Option<Person> {
    match &message.sender_chat {
        Some(chat) => Some(in_the_name_of(chat, message.author_signature.as_deref())),
        None => message.from.as_ref().map(user),
    }
}

fn user(user: &User) -> Person {
    Person {
        id: user.id,
        name: clean::full_name(user.first_name.as_deref(), user.last_name.as_deref()),
        username: user.username.as_deref().and_then(username),
        is_bot: user.is_bot,
    }
}

fn in_the_name_of(chat: &Chat, signature: Option<&str>) -> Person {
    let own = chat.title.as_deref().or(chat.first_name.as_deref());
    let name = [own, signature].map(Option::unwrap_or_default).join(" ");
    Person {
        id: chat.id,
        name: clean::name(&name),
        username: chat.username.as_deref().and_then(username),
        is_bot: false,
    }
}

/// A name by which somebody is called, where it is of the shape they have.
fn username(raw: &str) -> Option<String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_one = (1..=32).contains(&raw.len()) && raw.chars().all(fits);
    is_one.then(|| raw.to_owned())
}

fn quoted(us: &Us<'_>, message: &Message) -> Option<Quoted> {
    let part = message.quote.as_ref().map(|quote| quote.text.clone());
    if let Some(reply) = &message.reply_to_message {
        // In a topic everything answers the message that made the topic.
        let is_topic =
            message.is_topic_message && message.message_thread_id == Some(reply.message_id);
        if reply.forum_topic_created || is_topic {
            return None;
        }
        let ours =
            reply.sender_chat.is_none() && reply.from.as_ref().is_some_and(|from| from.id == us.id);
        return Some(Quoted {
            message: Some(reply.message_id),
            name: sender(reply).map_or_else(|| clean::name(""), |person| person.name),
            text: part.unwrap_or_else(|| gist(reply)),
            ours,
        });
    }
    let origin = message.external_reply.as_ref()?.origin.as_ref();
    Some(Quoted {
        message: None,
        name: origin.map_or_else(|| clean::name(""), author),
        text: part.unwrap_or_default(),
        ours: false,
    })
}

/// What a message said, in a few words.
fn gist(message: &Message) -> String {
    let text = message.text.as_ref().or(message.caption.as_ref());
    if let Some(text) = text {
        return text.clone();
    }
    let file = media::files(message, u64::MAX).into_iter().next();
    match file {
        Some(media) => format!("({})", media.kind.name()),
        None => media::folded(message).concat(),
    }
}

fn whose(origin: &ForwardOrigin) -> String {
    let when = origin
        .date
        .and_then(|date| jiff::Timestamp::from_second(date).ok())
        .map(|at| format!(", {}", at.strftime("%Y-%m-%d %H:%M UTC")));
    format!("{}{}", author(origin), when.unwrap_or_default())
}

fn author(origin: &ForwardOrigin) -> String {
    let chat = origin.chat.as_ref().or(origin.sender_chat.as_ref());
    if let Some(one) = &origin.sender_user {
        return user(one).name;
    }
    match chat {
        Some(chat) => in_the_name_of(chat, origin.author_signature.as_deref()).name,
        None => clean::name(origin.sender_user_name.as_deref().unwrap_or_default()),
    }
}
