//! One bot, as everything that is done for it sees it.

use super::api::Api;
use super::chat::Desk;
use super::intake::Intake;
use super::status::Board;
use crate::broker::Services;
use crate::channels::pairing;
use crate::config::TelegramAccount;
use crate::router::Router;
use arc_swap::ArcSwapOption;
use serde::Deserialize;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// One of our bots, and what it works with.
pub(crate) struct Bot {
    /// The way to its server.
    pub(crate) api: Api,
    /// How it is set up.
    pub(crate) account: Arc<TelegramAccount>,
    /// Its user id.
    pub(crate) id: i64,
    /// What every session works with.
    pub(crate) services: Arc<Services>,
    /// The way to sessions.
    pub(crate) router: Arc<Router>,
    /// Where strangers ask to be let in.
    pub(crate) pairing: Arc<pairing::Desk>,
    /// What `/restart` does.
    pub(crate) again: Arc<dyn Fn() + Send + Sync>,
    /// Where it is said that something waits to be handled.
    pub(crate) intake: Intake,
    /// Where its tasks say how it is doing.
    pub(super) board: Board,
    me: OnceLock<Me>,
    desk: ArcSwapOption<Desk>,
}

/// What every bot works with.
#[derive(Clone)]
pub(crate) struct Parts {
    /// What every session works with.
    pub(crate) services: Arc<Services>,
    /// The way to sessions.
    pub(crate) router: Arc<Router>,
    /// Where strangers ask to be let in.
    pub(crate) pairing: Arc<pairing::Desk>,
    /// What `/restart` does.
    pub(crate) again: Arc<dyn Fn() + Send + Sync>,
}

/// Who a bot is, as its server says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Me {
    /// Its user id.
    pub(crate) id: i64,
    /// Without the `@`.
    #[serde(default)]
    pub(crate) username: String,
    /// What people see.
    #[serde(default)]
    pub(crate) first_name: String,
}

impl Bot {
    /// A bot whose server was not asked yet who it is.
    pub(super) fn new(
        api: Api,
        settings: Arc<TelegramAccount>,
        parts: Parts,
        intake: Intake,
    ) -> Self {
        let Parts {
            services,
            router,
            pairing,
            again,
        } = parts;
        Self {
            // The configuration takes no token without one.
            id: api.bot().unwrap_or_default(),
            api,
            account: settings,
            services,
            router,
            pairing,
            again,
            intake,
            board: Board::new(),
            me: OnceLock::new(),
            desk: ArcSwapOption::empty(),
        }
    }

    /// Who it is. Known before any update of it is handled; until then it has no name.
    pub(crate) fn me(&self) -> Me {
        let unnamed = || Me {
            id: self.id,
            username: String::new(),
            first_name: String::new(),
        };
        self.me.get().cloned().unwrap_or_else(unnamed)
    }

    /// Where it speaks; nowhere before it was introduced, and after it was stopped.
    pub(crate) fn desk(&self) -> Option<Arc<Desk>> {
        self.desk.load_full()
    }

    /// From now on it speaks there. (The desk has the bot, and the bot the desk: `None` parts them.)
    pub(super) fn speaks(&self, desk: Option<Arc<Desk>>) {
        self.desk.store(desk);
    }

    /// The server said who it is. The first word holds: a new name comes with the next start.
    pub(super) fn is(&self, me: Me) {
        let _ = self.me.set(me);
    }
}

impl fmt::Debug for Bot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bot")
            .field("account", &self.account.id)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
