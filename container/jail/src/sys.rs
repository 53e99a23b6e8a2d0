//! Syscalls that no library wraps safely: one function each, nothing decided here.
#![expect(
    unsafe_code,
    reason = "the one place for raw syscalls; a SAFETY line each"
)]

use libc::{c_int, c_long, c_ulong, c_void, sock_filter, sock_fprog};
use nix::errno::Errno;
use nix::unistd::Pid;
use std::net::Ipv4Addr;
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Which side of a fork this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The parent, and its child's pid.
    Parent(Pid),
    /// The child.
    Child,
}

/// Forks, the child with namespaces of its own as `flags` (`CLONE_NEW…`) say.
pub(crate) fn fork_into(flags: c_int) -> Result<Side, Errno> {
    // SAFETY: without CLONE_VM this is fork: the child has a copy of all memory. The process has one
    // thread (this crate starts none), so no lock is held by a thread the child lacks.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags | libc::SIGCHLD, 0, 0, 0, 0) };
    match Errno::result(pid)? {
        0 => Ok(Side::Child),
        pid => Ok(Side::Parent(Pid::from_raw(pid as libc::pid_t))),
    }
}

/// Starts a child that shares this process's memory until it execs or ends, while this process
/// stands still: no page is copied, which makes it cheaper than a fork. Its exit code is what `run`
/// returns.
pub(crate) fn fork_sharing<F: FnMut() -> u8>(mut run: F) -> Result<Pid, Errno> {
    const STACK: usize = 256 * 1024;
    extern "C" fn call<F: FnMut() -> u8>(run: *mut libc::c_void) -> c_int {
        // SAFETY: `run` is the closure below, which the parent keeps and does not touch meanwhile.
        let run = unsafe { &mut *run.cast::<F>() };
        c_int::from(run())
    }
    // Never touched beyond what is used of it; given back below.
    let mut stack = Vec::<u8>::with_capacity(STACK);
    let top = stack
        .as_mut_ptr()
        .wrapping_add(STACK)
        .map_addr(|at| at & !15);
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: the child has a stack of its own, aligned, within one allocation. CLONE_VFORK keeps
    // this process, which has one thread, from running before the child has let go of the memory;
    // what the child changes in it, no value here depends on.
    let pid = unsafe { libc::clone(call::<F>, top.cast(), flags, (&raw mut run).cast()) };
    Errno::result(pid).map(Pid::from_raw)
}

/// Closes every descriptor from `first` on.
pub(crate) fn close_from(first: RawFd) -> Result<(), Errno> {
    close_range(first, 0)
}

/// Has every descriptor from `first` on closed by exec.
pub(crate) fn close_from_at_exec(first: RawFd) -> Result<(), Errno> {
    close_range(first, libc::CLOSE_RANGE_CLOEXEC)
}

fn close_range(first: RawFd, flags: u32) -> Result<(), Errno> {
    // SAFETY: touches no memory. Whoever calls this owns nothing open from `first` on, or is about
    // to exec.
    let done = unsafe { libc::syscall(libc::SYS_close_range, first, c_int::MAX, flags) };
    Errno::result(done).map(drop)
}

/// Clones the tree of mounts at `path` into a detached one.
pub(crate) fn open_tree(path: &impl AsFd) -> Result<OwnedFd, Errno> {
    const CLONE: c_int = 1;
    let flags = CLONE | libc::O_CLOEXEC | libc::AT_EMPTY_PATH | libc::AT_RECURSIVE;
    let path = path.as_fd().as_raw_fd();
    // SAFETY: the path is an empty C string.
    let fd = unsafe { libc::syscall(libc::SYS_open_tree, path, c"".as_ptr(), flags) };
    // SAFETY: a descriptor the kernel just returned is nobody else's.
    owned(fd, |fd| unsafe { OwnedFd::from_raw_fd(fd) })
}

fn owned(fd: c_long, own: impl FnOnce(RawFd) -> OwnedFd) -> Result<OwnedFd, Errno> {
    Errno::result(fd).map(|fd| own(fd as RawFd))
}

/// The attribute of a mount whose ids are mapped.
pub(crate) const MAPPED_IDS: u64 = 0x0010_0000;

/// Ends this process, doing nothing that is meant for its parent's end.
pub(crate) fn exit_now() -> ! {
    // SAFETY: takes an integer, and does not return.
    unsafe { libc::_exit(0) }
}

/// Attributes of mounts (`MOUNT_ATTR_…`, `MS_PRIVATE`) in the kernel's layout.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct MountAttributes {
    /// To set.
    pub(crate) set: u64,
    /// To clear.
    pub(crate) clear: u64,
    /// Propagation.
    pub(crate) propagation: u64,
    /// User namespace for mapped ids.
    pub(crate) user_namespace: u64,
}

/// Whether attributes are meant for one mount or for all beneath it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// This mount.
    One,
    /// This mount and all beneath it.
    All,
}

/// Sets attributes of the mount that `fd` is the root of.
pub(crate) fn mount_setattr(
    fd: BorrowedFd<'_>,
    depth: Depth,
    attributes: MountAttributes,
) -> Result<(), Errno> {
    let deep = match depth {
        Depth::One => 0,
        Depth::All => libc::AT_RECURSIVE,
    };
    // SAFETY: the path is an empty C string, the attributes live until the call returns and their
    // size is passed with them.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            fd.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | deep,
            &raw const attributes,
            size_of::<MountAttributes>(),
        )
    };
    Errno::result(done).map(drop)
}

/// Puts a detached mount at `target`.
pub(crate) fn move_mount(mount: &impl AsFd, target: &impl AsFd) -> Result<(), Errno> {
    const FROM_EMPTY_PATH: c_int = 0x04;
    const TO_EMPTY_PATH: c_int = 0x40;
    // SAFETY: both paths are empty C strings.
    let done = unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            mount.as_fd().as_raw_fd(),
            c"".as_ptr(),
            target.as_fd().as_raw_fd(),
            c"".as_ptr(),
            FROM_EMPTY_PATH | TO_EMPTY_PATH,
        )
    };
    Errno::result(done).map(drop)
}

/// Takes capability number `number` out of the bounding set; `EINVAL` past the kernel's last.
pub(crate) fn drop_bounding(number: c_ulong) -> Result<(), Errno> {
    // SAFETY: takes integers only.
    let done = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, number, 0, 0, 0) };
    Errno::result(done).map(drop)
}

/// Empties the ambient set.
pub(crate) fn clear_ambient() -> Result<(), Errno> {
    // SAFETY: takes integers only.
    let done = unsafe {
        libc::prctl(
            libc::PR_CAP_AMBIENT,
            libc::PR_CAP_AMBIENT_CLEAR_ALL,
            0,
            0,
            0,
        )
    };
    Errno::result(done).map(drop)
}

#[repr(C)]
struct CapabilityHeader {
    version: u32,
    pid: c_int,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct CapabilityData {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

const CAPABILITY_V3: u32 = 0x2008_0522;

/// Makes these the effective and permitted sets, bit 0 being `CAP_CHOWN`, and empties the
/// inheritable one.
pub(crate) fn set_capabilities(kept: u64) -> Result<(), Errno> {
    let header = CapabilityHeader {
        version: CAPABILITY_V3,
        pid: 0,
    };
    let half = |kept: u32| CapabilityData {
        effective: kept,
        permitted: kept,
        inheritable: 0,
    };
    let sets = [half(kept as u32), half((kept >> 32) as u32)];
    // SAFETY: version 3 takes a header and two data records, which live until the call returns.
    let done = unsafe { libc::syscall(libc::SYS_capset, &raw const header, sets.as_ptr()) };
    Errno::result(done).map(drop)
}

/// The effective set, bit 0 being `CAP_CHOWN`.
pub(crate) fn capabilities() -> Result<u64, Errno> {
    let header = CapabilityHeader {
        version: CAPABILITY_V3,
        pid: 0,
    };
    let mut data = [CapabilityData::default(); 2];
    // SAFETY: version 3 writes two data records, which is what there is room for.
    let done = unsafe { libc::syscall(libc::SYS_capget, &raw const header, data.as_mut_ptr()) };
    Errno::result(done)?;
    Ok(u64::from(data[0].effective) | u64::from(data[1].effective) << 32)
}

/// Installs a seccomp program on this thread, for good.
pub(crate) fn install_filter(program: &[sock_filter]) -> Result<(), Errno> {
    let length = u16::try_from(program.len()).map_err(|_| Errno::E2BIG)?;
    let program = sock_fprog {
        len: length,
        filter: program.as_ptr().cast_mut(),
    };
    // SAFETY: the kernel copies the program, of which pointer and length are right, and writes
    // nothing to it.
    let done = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            0,
            &raw const program,
        )
    };
    Errno::result(done).map(drop)
}

/// Switches the network interface `lo` on.
pub(crate) fn loopback_up(socket: &impl AsFd) -> Result<(), Errno> {
    // SAFETY: an `ifreq` of zeros is valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[0] = b'l' as libc::c_char;
    request.ifr_name[1] = b'o' as libc::c_char;
    request.ifr_ifru.ifru_flags = libc::IFF_UP as libc::c_short;
    // SAFETY: SIOCSIFFLAGS reads one `ifreq`, which lives until the call returns.
    let done = unsafe {
        libc::ioctl(
            socket.as_fd().as_raw_fd(),
            libc::SIOCSIFFLAGS,
            &raw const request,
        )
    };
    Errno::result(done).map(drop)
}

/// Gives the network interface `lo` a second address; with it the kernel takes all of its network
/// for its own.
pub(crate) fn add_to_loopback(
    socket: &impl AsFd,
    address: Ipv4Addr,
    prefix: u8,
) -> Result<(), Errno> {
    let mask = Ipv4Addr::from_bits(u32::MAX << (32 - u32::from(prefix.clamp(1, 32))));
    set_address(socket, libc::SIOCSIFADDR, address)?;
    set_address(socket, libc::SIOCSIFNETMASK, mask)
}

fn set_address(socket: &impl AsFd, what: c_ulong, address: Ipv4Addr) -> Result<(), Errno> {
    // SAFETY: an `ifreq` of zeros is valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo:1") {
        *to = *from as libc::c_char;
    }
    let mut bytes = [0; 14];
    // A port, which is none here, and the address.
    bytes[2..6].copy_from_slice(&address.octets());
    request.ifr_ifru.ifru_addr = libc::sockaddr {
        sa_family: libc::AF_INET as libc::sa_family_t,
        sa_data: bytes.map(|byte: u8| byte as libc::c_char),
    };
    // SAFETY: both requests read one `ifreq`, which lives until the call returns.
    let done = unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), what as _, &raw const request) };
    Errno::result(done).map(drop)
}

/// Fails with `EBADF` unless all of these descriptors are open.
pub(crate) fn are_open(descriptors: [RawFd; 3]) -> Result<(), Errno> {
    for descriptor in descriptors {
        // SAFETY: takes integers only.
        Errno::result(unsafe { libc::fcntl(descriptor, libc::F_GETFD) })?;
    }
    Ok(())
}

/// Has a signal do nothing.
pub(crate) fn ignore_signal(signal: c_int) {
    // SAFETY: installs no handler. The signals passed are ones that may be set.
    unsafe {
        libc::signal(signal, libc::SIG_IGN);
    }
}

/// Gives a signal its default effect again.
pub(crate) fn default_signal(signal: c_int) {
    // SAFETY: installs no handler. The signals passed are ones that may be set.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
    }
}

/// Has the allocator give back what it holds for nobody.
pub(crate) fn trim_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes an integer only, and locks what it touches.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Has the kernel read these pages from their file when they are needed next. They must be mapped
/// from a file and never have been written to.
pub(crate) fn drop_pages(pages: Range<usize>) {
    let at = std::ptr::with_exposed_provenance_mut::<c_void>(pages.start);
    // SAFETY: what is read there is the same before and after, as nobody wrote there.
    unsafe {
        libc::madvise(at, pages.len(), libc::MADV_DONTNEED);
    }
}
