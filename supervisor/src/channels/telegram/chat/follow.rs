//! Listens to a session whose answers grow in a chat. It keeps up with whatever is said while the
//! chat's task waits for the server; who falls behind all the same looks again.

use super::CHANNEL;
use super::desk::{Desk, lock};
use super::preview::Preview;
use super::task::Chat;
use crate::channels::telegram::Origin;
use crate::message::Outbound;
use crate::session::Watch;
use crate::store::NewNotice;
use ipc::approval::{ApprovalEnd, ApprovalRequest};
use ipc::control::Activity;
use ipc::id::{AgentId, SessionKey};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep, timeout};

/// A session that is silent for so long, and runs no turn, is not followed any more.
const QUIET: Duration = Duration::from_secs(30);

/// The pause before a session is looked at again whose driver has ended.
const PAUSE: Duration = Duration::from_secs(1);

/// What is done about the questions that a session has for people.
pub(crate) trait Overhears: Send + Sync {
    /// A command waits for a word of whoever asked at `origin`.
    fn asked(
        &self,
        origin: &Origin,
        session: &SessionKey,
        request: &ApprovalRequest,
    ) -> Option<NewNotice>;

    /// It waits no more.
    fn ended(&self, origin: &Origin, session: &SessionKey, end: &ApprovalEnd) -> Option<NewNotice>;
}

/// A session, as one chat hears it.
#[derive(Debug)]
pub(super) struct Line {
    /// Which.
    pub(super) session: SessionKey,
    /// What it says.
    pub(super) preview: Mutex<Preview>,
}

impl Desk {
    /// Listens until the session has nothing to say here.
    pub(super) async fn listen(&self, chat: &Arc<Chat>, line: &Arc<Line>, agent: &AgentId) {
        loop {
            let watched = self.bot.router.watch(&line.session, agent).await;
            let watch = match watched {
                Ok(watch) => watch,
                Err(error) => {
                    tracing::warn!(session = %line.session, "what it says is not shown as it grows: {error}");
                    chat.lets_go(line);
                    return;
                }
            };
            self.hear_all(chat, line, watch).await;
            // Its driver has ended. Somebody may have written again meanwhile.
            lock(&line.preview).take_up(self.from(chat), None, "", Instant::now());
            if chat.lets_go_if_quiet(line, Instant::now()) {
                return;
            }
            sleep(PAUSE).await;
        }
    }

    /// Until the session's driver ends, or it was quiet for long.
    async fn hear_all(&self, chat: &Arc<Chat>, line: &Arc<Line>, mut watch: Watch) {
        self.look_again(chat, line, &watch).await;
        loop {
            match timeout(QUIET, watch.events.recv()).await {
                Ok(Ok(said)) => self.hear(chat, line, &said).await,
                Ok(Err(RecvError::Lagged(_))) => {
                    let Some(anew) = self.watch_anew(&line.session).await else {
                        return;
                    };
                    watch = anew;
                    self.look_again(chat, line, &watch).await;
                }
                Ok(Err(RecvError::Closed)) => return,
                Err(_) => {
                    if !lock(&line.preview).is_alive(Instant::now()) {
                        return;
                    }
                }
            }
        }
    }

    async fn watch_anew(&self, session: &SessionKey) -> Option<Watch> {
        self.bot.router.find(session).await?.watch().await.ok()
    }

    /// Takes in what was missed.
    async fn look_again(&self, chat: &Arc<Chat>, line: &Arc<Line>, watch: &Watch) {
        let began = watch.began.as_ref();
        let now = Instant::now();
        let origin = {
            let mut preview = lock(&line.preview);
            preview.take_up(self.from(chat), began, &watch.draft, now);
            preview.running().map(|running| running.origin.clone())
        };
        chat.wake.notify_one();
        let Some(origin) = origin else { return };
        for request in self.bot.services.approvals.waiting(Some(&line.session)) {
            let notice = self.overhears.asked(&origin, &line.session, &request);
            self.say(notice).await;
        }
    }

    async fn hear(&self, chat: &Arc<Chat>, line: &Arc<Line>, said: &Outbound) {
        let now = Instant::now();
        let origin = {
            let mut preview = lock(&line.preview);
            preview.hear(self.from(chat), said, now);
            let asks = matches!(
                said,
                Outbound::Activity(Activity::ApprovalAsked(_) | Activity::ApprovalEnded(_))
            );
            let running = preview.running().filter(|_| asks);
            running.map(|running| running.origin.clone())
        };
        chat.wake.notify_one();
        let Some(origin) = origin else { return };
        let notice = match said {
            Outbound::Activity(Activity::ApprovalAsked(request)) => {
                self.overhears.asked(&origin, &line.session, request)
            }
            Outbound::Activity(Activity::ApprovalEnded(end)) => {
                self.overhears.ended(&origin, &line.session, end)
            }
            Outbound::Activity(
                Activity::ToolBegan { .. } | Activity::ToolEnded { .. } | Activity::Notice { .. },
            )
            | Outbound::Began(_)
            | Outbound::Delta(_)
            | Outbound::Undelta
            | Outbound::Final(_) => None,
        };
        self.say(notice).await;
    }

    async fn say(&self, notice: Option<NewNotice>) {
        let Some(notice) = notice else { return };
        debug_assert_eq!(notice.channel, CHANNEL);
        let kept = self
            .stored(|store| {
                let notice = notice.clone();
                async move { store.notice(notice).await }
            })
            .await;
        if kept.is_ok() {
            self.bot.services.outgoing.send_modify(|n| *n += 1);
        }
    }

    /// From where we look at sessions.
    fn from<'a>(&'a self, chat: &Chat) -> (&'a str, i64) {
        (&self.bot.account.id, chat.number)
    }
}
