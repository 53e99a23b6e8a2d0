//! Syscalls that a wall is to refuse, made to see whether it does.
#![expect(
    unsafe_code,
    reason = "calls that no library makes with senseless arguments; a SAFETY line each"
)]

use libc::c_ulong;
use nix::errno::Errno;
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};
use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::ptr;

/// Lets the parent trace this process.
pub(super) fn trace_me() -> Result<(), Errno> {
    // SAFETY: PTRACE_TRACEME uses no pointer.
    let done = unsafe { libc::syscall(libc::SYS_ptrace, libc::PTRACE_TRACEME, 0, 0, 0) };
    Errno::result(done).map(drop)
}

/// Sets up a ring, with parameters that lie nowhere: `EFAULT` when the kernel looks at them.
pub(super) fn io_uring() -> Result<(), Errno> {
    let nowhere = ptr::null_mut::<u8>();
    // SAFETY: the kernel checks the pointer, and fails.
    let done = unsafe { libc::syscall(libc::SYS_io_uring_setup, 1, nowhere) };
    Errno::result(done).map(drop)
}

/// Asks for the session keyring's number.
pub(super) fn keyring() -> Result<(), Errno> {
    const GET_KEYRING_ID: c_ulong = 0;
    const SESSION_KEYRING: i32 = -3;
    // SAFETY: takes integers only.
    let done = unsafe { libc::syscall(libc::SYS_keyctl, GET_KEYRING_ID, SESSION_KEYRING, 0) };
    Errno::result(done).map(drop)
}

/// How many capabilities the bounding set has.
pub(super) fn bounding() -> usize {
    // SAFETY: takes integers only.
    let held =
        |number: &c_ulong| unsafe { libc::prctl(libc::PR_CAPBSET_READ, *number, 0, 0, 0) == 1 };
    (0..64).filter(held).count()
}

/// The version of the kernel's Landlock, 0 for none.
pub(super) fn landlock_version() -> i32 {
    const VERSION: u32 = 1;
    let nothing = ptr::null::<u8>();
    // SAFETY: with this flag the kernel reads no attributes, and answers with a number.
    let version =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, nothing, 0_usize, VERSION) };
    i32::try_from(version).unwrap_or(0).max(0)
}

/// Maps a byte of a file to be read, and lets it go again.
pub(super) fn map(file: &impl AsFd) -> Result<(), Errno> {
    let (read, share) = (ProtFlags::PROT_READ, MapFlags::MAP_SHARED);
    // SAFETY: the kernel chooses where, and nothing is read there.
    let at = unsafe { mmap(None, NonZeroUsize::MIN, read, share, file, 0)? };
    // SAFETY: it was mapped above, and nothing points into it.
    unsafe { munmap(at, 1) }
}

/// Ends this process at once: no destructor, no buffer of the one it was forked from.
pub(super) fn end() -> ! {
    // SAFETY: does not return, and runs nothing.
    unsafe { libc::_exit(0) }
}
