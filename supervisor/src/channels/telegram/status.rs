//! How a bot is doing, as people are told.

use super::api::ApiError;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

/// How a bot is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Status {
    /// Where it is.
    pub(crate) state: State,
    /// When the server last answered a look for updates, or brought one, milliseconds since 1970.
    pub(crate) polled_at: Option<i64>,
    /// What last went wrong, and when, milliseconds since 1970.
    pub(crate) last_error: Option<(i64, String)>,
    /// What could not be read.
    pub(crate) unreadable: u64,
    /// What could never be said.
    pub(crate) undelivered: u64,
    /// Why the last of that could not, and when, milliseconds since 1970.
    pub(crate) last_undelivered: Option<(i64, String)>,
}

/// Where a bot is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// Its server was not reached yet, and nothing is wrong so far.
    Connecting,
    /// Updates come.
    Ok,
    /// It is tried again; what is wrong, and how it is mended.
    Failing(String),
    /// It is not tried again; what is wrong, and how it is mended.
    Stopped(String),
}

/// Where a bot's tasks say how it is doing.
#[derive(Debug, Clone)]
pub(super) struct Board(watch::Sender<Status>);

impl Board {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(Status {
            state: State::Connecting,
            polled_at: None,
            last_error: None,
            unreadable: 0,
            undelivered: 0,
            last_undelivered: None,
        }))
    }

    pub(super) fn now(&self) -> Status {
        self.0.borrow().clone()
    }

    /// The server answered.
    pub(super) fn works(&self) {
        self.0.send_modify(|status| {
            status.state = State::Ok;
            status.polled_at = Some(now_ms());
        });
    }

    /// Something failed and is tried again. Said in the log when it is not what failed last.
    pub(super) fn fails(&self, account: &str, what: &str) {
        self.change(account, what, State::Failing(what.to_owned()));
    }

    /// Something failed that a person must mend.
    pub(super) fn stops(&self, account: &str, error: &ApiError) {
        let what = error.to_string();
        self.change(account, &what, State::Stopped(what.clone()));
    }

    /// Something we said went wrong in a way that is nobody's in particular; it is tried again. The
    /// bot itself is well.
    pub(super) fn missed(&self, what: &str) {
        self.0
            .send_modify(|status| status.last_error = Some((now_ms(), what.to_owned())));
    }

    /// What came can not be read.
    pub(super) fn unreadable(&self, how_many: u64) {
        self.0.send_modify(|status| status.unreadable += how_many);
    }

    /// Something can never be said. The bot itself is well.
    pub(super) fn undelivered(&self, reason: &str) {
        self.0.send_modify(|status| {
            status.undelivered += 1;
            status.last_undelivered = Some((now_ms(), reason.to_owned()));
        });
    }

    fn change(&self, account: &str, what: &str, state: State) {
        let is_new = self.0.borrow().state != state;
        self.0.send_modify(|status| {
            status.state = state;
            status.last_error = Some((now_ms(), what.to_owned()));
        });
        if is_new {
            tracing::warn!(account, "Telegram: {what}");
        }
    }
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH);
    elapsed.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
}
