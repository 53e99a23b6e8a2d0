//! What a process may do because of who it is: taken away for good.

use crate::error::{During, JailError};
use crate::sys;
use nix::errno::Errno;
use nix::sys::prctl;
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};

/// The user and group of a process that is nobody.
const NOBODY: u32 = 65534;

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
    sys::clear_capabilities().during("drop capabilities")
}

/// No exec gives a privilege from now on.
pub(crate) fn no_new_privileges() -> Result<(), JailError> {
    prctl::set_no_new_privs().during("set no_new_privs")
}

/// Becomes nobody when this is root with the right to: the supervisor, which is root then, must
/// still be able to signal it. Returns whether it did.
pub(crate) fn become_nobody() -> Result<bool, JailError> {
    let needed = 1 << CAP_KILL | 1 << CAP_SETGID | 1 << CAP_SETUID;
    let held = sys::capabilities().during("read capabilities")?;
    if !Uid::effective().is_root() || held & needed != needed {
        return Ok(false);
    }
    let (uid, gid) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    match setgroups(&[])
        .and_then(|()| setresgid(gid, gid, gid))
        .and_then(|()| setresuid(uid, uid, uid))
    {
        Ok(()) => Ok(true),
        // A user namespace that maps no such user, or in which groups are fixed: not a wall of
        // ours, the rest of the seal stands without it.
        Err(Errno::EINVAL | Errno::EPERM) => Ok(false),
        Err(error) => Err(error).during("become nobody"),
    }
}
