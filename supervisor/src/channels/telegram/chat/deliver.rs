//! Answers and notices, part by part. Each part has a name in `posts`, so whoever goes on after a
//! crash knows which are there.

use super::desk::Desk;
use super::letter::{Letter, may_tap};
use super::live::Lives;
use super::quote::quoted;
use super::say::{Unsaid, number};
use super::task::{Chat, Mail};
use super::undelivered::{never, unreadable};
use super::words::escaped;
use super::{Notice, blocks};
use crate::channels::telegram::format::Rendered;
use crate::channels::telegram::outgoing::{self, Composed, Limits, Part};
use crate::channels::telegram::{Origin, Place};
use crate::store::{NoticeRow, OutboxRow, Post};
use ipc::id::{AgentId, SessionKey, TurnId};
use std::sync::Arc;

/// The pieces of a text that the server finds too long after all, in UTF-16 units.
const SHORTER: usize = 1500;

/// How the posts are called that show an answer while it grows. Ends with what no session's key
/// holds, so none is the beginning of another's.
pub(super) fn live_prefix(session: &SessionKey, turn: TurnId) -> String {
    format!("live:{}:{session}\t", turn.0)
}

/// The message that grows.
pub(super) const TEXT: &str = "text";
/// The message that lists what is done.
pub(super) const LIST: &str = "list";
/// Messages that are said while the answer is written.
pub(super) const BLOCK: &str = "block:";

/// What a text becomes, and where it goes.
pub(super) struct Parcel<'a> {
    /// How its posts are called; their numbers follow.
    pub(super) key: String,
    pub(super) origin: &'a Origin,
    /// Whose files it may hold.
    pub(super) agent: AgentId,
    pub(super) composed: Composed,
    /// What is kept of it for the next gateway, with its first post.
    pub(super) text: Option<String>,
    /// How many parts of the same answer came before.
    pub(super) before: usize,
}

impl Desk {
    /// Says what is to be said, and marks it.
    pub(super) async fn deliver(
        &self,
        mail: &Mail,
        lives: &mut Lives,
        chat: &Arc<Chat>,
    ) -> Result<(), Unsaid> {
        let said = match mail {
            Mail::Reply(row) => self.reply(row, lives, chat).await,
            Mail::Notice(row) => self.notice(row).await,
        };
        let never = never(said)?;
        self.mark(mail).await?;
        // Only now: a gateway that dies before says it again, and then finds out again.
        if let Some(reason) = never {
            self.can_not_deliver(mail, Some(chat.number), &reason);
        }
        Ok(())
    }

    /// What was said, or never can be, is done with.
    async fn mark(&self, mail: &Mail) -> Result<(), Unsaid> {
        match mail {
            Mail::Reply(row) => {
                let live = live_prefix(&row.session, row.turn);
                self.stored(|store| {
                    let (id, live) = (row.id, live.clone());
                    async move { store.mark_delivered(id, &live).await }
                })
                .await
            }
            Mail::Notice(row) => {
                self.stored(|store| {
                    let id = row.id;
                    async move { store.mark_said(id).await }
                })
                .await
            }
        }
    }

    async fn reply(
        &self,
        row: &OutboxRow,
        lives: &mut Lives,
        chat: &Arc<Chat>,
    ) -> Result<(), Unsaid> {
        lives.ends(&row.session, row.turn, chat);
        let live = live_prefix(&row.session, row.turn);
        match serde_json::from_value::<Origin>(row.target.clone()) {
            Ok(origin) => self.say_reply(row, &origin, &live).await,
            Err(error) => Err(unreadable(&error)),
        }
    }

    async fn say_reply(&self, row: &OutboxRow, origin: &Origin, live: &str) -> Result<(), Unsaid> {
        let grown = self.posts(live).await?;
        let said = self
            .finish_blocks(&grown, (&row.session, live), origin)
            .await?;
        let text = self.with_prefix(blocks::rest(&row.reply.text, &said), said.is_empty());
        let composed = outgoing::compose(&text, &self.limits());
        let shown = grown.iter().find(|post| post.key.ends_with(TEXT));
        let composed = match shown.is_none() && said.is_empty() {
            true => composed.captioned(),
            // The words are there already: what follows them is files alone.
            false => composed,
        };
        let reaction = composed.reaction.clone();
        let parcel = Parcel {
            key: format!("reply:{}\t", row.id.0),
            origin,
            agent: agent_of(&row.session),
            composed,
            text: None,
            before: said.len(),
        };
        self.send(&parcel, shown).await?;
        if let Some(list) = grown.iter().find(|post| post.key.ends_with(LIST)) {
            self.take_away(&origin.place, list).await?;
        }
        self.reacts(origin, reaction.as_deref()).await;
        Ok(())
    }

    /// Sends all parts; the first one into `shown`, the message that grew, if that is there.
    pub(super) async fn send(
        &self,
        parcel: &Parcel<'_>,
        mut shown: Option<&Post>,
    ) -> Result<(), Unsaid> {
        let sent = self.posts(&parcel.key).await?;
        let place = &parcel.origin.place;
        for (n, part) in parcel.composed.parts.iter().enumerate() {
            let key = format!("{}{n:04}", parcel.key);
            let before = sent.iter().find(|post| post.key == key);
            if before.is_some_and(|post| post.message.is_some()) {
                shown = None;
                continue;
            }
            let nth = parcel.before + n;
            let quote = quoted(
                self.bot.account.reply_mode,
                parcel.composed.quote,
                parcel.origin,
                nth,
            );
            match (part, shown.take()) {
                (Part::Text(words), Some(post)) => {
                    let letter = self.letter(words.clone(), quote);
                    if self.put_into(place, post, &letter).await? {
                        continue;
                    }
                    self.say_words(&key, place, letter, before, parcel.text.clone())
                        .await?;
                }
                (Part::Text(words), None) => {
                    let letter = self.letter(words.clone(), quote);
                    let text = parcel.text.clone().filter(|_| n == 0);
                    self.say_words(&key, place, letter, before, text).await?;
                }
                (Part::Attached { .. } | Part::Files { .. }, post) => {
                    if let Some(post) = post {
                        self.take_away(place, post).await?;
                    }
                    self.say_files(&key, parcel, part, quote, &sent).await?;
                }
            }
        }
        match shown {
            // Nothing is said after all.
            Some(post) => self.take_away(place, post).await,
            None => Ok(()),
        }
    }

    /// Puts a letter into a message that grew; `false` when it is not there (any more).
    async fn put_into(&self, place: &Place, post: &Post, letter: &Letter) -> Result<bool, Unsaid> {
        let Some(message) = self.find(place, post).await? else {
            return Ok(false);
        };
        match self.edit(place, message, letter).await {
            Ok(()) => Ok(true),
            Err(Unsaid::Gone) => Ok(false),
            Err(Unsaid::TooLong) => {
                self.delete(place, message).await?;
                Ok(false)
            }
            Err(other) => Err(other),
        }
    }

    /// The message of a post, which may be in doubt.
    pub(super) async fn find(&self, place: &Place, post: &Post) -> Result<Option<i32>, Unsaid> {
        match post.message {
            Some(message) => Ok(Some(number(message))),
            None => self.look_for(place, post.after, None).await,
        }
    }

    async fn take_away(&self, place: &Place, post: &Post) -> Result<(), Unsaid> {
        match self.find(place, post).await? {
            Some(message) => self.delete(place, message).await,
            None => Ok(()),
        }
    }

    /// A new message; several, where the server does not take it as one.
    pub(super) async fn say_words(
        &self,
        key: &str,
        place: &Place,
        letter: Letter,
        before: Option<&Post>,
        text: Option<String>,
    ) -> Result<(), Unsaid> {
        match self.post(key, place, letter.clone(), before, text).await {
            Ok(_) => Ok(()),
            Err(Unsaid::TooLong) => self.say_shorter(key, place, &letter).await,
            Err(other) => Err(other),
        }
    }

    async fn say_shorter(&self, key: &str, place: &Place, letter: &Letter) -> Result<(), Unsaid> {
        self.forget(key).await?;
        let sent = self.posts(key).await?;
        for (n, plain) in pieces(&letter.words.plain, SHORTER).into_iter().enumerate() {
            let key = format!("{key}.{n:04}");
            let before = sent.iter().find(|post| post.key == key);
            let words = Rendered {
                html: escaped(&plain),
                plain,
            };
            let letter = Letter {
                words,
                ..letter.clone()
            };
            self.post(&key, place, letter, before, None).await?;
        }
        Ok(())
    }

    async fn notice(&self, row: &NoticeRow) -> Result<(), Unsaid> {
        match serde_json::from_value::<Notice>(row.body.clone()) {
            Ok(notice) => self.say_notice(&row.key, &notice).await,
            Err(error) => Err(unreadable(&error)),
        }
    }

    async fn say_notice(&self, key: &str, notice: &Notice) -> Result<(), Unsaid> {
        let key = notice_key(key);
        let place = &notice.place;
        let into = match &notice.instead_of {
            Some(other) => {
                let posts = self.posts(&notice_key(other)).await?;
                let Some(post) = posts.first() else {
                    return Ok(());
                };
                self.find(place, post).await?
            }
            None => notice.edit,
        };
        let composed = outgoing::compose(&notice.text, &self.limits());
        let sent = self.posts(&key).await?;
        let last = composed.parts.len().saturating_sub(1);
        for (n, part) in composed.parts.iter().enumerate() {
            let words = match part {
                Part::Text(words) | Part::Attached { caption: words, .. } => words.clone(),
                Part::Files { caption, .. } => caption.clone().unwrap_or_default(),
            };
            if words.plain.is_empty() {
                continue;
            }
            let mut letter = self.letter(words, notice.reply_to.filter(|_| n == 0));
            if n == last && may_tap(self.bot.account.inline_buttons, place.chat) {
                letter.buttons.clone_from(&notice.buttons);
            }
            if let Some(message) = into.filter(|_| n == 0) {
                match self.edit(place, message, &letter).await {
                    Ok(()) => continue,
                    Err(Unsaid::Gone) if notice.instead_of.is_some() => return Ok(()),
                    Err(Unsaid::Gone | Unsaid::TooLong) => {}
                    Err(other) => return Err(other),
                }
            }
            let key = format!("{key}{n:04}");
            let before = sent.iter().find(|post| post.key == key);
            self.say_words(&key, place, letter, before, None).await?;
        }
        Ok(())
    }

    /// The posts of one answer, notice or turn.
    pub(super) async fn posts(&self, prefix: &str) -> Result<Vec<Post>, Unsaid> {
        self.stored(|store| {
            let prefix = prefix.to_owned();
            async move { store.posts(&prefix).await }
        })
        .await
    }

    /// Says what is missing of the blocks that were said while the answer was written; their texts.
    pub(super) async fn finish_blocks(
        &self,
        grown: &[Post],
        (session, live): (&SessionKey, &str),
        origin: &Origin,
    ) -> Result<Vec<String>, Unsaid> {
        let prefix = format!("{live}{BLOCK}");
        let blocks = grown.iter().filter(|post| post.key.starts_with(&prefix));
        let said: Vec<String> = blocks.filter_map(|post| post.text.clone()).collect();
        if let Some(last) = said.last() {
            // All before it were whole when it was begun.
            let n = said.len() - 1;
            self.say_block((session, live), n, last, origin).await?;
        }
        Ok(said)
    }

    /// Says one block of an answer that grows.
    pub(super) async fn say_block(
        &self,
        (session, live): (&SessionKey, &str),
        n: usize,
        text: &str,
        origin: &Origin,
    ) -> Result<(), Unsaid> {
        let composed = outgoing::compose(&self.with_prefix(text, n == 0), &self.limits());
        let parcel = Parcel {
            key: format!("{live}{BLOCK}{n:04}:"),
            origin,
            agent: agent_of(session),
            composed,
            text: Some(text.to_owned()),
            before: n,
        };
        self.send(&parcel, None).await
    }

    pub(super) fn letter(&self, words: Rendered, quote: Option<i32>) -> Letter {
        Letter {
            words,
            quote,
            buttons: Vec::new(),
            previews: self.bot.account.link_preview,
        }
    }

    pub(super) fn limits(&self) -> Limits {
        Limits {
            text: self.bot.account.text_limit,
            chunk: self.bot.account.chunk,
        }
    }

    /// An answer as this account says it, if it begins here.
    fn with_prefix(&self, text: &str, begins: bool) -> String {
        let prefix = self.prefix().filter(|_| begins && !text.trim().is_empty());
        format!("{}{text}", prefix.unwrap_or_default())
    }

    /// What stands in front of answers.
    pub(super) fn prefix(&self) -> Option<String> {
        let prefix = self.bot.account.response_prefix.as_ref();
        prefix
            .filter(|prefix| !prefix.is_empty())
            .map(|prefix| format!("{prefix} "))
    }
}

/// The agent a session's key names: `agent:ID:…`.
fn agent_of(session: &SessionKey) -> AgentId {
    AgentId::from(session.as_str().split(':').nth(1).unwrap_or_default())
}

fn notice_key(key: &str) -> String {
    format!("notice:{key}\t")
}

/// A text in pieces of at most `most` UTF-16 units.
fn pieces(text: &str, most: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut units = 0;
    for c in text.chars() {
        if units + c.len_utf16() > most {
            pieces.push(String::new());
            units = 0;
        }
        units += c.len_utf16();
        if let Some(last) = pieces.last_mut() {
            last.push(c);
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn no_session_finds_the_posts_of_another() {
        let of = |session: &str, turn| live_prefix(&SessionKey::from(session), TurnId(turn));
        assert!(!of("agent:main:x:1", 1).starts_with(&of("agent:main:x", 1)));
        assert!(!of("agent:main:x", 11).starts_with(&of("agent:main:x", 1)));
    }

    proptest! {
        #[test]
        fn pieces_are_the_text(text in ".{0,300}", most in 2..50_usize) {
            let pieces = pieces(&text, most);
            prop_assert_eq!(pieces.concat(), text);
            for piece in pieces {
                prop_assert!(piece.encode_utf16().count() <= most);
            }
        }
    }
}
