//! Resource limits of a process, and what every program of ours does first.

use crate::error::{During, JailError};
use crate::spec::Limits;
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::io;

/// The limit of core files with which none is written and no crash handler of the machine is called:
/// with 0 that would be called all the same, as root, with what a jailed program has made of itself.
const NO_CORE: u64 = 1;

/// Keeps this process's memory and environment from others of the same user: not dumpable (so its
/// `/proc` files are closed and nobody may trace it), and no core file. Undone by exec, so each of
/// our programs calls it first thing in main.
///
/// # Errors
/// When the kernel refuses, which it has no reason to.
pub fn harden() -> io::Result<()> {
    prctl::set_dumpable(false)?;
    lower(Resource::RLIMIT_CORE, NO_CORE)
}

/// Lowers this process's limits, hard ones too, to `limits` and to what no jailed program needs
/// (core files, locked memory, message queues). A lower one that is already there stays.
pub(crate) fn apply(limits: &Limits) -> Result<(), JailError> {
    let asked = [
        (Resource::RLIMIT_DATA, limits.data_bytes),
        (Resource::RLIMIT_FSIZE, limits.file_bytes),
        (Resource::RLIMIT_NOFILE, limits.open_files),
        (Resource::RLIMIT_NPROC, limits.processes),
        (Resource::RLIMIT_CORE, Some(NO_CORE)),
        (Resource::RLIMIT_MEMLOCK, Some(64 * 1024)),
        (Resource::RLIMIT_MSGQUEUE, Some(0)),
    ];
    for (resource, limit) in asked {
        if let Some(limit) = limit {
            lower(resource, limit).during("lower a resource limit")?;
        }
    }
    Ok(())
}

/// Lowers one limit; one that is lower already stays.
pub(crate) fn lower(resource: Resource, limit: u64) -> io::Result<()> {
    let (_, hard) = getrlimit(resource)?;
    let limit = limit.min(hard);
    setrlimit(resource, limit, limit)?;
    Ok(())
}
