//! The outside speaking: who writes to the gateway from where, and how they are answered.
//!
//! A channel keeps three promises. What its server told us is on disk before the server hears that
//! we have it; what is to be said is on disk before it is said, and marked once it was; and whoever
//! may not speak reaches no session. Never opens a session's workspace by path, and runs nothing.

pub(crate) mod telegram;
pub(crate) mod pairing;

use crate::broker::Services;
use crate::config::TelegramAccount;
use crate::router::Router;
use ipc::control::ChannelStatus;
use pairing::Desk;
use std::fmt;
use std::sync::Arc;
use telegram::{Account, ApiError, Bot, Parts, Told};
use tokio::sync::Mutex;

/// All channels of the gateway.
pub struct Channels {
    services: Arc<Services>,
    router: Arc<Router>,
    pairing: Arc<Desk>,
    /// Ends this gateway, so that a new one begins.
    again: Arc<dyn Fn() + Send + Sync>,
    /// In the order of the configuration.
    accounts: Mutex<Vec<Runs>>,
}

/// What became of an account.
#[derive(Debug)]
enum Runs {
    Bot(Account),
    /// It could not even begin.
    Failed {
        settings: Arc<TelegramAccount>,
        why: ApiError,
    },
}

impl Channels {
    /// None runs until [`Self::renew`]. `again` is what `/restart` does.
    #[must_use]
    pub fn new(
        services: Arc<Services>,
        router: Arc<Router>,
        again: Box<dyn Fn() + Send + Sync>,
    ) -> Self {
        Self {
            pairing: Arc::new(Desk::of(&services)),
            services,
            router,
            again: Arc::from(again),
            accounts: Mutex::default(),
        }
    }

    /// Where strangers ask to be let in.
    pub(crate) fn pairing(&self) -> &Arc<Desk> {
        &self.pairing
    }

    /// Makes what runs agree with the configuration in force: accounts that are new begin, those
    /// that are gone end, those that changed do both.
    pub async fn renew(&self) {
        let config = Arc::clone(&self.services.live.load().config);
        let mut accounts = self.accounts.lock().await;
        let is_wanted = |runs: &Runs| config.telegram.iter().any(|wanted| runs.is_as(wanted));
        let (mut kept, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut *accounts)
            .into_iter()
            .partition(is_wanted);
        // First: a bot that changed must not run twice.
        for runs in gone {
            runs.stop().await;
        }
        for wanted in &config.telegram {
            let found = kept.iter().position(|runs| runs.is_as(wanted));
            accounts.push(match found {
                Some(at) => kept.swap_remove(at),
                None => self.begin(Arc::new(wanted.clone())),
            });
        }
    }

    fn begin(&self, settings: Arc<TelegramAccount>) -> Runs {
        let parts = Parts {
            services: Arc::clone(&self.services),
            router: Arc::clone(&self.router),
            pairing: Arc::clone(&self.pairing),
            again: Arc::clone(&self.again),
        };
        let begun = Account::start(Arc::clone(&settings), parts);
        begun.map_or_else(|why| Runs::Failed { settings, why }, Runs::Bot)
    }

    /// How each account is; with `probe`, after asking its server now.
    pub async fn status(&self, probe: bool) -> Vec<ChannelStatus> {
        let told = self.look(probe).await;
        told.into_iter().map(|(status, _)| status).collect()
    }

    /// How each account is, and what it counted.
    pub(crate) async fn figures(&self) -> Vec<(ChannelStatus, Told)> {
        self.look(false).await
    }

    async fn look(&self, probe: bool) -> Vec<(ChannelStatus, Told)> {
        let bots: Vec<_> = self.accounts.lock().await.iter().map(Runs::seen).collect();
        // All at once: a probe may take long.
        let all = bots.into_iter().map(|seen| async move {
            match seen {
                Ok(bot) => (telegram::status(&bot, probe).await, bot.api.counts().told()),
                Err(status) => (*status, Told::default()),
            }
        });
        futures_util::future::join_all(all).await
    }

    /// Ends all of them. What was not sent is on disk.
    pub async fn drain(&self) {
        for runs in std::mem::take(&mut *self.accounts.lock().await) {
            runs.stop().await;
        }
    }
}

impl Runs {
    /// Whether it runs as `wanted` says. What failed is tried again.
    fn is_as(&self, wanted: &TelegramAccount) -> bool {
        match self {
            Self::Bot(account) => telegram::is_same(account.settings(), wanted),
            Self::Failed { .. } => false,
        }
    }

    fn seen(&self) -> Result<Arc<Bot>, Box<ChannelStatus>> {
        match self {
            Self::Bot(account) => Ok(Arc::clone(account.bot())),
            Self::Failed { settings, why } => Err(Box::new(telegram::failed(settings, why))),
        }
    }

    async fn stop(self) {
        match self {
            Self::Bot(account) => account.stop().await,
            Self::Failed { .. } => {}
        }
    }
}

impl fmt::Debug for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channels").finish_non_exhaustive()
    }
}
