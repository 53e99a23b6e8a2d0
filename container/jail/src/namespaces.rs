//! A child in namespaces of its own: user, mount, pid, ipc, uts, cgroup, and network unless it
//! shares the machine's; or in those of a room, but for pid, cgroup, and a copy of its mounts.
//!
//! One way for root and for ordinary users: a user namespace in which everyone is who they are
//! outside. Only the parent can write the maps that say so, hence the link between the two.

use crate::error::{During, JailError};
use crate::spec::{JailSpec, Network};
use crate::sys::{self, Side};
use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socket, socketpair,
};
use nix::sys::wait::waitpid;
use nix::unistd::{Gid, Pid, Uid, setgroups, sethostname};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

/// The longest report that goes over a link, in bytes.
const MAX_REPORT: usize = 4096;

const MEND: &str = "on a host: sysctl kernel.unprivileged_userns_clone=1 \
    user.max_user_namespaces=15000 and, on Ubuntu, \
    kernel.apparmor_restrict_unprivileged_userns=0; in Docker: --security-opt \
    seccomp=container/image/seccomp.json";

const MEND_MAP: &str = "run the container as an ordinary user (--user 1000)";

/// The two sides of the split. Each holds one end of a link on which the other's death is heard.
#[derive(Debug)]
pub(crate) enum Half {
    /// Outside, as before.
    Outside {
        /// The child.
        inner: Pid,
        /// To the child.
        link: OwnedFd,
    },
    /// Inside, as pid 1 with every capability in its own user namespace.
    Inside {
        /// To the parent.
        link: OwnedFd,
    },
}

/// Forks a child into namespaces of its own and returns in both.
///
/// # Errors
/// [`JailError::Missing`] when the machine does not permit it; only outside.
pub(crate) fn split(spec: &JailSpec) -> Result<Half, JailError> {
    let (outer_end, inner_end) = link()?;
    let flags = if has_own_network(spec) {
        ALL | libc::CLONE_NEWNET
    } else {
        ALL
    };
    match sys::fork_into(flags).map_err(|error| missing(error.into(), MEND))? {
        Side::Parent(inner) => {
            drop(inner_end);
            if let Err(error) = write_maps(inner) {
                let _ = kill(inner, Signal::SIGKILL);
                let _ = waitpid(inner, None);
                return Err(missing(error, MEND_MAP));
            }
            send(outer_end.as_raw_fd(), b"go", MsgFlags::MSG_NOSIGNAL)
                .during("let the child go")?;
            Ok(Half::Outside {
                inner,
                link: outer_end,
            })
        }
        Side::Child => {
            drop(outer_end);
            Ok(Half::Inside { link: inner_end })
        }
    }
}

/// Forks a child into a room's namespaces, which this process enters too, and a pid namespace of
/// its own; returns in both. `room` is what [`handles`] made of the first process in it.
///
/// # Errors
/// [`JailError::Step`] when these are no room's descriptors, or somebody else's.
pub(crate) fn join(
    spec: &JailSpec,
    room: Vec<OwnedFd>,
    has_doors: fn() -> bool,
) -> Result<Half, JailError> {
    if room.len() < SHARED.len() {
        let error = "an order to join comes with a room's descriptors";
        return Err(JailError::Spec(error.to_owned()));
    }
    // A room without a network of its own has the machine's.
    let machine_s = room.len() == SHARED.len();
    if machine_s && spec.network == Network::Proxied {
        let error = "network: proxied asks for doors, and the room has none";
        return Err(JailError::Spec(error.to_owned()));
    }
    let kinds = SHARED
        .into_iter()
        .chain([("net", CloneFlags::CLONE_NEWNET)]);
    for ((_, kind), namespace) in kinds.zip(room) {
        setns(namespace, kind).during("enter the room")?;
    }
    let (outer_end, inner_end) = link()?;
    let own = libc::CLONE_NEWPID | libc::CLONE_NEWNS | libc::CLONE_NEWCGROUP;
    // Who is to reach nobody is not to find the room's doors, nor the machine's network.
    let network = if spec.network == Network::None && (machine_s || has_doors()) {
        libc::CLONE_NEWNET
    } else {
        0
    };
    match sys::fork_into(own | network).map_err(|error| missing(error.into(), MEND))? {
        Side::Parent(inner) => Ok(Half::Outside {
            inner,
            link: outer_end,
        }),
        Side::Child => Ok(Half::Inside { link: inner_end }),
    }
}

/// What programs in a room share, besides its network; the user namespace first: it gives the right
/// to enter the others.
const SHARED: [(&str, CloneFlags); 4] = [
    ("user", CloneFlags::CLONE_NEWUSER),
    ("mnt", CloneFlags::CLONE_NEWNS),
    ("ipc", CloneFlags::CLONE_NEWIPC),
    ("uts", CloneFlags::CLONE_NEWUTS),
];

/// Descriptors of the namespaces this process is in, for [`join`].
pub(crate) fn handles(spec: &JailSpec) -> Result<Vec<OwnedFd>, JailError> {
    let network = has_own_network(spec).then_some("net");
    let names = SHARED.into_iter().map(|(name, _)| name).chain(network);
    names
        .map(|name| Ok(File::open(format!("/proc/self/ns/{name}"))?.into()))
        .collect::<io::Result<_>>()
        .during("open its namespaces")
}

/// Whether `spec` asks for a network namespace.
pub(crate) fn has_own_network(spec: &JailSpec) -> bool {
    match spec.network {
        Network::None | Network::Proxied => true,
        Network::Host => false,
    }
}

const ALL: i32 = libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP;

/// What pid 1 does first: dies with its parent, brings its loopback up, waits for the maps.
pub(crate) fn settle(spec: &JailSpec, link: &OwnedFd) -> Result<(), JailError> {
    die_with_parent()?;
    if has_own_network(spec) {
        bring_loopback_up()?;
    }
    sethostname(&spec.hostname).during("set the host name")?;
    if hear(link)?.is_empty() {
        return Err(Errno::EPIPE).during("hear from its parent");
    }
    leave_groups();
    Ok(())
}

/// What pid 1 in a room does first.
pub(crate) fn settle_in_room(spec: &JailSpec) -> Result<(), JailError> {
    die_with_parent()?;
    if spec.network == Network::None {
        // It is up already, unless it is new.
        bring_loopback_up()?;
    }
    leave_groups();
    Ok(())
}

/// Bounds what programs can keep in System V shared memory, which is on no process's account and
/// outlives them, to as much as they can keep in `/tmp`.
pub(crate) fn bound_shared_memory(bytes: Option<u64>) {
    let pages = bytes.unwrap_or(crate::mounts::TMP_BYTES) / 4096;
    // Only root has the right to.
    let _ = std::fs::write("/proc/sys/kernel/shmall", pages.to_string());
}

fn bring_loopback_up() -> Result<(), JailError> {
    let none = SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Inet, SockType::Datagram, none, None)
        .during("open a socket for the loopback")?;
    sys::loopback_up(&socket).during("switch the loopback on")
}

fn leave_groups() {
    if Uid::effective().is_root() {
        // Not possible where groups are fixed; then they are no more than outside.
        let _ = setgroups(&[]);
    }
}

/// Has the kernel kill this process when its parent ends.
pub(crate) fn die_with_parent() -> Result<(), JailError> {
    prctl::set_pdeathsig(Signal::SIGKILL).during("tie itself to its parent")
}

/// A pair of ends that carry whole messages.
pub(crate) fn link() -> Result<(OwnedFd, OwnedFd), JailError> {
    let (kind, flags) = (SockType::SeqPacket, SockFlag::SOCK_CLOEXEC);
    socketpair(AddressFamily::Unix, kind, None, flags).during("make a socket pair")
}

/// Waits for one message; empty when the other side is gone.
pub(crate) fn hear(link: &OwnedFd) -> Result<Vec<u8>, JailError> {
    let mut message = vec![0; MAX_REPORT];
    loop {
        match recv(link.as_raw_fd(), &mut message, MsgFlags::empty()) {
            Ok(length) => {
                message.truncate(length);
                return Ok(message);
            }
            Err(Errno::EINTR) => {}
            // It died with a message of ours unread.
            Err(Errno::ECONNRESET) => return Ok(Vec::new()),
            Err(error) => return Err(error).during("hear from the other side"),
        }
    }
}

/// Says one message; the other side being gone is heard elsewhere.
pub(crate) fn tell(link: &OwnedFd, message: &[u8]) {
    let message = &message[..message.len().min(MAX_REPORT)];
    let _ = send(link.as_raw_fd(), message, MsgFlags::MSG_NOSIGNAL);
}

/// Everyone is inside who they are outside. Root maps everyone, so that it can read as root what
/// is to be shown; an ordinary user can only map itself.
fn write_maps(inner: Pid) -> io::Result<()> {
    let write = |file: &str, text: &str| std::fs::write(format!("/proc/{inner}/{file}"), text);
    let (uid, gid) = (Uid::effective(), Gid::effective());
    let everyone = "0 0 4294967295";
    if uid.is_root() && write("uid_map", everyone).is_ok() {
        return write("gid_map", everyone);
    }
    write("uid_map", &format!("{uid} {uid} 1"))?;
    write("setgroups", "deny")?;
    write("gid_map", &format!("{gid} {gid} 1"))
}

fn missing(cause: io::Error, mend: &'static str) -> JailError {
    JailError::Missing {
        what: "namespaces",
        cause,
        mend,
    }
}
