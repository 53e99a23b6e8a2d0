//! What a process may do because of who it is: taken away for good.

use crate::error::{During, JailError};
use crate::sys;
use nix::errno::Errno;
use nix::sys::prctl;
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The user and group of a process that is nobody.
const NOBODY: u32 = 65534;

const CAP_DAC_OVERRIDE: u32 = 1;
const CAP_KILL: u32 = 5;
const CAP_SETGID: u32 = 6;
const CAP_SETUID: u32 = 7;

/// Keeps whatever this process execs from having a capability. To be called before the process
/// changes its user or drops its own capabilities: it needs `CAP_SETPCAP`. An ordinary user lacks
/// that, and needs no empty bounding set: with no_new_privs nothing can raise a capability again.
pub(crate) fn empty_bounding_set() -> Result<(), JailError> {
    for capability in 0.. {
        match sys::drop_bounding(capability) {
            Ok(()) => {}
            Err(Errno::EINVAL | Errno::EPERM) => break,
            Err(error) => return Err(error).during("empty the bounding set"),
        }
    }
    Ok(())
}

/// Takes all capabilities from this process.
pub(crate) fn drop_capabilities() -> Result<(), JailError> {
    sys::clear_ambient().during("drop ambient capabilities")?;
    sys::set_capabilities(0).during("drop capabilities")
}

/// Takes all capabilities from this process but that to signal what runs as another user, and, if
/// it `cleans_up`, that to remove what was put into another user's workspace.
pub(crate) fn keep_outside(cleans_up: bool) -> Result<(), JailError> {
    let kept = 1 << CAP_KILL | u64::from(cleans_up) << CAP_DAC_OVERRIDE;
    sys::clear_ambient().during("drop ambient capabilities")?;
    let held = sys::capabilities().during("read capabilities")?;
    sys::set_capabilities(held & kept).during("drop capabilities")
}

/// No exec gives a privilege from now on.
pub(crate) fn no_new_privileges() -> Result<(), JailError> {
    prctl::set_no_new_privs().during("set no_new_privs")
}

/// Becomes nobody when this is root with the right to. Returns whether it did.
pub(crate) fn become_nobody() -> Result<bool, JailError> {
    become_user(NOBODY, NOBODY)
}

/// Becomes the owner of `path` when this is root with the right to: root without capabilities could
/// not write what belongs to somebody else. Returns whether it did.
pub(crate) fn become_owner(path: &Path) -> Result<bool, JailError> {
    let metadata = fs::metadata(path).during("look at the workspace's owner")?;
    if metadata.uid() == 0 {
        return Ok(false);
    }
    become_user(metadata.uid(), metadata.gid())
}

/// Whether this is root, and [`become_owner`] of `path` leaves it so.
pub(crate) fn stays_root(path: Option<&PathBuf>) -> bool {
    let owner = path.and_then(|path| fs::metadata(path).ok());
    Uid::effective().is_root() && owner.is_none_or(|owner| owner.uid() == 0)
}

/// Changes user and group for good, when this is root with the right to, also that to signal the
/// user afterwards: the supervisor, which is root then too, has to end what it starts.
pub(crate) fn become_user(uid: u32, gid: u32) -> Result<bool, JailError> {
    let needed = 1 << CAP_KILL | 1 << CAP_SETGID | 1 << CAP_SETUID;
    let held = sys::capabilities().during("read capabilities")?;
    if !Uid::effective().is_root() || held & needed != needed {
        return Ok(false);
    }
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    match setgroups(&[])
        .and_then(|()| setresgid(gid, gid, gid))
        .and_then(|()| setresuid(uid, uid, uid))
    {
        Ok(()) => Ok(true),
        // A user namespace that maps no such user, or in which groups are fixed: no wall of ours
        // depends on it.
        Err(Errno::EINVAL | Errno::EPERM) => Ok(false),
        Err(error) => Err(error).during("change the user"),
    }
}
