//! One process and everything it has started, followed from look to look.

use super::proc::{self, Io, Memory, Rollup, Stat};
use ipc::meter::ProcessUsage;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

/// From this size on it is worth to know what a new process shares with others.
const LARGE: u64 = 8 << 20;

/// How closely to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// One small file a process; more of those that grew.
    Quick,
    /// Shares of memory as well, of those that did something since they were last known.
    Shares,
}

/// What a tree uses, the dead included where that makes sense.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TreeUse {
    /// CPU time in all.
    pub cpu: Duration,
    /// Processes that live.
    pub processes: u32,
    /// Their threads, and those that were not waited for yet: what a limit on processes counts.
    pub threads: u32,
    /// Their memory, each one's share; where shares are not known, without mapped files.
    pub memory: u64,
    /// Memory that stays as long as they live, in bytes: files that are mapped do not. Pages that
    /// processes share are counted for each, so that it is never too little.
    pub held: u64,
    /// The same by shares, from the last look at those.
    pub shares: Rollup,
    /// Bytes fetched from disks.
    pub read: u64,
    /// Bytes that were to go to disks.
    pub written: u64,
}

/// A process and everything it has started. Who once belonged to it does so for ever: an orphan is
/// adopted by the jail's keeper, which belongs to it too.
#[derive(Debug)]
pub struct Tree {
    root: i32,
    /// It starts nobody: its children need not be looked for.
    alone: bool,
    members: BTreeMap<i32, Member>,
    /// Somebody large has come, with whom the others share what they have, perhaps.
    stale: bool,
    /// What was used at the last look.
    cpu: Sum,
    read: Sum,
    written: Sum,
}

#[derive(Debug)]
struct Member {
    stat: Stat,
    io: Io,
    memory: Memory,
    /// Resident size when `memory` was read.
    memory_at: u64,
    rollup: Option<Rollup>,
    /// Resident size and CPU time when `rollup` was read.
    rollup_at: (u64, Duration),
    seen_at: Instant,
    /// CPU used between the last two looks, in thousandths of a core.
    rate: u32,
}

/// A sum that only grows. Those who are killed together with their parents take their part with
/// them; what was once counted stays counted.
#[derive(Debug, Default)]
struct Sum {
    told: u64,
    lost: u64,
}

impl Sum {
    fn is_short(&self, living: u64) -> bool {
        living.saturating_add(self.lost) < self.told
    }

    fn tell(&mut self, living: u64) -> u64 {
        let known = living.saturating_add(self.lost);
        self.lost += self.told.saturating_sub(known);
        self.told = self.told.max(known);
        self.told
    }
}

impl Tree {
    /// The tree of `root`, which the caller has started and not yet waited for.
    #[must_use]
    pub fn new(root: i32) -> Self {
        Self {
            root,
            alone: false,
            members: BTreeMap::new(),
            stale: false,
            cpu: Sum::default(),
            read: Sum::default(),
            written: Sum::default(),
        }
    }

    /// A process that can start no other.
    #[must_use]
    pub fn alone(root: i32) -> Self {
        Self {
            alone: true,
            ..Self::new(root)
        }
    }

    /// The process it began with.
    #[must_use]
    pub fn root(&self) -> i32 {
        self.root
    }

    /// Whether the shares that are known are no longer right, and it is worth to look again.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.stale
    }

    /// The processes that were there at the last look.
    pub fn pids(&self) -> impl Iterator<Item = i32> + '_ {
        self.members.keys().copied()
    }

    /// Looks at all of it, but no further than at `most` processes: who has more is over any limit,
    /// and is not to cost us more than that.
    pub fn look(&mut self, depth: Depth, most: usize) -> TreeUse {
        self.walk(depth, most);
        if self.cpu.is_short(self.living_cpu()) {
            // One may have ended just between its parent's turn and its own. Ask its parent again.
            self.walk(Depth::Quick, most);
        }
        let cpu = self.cpu.tell(self.living_cpu());
        let all = || self.members.values();
        let read = self.read.tell(all().map(|m| m.io.read).sum());
        let written = self.written.tell(all().map(|m| m.io.written).sum());
        let shares = all().map(Member::share).fold(Rollup::default(), add);
        let living = || all().filter(|m| !m.stat.has_ended());
        TreeUse {
            cpu: Duration::from_micros(cpu),
            processes: u32::try_from(living().count()).unwrap_or(u32::MAX),
            threads: all().fold(0, |sum, m| sum.saturating_add(m.stat.threads.max(1))),
            memory: all().map(Member::memory).sum(),
            held: all().map(|m| m.memory.held()).sum(),
            shares,
            read,
            written,
        }
    }

    /// Its root has ended, and `used` is what its parent can read of it: all CPU time in the end.
    pub fn ended(&mut self, used: Duration) -> Duration {
        self.members.clear();
        Duration::from_micros(self.cpu.tell(micros(used)))
    }

    /// Each process, parents before their children, as it was at the last look.
    #[must_use]
    pub fn rows(&self, uptime: Duration) -> Vec<ProcessUsage> {
        let mut children: BTreeMap<i32, Vec<&Member>> = BTreeMap::new();
        for member in self.members.values() {
            children.entry(member.stat.parent).or_default().push(member);
        }
        let known = |pid: &i32| self.members.contains_key(pid);
        let mut rows = Vec::with_capacity(self.members.len());
        let mut next: Vec<&Member> = self.members.values().collect();
        next.retain(|member| !known(&member.stat.parent));
        next.reverse();
        while let Some(member) = next.pop() {
            rows.push(member.row(uptime));
            let own = children.remove(&member.stat.pid).unwrap_or_default();
            next.extend(own.into_iter().rev());
        }
        rows
    }

    fn living_cpu(&self) -> u64 {
        let used = |m: &Member| m.stat.cpu.saturating_add(m.stat.cpu_children);
        self.members.values().map(|m| micros(used(m))).sum()
    }

    /// Parents before children, so that nobody's time is counted twice: one who ends meanwhile is
    /// missing, not in its parent's sum as well.
    fn walk(&mut self, depth: Depth, most: usize) {
        let now = Instant::now();
        self.stale &= depth == Depth::Quick;
        let mut before = std::mem::take(&mut self.members);
        let mut queue = VecDeque::from([self.root]);
        let mut queued = BTreeSet::from([self.root]);
        let mut scan: Option<Vec<(i32, i32)>> = None;
        loop {
            while let Some(pid) = queue.pop_front() {
                if self.members.len() >= most {
                    return;
                }
                let Some(stat) = Stat::of(pid) else { continue };
                let known = before.remove(&pid).filter(|m| m.stat.began == stat.began);
                if known.is_none() && pid != self.root && !self.owns(&stat) {
                    continue;
                }
                let threads = stat.threads;
                let ended = stat.has_ended();
                self.stale |= known.is_none() && depth == Depth::Quick && stat.resident >= LARGE;
                let member = Member::next(known, stat, depth, now);
                self.members.insert(pid, member);
                if self.alone || ended {
                    continue;
                }
                let found = proc::children(pid, threads).unwrap_or_else(|| {
                    let all = scan.get_or_insert_with(proc::parents);
                    let own = all.iter().filter(|(parent, _)| *parent == pid);
                    own.map(|(_, child)| *child).collect()
                });
                queue.extend(found.into_iter().filter(|child| queued.insert(*child)));
            }
            // The list of children can skip one while another leaves.
            queue.extend(before.keys().copied().filter(|pid| queued.insert(*pid)));
            if queue.is_empty() {
                return;
            }
        }
    }

    /// Whether a process found among the children of a member still is one: its number may have
    /// gone to a stranger since.
    fn owns(&self, stat: &Stat) -> bool {
        self.members.contains_key(&stat.parent)
    }
}

/// CPU time of a process that has ended and was not yet waited for, its waited-for children's
/// included.
#[must_use]
pub fn final_cpu(pid: i32) -> Option<Duration> {
    let stat = Stat::of(pid)?;
    Some(stat.cpu.saturating_add(stat.cpu_children))
}

// === impl Member ===

impl Member {
    fn next(known: Option<Self>, stat: Stat, depth: Depth, now: Instant) -> Self {
        let pid = stat.pid;
        let Some(mut member) = known else {
            let memory = Memory::of(pid).unwrap_or_default();
            let wanted = depth == Depth::Shares || stat.resident >= LARGE;
            let rollup = wanted.then(|| Rollup::of(pid)).flatten();
            return Self {
                io: Io::of(pid).unwrap_or_default(),
                memory,
                memory_at: stat.resident,
                rollup,
                rollup_at: (stat.resident, stat.cpu),
                seen_at: now,
                rate: 0,
                stat,
            };
        };
        let used = stat.cpu.saturating_sub(member.stat.cpu);
        let passed = now.duration_since(member.seen_at);
        // Two looks in a row say nothing about a rate.
        if passed >= Duration::from_millis(200) {
            member.rate = rate(used, passed);
            member.seen_at = now;
        }
        let idle = used.is_zero() && stat.cpu_children == member.stat.cpu_children;
        if !idle && let Some(io) = Io::of(pid) {
            member.io = io;
        }
        if stat.resident.abs_diff(member.memory_at) > stat.resident / 16
            && let Some(memory) = Memory::of(pid)
        {
            member.memory = memory;
            member.memory_at = stat.resident;
        }
        let at = (stat.resident, stat.cpu);
        if depth == Depth::Shares && (member.rollup.is_none() || member.rollup_at != at) {
            member.rollup = Rollup::of(pid);
            member.rollup_at = at;
        }
        member.stat = stat;
        member
    }

    /// Its share as it was last known, grown or shrunk as its resident size did since.
    fn memory(&self) -> u64 {
        match self.rollup {
            Some(rollup) if self.rollup_at.0 > 0 => {
                let scaled = u128::from(rollup.share) * u128::from(self.stat.resident);
                u64::try_from(scaled / u128::from(self.rollup_at.0)).unwrap_or(u64::MAX)
            }
            Some(_) | None => self.memory.anonymous.saturating_add(self.memory.shared),
        }
    }

    /// What it has by shares; where those are not known, all of what it shares is its own.
    fn share(&self) -> Rollup {
        self.rollup.unwrap_or(Rollup {
            share: self.memory(),
            anonymous: self.memory.anonymous.saturating_add(self.memory.swap),
            shared: self.memory.shared,
        })
    }

    fn row(&self, uptime: Duration) -> ProcessUsage {
        let title = Some(proc::title(self.stat.pid)).filter(|title| !title.is_empty());
        let age = uptime.saturating_sub(super::ticks(self.stat.began));
        ProcessUsage {
            pid: self.stat.pid,
            parent: self.stat.parent,
            title: title.unwrap_or_else(|| self.stat.name.clone()),
            state: self.stat.state.to_string(),
            cpu: self.rate,
            cpu_ms: millis(self.stat.cpu),
            memory: self.memory(),
            age_ms: millis(age),
        }
    }
}

/// CPU time over time, in thousandths of a core.
#[must_use]
pub fn rate(used: Duration, passed: Duration) -> u32 {
    let passed = passed.as_micros().max(1);
    u32::try_from(used.as_micros().saturating_mul(1000) / passed).unwrap_or(u32::MAX)
}

fn add(sum: Rollup, one: Rollup) -> Rollup {
    Rollup {
        share: sum.share.saturating_add(one.share),
        anonymous: sum.anonymous.saturating_add(one.anonymous),
        shared: sum.shared.saturating_add(one.shared),
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "what is tested is what real processes use"
)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::{BufRead as _, BufReader};
    use std::process::{Child, ChildStdout, Command, Stdio};

    /// A shell that does `script`, then waits for its standard input to end.
    fn shell(script: &str) -> (Child, BufReader<ChildStdout>) {
        let mut child = Command::new("sh")
            .args(["-c", &format!("{script}\nread end")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        (child, out)
    }

    fn heard(out: &mut BufReader<ChildStdout>) -> String {
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        line
    }

    fn pid(child: &Child) -> i32 {
        child.id().try_into().unwrap()
    }

    const BUSY: &str = "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done";

    #[test]
    fn the_time_of_a_dead_grandchild_is_not_lost() {
        let (mut child, mut out) = shell(&format!("sh -c '{BUSY}; :'; echo done"));
        heard(&mut out);
        let mut tree = Tree::new(pid(&child));
        let seen = tree.look(Depth::Quick, 100);
        assert!(seen.cpu >= Duration::from_millis(20), "{seen:?}");
        assert_eq!(seen.processes, 1);
        drop(child.stdin.take());
        // Ended, and not yet waited for.
        while !Stat::of(pid(&child)).unwrap().has_ended() {
            std::thread::yield_now();
        }
        let used = final_cpu(pid(&child)).unwrap();
        assert!(tree.ended(used) >= seen.cpu);
        child.wait().unwrap();
        assert_eq!(final_cpu(pid(&child)), None);
    }

    #[test]
    fn a_tree_has_its_children_and_theirs() {
        let (mut child, mut out) =
            shell("sh -c 'sh -c \"echo up; kill -STOP \\$\\$\" & wait' & wait");
        heard(&mut out);
        let mut tree = Tree::new(pid(&child));
        let seen = tree.look(Depth::Shares, 100);
        assert_eq!(seen.processes, 3, "{:?}", tree.rows(Duration::ZERO));
        assert!(seen.memory > 0 && seen.shares.share == seen.memory);
        let rows = tree.rows(Duration::from_secs(1 << 40));
        assert_eq!(rows[0].pid, pid(&child));
        assert_eq!(rows[1].parent, rows[0].pid);
        assert_eq!(rows[2].parent, rows[1].pid);
        assert_eq!(rows[2].title, "sh -c echo up; kill -STOP $$");
        assert_eq!(
            tree.look(Depth::Quick, 2).processes,
            2,
            "no more than asked"
        );
        for row in rows.iter().rev() {
            let pid = nix::unistd::Pid::from_raw(row.pid);
            nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
        }
        child.wait().unwrap();
        // Killed, they are gone before long.
        while tree.look(Depth::Quick, 100).processes > 0 {}
    }

    proptest! {
        #[test]
        fn a_sum_never_shrinks(living in proptest::collection::vec(0..1000u64, 1..50)) {
            let mut sum = Sum::default();
            let mut last = 0;
            for living in living {
                let told = sum.tell(living);
                prop_assert!(told >= last && told >= living);
                last = told;
            }
        }

        #[test]
        fn what_grows_is_counted_as_it_grows(first in 0..1000u64, more in 0..1000u64) {
            let mut sum = Sum::default();
            sum.tell(first);
            prop_assert_eq!(sum.tell(0), first);
            prop_assert_eq!(sum.tell(more), first + more);
        }
    }
}
