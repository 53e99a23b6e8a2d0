//! How much room the disk has.

use nix::sys::statvfs::statvfs;
use std::path::Path;

const MIB: u64 = 1024 * 1024;
/// With less than this, a turn or two may fill the disk.
const ENOUGH: u64 = 16 * MIB;

/// Room on the disk of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// So many MiB.
    Enough(u64),
    /// Only so many KiB.
    Scarce(u64),
}

impl Room {
    /// The room of `folder`'s disk; `None` where that can not be told.
    #[must_use]
    pub fn of(folder: &Path) -> Option<Self> {
        let found = statvfs(folder).ok()?;
        Some(Self::told(found.blocks_available() * found.fragment_size()))
    }

    fn told(bytes: u64) -> Self {
        if bytes < ENOUGH {
            Self::Scarce(bytes / 1024)
        } else {
            Self::Enough(bytes / MIB)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_one_with_room() {
        assert_eq!(Room::told(0), Room::Scarce(0));
        assert_eq!(Room::told(ENOUGH - 1), Room::Scarce(16 * 1024 - 1));
        assert_eq!(Room::told(ENOUGH), Room::Enough(16));
        assert!(Room::of(Path::new("/")).is_some());
        assert_eq!(Room::of(Path::new("/nonexistent")), None);
    }
}
