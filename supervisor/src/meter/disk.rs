//! How much a session's tools have added to the disk.
//!
//! Counting files is dear, so it is done only when it could matter: the kernel tells for free how
//! many bytes the tools wrote and how much the disk has left, and the workspace can not have grown by
//! more than that.

use cap_std::ambient_authority;
use cap_std::fs::{Dir, MetadataExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

/// Files that are counted; in a larger workspace the rest goes uncounted.
const MOST_FILES: usize = 1_000_000;
/// Folders within folders; deeper ones go uncounted.
const DEEPEST: usize = 64;
/// Counting takes at most this part of the time.
const REST: u32 = 10;
/// The disk is as good as full with this much left, or the hundredth part of a small one.
const SCARCE: u64 = 128 << 20;

/// What is known of a workspace's size.
#[derive(Debug, Default)]
pub(super) struct Disk {
    /// Its size before the tools began.
    before: Option<u64>,
    last: Option<Count>,
    counting: bool,
}

/// A count, and what the kernel said when it was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) used: u64,
    /// Bytes the session had written by then.
    pub(super) written: u64,
    /// Bytes the disk had left.
    pub(super) free: u64,
    pub(super) done_at: Instant,
    pub(super) took: Duration,
}

impl Disk {
    /// Whether to count now, given what was written and is free. The first count is always due.
    pub(super) fn begin(&mut self, limit: u64, written: u64, free: u64, now: Instant) -> bool {
        if self.counting || !self.is_due(limit, written, free, now) {
            return false;
        }
        self.counting = true;
        true
    }

    fn is_due(&self, limit: u64, written: u64, free: u64, now: Instant) -> bool {
        let Some(last) = self.last else { return true };
        let rested = now.duration_since(last.done_at) >= last.took * REST;
        rested && self.grown().saturating_add(last.possible(written, free)) > limit
    }

    /// Takes a count; by now the session has written this much.
    pub(super) fn counted(&mut self, count: Count, written: u64) {
        self.counting = false;
        // What was written before the first count was over may be in it already.
        self.before
            .get_or_insert(count.used.saturating_sub(written));
        self.last = Some(count);
    }

    /// The tools were ended for what they added. It is left to them, and a little more, so that the
    /// next ones can remove some of it.
    pub(super) fn forgive(&mut self, limit: u64) {
        let over = self.grown().saturating_sub(limit - limit / 8);
        self.before = self.before.map(|before| before.saturating_add(over));
    }

    /// By how much the workspace grew, at the last count.
    pub(super) fn grown(&self) -> u64 {
        let used = self.last.map_or(0, |count| count.used);
        used.saturating_sub(self.before.unwrap_or(used))
    }

    /// The most it can have grown by now.
    pub(super) fn at_most(&self, written: u64, free: u64) -> u64 {
        let more = self.last.map_or(0, |last| last.possible(written, free));
        self.grown().saturating_add(more)
    }
}

impl Count {
    /// The most that can have been added since: writes are not all there is, space can be reserved.
    fn possible(self, written: u64, free: u64) -> u64 {
        let written = written.saturating_sub(self.written);
        written.max(self.free.saturating_sub(free))
    }
}

/// What a file system has left for us, and whether it is as good as full.
pub(super) fn free(folder: &Path) -> Option<(u64, bool)> {
    let stat = rustix::fs::statvfs(folder).ok()?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let all = stat.f_blocks.saturating_mul(stat.f_frsize);
    Some((free, free < SCARCE.min(all / 100)))
}

/// The bytes that everything in `folder` takes on its disk. Follows no link, and leaves out what
/// can not be read.
pub(super) fn size(folder: &Path) -> u64 {
    let Ok(top) = Dir::open_ambient_dir(folder, ambient_authority()) else {
        return 0;
    };
    let mut left = MOST_FILES;
    size_of(&top, DEEPEST, &mut left)
}

fn size_of(dir: &Dir, depth: usize, left: &mut usize) -> u64 {
    let mut bytes: u64 = 0;
    for entry in dir.entries().into_iter().flatten().flatten() {
        if *left == 0 {
            break;
        }
        *left -= 1;
        let Ok(meta) = entry.metadata() else { continue };
        // A file with several names is counted with one of them, more or less.
        let shared = if meta.is_dir() {
            1
        } else {
            meta.nlink().max(1)
        };
        bytes = bytes.saturating_add(meta.blocks().saturating_mul(512) / shared);
        if meta.is_dir()
            && depth > 0
            && let Ok(inner) = entry.open_dir()
        {
            bytes = bytes.saturating_add(size_of(&inner, depth - 1, left));
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn count(used: u64, written: u64, free: u64, now: Instant) -> Count {
        Count {
            used,
            written,
            free,
            done_at: now,
            took: Duration::ZERO,
        }
    }

    #[test]
    fn nothing_is_counted_while_it_can_not_matter() {
        let now = Instant::now();
        let mut disk = Disk::default();
        assert!(disk.begin(100, 0, 1000, now));
        assert!(!disk.begin(100, 500, 1000, now), "it is being counted");
        disk.counted(count(5000, 0, 1000, now), 0);
        assert!(!disk.begin(100, 100, 1000, now));
        assert!(!disk.begin(100, 0, 900, now));
        assert!(disk.begin(100, 0, 899, now), "reserved without a write");
        disk.counted(count(5000, 0, 899, now), 0);
        assert!(disk.begin(100, 101, 899, now));
    }

    #[test]
    fn what_was_there_before_is_not_theirs() {
        let now = Instant::now();
        let mut disk = Disk::default();
        disk.counted(count(5000, 0, 1000, now), 0);
        assert_eq!(disk.grown(), 0);
        disk.counted(count(5150, 200, 800, now), 200);
        assert_eq!(disk.grown(), 150);
        disk.counted(count(4000, 300, 800, now), 300);
        assert_eq!(disk.grown(), 0);
    }

    #[test]
    fn who_was_ended_can_clean_up_and_not_go_on() {
        let now = Instant::now();
        let mut disk = Disk::default();
        disk.counted(count(0, 0, 9000, now), 0);
        disk.counted(count(900, 900, 8000, now), 900);
        disk.forgive(800);
        assert_eq!(disk.grown(), 700);
        disk.counted(count(1010, 1010, 8000, now), 1010);
        assert!(disk.grown() > 800);
        disk.counted(count(10, 1010, 8000, now), 1010);
        assert_eq!(disk.grown(), 0);
    }

    #[test]
    fn what_was_written_during_the_first_count_is_theirs() {
        let mut disk = Disk::default();
        disk.counted(count(5000, 100, 1000, Instant::now()), 300);
        assert_eq!(disk.grown(), 300);
    }

    #[test]
    fn counting_is_followed_by_rest() {
        let now = Instant::now();
        let mut disk = Disk::default();
        let mut first = count(0, 0, 1000, now);
        first.took = Duration::from_secs(1);
        disk.counted(first, 0);
        assert!(!disk.begin(100, 200, 1000, now + Duration::from_secs(9)));
        assert!(disk.begin(100, 200, 1000, now + Duration::from_secs(10)));
    }

    #[test]
    fn a_link_is_not_followed() {
        let home = tempfile::tempdir().unwrap();
        let large = tempfile::tempdir().unwrap();
        fs::write(large.path().join("large"), vec![1; 4 << 20]).unwrap();
        let empty = size(home.path());
        std::os::unix::fs::symlink(large.path(), home.path().join("link")).unwrap();
        fs::create_dir(home.path().join("folder")).unwrap();
        assert!(size(home.path()) - empty < 1 << 20);
        fs::write(home.path().join("folder/file"), vec![1; 2 << 20]).unwrap();
        fs::hard_link(home.path().join("folder/file"), home.path().join("again")).unwrap();
        let grown = size(home.path()) - empty;
        assert!((2 << 20..3 << 20).contains(&grown), "{grown}");
        assert_eq!(size(Path::new("/nowhere")), 0);
    }
}
