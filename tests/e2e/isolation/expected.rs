//! What is expected of the escape table besides what each row says: which of its known gaps are open
//! where, and which attempts prove nothing on a machine like this.

use std::collections::BTreeSet;

/// Who runs the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// Root.
    Root,
    /// An ordinary user.
    Somebody,
}

type Names = &'static [&'static str];

// === open, for the reason its row gives ===

/// Landlock keeps files from being opened, not names from being asked for.
const NAMES: Names = &[
    "ask for rights outside",
    "enter outside",
    "hold a file outside by O_PATH",
    "read a link outside",
    "read an attribute outside",
    "see outside",
    "watch outside",
];

/// Landlock knows no right to change mode, owner, times and attributes.
const OWNED: Names = &[
    "change a mode outside",
    "change an owner outside",
    "change times outside",
    "lock gateway state",
    "set an attribute outside",
];

/// Only a private root keeps what is protected in a workspace.
const PROTECTED: Names = &[
    "exchange with git's settings",
    "exchange with the folder of git",
    "give a shell's start away",
    "link into a shell's start",
    "link to git's settings and write",
    "make a folder of git hooks",
    "make a shell's start a folder",
    "make a shell's start a link",
    "open git's settings to others",
    "put a nameless file in place",
    "remove a shell's start",
    "remove an editor's folder",
    "remove git's settings",
    "remove the folder of hooks",
    "rename a shell's start away",
    "rename git's settings away",
    "rename into a shell's start",
    "rename into git's settings",
    "rename the folder of git away",
    "rename the folder of hooks away",
    "truncate git's settings",
    "write a git hook",
    "write a shell's start",
    "write an agent's servers",
    "write an editor's tasks",
    "write git's modules",
    "write git's settings",
    "write git's settings by another name",
    "write git's settings through /proc",
    "write git's settings through a link",
    "write git's settings through a linked folder",
];

/// Only a pid namespace hides processes, and only a private `/proc` what it tells of the machine.
const PROCESSES: Names = &[
    "have the kernel signal the gateway",
    "hold the gateway",
    "read cgroup",
    "read command line",
    "read keys",
    "read limits",
    "read mounts of others",
    "read status",
    "see processes",
];

/// Terminals and shared memory are found by name in folders that programs need.
const SHARED: Names = &[
    "open a terminal of others",
    "open shared memory by its name",
];

/// What root owns is the whole system.
const OF_ROOT: Names = &[
    "change a mode of the system",
    "change times of the system",
    "read memory caches",
    "read page counts",
    "read page flags",
    "read timers",
    "read virtual memory of the kernel",
];

/// What a tool can do where there are no namespaces and connections are decided one by one.
pub(super) fn open_at_level_two(who: Who) -> BTreeSet<&'static str> {
    let anybody = [NAMES, OWNED, PROTECTED, PROCESSES, SHARED];
    let of_root: &[Names] = match who {
        Who::Root => &[OF_ROOT],
        Who::Somebody => &[],
    };
    let all = anybody.iter().chain(of_root);
    all.flat_map(|names| names.iter().copied()).collect()
}

/// The same where it has no sockets at all.
pub(super) fn open_at_level_one(who: Who) -> BTreeSet<&'static str> {
    open_at_level_two(who)
}

// === failing without walls ===

/// This kernel has no such thing, or not on every machine.
const ABSENT: Names = &[
    "a car's bus",
    "a cluster",
    "a kind of no protocol",
    "amateur radio",
    "another phone",
    "apples",
    "ask for a mount",
    "bluetooth",
    "boot another kernel",
    "boot another kernel from a file",
    "ciphers by netlink",
    "copy a tree of mounts with attributes",
    "datagrams under control",
    "dialled lines",
    "disks by netlink",
    "express packets",
    "hold secret memory",
    "infiniband",
    "infiniband by netlink",
    "keys of the network",
    "labels",
    "list mounts by call",
    "load a module",
    "load a module from a file",
    "load a program into the kernel",
    "log packets by netlink",
    "logical links",
    "look up a cookie",
    "management components",
    "messages of many",
    "multiplexed messages",
    "near field",
    "old networks",
    "phones",
    "place its memory",
    "place some of its memory",
    "reliable datagrams",
    "set file attributes outside",
    "share the gateway's core",
    "shared memory by network",
    "small radios",
    "streams of many",
    "the kernel's ciphers",
    "the machine below",
    "the machine below by datagram",
    "the modem",
    "tunnels",
    "unload a module",
    "use a port",
    "use all ports",
    "use the calls of a third architecture",
    "use the calls of another architecture",
];

/// Nobody listens there on most machines.
const NOBODY: Names = &[
    "call Docker",
    "call Docker by its old name",
    "call containerd",
    "call the screen",
    "call the system's bus",
    "call the system's first process",
    "listen as the web's server",
    "look names up with the machine's help",
    "write the system's log",
];

/// There is no such file on most machines, or a container hides it.
const DEVICES: Names = &[
    "change a cgroup",
    "change processors of interrupts",
    "change what loads modules",
    "control a volume manager",
    "debug the kernel",
    "handle page faults by a device",
    "list /boot",
    "list /sys",
    "make a keyboard",
    "make a loop device",
    "make a network device",
    "move into another cgroup",
    "open a console",
    "open a disk",
    "open a graphics card",
    "open a keyboard",
    "open a loop device",
    "open a message queue's folder",
    "open a serial line",
    "open low ports to all",
    "open the clock's device",
    "open the console",
    "open the kernel's log",
    "open the machine below by a device",
    "open the machine's memory",
    "open the machine's ports",
    "open the source of chance",
    "open the watchdog",
    "open virtual machines",
    "press the magic key",
    "read addresses in the kernel",
    "read keys",
    "read logs",
    "read memory caches",
    "read page counts",
    "read page flags",
    "read the firmware's settings",
    "read the kernel's log by file",
    "read the machine's memory",
    "read timers",
    "read virtual memory of the kernel",
    "serve a file system",
];

/// What is tried is whether a wall can be taken down from inside, or a door be misused: without walls there is none.
const NEVER: Names = &[
    "connect one of a pair of streams to a service",
    "find another /proc",
    "have the proxy call a private network",
    "have the proxy call metadata",
    "have the proxy call this machine",
    "have the proxy call this machine by name",
    "have the proxy call this machine by number",
    "have the proxy call this machine by version 6",
    "loosen its filter",
    "slow everything of the user down",
    "take no_new_privs back",
    "use a call that nobody knows",
    "write a git hook in capitals",
];

/// Not every machine has a way there.
const FAR: Names = &[
    "ask a name server",
    "ask a name server by version 6",
    "ask metadata by datagram",
    "carry words in names",
    "carry words to the machine's own resolver",
    "connect by version 6",
    "connect to a container's host",
    "connect to a name server",
    "connect to a neighbour on the link",
    "connect to a private network",
    "connect to metadata",
    "connect to metadata by version 6",
    "connect to the internet",
    "connect to the internet by version 6",
    "echo far away",
    "speak to all on the link",
    "speak to everybody",
    "tie a socket to a device",
];

/// Not even root may, without `CAP_SYS_RESOURCE` or `CAP_SYS_ADMIN` over the limits.
const LIMITS: Names = &[
    "change how many namespaces there may be",
    "raise how many files may be open",
    "raise how much may be dumped",
    "raise how much may be locked",
];

/// Only root may, with or without walls.
const ROOT: Names = &[
    "become root",
    "become somebody",
    "change a mode of the system",
    "change its root",
    "change the host name by file",
    "change the network by netlink",
    "change the root of all",
    "change times of the system",
    "change what runs at a crash",
    "copy a tree of mounts",
    "drop caches",
    "enter all of the gateway's namespaces",
    "enter the gateway's cgroups",
    "enter the gateway's ipc",
    "enter the gateway's mounts",
    "enter the gateway's names",
    "enter the gateway's network",
    "enter the gateway's processes",
    "enter the keeper's mounts",
    "forward packets",
    "give a file to somebody",
    "give a program capabilities",
    "go before others",
    "hang up the terminal",
    "join another group",
    "join more groups",
    "join root's group",
    "keep accounts",
    "keep capabilities",
    "read root's files",
    "listen as the web's server",
    "make a device in /dev/shm",
    "make a device of a disk",
    "make a device of memory",
    "make a file in /",
    "make a file in /etc",
    "make a file that can not be changed",
    "make a map in the kernel",
    "make the system writable",
    "measure the gateway",
    "mount /proc",
    "mount /sys",
    "mount a file system",
    "mount a folder on another",
    "mount memory",
    "move a mount",
    "open a file system",
    "overcommit memory",
    "packets of the wire",
    "packets of the wire by the old name",
    "packets of the wire without headers",
    "pass a capability on",
    "pick a file system",
    "raise a capability",
    "raw packets",
    "raw packets of any kind",
    "raw packets of version 6",
    "read files as somebody",
    "read passwords",
    "read stack",
    "read the kernel's log",
    "rename the domain",
    "rename the host",
    "restart the machine",
    "run in real time",
    "set the time of day",
    "share its mounts",
    "stop swapping",
    "swap to a file",
    "unmount",
    "unshare mounts alone",
    "watch all files",
    "weaken address randomisation",
    "write a program of the system",
    "write system",
    "write the list of users",
];

/// Attempts that may fail with nothing in the way.
pub(super) fn fails_without_walls(who: Who) -> BTreeSet<&'static str> {
    let anybody = [ABSENT, NOBODY, DEVICES, NEVER, FAR, LIMITS];
    let not_root: &[Names] = match who {
        Who::Root => &[],
        Who::Somebody => &[ROOT],
    };
    let all = anybody.iter().chain(not_root);
    all.flat_map(|names| names.iter().copied()).collect()
}
