//! The task that looks at what runs. It sleeps when nothing does.

use super::account::{Account, Looked, Size};
use super::limits::{RELAXED, memory_gone};
use super::machine::Machine;
use super::{Inner, Meter, disk, forget};
use ipc::id::{AgentId, SessionKey};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const MINUTE_MS: i64 = 60 * 1000;
/// Who is due within this time is looked at together with who is due now.
const TOGETHER: Duration = Duration::from_millis(20);

/// A row of history, and whose it is.
type Row = (SessionKey, AgentId, crate::store::HistoryRow);

/// One round over all sessions.
#[derive(Debug, Default)]
pub(super) struct Round {
    counts: Vec<(Arc<Account>, Size)>,
    /// When the machine's memory could be gone, if tools go on taking it.
    next_at: Option<Instant>,
}

/// The minute that history is being gathered for.
#[derive(Debug)]
struct Minute {
    at_ms: i64,
    /// Something ran in it.
    busy: bool,
}

impl Meter {
    /// Looks at what runs until `stop`, then stores what has no row yet.
    pub async fn run(self, stop: CancellationToken) {
        let mut counting = JoinSet::new();
        let mut minute = Minute::now();
        let mut memory_at = None;
        loop {
            let next = self.inner.next_at().into_iter().chain(memory_at).min();
            minute.busy |= next.is_some();
            let wait = wait_for(next, &minute);
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = self.inner.wake.notified() => continue,
                Some(_) = counting.join_next() => {}
                () = wait => {}
            }
            let inner = Arc::clone(&self.inner);
            let round = tokio::task::spawn_blocking(move || inner.round(Instant::now())).await;
            let Round { counts, next_at } = round.unwrap_or_default();
            memory_at = next_at;
            for (account, size) in counts {
                counting.spawn_blocking(move || count(&account, &size));
            }
            if minute.is_over() {
                self.store_minute(std::mem::replace(&mut minute, Minute::now()))
                    .await;
            }
        }
        self.store_minute(minute).await;
    }

    async fn store_minute(&self, minute: Minute) {
        let rows = self.inner.rows(minute.at_ms);
        if let Some(groups) = &self.inner.groups {
            groups.tidy();
        }
        if rows.is_empty() {
            return;
        }
        if let Err(error) = self.inner.store.add_history(rows).await {
            // It is only history.
            tracing::warn!("failed to keep what sessions used: {error}");
        }
    }
}

impl Inner {
    /// When somebody is to be looked at next; never while nothing runs.
    fn next_at(&self) -> Option<Instant> {
        let accounts = self.accounts();
        accounts
            .values()
            .filter_map(|account| account.lock().next_at())
            .min()
    }

    /// Looks at everyone who is due.
    pub(super) fn round(&self, now: Instant) -> Round {
        let machine = Machine::now().unwrap_or_default();
        let mut round = Round::default();
        let mut largest: Option<(u64, Arc<Account>)> = None;
        let all = self.all();
        let grounds = grounds(&all);
        for account in all {
            let mut state = account.lock();
            let Some(next_at) = state.next_at() else {
                continue;
            };
            if next_at <= now + TOGETHER {
                let ground = state.ground().and_then(|ground| grounds.get(ground));
                let alone = ground.is_none_or(|sessions| *sessions == 1);
                let Looked { hit, count } = state.look(now, machine, alone);
                round
                    .counts
                    .extend(count.map(|size| (Arc::clone(&account), size)));
                if let Some(what) = hit {
                    self.record(&account.session, what);
                }
            }
            let memory = state.tools_memory();
            drop(state);
            if memory > largest.as_ref().map_or(0, |(most, _)| *most) {
                largest = Some((memory, account));
            }
        }
        if let Some((memory, account)) = largest {
            round.next_at = Some(now + self.guard(machine, memory, &account));
        }
        round
    }

    /// Ends the largest session's tools when the machine's memory runs out: whoever the kernel would
    /// choose then could be anyone. Returns how soon to look at the memory again.
    fn guard(&self, machine: Machine, memory: u64, account: &Account) -> Duration {
        let floor = machine.floor();
        let spare = machine.available.saturating_sub(floor);
        // One that has little is not the reason, and its end no help.
        if spare == 0 && memory > floor / 2 {
            let held = super::words(memory);
            let what = format!("the machine ran out of memory, and this session had most, {held}");
            if account.lock().stop(&what) {
                self.record(&account.session, what);
            }
        }
        memory_gone(spare)
    }

    /// Each session's row of history.
    pub(super) fn rows(&self, at_ms: i64) -> Vec<Row> {
        let row = |account: Arc<Account>| {
            let mut state = account.lock();
            let row = state.minute(at_ms)?;
            Some((account.session.clone(), account.agent.clone(), row))
        };
        let all = self.all();
        let rows = all.iter().cloned().filter_map(row).collect();
        for account in all {
            account.lock().release();
        }
        forget(&mut self.accounts());
        rows
    }
}

/// How many sessions' tools work in each place.
fn grounds(accounts: &[Arc<Account>]) -> BTreeMap<PathBuf, usize> {
    let mut grounds = BTreeMap::new();
    for account in accounts {
        if let Some(ground) = account.lock().ground() {
            *grounds.entry(ground.to_owned()).or_default() += 1;
        }
    }
    grounds
}

impl Minute {
    fn now() -> Self {
        Self {
            at_ms: now_ms().div_euclid(MINUTE_MS) * MINUTE_MS,
            busy: false,
        }
    }

    fn is_over(&self) -> bool {
        now_ms() >= self.at_ms + MINUTE_MS
    }

    /// How long it still is.
    fn rest(&self) -> Duration {
        let left = (self.at_ms + MINUTE_MS).saturating_sub(now_ms());
        Duration::from_millis(u64::try_from(left).unwrap_or(0)).min(RELAXED * 60)
    }
}

/// Until somebody is due; until the minute is over where something ran in it; otherwise for ever.
async fn wait_for(next: Option<Instant>, minute: &Minute) {
    match next {
        Some(next) => tokio::time::sleep_until(next.into()).await,
        None if minute.busy => tokio::time::sleep(minute.rest()).await,
        None => std::future::pending().await,
    }
}

fn count(account: &Account, size: &Size) {
    let began = Instant::now();
    let used = disk::size(&size.folder);
    account.lock().counted(size, used, began.elapsed());
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH);
    elapsed.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
}
