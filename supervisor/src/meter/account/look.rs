//! Looking at a session: what its processes use now, and whether that is too much.

use super::{Running, SECONDS, State, Totals};
use crate::meter::disk::{self, Count};
use crate::meter::limits::{self, Charge, RELAXED};
use crate::meter::machine::Machine;
use crate::meter::{account::Kind, hidden};
use crate::process::usage::{Depth, TreeUse, rate};
use crate::store::HistoryRow;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// How often shares of memory are read, which is dear.
const SHARES_EVERY: Duration = Duration::from_secs(15);
/// How often where large processes come and go.
const SHARES_AT_MOST_EVERY: Duration = Duration::from_secs(2);
/// When a new process is looked at first.
const SOON: Duration = Duration::from_millis(25);
/// How much shared memory may appear in the machine before it is looked for who has it.
const UNEXPLAINED: u64 = 16 << 20;
/// A disk that is as good as full is the fault of who wrote this much since the last look.
const CULPRIT: u64 = 8 << 20;
/// Who has this many processes more than it may is looked at no further.
const STRANGERS: usize = 256;
/// The processes that are looked at where there is no limit.
const MOST: usize = 16_384;

/// When a session was looked at, and what is to be remembered from look to look.
#[derive(Debug)]
pub(in crate::meter) struct Looks {
    next_at: Instant,
    shares_at: Option<Instant>,
    /// The last full second: when, and the totals then.
    second: (Instant, Duration),
    /// Since when it can start no more processes.
    crowded_since: Option<Instant>,
    /// The machine's shared memory when it was last looked for hidden parts, and what was found.
    explained: u64,
    hidden: u64,
    written: u64,
    minute: Minute,
}

/// What happened since the last row of history.
#[derive(Debug, Default)]
struct Minute {
    from: Totals,
    memory_peak: u64,
    processes_peak: u32,
}

/// What came of a look.
#[derive(Debug, Default)]
pub(in crate::meter) struct Looked {
    /// The limit that tools were killed for just now.
    pub(in crate::meter) hit: Option<String>,
    /// A workspace that is to be counted.
    pub(in crate::meter) count: Option<Size>,
}

/// A workspace to be counted, and what was known when that was decided.
#[derive(Debug)]
pub(in crate::meter) struct Size {
    pub(in crate::meter) folder: PathBuf,
    written: u64,
    free: u64,
}

impl Looks {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            next_at: now,
            shares_at: None,
            second: (now, Duration::ZERO),
            crowded_since: None,
            explained: 0,
            hidden: 0,
            written: 0,
            minute: Minute::default(),
        }
    }

    /// Somebody has come, or there is news: look soon. What is over before is not looked at.
    pub(super) fn soon(&mut self, now: Instant) {
        let soon = now + SOON;
        // Nothing was looked at for a while: what was due then is due no more.
        if self.next_at > soon || self.next_at < now {
            self.next_at = soon;
        }
    }
}

impl State {
    /// When it is to be looked at next; never while nothing runs.
    pub(in crate::meter) fn next_at(&self) -> Option<Instant> {
        (!self.processes.is_empty()).then_some(self.looks.next_at)
    }

    /// Where its tools work, or have worked and written.
    pub(in crate::meter) fn ground(&self) -> Option<&Path> {
        let worked = self.has_tools() || self.tools_written() > 0;
        worked.then_some(self.workspace.as_path())
    }

    /// Looks at everything that runs, and ends what is over a limit. `alone` says whether no other
    /// session's tools work in the same place.
    pub(in crate::meter) fn look(&mut self, now: Instant, machine: Machine, alone: bool) -> Looked {
        let exact = self.look_at_group();
        let tools = self.look_at_trees(now, exact);
        self.count_second(now);
        let count = self.size_to_count(now, tools.written);
        let charge = Charge {
            memory: if exact {
                0
            } else {
                self.memory_charge(tools, machine)
            },
            threads: u64::from(tools.threads),
            disk: self.disk_charge(tools.written, alone),
        };
        let crowded = self.is_crowded(now, charge.threads, exact);
        let over = limits::exceeded(&self.limits, charge, crowded);
        let over = over.or_else(|| self.fills_the_disk(tools.written));
        let by_kernel = self.kernel_hit();
        let by_us = over.filter(|what| self.stop(what));
        if let Some(limit) = self.limits.disk.filter(|limit| charge.disk > *limit) {
            self.disk.forgive(limit);
        }
        let too_long = self.stop_what_takes_too_long(now);
        self.looks.written = tools.written;
        self.looks.next_at = together(now, self.next_look(charge, tools.written));
        Looked {
            hit: too_long.or(by_us).or(by_kernel),
            count,
        }
    }

    /// Memory that the tools' end would set free, at the last look.
    pub(in crate::meter) fn tools_memory(&self) -> u64 {
        let tools = self.processes.values().filter(|one| one.is_tool());
        tools.map(|one| one.last.held).sum()
    }

    /// Takes the size of the workspace that [`Looked::count`] asked for.
    pub(in crate::meter) fn counted(&mut self, size: &Size, used: u64, took: Duration) {
        let now = Instant::now();
        if size.folder != self.workspace {
            return;
        }
        let count = Count {
            used,
            written: size.written,
            free: size.free,
            done_at: now,
            took,
        };
        // What was written while it was counted may be in it.
        let most = self.most();
        for running in self.processes.values_mut().filter(|one| one.is_tool()) {
            running.last = running.tree.look(Depth::Quick, most);
        }
        let written = self.tools_written();
        self.disk.counted(count, written);
        self.looks.soon(now);
    }

    /// What happened since it was last asked, for the history; none when nothing did.
    pub(in crate::meter) fn minute(&mut self, at_ms: i64) -> Option<HistoryRow> {
        let totals = self.totals();
        let minute = std::mem::take(&mut self.looks.minute);
        self.looks.minute.from = totals;
        let from = minute.from;
        let row = HistoryRow {
            at_ms,
            minutes: 1,
            cpu_ms: millis(totals.cpu.saturating_sub(from.cpu)),
            memory_peak: minute.memory_peak,
            processes_peak: minute.processes_peak,
            read: totals.read.saturating_sub(from.read),
            written: totals.written.saturating_sub(from.written),
            received: totals
                .network
                .received
                .saturating_sub(from.network.received),
            sent: totals.network.sent.saturating_sub(from.network.sent),
        };
        let idle = [row.cpu_ms, row.read, row.written, row.received, row.sent] == [0; 5];
        (!idle).then_some(row)
    }

    fn look_at_group(&mut self) -> bool {
        let Some(group) = &self.group else {
            return false;
        };
        let cpu_us = group.cpu_us().unwrap_or(self.group_use.cpu_us);
        if cpu_us != self.group_use.cpu_us
            && let Ok(usage) = group.usage()
        {
            self.group_use = usage;
        }
        true
    }

    /// Looks at the processes; what the tools use together.
    fn look_at_trees(&mut self, now: Instant, exact: bool) -> TreeUse {
        let stale = self.processes.values().any(|one| one.tree.is_stale());
        let every = if stale {
            SHARES_AT_MOST_EVERY
        } else {
            SHARES_EVERY
        };
        let depth = match self.looks.shares_at.map(|at| now.duration_since(at)) {
            Some(since) if since < every => Depth::Quick,
            // The kernel's sum needs no help of ours.
            Some(_) | None if exact => Depth::Quick,
            Some(_) | None => {
                self.looks.shares_at = Some(now);
                Depth::Shares
            }
        };
        let most = self.most();
        let mut memory = 0;
        let mut count = 0;
        let mut tools = TreeUse::default();
        for running in self.processes.values_mut() {
            running.last = running.tree.look(depth, most);
            memory += running.last.memory;
            count += running.last.processes;
            if running.is_tool() {
                tools = sum(tools, running.last);
            }
        }
        tools.written = tools.written.saturating_add(self.ended.written);
        let tmp = self.tmp.as_ref().map_or(0, |used| used());
        self.memory = if exact {
            self.group_use.memory
        } else {
            memory + tmp
        };
        let peak = self.group_use.memory_peak.unwrap_or(0).max(self.memory);
        self.memory_peak = self.memory_peak.max(peak);
        let minute = &mut self.looks.minute;
        minute.memory_peak = minute.memory_peak.max(self.memory);
        minute.processes_peak = minute.processes_peak.max(count);
        tools
    }

    /// One more second of history, when it is over.
    fn count_second(&mut self, now: Instant) {
        let (at, before) = self.looks.second;
        let passed = now.duration_since(at);
        // A look that comes a little early is the second's last.
        if passed < RELAXED * 9 / 10 && !self.history.is_empty() {
            return;
        }
        let cpu = self.cpu();
        self.rate = rate(cpu.saturating_sub(before), passed);
        self.looks.second = (now, cpu);
        if self.history.len() >= SECONDS {
            self.history.pop_front();
        }
        self.history.push_back(self.rate);
    }

    /// What the tools added to the disk. Where others work beside them, it is not more than they
    /// wrote; space that is only reserved is nobody's then.
    fn disk_charge(&self, written: u64, alone: bool) -> u64 {
        let grown = self.disk.grown();
        if alone { grown } else { grown.min(written) }
    }

    /// Memory that stays until the tools end. First what can not be too little; only where that is
    /// too much, what it really is.
    fn memory_charge(&mut self, tools: TreeUse, machine: Machine) -> u64 {
        let Some(limit) = self.limits.memory else {
            return 0;
        };
        let unexplained = machine.shared.saturating_sub(self.looks.explained);
        if self.looks.hidden > 0 || unexplained > UNEXPLAINED {
            let tools = self.processes.values().filter(|one| one.is_tool());
            self.looks.hidden = hidden::memfds(tools.flat_map(|one| one.tree.pids()));
            self.looks.explained = machine.shared;
        }
        self.looks.explained = self.looks.explained.min(machine.shared);
        let tmp = self.tmp.as_ref().map_or(0, |used| used());
        let at_most = tools.held + tmp + self.looks.hidden;
        if at_most <= limit {
            return at_most;
        }
        let most = self.most();
        let mut shares = TreeUse::default();
        for running in self.processes.values_mut().filter(|one| one.is_tool()) {
            running.last = running.tree.look(Depth::Shares, most);
            shares = sum(shares, running.last);
        }
        // A memfd that is mapped is in both figures.
        let unmapped = self.looks.hidden.saturating_sub(shares.shares.shared);
        shares.shares.anonymous + shares.shares.shared + tmp + unmapped
    }

    fn size_to_count(&mut self, now: Instant, written: u64) -> Option<Size> {
        let limit = self.limits.disk?;
        if !self.has_tools() {
            return None;
        }
        let (free, _) = disk::free(&self.workspace)?;
        let size = || Size {
            folder: self.workspace.clone(),
            written,
            free,
        };
        self.disk.begin(limit, written, free, now).then(size)
    }

    /// A full disk stops everyone, so who fills it is stopped before.
    fn fills_the_disk(&self, written: u64) -> Option<String> {
        if written.saturating_sub(self.looks.written) < CULPRIT || self.looks.written == 0 {
            return None;
        }
        let (free, scarce) = disk::free(&self.workspace)?;
        let free = limits::words(free);
        scarce.then(|| format!("the disk is nearly full, with {free} left"))
    }

    /// Whether more processes were wanted than there may be, for a second.
    fn is_crowded(&mut self, now: Instant, threads: u64, exact: bool) -> bool {
        let at_limit = match (&self.group, self.limits.processes) {
            (_, None) => false,
            (Some(group), Some(_)) if exact => {
                let refused = group.events().processes_refused;
                let before = std::mem::replace(&mut self.events.processes_refused, refused);
                refused > before
            }
            // Some end and make room for others, so it need not be seen at its limit each time.
            (_, Some(limit)) if self.looks.crowded_since.is_some() => threads >= limit - limit / 4,
            (_, Some(limit)) => threads >= limit,
        };
        if !at_limit {
            self.looks.crowded_since = None;
            return false;
        }
        let since = *self.looks.crowded_since.get_or_insert(now);
        now.duration_since(since) >= RELAXED
    }

    fn stop_what_takes_too_long(&mut self, now: Instant) -> Option<String> {
        let limit = self.limits.wall?;
        let what = limits::time_limit(limit);
        let too_long = |one: &&mut Running| match one.kind {
            Kind::Tool { .. } => one.hit.is_none() && now.duration_since(one.began) > limit,
            Kind::Agent | Kind::Files => false,
        };
        let mut hit = None;
        for running in self.processes.values_mut().filter(too_long) {
            running.hit = Some(what.clone());
            running.kill();
            hit = Some(what.clone());
        }
        hit
    }

    fn next_look(&self, charge: Charge, written: u64) -> Duration {
        if !self.has_tools() {
            return RELAXED;
        }
        let free = disk::free(&self.workspace).map_or(0, |(free, _)| free);
        let at_most = self.disk.at_most(written, free);
        // Beyond this the next look is a count, and counts have a pace of their own.
        let most = self.limits.disk.map_or(0, |limit| limit - limit / 8);
        let charge = Charge {
            disk: at_most.min(most),
            ..charge
        };
        let mut soon = limits::next_look(&self.limits, charge);
        if let Some(wall) = self.limits.wall {
            let tools = self.processes.values().filter(|one| one.is_tool());
            let left = tools.map(|one| wall.saturating_sub(one.began.elapsed()));
            let least = left.min().unwrap_or(RELAXED);
            soon = soon.min(least.max(Duration::from_millis(10)));
        }
        soon
    }

    /// Bytes that tools have written, those that have ended too.
    fn tools_written(&self) -> u64 {
        let tools = self.processes.values().filter(|one| one.is_tool());
        let running: u64 = tools.map(|one| one.last.written).sum();
        running.saturating_add(self.ended.written)
    }

    fn has_tools(&self) -> bool {
        self.processes.values().any(Running::is_tool)
    }

    fn most(&self) -> usize {
        let limit = self.limits.processes;
        limit.map_or(MOST, |n| {
            usize::try_from(n).unwrap_or(MOST).saturating_add(STRANGERS)
        })
    }
}

/// Who is not in a hurry is looked at together with all others, at each full second of a clock that
/// they share: one waking for all.
fn together(now: Instant, wait: Duration) -> Instant {
    static CLOCK: LazyLock<Instant> = LazyLock::new(Instant::now);
    if wait < RELAXED {
        return now + wait;
    }
    let since = now.saturating_duration_since(*CLOCK);
    let full = Duration::from_secs((since + RELAXED / 2).as_secs());
    *CLOCK + full + RELAXED
}

fn sum(a: TreeUse, b: TreeUse) -> TreeUse {
    let mut shares = a.shares;
    shares.share += b.shares.share;
    shares.anonymous += b.shares.anonymous;
    shares.shared += b.shares.shared;
    TreeUse {
        cpu: a.cpu + b.cpu,
        processes: a.processes + b.processes,
        threads: a.threads + b.threads,
        memory: a.memory + b.memory,
        held: a.held + b.held,
        shares,
        read: a.read + b.read,
        written: a.written + b.written,
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
