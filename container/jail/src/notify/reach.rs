//! Reaches into the process whose `connect` waits: the address it gave, and its socket.

use super::address::LONGEST;
use super::raw;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::{Pid, Uid};
use std::fs::{self, File};
use std::io::{self, IoSliceMut};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};

/// Copies `length` bytes at `place` in the memory of the thread `pid`, once.
pub(super) fn copy(pid: i32, place: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length.min(LONGEST)];
    let remote = RemoteIoVec {
        base: usize::try_from(place).map_err(io::Error::other)?,
        len: bytes.len(),
    };
    let local = &mut [IoSliceMut::new(&mut bytes)];
    if process_vm_readv(Pid::from_raw(pid), local, &[remote]) == Ok(remote.len) {
        return Ok(bytes);
    }
    // Some containers' filters know no process_vm_readv.
    let memory = as_its_user(pid, || File::open(format!("/proc/{pid}/mem")))?;
    memory.read_exact_at(&mut bytes, place)?;
    Ok(bytes)
}

/// The descriptor number `fd` of the process that `thread` belongs to, as one of this process.
pub(super) fn socket(thread: i32, fd: i32) -> io::Result<OwnedFd> {
    let status = fs::read_to_string(format!("/proc/{thread}/status"))?;
    let leader = status.lines().find_map(|line| line.strip_prefix("Tgid:"));
    let leader = leader.and_then(|pid| pid.trim().parse().ok());
    let pid = leader.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    Ok(raw::take_descriptor(pid, fd)?)
}

/// The flags (`O_…`) of the thread's descriptor number `fd`.
pub(super) fn flags(thread: i32, fd: i32) -> io::Result<i32> {
    let path = format!("/proc/{thread}/fdinfo/{fd}");
    let text = as_its_user(thread, || fs::read_to_string(&path))?;
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|octal| i32::from_str_radix(octal.trim(), 8).ok());
    flags.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
}

/// Opens something of another process: as oneself, or else, where root may not, as its user.
fn as_its_user<T>(pid: i32, open: impl Fn() -> io::Result<T>) -> io::Result<T> {
    let refused = match open() {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => error,
        other => return other,
    };
    if !Uid::effective().is_root() {
        return Err(refused);
    }
    let owner = fs::metadata(format!("/proc/{pid}"))?;
    raw::access_files_as(owner.uid(), owner.gid());
    let opened = open();
    raw::access_files_as(0, nix::unistd::getegid().as_raw());
    opened
}
