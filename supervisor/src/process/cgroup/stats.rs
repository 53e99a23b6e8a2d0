//! What the files of a control group say.

use super::read;
use std::io;
use std::path::Path;

/// What a session's group has used, and uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GroupUse {
    /// CPU time of all that ever was in it, in microseconds.
    pub cpu_us: u64,
    /// Memory in bytes, without files that the kernel only keeps because it has room.
    pub memory: u64,
    /// The most memory it had at once, such files included; `None` before Linux 5.19.
    pub memory_peak: Option<u64>,
    /// Processes and threads.
    pub threads: u32,
    /// Bytes from and to disks; `None` without the io controller.
    pub io: Option<(u64, u64)>,
}

impl GroupUse {
    pub(super) fn of(group: &Path) -> io::Result<Self> {
        let current = number(&group.join("memory.current"))?;
        let stat = read(&group.join("memory.stat")).unwrap_or_default();
        let idle = field(&stat, "inactive_file").unwrap_or(0);
        let threads = number(&group.join("pids.current")).unwrap_or(0);
        Ok(Self {
            cpu_us: cpu_us(group)?,
            memory: current.saturating_sub(idle),
            memory_peak: number(&group.join("memory.peak")).ok(),
            threads: u32::try_from(threads).unwrap_or(u32::MAX),
            io: read(&group.join("io.stat")).ok().map(|text| traffic(&text)),
        })
    }
}

/// How often a group ran into its limits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Events {
    /// Times processes were killed because memory ran out.
    pub memory_kills: u64,
    /// Times no process could be started.
    pub processes_refused: u64,
    /// Periods in which it had to wait for CPU.
    pub throttled: u64,
}

impl Events {
    pub(super) fn of(group: &Path) -> Self {
        let count = |file: &str, name: &str| {
            let text = read(&group.join(file)).unwrap_or_default();
            field(&text, name).unwrap_or(0)
        };
        Self {
            memory_kills: count("memory.events", "oom_kill"),
            processes_refused: count("pids.events", "max"),
            throttled: count("cpu.stat", "nr_throttled"),
        }
    }
}

pub(super) fn cpu_us(group: &Path) -> io::Result<u64> {
    let text = read(&group.join("cpu.stat"))?;
    Ok(field(&text, "usage_usec").unwrap_or(0))
}

fn number(path: &Path) -> io::Result<u64> {
    read(path)?.trim().parse().map_err(io::Error::other)
}

/// A line `name value`.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line?.trim().parse().ok()
}

/// The sum over all disks of lines such as `8:0 rbytes=4096 wbytes=0 rios=1 …`.
fn traffic(text: &str) -> (u64, u64) {
    let sum = |name: &str| {
        let words = text.split_ascii_whitespace();
        let values = words.filter_map(|word| word.strip_prefix(name)?.parse::<u64>().ok());
        values.fold(0, u64::saturating_add)
    };
    (sum("rbytes="), sum("wbytes="))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_its_whole_name() {
        let text = "oom 3\noom_kill 2\noom_group_kill 1\n";
        assert_eq!(field(text, "oom_kill"), Some(2));
        assert_eq!(field(text, "oom"), Some(3));
        assert_eq!(field(text, "kill"), None);
    }

    #[test]
    fn traffic_is_of_all_disks() {
        let text = "8:0 rbytes=10 wbytes=1 rios=1 wios=1 dbytes=0 dios=0\n\
            259:0 rbytes=5 wbytes=2 rios=1 wios=1 dbytes=0 dios=0\n";
        assert_eq!(traffic(text), (15, 3));
        assert_eq!(traffic(""), (0, 0));
    }
}
