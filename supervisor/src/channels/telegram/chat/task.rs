//! One chat: what is to be said there, which sessions are heard, and the task that does it.

use super::desk::{Desk, lock};
use super::follow::Line;
use super::live::Lives;
use super::preview::Preview;
use super::say::Unsaid;
use crate::channels::telegram::Place;
use crate::store::{NoticeRow, OutboxRow};
use ipc::id::SessionKey;
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Something to be said, as it is on disk.
#[derive(Debug)]
pub(super) enum Mail {
    /// A turn's answer.
    Reply(Box<OutboxRow>),
    /// Anything else.
    Notice(Box<NoticeRow>),
}

impl Mail {
    /// Whose answer it is; nothing else is a session's.
    pub(super) fn session(&self) -> Option<&SessionKey> {
        match self {
            Self::Reply(row) => Some(&row.session),
            Self::Notice(_) => None,
        }
    }

    /// Where to.
    pub(super) fn target(&self) -> &Value {
        match self {
            Self::Reply(row) => &row.target,
            Self::Notice(row) => &row.target,
        }
    }
}

/// A chat that something is said in, or will be soon.
#[derive(Debug)]
pub(super) struct Chat {
    /// Telegram's number of it.
    pub(super) number: i64,
    /// Something changed: there is mail, or a session said something.
    pub(super) wake: Notify,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    mail: VecDeque<Mail>,
    lines: BTreeMap<SessionKey, Arc<Line>>,
    /// Its task has ended; another one begins.
    left: bool,
}

impl Chat {
    pub(super) fn new(number: i64) -> Self {
        Self {
            number,
            wake: Notify::new(),
            state: Mutex::default(),
        }
    }

    pub(super) fn put(&self, mail: Mail) {
        lock(&self.state).mail.push_back(mail);
        self.wake.notify_one();
    }

    /// A session's answer will grow here. The line to listen to, if nobody does yet.
    pub(super) fn expect(&self, place: &Place, session: &SessionKey) -> Option<Arc<Line>> {
        let mut state = lock(&self.state);
        let known = state.lines.get(session).cloned();
        let line = known.clone().unwrap_or_else(|| {
            let line = Arc::new(Line {
                session: session.clone(),
                preview: Mutex::new(Preview::default()),
            });
            state.lines.insert(session.clone(), Arc::clone(&line));
            line
        });
        lock(&line.preview).expect(place, Instant::now());
        self.wake.notify_one();
        known.is_none().then_some(line)
    }

    /// A session is not listened to any more, unless something is expected of it.
    pub(super) fn lets_go_if_quiet(&self, line: &Line, now: Instant) -> bool {
        let mut state = lock(&self.state);
        if lock(&line.preview).is_alive(now) {
            return false;
        }
        state.lines.remove(&line.session);
        self.wake.notify_one();
        true
    }

    /// A session can not be listened to.
    pub(super) fn lets_go(&self, line: &Line) {
        lock(&self.state).lines.remove(&line.session);
        self.wake.notify_one();
    }

    /// The sessions that are heard.
    pub(super) fn lines(&self) -> Vec<Arc<Line>> {
        lock(&self.state).lines.values().cloned().collect()
    }

    pub(super) fn has_mail(&self) -> bool {
        !lock(&self.state).mail.is_empty()
    }

    /// Waits until there is mail.
    pub(super) async fn mail_comes(&self) {
        while !self.has_mail() {
            self.wake.notified().await;
        }
    }

    /// Its task stays.
    pub(super) fn stays(&self) -> bool {
        !lock(&self.state).left
    }

    /// Its task ends, if there is nothing to do.
    pub(super) fn leaves(&self) -> bool {
        let mut state = lock(&self.state);
        state.left = state.mail.is_empty() && state.lines.is_empty();
        state.left
    }

    fn next(&self) -> Option<Mail> {
        lock(&self.state).mail.pop_front()
    }
}

impl Desk {
    /// Says what is to be said in a chat, in order, and shows in between what grows.
    pub(super) async fn attend(&self, chat: &Arc<Chat>) {
        let mut lives = Lives::default();
        loop {
            while let Some(mail) = chat.next() {
                if Box::pin(self.deliver(&mail, &mut lives, chat)).await == Err(Unsaid::Closing) {
                    return;
                }
                self.is_done();
            }
            let lines = chat.lines();
            if lines.is_empty() && self.leave(chat) {
                return;
            }
            lives.keep(&lines);
            let now = Instant::now();
            let due = lives.due(self, &lines, now);
            if due.is_some_and(|due| due <= now) {
                // Whatever else wakes us: a session that never stops talking is shown as well.
                Box::pin(self.show(&mut lives, &lines, chat)).await;
                continue;
            }
            let woken = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            let waits = self.unless_closing(async {
                tokio::select! {
                    biased;
                    () = chat.wake.notified() => {}
                    () = woken => {}
                }
            });
            if waits.await.is_err() {
                return;
            }
        }
    }
}
