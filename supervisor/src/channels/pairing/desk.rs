//! The desk itself: what it knows.

use super::attempts::{Attempts, Source};
use super::requests::{Request, bare};
use super::rights;
use super::shelf::Shelf;
use super::word::WordError;
use super::{CHANNEL, Code, Standing, now_ms};
use crate::audit::{Audit, Event};
use crate::broker::Services;
use crate::config::Config;
use crate::store::StoreError;
use ipc::control::{Paired, PairingRequest};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::watch;

/// The only one who reads and writes who may speak and who asks to.
pub(crate) struct Desk {
    /// The configuration in force.
    config: Box<dyn Fn() -> Arc<Config> + Send + Sync>,
    audit: Audit,
    shelf: Mutex<Shelf>,
    attempts: Mutex<Attempts>,
    changed: watch::Sender<u64>,
    /// Who asked, by account and sender, and was not yet told that they are in: what was kept of them
    /// comes before what they say now.
    pub(super) fresh: Mutex<BTreeSet<(String, String)>>,
    /// How many were told in which hour that too many ask.
    pub(super) told: Mutex<(i64, u32)>,
    /// Where our pages are.
    address: Mutex<Option<SocketAddr>>,
}

impl Desk {
    /// The desk of a gateway.
    pub(crate) fn of(services: &Arc<Services>) -> Self {
        let audit = services.audit.clone();
        let services = Arc::clone(services);
        Self::new(audit, move || Arc::clone(&services.live.load().config))
    }

    pub(super) fn new(
        audit: Audit,
        config: impl Fn() -> Arc<Config> + Send + Sync + 'static,
    ) -> Self {
        let folder = config().paths.credentials();
        Self {
            config: Box::new(config),
            audit,
            shelf: Mutex::new(Shelf::new(&folder)),
            attempts: Mutex::default(),
            changed: watch::Sender::new(0),
            fresh: Mutex::default(),
            told: Mutex::default(),
            address: Mutex::default(),
        }
    }

    pub(super) fn config(&self) -> Arc<Config> {
        (self.config)()
    }

    pub(super) fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of somebody. Looks at the disk, reads it where it changed.
    ///
    /// # Errors
    /// When that can not be read: then nobody knows, and nobody may speak for having been approved.
    pub(crate) fn standing(&self, account: &str, sender: &str) -> Result<Standing, StoreError> {
        let mut shelf = self.shelf();
        let paired = shelf.is_approved(account, sender)?;
        // Who owns the gateway can not be told from a broken file: nobody does.
        let first = paired
            && shelf
                .owner()
                .is_ok_and(|owner| owner.as_deref() == Some(sender));
        Ok(Standing { paired, first })
    }

    /// Who asks, the oldest first.
    ///
    /// # Errors
    /// When that can not be read.
    pub(crate) fn pending(&self) -> Result<Vec<PairingRequest>, StoreError> {
        let mut pending = self.shelf().pending(now_ms())?;
        pending.sort_by_key(|request| request.asked_at);
        Ok(pending.into_iter().map(told).collect())
    }

    /// Who was let in.
    ///
    /// # Errors
    /// When that can not be read.
    pub(crate) fn paired(&self) -> Result<Vec<Paired>, StoreError> {
        let config = self.config();
        let mut shelf = self.shelf();
        let first = shelf.owner().ok().flatten();
        let mut paired = Vec::new();
        for account in &config.telegram {
            for sender in shelf.approved(&account.id)? {
                let standing = Standing {
                    paired: true,
                    first: first.as_deref() == Some(&sender),
                };
                paired.push(Paired {
                    channel: CHANNEL.to_owned(),
                    account: account.id.clone(),
                    owner: rights::is_owner(account, &sender, standing),
                    sender,
                });
            }
        }
        Ok(paired)
    }

    /// The accounts whose configuration lists somebody by number: the desk can not put them out.
    pub(crate) fn listed(&self, sender: &str) -> Vec<String> {
        let (config, sender) = (self.config(), bare(sender));
        let accounts = config.telegram.iter();
        let lists = accounts.filter(|account| account.allow_from.iter().any(|id| id == sender));
        lists.map(|account| account.id.clone()).collect()
    }

    /// Who asked and was let in, and was not told yet.
    ///
    /// # Errors
    /// When that can not be read.
    pub(crate) fn settled(&self, account: &str) -> Result<Vec<Request>, StoreError> {
        let mut shelf = self.shelf();
        let mut settled = Vec::new();
        for request in shelf.requests()? {
            if request.account == account && shelf.is_approved(account, &request.sender)? {
                settled.push(request);
            }
        }
        Ok(settled)
    }

    /// Somebody who was let in was told. Writes the disk.
    ///
    /// # Errors
    /// When that can not be kept.
    pub(crate) fn forget(&self, request: &Request) -> Result<(), StoreError> {
        self.shelf().forget(&request.account, &request.sender)?;
        self.releases(&request.account, &request.sender);
        Ok(())
    }

    /// What was kept of somebody is about to be released: from now on they are heard like anybody.
    pub(crate) fn releases(&self, account: &str, sender: &str) {
        self.fresh()
            .remove(&(account.to_owned(), sender.to_owned()));
    }

    /// Whether what was kept of somebody who was let in may not have been released yet.
    pub(crate) fn is_fresh(&self, account: &str, sender: &str) -> bool {
        let fresh = self.fresh();
        // Seldom anybody is.
        !fresh.is_empty() && fresh.contains(&(account.to_owned(), sender.to_owned()))
    }

    pub(super) fn fresh(&self) -> MutexGuard<'_, BTreeSet<(String, String)>> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody was sent away within a day.
    ///
    /// # Errors
    /// When that can not be read.
    pub(crate) fn is_away(&self, account: &str, sender: &str) -> Result<bool, StoreError> {
        self.shelf().is_away(account, sender, now_ms())
    }

    /// Moves when somebody was let in, or sent away, here. What is changed by hand does not move it.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(super) fn moved(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    /// Whose code this is, if it is good. Compares with each of them, and always takes as long.
    ///
    /// # Errors
    /// When that can not be read.
    pub(crate) fn whose(&self, code: &Code) -> Result<Option<Request>, StoreError> {
        let pending = self.shelf().pending(now_ms())?;
        Ok(pending.into_iter().fold(None, |found, request| {
            if request.code == *code {
                Some(request)
            } else {
                found
            }
        }))
    }

    /// Whether letting somebody in by this account now makes them the owner of the gateway.
    pub(crate) fn would_own(&self, account: &str, sender: &str) -> bool {
        let owner = self.shelf().owner();
        let free = owner.is_ok_and(|owner| owner.is_none_or(|owner| owner == sender));
        free && self.takes_owner(account)
    }

    /// Whether the first one who is let in by an account owns the gateway.
    pub(super) fn takes_owner(&self, account: &str) -> bool {
        let config = self.config();
        let mut accounts = config.telegram.iter();
        let account = accounts.find(|known| known.id == account);
        account.is_some_and(|account| !rights::has_owner(account))
    }

    /// Whether a source is heard now.
    ///
    /// # Errors
    /// [`WordError::Locked`] while it is not.
    pub(crate) fn hears(&self, source: Source) -> Result<(), WordError> {
        let checked = self.attempts().check(source, Instant::now());
        checked.map_err(WordError::Locked)
    }

    /// A source was wrong, with a code or with a token.
    pub(crate) fn wrong(&self, source: Source) {
        if self.attempts().wrong(source, Instant::now()) {
            tracing::warn!(
                "too many wrong pairing codes or tokens: {} is locked out",
                name(source)
            );
            self.record(
                "",
                &name(source),
                "locked out",
                "too many wrong codes or tokens",
            );
        }
    }

    fn attempts(&self) -> MutexGuard<'_, Attempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn record(&self, account: &str, sender: &str, what: &str, by: &str) {
        self.audit.record(Event::Pairing {
            channel: CHANNEL.to_owned(),
            account: account.to_owned(),
            sender: sender.to_owned(),
            what: what.to_owned(),
            by: by.to_owned(),
        });
    }

    /// Our pages are here now.
    pub(crate) fn pages_at(&self, address: SocketAddr) {
        *self.address.lock().unwrap_or_else(PoisonError::into_inner) = Some(address);
    }

    /// The page where a request is decided; `None` as long as there are no pages.
    pub(crate) fn link(&self, code: &Code) -> Option<String> {
        let config = self.config();
        if let Some(url) = &config.gateway.public_url {
            let url = url.as_str().trim_end_matches('/');
            return Some(format!("{url}/pair/{}", code.as_str()));
        }
        let address = *self.address.lock().unwrap_or_else(PoisonError::into_inner);
        let port = address?.port();
        Some(format!("http://127.0.0.1:{port}/pair/{}", code.as_str()))
    }

    /// What is wrong with the files, with the mend; `None` when nothing is.
    pub(crate) fn complaint(&self) -> Option<String> {
        let config = self.config();
        let mut shelf = self.shelf();
        let mut read = || -> Result<(), StoreError> {
            shelf.requests()?;
            shelf.owner()?;
            for account in &config.telegram {
                shelf.approved(&account.id)?;
            }
            Ok(())
        };
        let wrong = read().err()?;
        Some(format!(
            "it is not known who may write by telegram, and nobody who was let in is heard: failed to {wrong}"
        ))
    }
}

fn told(request: Request) -> PairingRequest {
    let name = match (&request.username, request.name.trim()) {
        (None, name) => name.to_owned(),
        (Some(username), "") => format!("@{username}"),
        (Some(username), name) => format!("{name} (@{username})"),
    };
    PairingRequest {
        channel: CHANNEL.to_owned(),
        asked_at: request.asked_at,
        expires_at: request.expires_at(),
        code: request.code.as_str().to_owned(),
        account: request.account,
        sender: request.sender,
        name,
    }
}

fn name(source: Source) -> String {
    match source {
        Source::Cli => "the command line".to_owned(),
        Source::Crowd => "many addresses".to_owned(),
        Source::Page(IpAddr::V4(ip)) => ip.to_string(),
        Source::Page(IpAddr::V6(ip)) => ip.to_string(),
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}
