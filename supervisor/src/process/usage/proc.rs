//! The files of `/proc/PID`, read and understood. What does not parse is `None`: the process is gone.

use super::{page, ticks};
use std::fs::File;
use std::io::Read as _;
use std::time::Duration;

/// The longest of the files read here; none of them comes near it.
const LONGEST: usize = 4096;

/// `/proc/PID/stat`, as far as it is of use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// The process.
    pub pid: i32,
    /// Its program's name; at most 15 bytes.
    pub name: String,
    /// The kernel's letter: `R`, `S`, `D`, `Z`, `T`.
    pub state: char,
    /// Its parent.
    pub parent: i32,
    /// CPU time of its own.
    pub cpu: Duration,
    /// CPU time of the children it has waited for, and of theirs.
    pub cpu_children: Duration,
    /// Its threads.
    pub threads: u32,
    /// When it began, in clock ticks since boot: with the pid, its name for ever.
    pub began: u64,
    /// Resident memory in bytes, shared pages counted whole.
    pub resident: u64,
}

impl Stat {
    /// Reads the line; the name may hold anything, brackets and line ends too.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let (head, rest) = line.rsplit_once(')')?;
        let (pid, name) = head.split_once(" (")?;
        let mut rest = rest.split_ascii_whitespace();
        let state = rest.next()?.chars().next()?;
        let parent = rest.next()?.parse().ok()?;
        let mut number = |skip: usize| rest.nth(skip)?.parse::<u64>().ok();
        let (user, system) = (number(9)?, number(0)?);
        let (child_user, child_system) = (number(0)?, number(0)?);
        let threads = number(2)?;
        let began = number(1)?;
        let resident = number(1)?.saturating_mul(page());
        Some(Self {
            pid: pid.trim().parse().ok()?,
            name: name.to_owned(),
            state,
            parent,
            cpu: ticks(user.saturating_add(system)),
            cpu_children: ticks(child_user.saturating_add(child_system)),
            threads: u32::try_from(threads).unwrap_or(u32::MAX),
            began,
            resident,
        })
    }

    /// The process's line as it stands.
    #[must_use]
    pub fn of(pid: i32) -> Option<Self> {
        Self::parse(&read(&format!("/proc/{pid}/stat"))?)
    }

    /// Whether it has ended, and only waits to be waited for.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(self.state, 'Z' | 'X')
    }
}

/// `/proc/PID/status`: what kinds of memory are resident, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// Its own: heap, stacks.
    pub anonymous: u64,
    /// Files that are mapped; the kernel can drop them.
    pub file: u64,
    /// Shared mappings, memfd and tmpfs.
    pub shared: u64,
    /// In swap.
    pub swap: u64,
}

impl Memory {
    /// Reads the file; a process without memory (a zombie) has none.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self {
            anonymous: kib(text, "RssAnon:"),
            file: kib(text, "RssFile:"),
            shared: kib(text, "RssShmem:"),
            swap: kib(text, "VmSwap:"),
        }
    }

    /// The process's as it stands.
    #[must_use]
    pub fn of(pid: i32) -> Option<Self> {
        Some(Self::parse(&read(&format!("/proc/{pid}/status"))?))
    }

    /// What stays until the process ends: files do not.
    #[must_use]
    pub fn held(self) -> u64 {
        self.anonymous
            .saturating_add(self.shared)
            .saturating_add(self.swap)
    }
}

/// `/proc/PID/smaps_rollup`: the process's share of its memory, a page that n share counted 1/n.
/// Dear to read: the kernel walks all its pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rollup {
    /// All of it, in bytes.
    pub share: u64,
    /// Of that its own: heap, stacks, and what of them is swapped out.
    pub anonymous: u64,
    /// Of that shared mappings, memfd and tmpfs.
    pub shared: u64,
}

impl Rollup {
    /// Reads the file; `None` when it is empty, as a kernel thread's is.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.contains("\nPss:").then(|| Self {
            share: kib(text, "Pss:"),
            anonymous: kib(text, "Pss_Anon:").saturating_add(kib(text, "SwapPss:")),
            shared: kib(text, "Pss_Shmem:"),
        })
    }

    /// The process's as it stands; `None` also where it may not be looked at.
    #[must_use]
    pub fn of(pid: i32) -> Option<Self> {
        Self::parse(&read(&format!("/proc/{pid}/smaps_rollup"))?)
    }
}

/// `/proc/PID/io`: bytes from and to disks, of the process and of children it has waited for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Io {
    /// Bytes fetched from a disk.
    pub read: u64,
    /// Bytes that were to go to a disk, less those thrown away before they did.
    pub written: u64,
}

impl Io {
    /// Reads the file.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let field = |name| number(text, name);
        let cancelled = field("cancelled_write_bytes:").unwrap_or(0);
        Some(Self {
            read: field("read_bytes:")?,
            written: field("write_bytes:")?.saturating_sub(cancelled),
        })
    }

    /// The process's as it stands; `None` also where it may not be looked at.
    #[must_use]
    pub fn of(pid: i32) -> Option<Self> {
        Self::parse(&read(&format!("/proc/{pid}/io"))?)
    }
}

/// The children of a process, by its threads' `children` files; `None` where the kernel has none.
pub(super) fn children(pid: i32, threads: u32) -> Option<Vec<i32>> {
    if threads <= 1 {
        return pids_in(format!("/proc/{pid}/task/{pid}/children"));
    }
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let mut all = Vec::new();
    for task in tasks.flatten() {
        all.extend(pids_in(task.path().join("children")).unwrap_or_default());
    }
    Some(all)
}

fn pids_in(file: impl AsRef<std::path::Path>) -> Option<Vec<i32>> {
    let text = std::fs::read_to_string(file).ok()?;
    let words = text.split_ascii_whitespace();
    Some(words.filter_map(|pid| pid.parse().ok()).collect())
}

/// Every process's parent, by all of `/proc`: for kernels without `children` files.
pub(super) fn parents() -> Vec<(i32, i32)> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid| Stat::of(pid).map(|stat| (stat.parent, pid)))
        .collect()
}

/// A process's arguments as `ps` shows them; empty for a zombie.
pub(super) fn title(pid: i32) -> String {
    let words = read(&format!("/proc/{pid}/cmdline")).unwrap_or_default();
    words.trim_end_matches('\0').replace('\0', " ")
}

/// A small file of `/proc`, whole, in one read: it can not change half-way. Longer ones are cut.
fn read(path: &str) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let mut buffer = [0; LONGEST];
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(buffer.get_mut(filled..)?).ok()? {
            0 => break,
            more => filled += more,
        }
    }
    Some(String::from_utf8_lossy(buffer.get(..filled)?).into_owned())
}

fn kib(text: &str, name: &str) -> u64 {
    number(text, name).unwrap_or(0).saturating_mul(1024)
}

fn number(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STAT: &str = "4242 (a) R (b) S 17 4242 4242 0 -1 4194560 1520 900 0 3 \
        250 50 125 75 20 0 7 0 123456 10485760 512 18446744073709551615 1 1 0 0 0 0";

    #[test]
    fn a_stat_line_is_read_whatever_the_name_is() {
        let stat = Stat::parse(STAT).unwrap();
        assert_eq!((stat.pid, stat.parent, stat.state), (4242, 17, 'S'));
        assert_eq!(stat.name, "a) R (b");
        assert_eq!(stat.cpu, ticks(300));
        assert_eq!(stat.cpu_children, ticks(200));
        assert_eq!((stat.threads, stat.began), (7, 123_456));
        assert_eq!(stat.resident, 512 * page());
    }

    #[test]
    fn kinds_of_memory_are_told_apart() {
        let text = "Name:\tx\nVmRSS:\t 60 kB\nRssAnon:\t  10 kB\nRssFile:\t  20 kB\n\
            RssShmem:\t  30 kB\nVmSwap:\t   5 kB\n";
        let memory = Memory::parse(text);
        assert_eq!(memory.held(), 45 * 1024);
        assert_eq!(memory.file, 20 * 1024);
        assert_eq!(Memory::parse("Name:\tzombie\n"), Memory::default());
    }

    #[test]
    fn a_share_counts_what_is_swapped_out_as_its_own() {
        let text = "00400000-7fff r--p 0 00:00 0 [rollup]\nRss: 90 kB\nPss: 50 kB\n\
            Pss_Dirty: 1 kB\nPss_Anon: 20 kB\nPss_File: 10 kB\nPss_Shmem: 20 kB\nSwapPss: 4 kB\n";
        let rollup = Rollup::parse(text).unwrap();
        assert_eq!(rollup.share, 50 * 1024);
        assert_eq!((rollup.anonymous, rollup.shared), (24 * 1024, 20 * 1024));
        assert_eq!(Rollup::parse(""), None);
    }

    #[test]
    fn writes_that_were_thrown_away_were_none() {
        let text = "rchar: 9\nwchar: 9\nsyscr: 1\nsyscw: 1\nread_bytes: 4096\n\
            write_bytes: 8192\ncancelled_write_bytes: 4096\n";
        let io = Io::parse(text).unwrap();
        assert_eq!((io.read, io.written), (4096, 4096));
    }

    #[test]
    fn the_kernels_own_files_are_understood() {
        let own = i32::try_from(std::process::id()).unwrap();
        let stat = Stat::of(own).unwrap();
        assert_eq!(stat.pid, own);
        assert!(stat.resident > 0 && !stat.has_ended());
        assert!(Memory::of(own).unwrap().held() > 0);
        let rollup = Rollup::of(own).unwrap();
        assert!(rollup.share >= rollup.anonymous && rollup.anonymous > 0);
        assert!(Io::of(own).is_some());
        assert!(!title(own).is_empty());
    }

    proptest! {
        #[test]
        fn no_text_makes_a_reader_panic(text in ".{0,300}", cut in 0..STAT.len()) {
            let _ = (Stat::parse(&text), Stat::parse(&STAT[..cut]));
            let _ = (Memory::parse(&text), Rollup::parse(&text), Io::parse(&text));
        }
    }
}
