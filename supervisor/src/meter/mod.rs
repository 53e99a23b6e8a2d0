//! What sessions use, counted and limited.
//!
//! ```text
//! tool_host ── process_started ─▶ Guard ── ended ─▶ "2.0 GiB memory limit", if that was why
//!                  │
//!              Account: one a session ◀── look, once a second while something runs, more often
//!                  │                        the nearer a limit is
//!     report, inspect, history ──▶ the store: a row a minute
//! ```
//! Where control groups are ours the kernel counts and enforces, and this only reads. Elsewhere a
//! session's processes are sampled by `/proc`, and killed when they are over a limit together. Never
//! starts anything, and knows a session's processes only by what it was told.

mod report;
mod task;
mod account;
mod disk;
mod hidden;
mod limits;
mod machine;

#[cfg(test)]
mod tests;

pub use account::{Kind, Network, NetworkUse};
pub use limits::words;

use crate::audit::{Audit, Event};
use crate::config::Limits;
use crate::process::cgroup::{Hierarchy, Leaf};
use crate::store::Store;
use account::Account;
use ipc::id::{AgentId, SessionKey};
use ipc::meter::Precision;
use ipc::model::Usage;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Sessions that are gone and remembered all the same, for who comes back or asks what they used. The
/// store keeps what all of them did.
const MOST_GONE: usize = 128;

/// Counts for all sessions. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Meter {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    groups: Option<Hierarchy>,
    /// Why there are none.
    without: String,
    store: Store,
    audit: Audit,
    accounts: Mutex<BTreeMap<SessionKey, Arc<Account>>>,
    /// A process was started.
    wake: Notify,
}

/// Counts for one session. Clones are the same one.
#[derive(Debug, Clone)]
pub struct SessionMeter {
    meter: Meter,
    account: Arc<Account>,
}

/// A process that is counted. Dropping it is the process's end.
#[derive(Debug)]
pub struct Guard {
    of: SessionMeter,
    pid: i32,
}

impl Meter {
    /// Sets up control groups where they are to be had. To be called before any child is started;
    /// nothing is sampled before [`Self::run`].
    #[must_use]
    pub fn new(store: Store, audit: Audit) -> Self {
        match Hierarchy::set_up() {
            Ok(groups) => Self::with(store, audit, Some(groups), String::new()),
            Err(why) => Self::with(store, audit, None, why.to_string()),
        }
    }

    fn with(store: Store, audit: Audit, groups: Option<Hierarchy>, without: String) -> Self {
        Self {
            inner: Arc::new(Inner {
                groups,
                without,
                store,
                audit,
                accounts: Mutex::default(),
                wake: Notify::new(),
            }),
        }
    }

    /// How limits hold: [`Precision::Exact`] is by the kernel.
    #[must_use]
    pub fn precision(&self) -> Precision {
        match self.inner.groups {
            Some(_) => Precision::Exact,
            None => Precision::Sampled,
        }
    }

    /// How limits hold, for people: `enforced by cgroup`, or `sampled: ` and why.
    #[must_use]
    pub fn how(&self) -> String {
        match self.inner.groups {
            Some(_) => "enforced by cgroup".to_owned(),
            None => format!("sampled: {}", self.inner.without),
        }
    }

    /// Whether the kernel enforces limits, proven: a group was made with limits, and removed. What was
    /// done, or what is in the way and what mends it.
    ///
    /// # Errors
    /// Not an error of this program: why limits are only sampled.
    pub fn cgroups(&self) -> Result<String, String> {
        let groups = self.inner.groups.as_ref();
        let groups = groups.ok_or_else(|| self.inner.without.clone())?;
        groups.prove().map_err(|error| error.to_string())
    }

    /// The counts of a session, which go on from where they were.
    #[must_use]
    pub fn session(&self, session: &SessionKey, agent: &AgentId) -> SessionMeter {
        let mut accounts = self.inner.accounts();
        let account = accounts
            .entry(session.clone())
            .or_insert_with(|| Arc::new(Account::new(session.clone(), agent.clone())));
        SessionMeter {
            meter: self.clone(),
            account: Arc::clone(account),
        }
    }
}

impl Inner {
    fn accounts(&self) -> MutexGuard<'_, BTreeMap<SessionKey, Arc<Account>>> {
        // A sample that panicked has left nothing half-done that matters.
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> Vec<Arc<Account>> {
        self.accounts().values().cloned().collect()
    }
}

/// Of the sessions that are gone, as many are kept as are remembered: those that were used most.
fn forget(accounts: &mut BTreeMap<SessionKey, Arc<Account>>) {
    let cpu = |account: &Arc<Account>| {
        let state = account.lock();
        let is_gone = Arc::strong_count(account) == 1 && state.processes.is_empty();
        is_gone.then(|| state.cpu())
    };
    let gone = accounts
        .iter()
        .filter_map(|(key, account)| Some((cpu(account)?, key.clone())));
    let mut gone: Vec<_> = gone.collect();
    gone.sort_unstable();
    gone.truncate(gone.len().saturating_sub(MOST_GONE));
    for (_, key) in gone {
        accounts.remove(&key);
    }
}

impl SessionMeter {
    /// Sets what the session's tools may use together, and where they work. To be called before the
    /// first tool is started, and again when the configuration changes.
    pub fn configure(&self, limits: &Limits, workspace: &Path) {
        let mut state = self.account.lock();
        state.configure(limits, workspace);
    }

    /// Counts a process that was just started. To be called before it is told anything: what it
    /// starts before that is not counted to the session's group.
    #[must_use]
    pub fn process_started(&self, pid: i32, kind: Kind) -> Guard {
        let mut state = self.account.lock();
        if let Some(groups) = &self.meter.inner.groups {
            let leaf = match kind {
                Kind::Agent => Leaf::Agent,
                Kind::Files | Kind::Tool { .. } => Leaf::Tools,
            };
            state.join(groups, pid, leaf);
        }
        state.begin(pid, kind);
        drop(state);
        self.meter.inner.wake.notify_one();
        Guard {
            of: self.clone(),
            pid,
        }
    }

    /// One more answer of a model, and what it cost in US dollars where its price is known.
    pub fn model_called(&self, usage: Usage, cost: Option<f64>) {
        self.account.lock().model.add(usage, cost);
    }

    /// Where to ask for the session's network traffic. What an earlier one told stays counted.
    pub fn set_network(&self, network: Arc<dyn Network>) {
        self.account.lock().set_network(network);
    }

    /// How to ask for the bytes in the `/tmp` of the session's room: they are memory.
    pub fn set_tmp(&self, used: Arc<dyn Fn() -> u64 + Send + Sync>) {
        self.account.lock().set_tmp(used);
    }

    /// The room is gone, and its `/tmp` with it.
    pub fn room_left(&self) {
        self.account.lock().room_left();
    }
}

impl Guard {
    /// The process has left; `used` is all CPU time of it and its children, where it was read
    /// before the process was waited for. Returns the limit it was killed for, if it was.
    #[must_use]
    pub fn ended(&self, used: Option<Duration>) -> Option<String> {
        let mut state = self.of.account.lock();
        let found = state.kernel_hit();
        let why = state.end(self.pid, used);
        drop(state);
        if let Some(what) = found {
            self.of.meter.inner.record(&self.of.account.session, what);
        }
        why
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.ended(None);
    }
}

impl Inner {
    fn record(&self, session: &SessionKey, what: String) {
        tracing::warn!("{session} was stopped: {what}");
        self.audit.record(Event::Limit {
            session: session.clone(),
            what,
        });
    }
}
