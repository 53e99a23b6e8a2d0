//! The machine as a whole: memory, cores, how long it is up.

use std::fs;
use std::time::Duration;

/// The machine's memory, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Machine {
    /// All of it.
    pub(super) total: u64,
    /// What could be had now.
    pub(super) available: u64,
    /// Shared memory: tmpfs, memfd, shared mappings, of everyone.
    pub(super) shared: u64,
}

/// Below this part of its memory a machine is about to stand still.
const SCARCE_PART: u64 = 20;
/// Of a large machine this much is enough to go on with.
const SCARCE_MOST: u64 = 512 << 20;

impl Machine {
    /// As it stands; `None` where `/proc` does not say.
    pub(super) fn now() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/meminfo").ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            let kib: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
            Some(kib.saturating_mul(1024))
        };
        Some(Self {
            total: field("MemTotal:")?,
            available: field("MemAvailable:")?,
            shared: field("Shmem:").unwrap_or(0),
        })
    }

    /// What is to be left for everyone else.
    pub(super) fn floor(self) -> u64 {
        (self.total / SCARCE_PART).min(SCARCE_MOST)
    }
}

/// Time since boot, by the clock that processes' beginnings are told by.
pub(super) fn uptime() -> Duration {
    let text = fs::read_to_string("/proc/uptime").unwrap_or_default();
    let seconds = text.split(' ').next().and_then(|word| word.parse().ok());
    Duration::try_from_secs_f64(seconds.unwrap_or(0.0)).unwrap_or_default()
}

/// Processors.
pub(super) fn cores() -> u32 {
    let cores = std::thread::available_parallelism();
    cores.map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_words_are_understood() {
        let text = "MemTotal:  2000 kB\nMemFree: 1 kB\nMemAvailable:  900 kB\nShmem:  7 kB\n";
        let machine = Machine::parse(text).unwrap();
        assert_eq!(machine.total, 2000 * 1024);
        assert_eq!((machine.available, machine.shared), (900 * 1024, 7 * 1024));
        assert_eq!(machine.floor(), 100 * 1024);
        assert_eq!(Machine::parse("MemTotal: 1 kB\n"), None);
        assert!(Machine::now().unwrap().total > 0);
        assert!(uptime() > Duration::ZERO);
    }
}
