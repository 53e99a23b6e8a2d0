//! Shows answers while they grow: as a message that is edited, as the server's own draft, as a list
//! of what is done, block by block; and that somebody types. What fails here is left out: the next
//! look shows more, and the whole answer is said in any case.

use super::deliver::{BLOCK, LIST, TEXT, live_prefix};
use super::desk::{Desk, lock};
use super::follow::Line;
use super::letter::{Form, Letter, may_tap, thread};
use super::pacer::Pass;
use super::preview::{Running, Shown, Way};
use super::quote::quoted;
use super::say::{Next, Unsaid, message_of};
use super::task::Chat;
use super::{blocks, words};
use crate::channels::telegram::api::Kind;
use crate::channels::telegram::outgoing::{self, Quote};
use crate::channels::telegram::rates::Urgency;
use crate::channels::telegram::{Origin, Place};
use crate::config::Streaming;
use crate::message::Button;
use crate::store::Post;
use ipc::id::{SessionKey, TurnId};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use teloxide_core::payloads::SendChatAction;
use teloxide_core::types::{ChatAction, ChatId};
use tokio::time::Instant;

/// How often somebody is told again that we type; it shows for five seconds.
const TYPING: Duration = Duration::from_secs(4);
/// How often it is looked for a finished block.
const LOOK: Duration = Duration::from_millis(200);
/// The pause after something could not be shown.
const PAUSE: Duration = Duration::from_secs(2);

/// What of each session is shown in a chat.
#[derive(Debug, Default)]
pub(super) struct Lives(BTreeMap<SessionKey, Live>);

/// What is shown of one session's answer.
#[derive(Debug, Default)]
struct Live {
    /// Which of the turns that the line has seen.
    nth: u64,
    /// What an earlier gateway showed was looked for.
    looked: bool,
    /// The message that grows.
    message: Option<i32>,
    /// It was sent after this one, and nobody knows whether it arrived.
    doubt: Option<i64>,
    shown: Option<Shown>,
    letter: Option<Letter>,
    /// The server's own draft is to be seen.
    drafting: bool,
    /// The server refused our markup.
    plain: bool,
    /// Nothing more of this turn is shown: it was answered, or its message was taken away.
    done: bool,
    blocks: Vec<String>,
    /// When it was last looked for a finished block, and in which state of things.
    looked_at: Option<(Instant, Shown)>,
    not_before: Option<Instant>,
    typed: Option<Instant>,
}

impl Lives {
    /// Forgets sessions that are not heard any more.
    pub(super) fn keep(&mut self, lines: &[Arc<Line>]) {
        self.0
            .retain(|session, _| lines.iter().any(|line| line.session == *session));
    }

    /// A turn's answer is there: nothing of it grows any more.
    pub(super) fn ends(&mut self, session: &SessionKey, turn: TurnId, chat: &Chat) {
        let lines = chat.lines();
        let Some(line) = lines.iter().find(|line| line.session == *session) else {
            return;
        };
        let preview = lock(&line.preview);
        if let Some(running) = preview.running().filter(|running| running.turn == turn) {
            let live = self.of(session, running.nth);
            live.done = true;
        }
    }

    /// When something is to be shown next.
    pub(super) fn due(
        &mut self,
        desk: &Desk,
        lines: &[Arc<Line>],
        now: Instant,
    ) -> Option<Instant> {
        let due = lines.iter().filter_map(|line| self.due_of(desk, line, now));
        due.min()
    }

    fn due_of(&mut self, desk: &Desk, line: &Line, now: Instant) -> Option<Instant> {
        let preview = lock(&line.preview);
        let running = preview.running();
        let nth = running.map_or(0, |running| running.nth);
        let live = match running {
            Some(_) => self.of(&line.session, nth),
            None => self.0.entry(line.session.clone()).or_default(),
        };
        let typing = preview
            .waits(now)
            .filter(|_| !(live.done && running.is_some()));
        let typing = typing.and_then(|_| live.typing_due(now));
        let grows = running.filter(|_| !live.done);
        let grows = grows.and_then(|running| desk.grows_at(live, running, now));
        [typing, grows].into_iter().flatten().min()
    }

    /// What is shown of this turn; of another one it is forgotten.
    fn of(&mut self, session: &SessionKey, nth: u64) -> &mut Live {
        let live = self.0.entry(session.clone()).or_default();
        if live.nth != nth {
            *live = Live {
                nth,
                typed: live.typed,
                ..Live::default()
            };
        }
        live
    }
}

impl Live {
    fn typing_due(&self, now: Instant) -> Option<Instant> {
        (!self.drafting).then(|| self.typed.map_or(now, |typed| typed + TYPING))
    }
}

impl Desk {
    /// Shows what is due.
    pub(super) async fn show(&self, lives: &mut Lives, lines: &[Arc<Line>], chat: &Arc<Chat>) {
        for line in lines {
            let now = Instant::now();
            if lives.due_of(self, line, now).is_none_or(|due| due > now) {
                continue;
            }
            let Some(live) = lives.0.get_mut(&line.session) else {
                continue;
            };
            let place = lock(&line.preview).waits(now).cloned();
            if let Some(place) = place
                && live.typing_due(now).is_some_and(|due| due <= now)
            {
                live.typed = Some(now);
                self.types(&place);
            }
            if let Err(Unsaid::Closing) = self.show_text(live, line, chat).await {
                return;
            }
            if chat.has_mail() {
                return;
            }
        }
    }

    fn types(&self, place: &Place) {
        let place = self.now_at(place);
        let api = self.bot.api.clone();
        self.spawn_until_closing(async move {
            let mut asked = SendChatAction::new(ChatId(place.chat), ChatAction::Typing);
            asked.message_thread_id = thread(&place);
            // A general topic has a number in actions alone, and nobody misses one that fails.
            let _ = api.call(&asked).await;
        });
    }

    /// When more of an answer is to be shown.
    fn grows_at(&self, live: &mut Live, running: &Running, now: Instant) -> Option<Instant> {
        let due = match self.bot.account.streaming {
            Streaming::Off => None,
            Streaming::Block => self.block_at(live, running, now),
            Streaming::Partial | Streaming::Progress => {
                running.due(live.shown.as_ref(), self.way(running))
            }
        };
        due.map(|due| {
            live.not_before
                .map_or(due, |not_before| due.max(not_before))
        })
    }

    /// When a block is to be said, or looked for: not with every word.
    fn block_at(&self, live: &mut Live, running: &Running, now: Instant) -> Option<Instant> {
        let state = running.shown(None, now);
        if let Some((at, before)) = &live.looked_at {
            if before.is_same(&state) {
                return None;
            }
            if now < *at + LOOK {
                return Some(*at + LOOK);
            }
        }
        let found = self.block(live, running).map(|_| now);
        if found.is_none() {
            live.looked_at = Some((now, state));
        }
        found
    }

    fn way(&self, running: &Running) -> Way {
        let chat = running.origin.place.chat;
        let group = chat < 0;
        match self.bot.account.streaming {
            Streaming::Progress => Way::List { group },
            Streaming::Partial | Streaming::Off | Streaming::Block => {
                let drafts = self.bot.account.drafts && !self.no_drafts.load(Ordering::Relaxed);
                match drafts && !group {
                    true => Way::Draft,
                    false => Way::Message { group },
                }
            }
        }
    }

    async fn show_text(&self, live: &mut Live, line: &Line, chat: &Chat) -> Result<(), Unsaid> {
        let now = Instant::now();
        let Some((origin, turn, way)) = ({
            let preview = lock(&line.preview);
            let running = preview.running();
            let running = running.filter(|running| running.nth == live.nth && !live.done);
            let due = running.filter(|running| {
                self.grows_at(live, running, now)
                    .is_some_and(|due| due <= now)
            });
            due.map(|running| (running.origin.clone(), running.turn, self.way(running)))
        }) else {
            return Ok(());
        };
        let prefix = live_prefix(&line.session, turn);
        if !live.looked {
            self.all_is_read(chat).await?;
            if chat.has_mail() {
                return Ok(());
            }
            self.take_over(live, (&line.session, &prefix), &origin)
                .await?;
            live.looked = true;
            return Ok(());
        }
        if self.bot.account.streaming == Streaming::Block {
            return self.show_block(live, line, &prefix, &origin).await;
        }
        if !self.has_news(live, line, way) {
            return Ok(());
        }
        let key = format!(
            "{prefix}{}",
            if matches!(way, Way::List { .. }) {
                LIST
            } else {
                TEXT
            }
        );
        self.settle(live, (line, way), &origin.place, &key).await?;
        let pass = match way {
            // No message: nobody counts it.
            Way::Draft => None,
            Way::Message { .. } | Way::List { .. } => {
                let pass = self.may_show(&origin.place, chat).await?;
                if pass.is_none() {
                    return Ok(());
                }
                pass
            }
        };
        // What was said meanwhile is shown as well.
        let Some((letter, shown)) = self.look(live, line, way) else {
            return Ok(());
        };
        let place = self.now_at(&origin.place);
        let said = match (way, live.message) {
            (Way::Draft, _) => match self.draft(live, &place, turn, &letter).await {
                Some(next) => next,
                None => return Ok(()),
            },
            (_, Some(message)) => self.grow(live, &place, message, &letter, pass).await,
            (_, None) => self.first(live, &place, &key, &letter, pass).await?,
        };
        match said {
            Next::Done => {
                live.shown = Some(shown);
                live.letter = Some(letter);
            }
            Next::Plain if !live.plain => live.plain = true,
            Next::Gone | Next::Never(_) | Next::TooLong => live.done = true,
            Next::Again
            | Next::Doubt
            | Next::Down
            | Next::Wait(_)
            | Next::Moved(_)
            | Next::Plain
            | Next::Unquoted => live.not_before = Some(Instant::now() + PAUSE),
        }
        Ok(())
    }

    /// Waits for its time; not any more once there is mail.
    async fn may_show(&self, place: &Place, chat: &Chat) -> Result<Option<Pass>, Unsaid> {
        let permit = self.pacer.permit(self.now_at(place).chat, Urgency::Live);
        let granted = async {
            tokio::select! {
                biased;
                () = chat.mail_comes() => None,
                pass = permit => Some(pass),
            }
        };
        self.unless_closing(granted).await
    }

    /// Whether what is to be seen now differs from what is. A look that does not costs nothing.
    fn has_news(&self, live: &mut Live, line: &Line, way: Way) -> bool {
        let Some((letter, shown)) = self.look(live, line, way) else {
            return false;
        };
        // A draft fades, so it is shown again although nothing changed.
        let fades = live.drafting
            && live
                .shown
                .as_ref()
                .is_some_and(|before| before.is_same(&shown));
        let same = live.letter.as_ref() == Some(&letter) && !fades;
        if same {
            live.shown = Some(shown);
        }
        !same
    }

    /// What is to be seen now.
    fn look(&self, live: &Live, line: &Line, way: Way) -> Option<(Letter, Shown)> {
        let now = Instant::now();
        let preview = lock(&line.preview);
        let running = preview.running()?;
        let running = Some(running).filter(|running| running.nth == live.nth)?;
        let mut seen = match way {
            Way::List { .. } => words::list(running),
            Way::Message { .. } | Way::Draft => {
                let prefix = self.prefix().unwrap_or_default();
                words::so_far(running, &prefix, self.bot.account.text_limit, now)
            }
        };
        if seen.plain.is_empty() && way != Way::Draft {
            live.shown.as_ref()?;
            seen = words::nothing_yet();
        }
        // What is there quotes what it quotes.
        let quote = match live.message {
            None if way != Way::Draft => self.quotes(running),
            None | Some(_) => None,
        };
        let mut letter = self.letter(seen, quote);
        if may_tap(self.bot.account.inline_buttons, running.origin.place.chat) && way != Way::Draft
        {
            letter.buttons = vec![vec![Button {
                label: "⏹ Stop".to_owned(),
                command: "/stop".to_owned(),
            }]];
        }
        Some((letter, running.shown(live.shown.as_ref(), now)))
    }

    /// What an answer quotes, as far as it says so yet.
    fn quotes(&self, running: &Running) -> Option<i32> {
        let said = match running.text.contains("[[reply_to") {
            true => outgoing::compose(&running.text, &self.limits()).quote,
            false => Quote::Default,
        };
        quoted(self.bot.account.reply_mode, said, &running.origin, 0)
    }

    /// Finds what an earlier gateway showed of this turn.
    async fn take_over(
        &self,
        live: &mut Live,
        (session, prefix): (&SessionKey, &str),
        origin: &Origin,
    ) -> Result<(), Unsaid> {
        let posts = self.posts(prefix).await?;
        let is_grown = |post: &&Post| post.key.ends_with(TEXT) || post.key.ends_with(LIST);
        if let Some(post) = posts.iter().find(is_grown) {
            live.message = self.find(&origin.place, post).await?;
            match live.message {
                Some(message) => self.arrived(&post.key, &origin.place, message).await?,
                None => self.forget(&post.key).await?,
            }
        }
        if posts.iter().any(|post| post.key.contains(BLOCK)) {
            live.blocks = self
                .finish_blocks(&posts, (session, prefix), origin)
                .await?;
        }
        Ok(())
    }

    /// Finds the message that was sent, and of which nobody heard whether it arrived.
    async fn settle(
        &self,
        live: &mut Live,
        (line, way): (&Line, Way),
        place: &Place,
        key: &str,
    ) -> Result<(), Unsaid> {
        let Some(after) = live.doubt else {
            return Ok(());
        };
        let Some((letter, _)) = self.look(live, line, way) else {
            return Ok(());
        };
        live.doubt = None;
        live.message = self.look_for(place, after, letter.keyboard()).await?;
        match live.message {
            Some(message) => self.arrived(key, &self.now_at(place), message).await,
            None => self.forget(key).await,
        }
    }

    /// The message that will grow.
    async fn first(
        &self,
        live: &mut Live,
        place: &Place,
        key: &str,
        letter: &Letter,
        pass: Option<Pass>,
    ) -> Result<Next, Unsaid> {
        let after = self.begin(key, place, None).await?;
        let form = live.form();
        let sent = self.bot.api.call(&letter.send(place, form)).await;
        drop(pass);
        let next = match sent {
            Ok(sent) => match message_of(&sent) {
                Some(message) => {
                    live.message = Some(message);
                    self.arrived(key, place, message).await?;
                    return Ok(Next::Done);
                }
                None => Next::Doubt,
            },
            Err(error) => self.failed(place, &error, form),
        };
        if next == Next::Doubt {
            live.doubt = Some(after);
        } else {
            // It is not there: nobody need look for it.
            self.forget(key).await?;
        }
        Ok(next)
    }

    async fn grow(
        &self,
        live: &Live,
        place: &Place,
        message: i32,
        letter: &Letter,
        pass: Option<Pass>,
    ) -> Next {
        let form = live.form();
        let asked = letter.edit(place.chat, message, form);
        let edited = self.bot.api.call(&asked).await;
        drop(pass);
        match edited {
            Ok(_) => Next::Done,
            Err(error) => self.failed(place, &error, form),
        }
    }

    /// The server's own draft; `None` where it has none, and is not asked again.
    async fn draft(
        &self,
        live: &mut Live,
        place: &Place,
        turn: TurnId,
        letter: &Letter,
    ) -> Option<Next> {
        let form = live.form();
        let asked = draft_of(place, turn, letter, form);
        let Err(error) = self.bot.api.call_named("sendMessageDraft", &asked).await else {
            live.drafting = true;
            return Some(Next::Done);
        };
        live.drafting = false;
        if error.kind() == Some(&Kind::NoMethod) {
            tracing::info!(account = %self.bot.account.id, "no native drafts, so messages are edited: {error}");
            self.no_drafts.store(true, Ordering::Relaxed);
            live.shown = None;
            live.letter = None;
            return None;
        }
        Some(self.failed(place, &error, form))
    }

    /// The block that is finished, if one is.
    fn block(&self, live: &Live, running: &Running) -> Option<String> {
        if blocks::may_be_said(&running.text, &live.blocks) {
            return None;
        }
        let rest = blocks::rest(&running.text, &live.blocks);
        let end = blocks::finished(rest, running.works())?;
        Some(rest[..end].trim().to_owned()).filter(|block| !block.is_empty())
    }

    async fn show_block(
        &self,
        live: &mut Live,
        line: &Line,
        prefix: &str,
        origin: &Origin,
    ) -> Result<(), Unsaid> {
        let block = {
            let preview = lock(&line.preview);
            let running = preview.running();
            running.and_then(|running| self.block(live, running))
        };
        let Some(block) = block else { return Ok(()) };
        let n = live.blocks.len();
        match self
            .say_block((&line.session, prefix), n, &block, origin)
            .await
        {
            Ok(()) => live.blocks.push(block),
            Err(Unsaid::Closing) => return Err(Unsaid::Closing),
            Err(Unsaid::Never(_) | Unsaid::Gone | Unsaid::TooLong) => live.done = true,
        }
        Ok(())
    }
}

/// A draft as the server is told of it. Without a word it says that there will be some.
fn draft_of(place: &Place, turn: TurnId, letter: &Letter, form: Form) -> Value {
    let (text, mode) = match form {
        Form::Html => (&letter.words.html, Some("HTML")),
        Form::Plain => (&letter.words.plain, None),
    };
    let mut asked = json!({
        "chat_id": place.chat,
        // Never 0; what comes under the same number replaces what was there.
        "draft_id": turn.0 % 1_000_000_000 + 1,
        "text": text,
    });
    if let Some(mode) = mode.filter(|_| !text.is_empty()) {
        asked["parse_mode"] = mode.into();
    }
    if let Some(thread) = place.thread {
        asked["message_thread_id"] = thread.into();
    }
    asked
}

impl Live {
    fn form(&self) -> Form {
        match self.plain {
            true => Form::Plain,
            false => Form::Html,
        }
    }
}
