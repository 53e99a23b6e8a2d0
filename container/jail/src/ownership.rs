//! Workspaces that another user changes while their files keep their owner on disk: mounts with
//! mapped ids. Only root of the whole machine can make them.

use crate::error::{During, JailError};
use crate::namespaces;
use crate::plan;
use crate::spec::JailSpec;
use crate::sys::{self, Depth, MountAttributes, Side};
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, Uid};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// Every id but the last, which stands for none.
const IDS: u32 = u32::MAX;

/// A workspace by its path, and its mount that is not at any place yet.
pub(crate) type Mapped = (PathBuf, OwnedFd);

/// The workspaces of `spec`, in which what belongs to the owner of the first belongs to its `user`.
/// None where there is no such user, or no right or means to map: then programs run as the owner.
pub(crate) fn map(spec: &JailSpec) -> Vec<Mapped> {
    let Some(user) = spec.user.filter(|_| Uid::effective().is_root()) else {
        return Vec::new();
    };
    // All or none: half of it would be a workspace in which one can not write.
    try_map(spec, user).unwrap_or_default()
}

fn try_map(spec: &JailSpec, user: u32) -> Result<Vec<Mapped>, JailError> {
    let plan = plan::changes(spec, &plan::Machine)?;
    let Some(first) = spec.write.first() else {
        return Ok(Vec::new());
    };
    let owner = fs::metadata(first).during("look at the workspace's owner")?;
    if (owner.uid(), owner.gid()) == (user, user) {
        return Ok(Vec::new());
    }
    let ids = user_namespace(&swap(owner.uid(), user), &swap(owner.gid(), user))?;
    let map = |path: PathBuf| {
        let mount = sys::open_tree(&crate::mounts::at(&path)?)?;
        let attributes = MountAttributes {
            set: sys::MAPPED_IDS,
            propagation: libc::MS_PRIVATE,
            user_namespace: ids.as_raw_fd() as u64,
            ..MountAttributes::default()
        };
        sys::mount_setattr(mount.as_fd(), Depth::All, attributes)?;
        Ok((path, mount))
    };
    let paths = plan.binds.into_iter().map(|bind| bind.path);
    paths
        .map(map)
        .collect::<io::Result<_>>()
        .during("map the workspace's owner")
}

/// A map of ids in which `one` and `other` have changed places, in the kernel's words: id on disk,
/// id in the mount, how many.
fn swap(one: u32, other: u32) -> String {
    let (low, high) = (one.min(other), one.max(other));
    let same = |from: u32, to: u32| (from, from, to.saturating_sub(from));
    let ranges = [
        same(0, low),
        (low, high, 1),
        same(low + 1, high),
        (high, low, u32::from(low != high)),
        same(high.saturating_add(1), IDS),
    ];
    ranges
        .into_iter()
        .filter(|(_, _, count)| *count > 0)
        .map(|(disk, mount, count)| format!("{disk} {mount} {count}\n"))
        .collect()
}

/// A user namespace with these maps, in which nobody is.
fn user_namespace(users: &str, groups: &str) -> Result<OwnedFd, JailError> {
    let (ours, its) = namespaces::link()?;
    match sys::fork_into(libc::CLONE_NEWUSER).during("make a user namespace")? {
        Side::Child => {
            drop(ours);
            // Until the other end is closed.
            let _ = namespaces::hear(&its);
            sys::exit_now()
        }
        Side::Parent(child) => {
            let made = open_mapped(child, users, groups).during("make a user namespace");
            drop(ours);
            let _ = waitpid(child, None);
            made
        }
    }
}

fn open_mapped(child: Pid, users: &str, groups: &str) -> io::Result<OwnedFd> {
    fs::write(format!("/proc/{child}/uid_map"), users)?;
    fs::write(format!("/proc/{child}/gid_map"), groups)?;
    Ok(File::open(format!("/proc/{child}/ns/user"))?.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mapped(map: &str, id: u32) -> Vec<u32> {
        let ranges = map.lines().map(|line| {
            let numbers: Vec<u32> = line.split(' ').map(|n| n.parse().unwrap()).collect();
            (numbers[0], numbers[1], numbers[2])
        });
        ranges
            .filter(|(from, _, count)| (*from..from.saturating_add(*count)).contains(&id))
            .map(|(from, to, _)| to + (id - from))
            .collect()
    }

    proptest! {
        #[test]
        fn two_ids_change_places_and_the_rest_stay(
            one in prop_oneof![0..4_u32, any::<u32>()],
            other in prop_oneof![0..4_u32, any::<u32>()],
            id in prop_oneof![0..6_u32, any::<u32>()],
        ) {
            prop_assume!(one < IDS && other < IDS && id < IDS);
            let map = swap(one, other);
            prop_assert_eq!(mapped(&map, one), [other]);
            prop_assert_eq!(mapped(&map, other), [one]);
            if id != one && id != other {
                prop_assert_eq!(mapped(&map, id), [id]);
            }
        }
    }
}
