//! Memory that no process's figures show: what was written to a memfd and is not mapped.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;

/// How many descriptors of one process are looked at.
const MOST: usize = 4096;

/// The bytes in memfds that these processes hold open, each counted once. Nothing is opened: the
/// kernel is asked about each by its name in `/proc`.
pub(super) fn memfds(pids: impl Iterator<Item = i32>) -> u64 {
    let mut seen = BTreeSet::new();
    let mut bytes: u64 = 0;
    for pid in pids {
        let entries = fs::read_dir(format!("/proc/{pid}/fd"))
            .into_iter()
            .flatten();
        for entry in entries.flatten().take(MOST) {
            let path = entry.path();
            let target = fs::read_link(&path).unwrap_or_default();
            if !target
                .as_os_str()
                .as_encoded_bytes()
                .starts_with(b"/memfd:")
            {
                continue;
            }
            if let Ok(meta) = fs::metadata(&path)
                && seen.insert((meta.dev(), meta.ino()))
            {
                bytes = bytes.saturating_add(meta.blocks().saturating_mul(512));
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::memfd::{MFdFlags, memfd_create};
    use std::fs::File;
    use std::io::Write as _;

    #[test]
    fn what_is_in_a_memfd_is_found_though_nobody_maps_it() {
        let own = i32::try_from(std::process::id()).unwrap();
        let before = memfds([own].into_iter());
        let mut file = File::from(memfd_create(c"held", MFdFlags::MFD_CLOEXEC).unwrap());
        file.write_all(&vec![1; 1 << 20]).unwrap();
        let _twice = file.try_clone().unwrap();
        assert_eq!(memfds([own, own].into_iter()) - before, 1 << 20);
    }
}
