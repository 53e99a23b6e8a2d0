//! What is told to those who ask: `openclaw top`, `sessions stats`, `/metrics`.

use super::account::{Account, Kind, State};
use super::machine::{Machine, cores, uptime};
use super::{Meter, task::now_ms};
use crate::process::usage::{Depth, Tree};
use crate::store::{HistoryRow, StoreError};
use ipc::id::SessionKey;
use ipc::meter::{Precision, ProcessUsage, RunningTool, SessionInspect, SessionUsage, UsageReport};
use std::sync::Arc;
use std::time::Duration;

/// Processes of one session that are shown.
const MOST_ROWS: usize = 512;

impl Meter {
    /// What all sessions that have processes use. Their `state` and `level` are not known here.
    #[must_use]
    pub fn report(&self) -> UsageReport {
        let machine = Machine::now().unwrap_or_default();
        let live = |account: &Arc<Account>| {
            let state = account.lock();
            (!state.processes.is_empty()).then(|| state.usage(account))
        };
        UsageReport {
            at: now_ms(),
            cores: cores(),
            memory_total: machine.total,
            memory_available: machine.available,
            gateway: gateway(),
            limits: self.precision(),
            sessions: self.inner.all().iter().filter_map(live).collect(),
        }
    }

    /// One session, closer; none of which nothing is known. Its `events` are not known here.
    #[must_use]
    pub fn inspect(&self, session: &SessionKey) -> Option<SessionInspect> {
        let account = self.inner.accounts().get(session).cloned()?;
        let state = account.lock();
        let uptime = uptime();
        let rows = state
            .processes
            .values()
            .flat_map(|one| one.tree.rows(uptime));
        let jobs = state.processes.values().filter_map(|one| match &one.kind {
            Kind::Tool { job, .. } => Some(job.clone()),
            Kind::Agent | Kind::Files => None,
        });
        Some(SessionInspect {
            usage: state.usage(&account),
            tree: rows.take(MOST_ROWS).collect(),
            jobs: jobs.collect(),
            destinations: state.destinations(),
            events: Vec::new(),
        })
    }

    /// What a session used since the instant `since_ms` (milliseconds since 1970), by the minute or
    /// the hour, oldest first. The minute that is not over is not in it.
    ///
    /// # Errors
    /// Only what the disk says.
    pub async fn history(
        &self,
        session: &SessionKey,
        since_ms: i64,
    ) -> Result<Vec<HistoryRow>, StoreError> {
        self.inner.store.history(session, since_ms).await
    }
}

impl State {
    fn usage(&self, account: &Account) -> SessionUsage {
        let totals = self.totals();
        let age = self.first_at.map(|at| at.elapsed()).unwrap_or_default();
        SessionUsage {
            session: account.session.clone(),
            agent: account.agent.clone(),
            state: String::new(),
            tool: self.running_tool(),
            processes: self.living(),
            cpu: self.rate,
            cpu_ms: millis(totals.cpu),
            memory: self.memory,
            memory_peak: self.memory_peak,
            read: totals.read,
            written: totals.written,
            received: totals.network.received,
            sent: totals.network.sent,
            connections: totals.network.connections,
            denied: totals.network.denied,
            model_calls: self.model.calls,
            tokens_in: self.model.tokens_in,
            tokens_out: self.model.tokens_out,
            cost: self.model.cost,
            age_ms: millis(age),
            level: None,
            precision: match self.is_exact() {
                true => Precision::Exact,
                false => Precision::Sampled,
            },
            history: self.history.iter().copied().collect(),
        }
    }

    /// Its processes; one that was not looked at yet is one.
    fn living(&self) -> u32 {
        let each = self.processes.values().map(|one| one.last.processes.max(1));
        each.fold(0, u32::saturating_add)
    }

    /// The tool that was begun last.
    fn running_tool(&self) -> Option<RunningTool> {
        let last = self
            .processes
            .values()
            .filter(|one| matches!(one.kind, Kind::Tool { .. }));
        let last = last.max_by_key(|one| one.began)?;
        match &last.kind {
            Kind::Tool { name, job } => Some(RunningTool {
                name: name.clone(),
                job: Some(job.clone()),
                age_ms: millis(last.began.elapsed()),
            }),
            Kind::Agent | Kind::Files => None,
        }
    }
}

/// The gateway's own process. Its share of a core is what it was over its whole life.
fn gateway() -> ProcessUsage {
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    let mut tree = Tree::alone(own);
    let used = tree.look(Depth::Shares, 1);
    let mut row = tree.rows(uptime()).pop().unwrap_or_default();
    let age = Duration::from_millis(row.age_ms);
    row.cpu = crate::process::usage::rate(used.cpu, age);
    row.cpu_ms = millis(used.cpu);
    row
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
