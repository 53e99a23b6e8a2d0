//! Looking for updates: one `getUpdates` after the other, and each batch on disk before the next
//! one confirms it.
//!
//! ```text
//!        stored: the offset moves on
//!      ┌──────────────────┐
//!      ▼                  │
//!   asking ──── answer ───┘
//!    ▲   ├──── the way fails, the server is out of order ──▶ waiting, the first time not at all
//!    │   ├──── another program polls ──▶ waiting
//!    │   ├──── a webhook is set ──▶ it is removed, once; then waiting
//!    │   ├──── too many requests ──▶ waiting, as long as the server says
//!    │   └──── the token is refused ──▶ stopped
//!    └─ waiting: longer each time
//! ```
//!
//! Whoever runs this watches its beat, and begins it anew when that stops ([`super::account`]).

use super::api::{ApiError, Conflict};
use super::backoff::Backoff;
use super::bot::Bot;
use super::intake;
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Updates in one answer, as many as the server gives.
const LIMIT: u32 = 100;

/// What is listened to. What is not named here the server keeps to itself.
pub(super) const ALLOWED: [&str; 5] = [
    "message",
    "edited_message",
    "callback_query",
    "message_reaction",
    "my_chat_member",
];

/// After so long without an update the server numbers them anew, from anywhere: the last number
/// says nothing then. (It promises a week.)
pub(super) const NUMBERS_HOLD: Duration = Duration::from_secs(6 * 24 * 60 * 60);

/// A server that answers at once, and with nothing, is not asked again at once.
const HASTE: Duration = Duration::from_millis(200);

/// What is done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Ask.
    Ask,
    /// Ask after a while.
    Wait(Duration),
    /// Remove the webhook, then ask.
    RemoveWebhook,
    /// Ask no more: a person must mend something.
    Stop,
}

/// Where polling is.
#[derive(Debug)]
pub(super) struct Poll {
    offset: Option<i64>,
    /// When an update last came, or we began.
    moved_at: Instant,
    backoff: Backoff,
    failures: u32,
    removed_webhook: bool,
    /// Whether the server answered the last time. If not, it is to do so at once: people want to know.
    is_well: bool,
}

impl Poll {
    /// `newest`: the last update that is stored.
    pub(super) fn new(newest: Option<i64>, now: Instant, seed: u64) -> Self {
        Self {
            offset: newest.map(|id| id + 1),
            moved_at: now,
            backoff: Backoff::new(seed),
            failures: 0,
            removed_webhook: false,
            is_well: false,
        }
    }

    /// What the next look confirms: everything below.
    pub(super) fn offset(&self, now: Instant) -> Option<i64> {
        let holds = now.duration_since(self.moved_at) < NUMBERS_HOLD;
        self.offset.filter(|_| holds)
    }

    /// Whether the server may wait for something to happen before it answers.
    pub(super) fn may_wait(&self) -> bool {
        self.is_well
    }

    /// An answer came after `took`, and all of it is stored; `newest` is its highest number.
    pub(super) fn answered(&mut self, newest: Option<i64>, now: Instant, took: Duration) -> Next {
        let waited = std::mem::replace(&mut self.is_well, true);
        self.failures = 0;
        self.backoff.reset();
        match newest {
            Some(id) => {
                // What it says a second time takes nothing back, unless it may have numbered anew.
                self.offset = self.offset(now).max(Some(id + 1));
                self.moved_at = now;
                Next::Ask
            }
            None if waited && took < HASTE => Next::Wait(HASTE),
            None => Next::Ask,
        }
    }

    /// No answer came, or it could not be stored.
    pub(super) fn failed(&mut self, error: &ApiError) -> Next {
        self.failures += 1;
        self.is_well = false;
        match error {
            ApiError::Unauthorized => Next::Stop,
            ApiError::TooMany { after } => Next::Wait(*after),
            ApiError::Conflict {
                conflict: Conflict::Webhook,
            } if !self.removed_webhook => {
                self.removed_webhook = true;
                Next::RemoveWebhook
            }
            // A connection ends, a server begins anew: that is nothing, if it is once.
            ApiError::Network { .. } | ApiError::Server { .. } if self.failures == 1 => Next::Ask,
            ApiError::Network { .. }
            | ApiError::Server { .. }
            | ApiError::Conflict { .. }
            | ApiError::Refused(_) => Next::Wait(self.backoff.pause()),
        }
    }
}

#[derive(Serialize)]
struct GetUpdates {
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<i64>,
    limit: u32,
    timeout: u64,
    allowed_updates: [&'static str; ALLOWED.len()],
}

/// Polls until the token is refused. `beat` moves with every step; `newest` is the last update that
/// is stored.
pub(super) async fn run(bot: Arc<Bot>, beat: watch::Sender<Instant>, newest: Option<i64>) {
    let seed = bot.id.unsigned_abs() ^ super::status::now_ms().unsigned_abs();
    let mut poll = Poll::new(newest, Instant::now(), seed);
    loop {
        beat.send_replace(Instant::now());
        match step(&bot, &mut poll).await {
            Next::Ask => {}
            Next::Wait(pause) => wait(pause, &beat).await,
            Next::RemoveWebhook => {
                // Where this fails, the next look says why.
                let kept = json!({ "drop_pending_updates": false });
                let _ = bot.api.call_named("deleteWebhook", &kept).await;
            }
            Next::Stop => return,
        }
    }
}

/// One look, and what came of it.
async fn step(bot: &Bot, poll: &mut Poll) -> Next {
    let began = Instant::now();
    let failure = match ask(bot, poll.offset(began), poll.may_wait()).await {
        Ok(answer) => match intake::take(bot, &answer).await {
            Ok(newest) => {
                bot.board.works();
                let now = Instant::now();
                return poll.answered(newest, now, now - began);
            }
            // Not confirmed: the server says it again.
            Err(error) => ApiError::unsent(format!("failed to {error}")),
        },
        Err(error) => error,
    };
    let next = poll.failed(&failure);
    match next {
        Next::Stop => bot.board.stops(&bot.account.id, &failure),
        Next::Ask => tracing::debug!(account = bot.account.id, "getUpdates: {failure}"),
        Next::Wait(_) | Next::RemoveWebhook => {
            bot.board.fails(&bot.account.id, &failure.to_string())
        }
    }
    next
}

async fn ask(bot: &Bot, offset: Option<i64>, may_wait: bool) -> Result<Box<RawValue>, ApiError> {
    let takes = match may_wait {
        true => patience(&bot.account),
        false => Duration::ZERO,
    };
    let look = GetUpdates {
        offset,
        limit: LIMIT,
        timeout: takes.as_secs(),
        allowed_updates: ALLOWED,
    };
    bot.api.call_raw("getUpdates", &look, takes).await
}

/// How long one look may take: well within what counts as silence.
fn patience(account: &crate::config::TelegramAccount) -> Duration {
    account.poll_timeout.min(account.stall_after / 2)
}

/// Waiting is no silence.
async fn wait(pause: Duration, beat: &watch::Sender<Instant>) {
    let end = Instant::now() + pause;
    while Instant::now() < end {
        beat.send_replace(Instant::now());
        tokio::time::sleep_until(end.min(Instant::now() + Duration::from_secs(1))).await;
    }
}

#[cfg(test)]
mod tests;
