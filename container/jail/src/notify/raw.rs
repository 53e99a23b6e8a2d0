//! Calls of user notification that no library wraps: one function each, nothing decided here.
#![expect(
    unsafe_code,
    reason = "ioctls and syscalls of seccomp; a SAFETY line each"
)]

use libc::{c_int, c_ulong, sock_filter, sock_fprog};
use nix::errno::Errno;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};

/// Installs a seccomp program on this thread, for good. Returns where its notifications are heard.
pub(super) fn install(program: &[sock_filter]) -> Result<OwnedFd, Errno> {
    let listen = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
    // Else each signal that a program takes would begin its connect anew. Linux 5.19.
    let killable = listen | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    match install_with(program, killable) {
        Err(Errno::EINVAL) => install_with(program, listen),
        other => other,
    }
}

fn install_with(program: &[sock_filter], flags: c_ulong) -> Result<OwnedFd, Errno> {
    let length = u16::try_from(program.len()).map_err(|_| Errno::E2BIG)?;
    let program = sock_fprog {
        len: length,
        filter: program.as_ptr().cast_mut(),
    };
    // SAFETY: the kernel copies the program, of which pointer and length are right, and writes
    // nothing to it.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            flags,
            &raw const program,
        )
    };
    let fd = Errno::result(fd)?;
    // SAFETY: a descriptor the kernel just returned is nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// Takes the next notification; waits for one.
pub(super) fn receive(listener: BorrowedFd<'_>) -> Result<libc::seccomp_notif, Errno> {
    // SAFETY: a record of zeros is valid, and what the kernel demands.
    let mut notice: libc::seccomp_notif = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes one record, which lives until the call returns.
    let done = unsafe {
        libc::ioctl(
            listener.as_raw_fd(),
            libc::SECCOMP_IOCTL_NOTIF_RECV,
            &raw mut notice,
        )
    };
    Errno::result(done).map(|_| notice)
}

/// Whether the call of a notification still waits: then its process is still the one it was.
pub(super) fn is_valid(listener: BorrowedFd<'_>, id: u64) -> bool {
    // SAFETY: the kernel reads one number, which lives until the call returns.
    let done = unsafe {
        libc::ioctl(
            listener.as_raw_fd(),
            libc::SECCOMP_IOCTL_NOTIF_ID_VALID,
            &raw const id,
        )
    };
    done == 0
}

/// Has a call return 0, or fail with an error number.
pub(super) fn answer(listener: BorrowedFd<'_>, id: u64, errno: c_int) -> Result<(), Errno> {
    respond(listener, id, -errno, 0)
}

/// Has the kernel go on with a call: with what is in the caller's memory and descriptors then, which
/// nobody has looked at.
pub(super) fn go_on(listener: BorrowedFd<'_>, id: u64) -> Result<(), Errno> {
    let flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32;
    respond(listener, id, 0, flags)
}

fn respond(listener: BorrowedFd<'_>, id: u64, error: c_int, flags: u32) -> Result<(), Errno> {
    let response = libc::seccomp_notif_resp {
        id,
        val: 0,
        error,
        flags,
    };
    // SAFETY: the kernel reads one record, which lives until the call returns.
    let done = unsafe {
        libc::ioctl(
            listener.as_raw_fd(),
            libc::SECCOMP_IOCTL_NOTIF_SEND,
            &raw const response,
        )
    };
    Errno::result(done).map(drop)
}

/// Puts `fd` in place of the caller's descriptor number `place`.
pub(super) fn replace(
    listener: BorrowedFd<'_>,
    id: u64,
    fd: BorrowedFd<'_>,
    place: u32,
    close_on_exec: bool,
) -> Result<(), Errno> {
    let order = libc::seccomp_notif_addfd {
        id,
        flags: libc::SECCOMP_ADDFD_FLAG_SETFD as u32,
        srcfd: fd.as_raw_fd().cast_unsigned(),
        newfd: place,
        newfd_flags: if close_on_exec {
            libc::O_CLOEXEC.cast_unsigned()
        } else {
            0
        },
    };
    // SAFETY: the kernel reads one record, which lives until the call returns.
    let done = unsafe {
        libc::ioctl(
            listener.as_raw_fd(),
            libc::SECCOMP_IOCTL_NOTIF_ADDFD,
            &raw const order,
        )
    };
    Errno::result(done).map(drop)
}

/// Another process's descriptor number `fd`, as one of this process.
pub(super) fn take_descriptor(pid: i32, fd: c_int) -> Result<OwnedFd, Errno> {
    // SAFETY: takes integers only.
    let process = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
    // SAFETY: a descriptor the kernel just returned is nobody else's.
    let process = unsafe { OwnedFd::from_raw_fd(process as RawFd) };
    // SAFETY: takes integers only.
    let taken = unsafe { libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), fd, 0) };
    let taken = Errno::result(taken)?;
    // SAFETY: a descriptor the kernel just returned is nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(taken as RawFd) })
}

/// One of a socket's properties that are an `int` of `SOL_SOCKET`.
pub(super) fn property(socket: BorrowedFd<'_>, name: c_int) -> Result<c_int, Errno> {
    let mut value: c_int = 0;
    let mut length = size_of::<c_int>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes to `value`.
    let done = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            name,
            (&raw mut value).cast(),
            &raw mut length,
        )
    };
    Errno::result(done).map(|_| value)
}

/// Has this thread's file accesses made as that user and group, as far as it has the right to.
pub(super) fn access_files_as(uid: u32, gid: u32) {
    // SAFETY: takes integers only, and changes this thread alone.
    unsafe {
        libc::setfsgid(gid);
        libc::setfsuid(uid);
    }
}

/// Takes charge of a descriptor that just arrived in a message.
pub(super) fn own(fd: RawFd) -> OwnedFd {
    // SAFETY: the kernel made it for this process when the message was received, once.
    unsafe { OwnedFd::from_raw_fd(fd) }
}
