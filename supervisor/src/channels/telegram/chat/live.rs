//! Shows answers while they grow: as a message that is edited, as the server's own draft, as a list
//! of what is done, block by block; and that somebody types. What fails here is left out: the next
//! look shows more, and the whole answer is said in any case.

mod text;
mod message;
mod seen;
mod draft;
mod block;

use super::desk::{Desk, lock};
use super::follow::Line;
use super::letter::{Form, Letter, thread};
use super::preview::{Running, Shown, Way};
use super::say::Unsaid;
use super::task::Chat;
use crate::channels::telegram::Place;
use crate::config::Streaming;
use ipc::id::{SessionKey, TurnId};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use teloxide_core::payloads::SendChatAction;
use teloxide_core::types::{ChatAction, ChatId};
use tokio::time::Instant;

/// How often somebody is told again that we type; it shows for five seconds.
const TYPING: Duration = Duration::from_secs(4);

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

    fn form(&self) -> Form {
        match self.plain {
            true => Form::Plain,
            false => Form::Html,
        }
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
}
