//! What the kernel knows of processes: who is whose child, how it is sealed, what it holds open.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

/// A process, told from a later one of the same number by when it began.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its parent's.
    pub parent: u32,
    /// When it began, in clock ticks since boot.
    pub began: u64,
    /// Its arguments, as `ps` shows them.
    pub title: String,
}

impl Process {
    /// The process of that number, unless it is gone or a zombie.
    #[must_use]
    pub fn find(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name before it may hold anything, brackets too.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        if matches!(*fields.first()?, "Z" | "X") {
            return None;
        }
        let title = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let title = String::from_utf8_lossy(&title).replace('\0', " ");
        Some(Self {
            pid,
            parent: fields.get(1)?.parse().ok()?,
            began: fields.get(19)?.parse().ok()?,
            title: title.trim_end().to_owned(),
        })
    }

    /// Whether it still runs.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        Self::find(self.pid).is_some_and(|now| now.began == self.began)
    }

    /// Sends it a signal; one that is gone is fine.
    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        if self.is_alive() {
            let pid = nix::unistd::Pid::from_raw(self.pid.cast_signed());
            let _ = nix::sys::signal::kill(pid, signal);
        }
    }

    /// Kills it.
    pub fn kill9(&self) {
        self.signal(nix::sys::signal::Signal::SIGKILL);
    }

    /// Stops it in its tracks; what it would have done next is not done until it goes on.
    pub fn freeze(&self) {
        self.signal(nix::sys::signal::Signal::SIGSTOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal(nix::sys::signal::Signal::SIGCONT);
    }

    /// One field of its status: `Seccomp`, `NoNewPrivs`, `CapEff`.
    #[must_use]
    pub fn status(&self, field: &str) -> String {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        line.unwrap_or_default().trim().to_owned()
    }

    /// Its open descriptors and what each is.
    #[must_use]
    pub fn descriptors(&self) -> BTreeMap<u32, PathBuf> {
        let entries = fs::read_dir(format!("/proc/{}/fd", self.pid))
            .into_iter()
            .flatten()
            .flatten();
        let named = entries.filter_map(|entry| {
            let number = entry.file_name().to_str()?.parse().ok()?;
            Some((number, fs::read_link(entry.path()).unwrap_or_default()))
        });
        named.collect()
    }

    /// Its environment as it was started with.
    #[must_use]
    pub fn environment(&self) -> String {
        let bytes = fs::read(format!("/proc/{}/environ", self.pid)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).replace('\0', "\n")
    }

    /// Whether these bytes are anywhere in its memory; `None` where we may not look.
    #[must_use]
    pub fn remembers(&self, words: &str) -> Option<bool> {
        let maps = fs::read_to_string(format!("/proc/{}/maps", self.pid)).ok()?;
        let memory = fs::File::open(format!("/proc/{}/mem", self.pid)).ok()?;
        let writable = maps.lines().filter_map(|line| {
            let (range, rest) = line.split_once(' ')?;
            let (from, to) = range.split_once('-')?;
            let bound = |hex| u64::from_str_radix(hex, 16).ok();
            rest.starts_with("rw").then_some((bound(from)?, bound(to)?))
        });
        let mut looked = None;
        for (from, to) in writable {
            let mut bytes = vec![0; usize::try_from(to - from).ok()?];
            // Pages that are not there can not be read, and hold nothing.
            if memory.read_exact_at(&mut bytes, from).is_ok() {
                looked = Some(false);
                if bytes
                    .windows(words.len())
                    .any(|window| window == words.as_bytes())
                {
                    return Some(true);
                }
            }
        }
        looked
    }

    /// Its share of memory, in bytes.
    #[must_use]
    pub fn pss(&self) -> u64 {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.pid));
        let rollup = rollup.unwrap_or_default();
        let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB"));
        kib.and_then(|kib| kib.trim().parse::<u64>().ok())
            .unwrap_or(0)
            * 1024
    }

    /// Everything it has started, and what those have, in the order of their numbers.
    #[must_use]
    pub fn descendants(&self) -> Vec<Self> {
        let all = all();
        let mut family = BTreeSet::from([self.pid]);
        // Numbers wrap around, so a child may have a lower one than its parent.
        loop {
            let before = family.len();
            family.extend(
                all.iter()
                    .filter(|p| family.contains(&p.parent))
                    .map(|p| p.pid)
                    .collect::<Vec<_>>(),
            );
            if family.len() == before {
                break;
            }
        }
        all.into_iter()
            .filter(|p| p.pid != self.pid && family.contains(&p.pid))
            .collect()
    }
}

/// Every process there is.
#[must_use]
pub fn all() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut all: Vec<_> = pids.filter_map(Process::find).collect();
    all.sort();
    all
}

/// Every process with `words` among its arguments.
#[must_use]
pub fn titled(words: &str) -> Vec<Process> {
    all()
        .into_iter()
        .filter(|process| process.title.contains(words))
        .collect()
}
