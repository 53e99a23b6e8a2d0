//! One session's counts: its processes, what they used before and what the last look saw.

mod look;

pub(super) use look::{Looked, Size};

use super::disk::Disk;
use super::limits::memory_limit;
use crate::config::Limits;
use crate::process::cgroup::{Events, Group, GroupLimits, GroupUse, Hierarchy, Leaf};
use crate::process::usage::{Tree, TreeUse};
use ipc::id::{AgentId, JobId, SessionKey};
use ipc::meter::Destination;
use ipc::model::Usage;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Seconds of history that are kept in memory.
pub(super) const SECONDS: usize = 120;

/// What a process is to its session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Its agent: sealed, and so without children.
    Agent,
    /// Its file worker, which waits for calls.
    Files,
    /// A tool that runs.
    Tool {
        /// Its name: `exec`.
        name: String,
        /// What its process is called.
        job: JobId,
    },
}

/// What tools said to the network and heard of it.
pub trait Network: Send + Sync + fmt::Debug {
    /// In all so far.
    fn used(&self) -> NetworkUse;
    /// With whom, most bytes first; at most 50.
    fn destinations(&self) -> Vec<Destination>;
}

/// Network traffic in bytes, and connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NetworkUse {
    /// Bytes that came in.
    pub received: u64,
    /// Bytes that went out.
    pub sent: u64,
    /// Connections made.
    pub connections: u64,
    /// Connections denied.
    pub denied: u64,
}

impl NetworkUse {
    fn plus(self, other: Self) -> Self {
        Self {
            received: self.received.saturating_add(other.received),
            sent: self.sent.saturating_add(other.sent),
            connections: self.connections.saturating_add(other.connections),
            denied: self.denied.saturating_add(other.denied),
        }
    }
}

/// Answers of models.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ModelUse {
    pub(super) calls: u64,
    pub(super) tokens_in: u64,
    pub(super) tokens_out: u64,
    /// In US dollars; none while no price was known.
    pub(super) cost: Option<f64>,
}

impl ModelUse {
    pub(super) fn add(&mut self, usage: Usage, cost: Option<f64>) {
        self.calls = self.calls.saturating_add(1);
        self.tokens_in = self.tokens_in.saturating_add(usage.input);
        self.tokens_out = self.tokens_out.saturating_add(usage.output);
        if let Some(cost) = cost {
            self.cost = Some(self.cost.unwrap_or(0.0) + cost);
        }
    }
}

/// What only grows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) cpu: Duration,
    pub(super) read: u64,
    pub(super) written: u64,
    pub(super) network: NetworkUse,
}

/// A session's counts.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) session: SessionKey,
    pub(super) agent: AgentId,
    state: Mutex<State>,
}

/// A process that runs.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) kind: Kind,
    pub(super) tree: Tree,
    pub(super) last: TreeUse,
    pub(super) began: Instant,
    /// The process itself, whoever may have its number later; none where it was gone at once.
    handle: Option<OwnedFd>,
    /// Why it was killed.
    hit: Option<String>,
}

pub(super) struct State {
    pub(super) processes: BTreeMap<i32, Running>,
    pub(super) model: ModelUse,
    /// CPU share of the last seconds, in thousandths of a core.
    pub(super) history: VecDeque<u32>,
    /// At the last look: memory, CPU share.
    pub(super) memory: u64,
    pub(super) rate: u32,
    pub(super) memory_peak: u64,
    pub(super) first_at: Option<Instant>,
    limits: Limits,
    workspace: PathBuf,
    group: Option<Group>,
    group_use: GroupUse,
    events: Events,
    /// CPU time before the session had its control group.
    before_group: Duration,
    /// Of processes that have ended, and of groups that are gone.
    ended: Totals,
    network: Option<Arc<dyn Network>>,
    tmp: Option<Arc<dyn Fn() -> u64 + Send + Sync>>,
    disk: Disk,
    looks: look::Looks,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("processes", &self.processes)
            .finish_non_exhaustive()
    }
}

impl Account {
    pub(super) fn new(session: SessionKey, agent: AgentId) -> Self {
        Self {
            session,
            agent,
            state: Mutex::new(State {
                processes: BTreeMap::new(),
                model: ModelUse::default(),
                history: VecDeque::new(),
                memory: 0,
                rate: 0,
                memory_peak: 0,
                first_at: None,
                limits: Limits::default(),
                workspace: PathBuf::new(),
                group: None,
                group_use: GroupUse::default(),
                events: Events::default(),
                before_group: Duration::ZERO,
                ended: Totals::default(),
                network: None,
                tmp: None,
                disk: Disk::default(),
                looks: look::Looks::new(Instant::now()),
            }),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // A look that panicked has left nothing half-done that matters.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub(super) fn configure(&mut self, limits: &Limits, workspace: &Path) {
        self.limits = *limits;
        if self.workspace != workspace {
            workspace.clone_into(&mut self.workspace);
            self.disk = Disk::default();
        }
        let limits = self.group_limits();
        if let Some(Err(error)) = self.group.as_ref().map(|group| group.limit(limits)) {
            tracing::error!("failed to set a session's limits: {error}");
        }
    }

    /// Puts a process into the session's group, which is made where there is none.
    pub(super) fn join(&mut self, groups: &Hierarchy, pid: i32, leaf: Leaf) {
        if self.group.is_none() {
            match groups.group(self.group_limits()) {
                Ok(group) => {
                    self.before_group = self.ended.cpu;
                    self.group = Some(group);
                }
                // It is sampled then, which is less and not nothing.
                Err(error) => tracing::error!("failed to make a control group: {error}"),
            }
        }
        if let Some(Err(error)) = self.group.as_ref().map(|group| group.add(pid, leaf)) {
            // One that left at once is in no group.
            tracing::warn!("failed to put process {pid} into its control group: {error}");
        }
    }

    pub(super) fn begin(&mut self, pid: i32, kind: Kind) {
        let now = Instant::now();
        self.first_at.get_or_insert(now);
        let tree = match kind {
            Kind::Agent => Tree::alone(pid),
            Kind::Files | Kind::Tool { .. } => Tree::new(pid),
        };
        let handle = Pid::from_raw(pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        self.processes.insert(
            pid,
            Running {
                kind,
                tree,
                last: TreeUse::default(),
                began: now,
                handle,
                hit: None,
            },
        );
        self.looks.soon(now);
    }

    /// A process has left. Returns the limit it was killed for.
    pub(super) fn end(&mut self, pid: i32, used: Option<Duration>) -> Option<String> {
        let mut gone = self.processes.remove(&pid)?;
        if self.processes.is_empty() {
            // An empty tree keeps a node, which has room for eleven.
            self.processes = BTreeMap::new();
        }
        let last = gone.last;
        let cpu = gone.tree.ended(used.unwrap_or_default());
        self.ended.cpu += cpu.max(last.cpu);
        self.ended.read = self.ended.read.saturating_add(last.read);
        self.ended.written = self.ended.written.saturating_add(last.written);
        gone.hit
    }

    /// Whether the kernel has killed the session's tools for their memory since it was last asked;
    /// all that run now were. Returns the limit.
    pub(super) fn kernel_hit(&mut self) -> Option<String> {
        let events = self.group.as_ref()?.events();
        let killed = events.memory_kills > self.events.memory_kills;
        self.events.memory_kills = events.memory_kills;
        let what = killed.then(|| self.limits.memory.map(memory_limit))??;
        self.mark(&what);
        Some(what)
    }

    /// Kills all tools, for a reason. Whether any was there that had not been killed before.
    pub(super) fn stop(&mut self, what: &str) -> bool {
        let news = self.mark(what);
        if news && let Some(Err(error)) = self.group.as_ref().map(Group::kill_tools) {
            tracing::debug!("{error}");
        }
        for running in self.processes.values().filter(|one| one.is_tool()) {
            running.kill();
        }
        news
    }

    fn mark(&mut self, what: &str) -> bool {
        let mut news = false;
        for running in self.processes.values_mut().filter(|one| one.is_tool()) {
            news |= running.hit.is_none();
            running.hit.get_or_insert_with(|| what.to_owned());
        }
        news
    }

    pub(super) fn set_network(&mut self, network: Arc<dyn Network>) {
        if let Some(gone) = self.network.replace(network) {
            self.ended.network = self.ended.network.plus(gone.used());
        }
    }

    pub(super) fn set_tmp(&mut self, used: Arc<dyn Fn() -> u64 + Send + Sync>) {
        self.tmp = Some(used);
    }

    pub(super) fn room_left(&mut self) {
        self.tmp = None;
    }

    /// Lets the control group go of a session that has no processes.
    pub(super) fn release(&mut self) {
        if self.processes.is_empty()
            && let Some(group) = self.group.take()
        {
            let counted = group.cpu_us().unwrap_or(self.group_use.cpu_us);
            self.ended.cpu = self.before_group + Duration::from_micros(counted);
            self.group_use = GroupUse::default();
            self.events = Events::default();
        }
    }

    /// CPU time in all.
    pub(super) fn cpu(&self) -> Duration {
        if self.group.is_some() {
            // It has those who ended in it as well.
            return self.before_group + Duration::from_micros(self.group_use.cpu_us);
        }
        let running = self.processes.values().map(|one| one.last.cpu);
        self.ended.cpu + running.sum::<Duration>()
    }

    /// What only grows, as of the last look.
    pub(super) fn totals(&self) -> Totals {
        let live = |of: fn(&TreeUse) -> u64| -> u64 {
            self.processes.values().map(|one| of(&one.last)).sum()
        };
        let network = self.network.as_ref().map(|network| network.used());
        Totals {
            cpu: self.cpu(),
            read: self.ended.read.saturating_add(live(|one| one.read)),
            written: self.ended.written.saturating_add(live(|one| one.written)),
            network: self.ended.network.plus(network.unwrap_or_default()),
        }
    }

    /// Whom the tools spoke to.
    pub(super) fn destinations(&self) -> Vec<Destination> {
        let network = self.network.as_ref();
        network
            .map(|network| network.destinations())
            .unwrap_or_default()
    }

    /// Whether the kernel counts.
    pub(super) fn is_exact(&self) -> bool {
        self.group.is_some()
    }

    fn group_limits(&self) -> GroupLimits {
        GroupLimits {
            memory: self.limits.memory,
            processes: self.limits.processes,
            cpu: self.limits.cpu,
        }
    }
}

impl Running {
    /// Whether limits are for it: an agent process has its own walls, and runs nobody's program.
    pub(super) fn is_tool(&self) -> bool {
        match self.kind {
            Kind::Files | Kind::Tool { .. } => true,
            Kind::Agent => false,
        }
    }

    /// Its jail goes with all that is in it.
    fn kill(&self) {
        if let Some(handle) = &self.handle {
            // It may have left just now.
            let _ = pidfd_send_signal(handle, Signal::KILL);
        }
    }
}
