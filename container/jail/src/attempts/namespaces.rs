//! Namespaces by every call that makes or enters one, and mounts.

use super::call::{Word, bytes, call, descriptor, number};
use super::{Expect, Outcome, Row, Targets, Wall, asked, c_path, failed, tried};
use crate::sys::{Side, fork_into};
use Expect::Refused;
use libc::{
    AT_FDCWD, CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID,
    CLONE_NEWUSER, CLONE_NEWUTS, EACCES, ENOENT, ENOSYS, EPERM, c_int,
};
use std::fs::{self, File};
use std::os::fd::AsRawFd as _;

/// libc has it for unshare only.
const CLONE_NEWTIME: c_int = 0x80;

const FILTERED: &[i32] = &[EPERM];

pub(super) const ROWS: &[Row] =
    &[
        // Each with a user namespace, without which only root may.
        row("unshare mounts", FILTERED, |_| {
            unshare(CLONE_NEWNS | CLONE_NEWUSER)
        }),
        row("unshare mounts alone", FILTERED, |_| unshare(CLONE_NEWNS)),
        row("unshare processes", FILTERED, |_| {
            unshare(CLONE_NEWPID | CLONE_NEWUSER)
        }),
        row("unshare the network", FILTERED, |_| {
            unshare(CLONE_NEWNET | CLONE_NEWUSER)
        }),
        row("unshare ipc", FILTERED, |_| {
            unshare(CLONE_NEWIPC | CLONE_NEWUSER)
        }),
        row("unshare names", FILTERED, |_| {
            unshare(CLONE_NEWUTS | CLONE_NEWUSER)
        }),
        row("unshare cgroups", FILTERED, |_| {
            unshare(CLONE_NEWCGROUP | CLONE_NEWUSER)
        }),
        row("unshare time", FILTERED, |_| {
            unshare(CLONE_NEWTIME | CLONE_NEWUSER)
        }),
        row("clone into a user namespace", FILTERED, |_| {
            clone(CLONE_NEWUSER)
        }),
        row("clone into mounts", FILTERED, |_| {
            clone(CLONE_NEWNS | CLONE_NEWUSER)
        }),
        row("clone into processes", FILTERED, |_| {
            clone(CLONE_NEWPID | CLONE_NEWUSER)
        }),
        row("clone into a network", FILTERED, |_| {
            clone(CLONE_NEWNET | CLONE_NEWUSER)
        }),
        row("clone into ipc", FILTERED, |_| {
            clone(CLONE_NEWIPC | CLONE_NEWUSER)
        }),
        row("clone into names", FILTERED, |_| {
            clone(CLONE_NEWUTS | CLONE_NEWUSER)
        }),
        row("clone into cgroups", FILTERED, |_| {
            clone(CLONE_NEWCGROUP | CLONE_NEWUSER)
        }),
        row(
            "clone with the upper half of its flags set",
            FILTERED,
            |_| {
                // The kernel drops it; a filter that compares all of it would be passed by.
                let flags = 1 << 40 | i64::from(CLONE_NEWUSER | libc::SIGCHLD);
                match super::call::answer(libc::SYS_clone, [number(flags), Word::Nowhere]) {
                    Ok(0) => super::raw::end(),
                    result => tried(result),
                }
            },
        ),
        row("be born to the keeper's parent", FILTERED, |_| {
            clone(libc::CLONE_PARENT)
        }),
        row("clone by the newer call", &[ENOSYS], |_| {
            // Flags, six that may be zero, the signal at its end.
            let mut arguments = bytes(&[
                i64::from(CLONE_NEWUSER).cast_unsigned(),
                0,
                0,
                0,
                17,
                0,
                0,
                0,
            ]);
            match super::call::answer(libc::SYS_clone3, [Word::Room(&mut arguments), number(64)]) {
                Ok(0) => super::raw::end(),
                result => tried(result),
            }
        }),
        row("enter its own user namespace", FILTERED, |_| {
            enter("/proc/self/ns/user", CLONE_NEWUSER)
        }),
        row("enter the keeper's mounts", &[EPERM, EACCES], |to| {
            enter(&of(to.keeper, "mnt"), CLONE_NEWNS)
        }),
        row(
            "enter the keeper's user namespace",
            &[EPERM, EACCES],
            |to| enter(&of(to.keeper, "user"), CLONE_NEWUSER),
        ),
        row("enter the gateway's mounts", NOT_REACHED, |to| {
            enter(&of(to.pid, "mnt"), CLONE_NEWNS)
        }),
        row("enter the gateway's processes", NOT_REACHED, |to| {
            enter(&of(to.pid, "pid"), CLONE_NEWPID)
        }),
        row("enter the gateway's network", NOT_REACHED, |to| {
            enter(&of(to.pid, "net"), CLONE_NEWNET)
        }),
        row("enter the gateway's ipc", NOT_REACHED, |to| {
            enter(&of(to.pid, "ipc"), CLONE_NEWIPC)
        }),
        row("enter the gateway's names", NOT_REACHED, |to| {
            enter(&of(to.pid, "uts"), CLONE_NEWUTS)
        }),
        row("enter the gateway's cgroups", NOT_REACHED, |to| {
            enter(&of(to.pid, "cgroup"), CLONE_NEWCGROUP)
        }),
        row("enter the gateway's user namespace", NOT_REACHED, |to| {
            enter(&of(to.pid, "user"), CLONE_NEWUSER)
        }),
        row(
            "enter all of the gateway's namespaces",
            &[EPERM, libc::ESRCH],
            |to| {
                let held = descriptor(libc::SYS_pidfd_open, [number(to.pid), number(0)]);
                let all = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
                tried(held.and_then(|held| {
                    call(libc::SYS_setns, [number(held.as_raw_fd()), number(all)])
                }))
            },
        ),
        row("enter nothing", FILTERED, |_| {
            asked(call(libc::SYS_setns, [number(-1), number(0)]))
        }),
        // === mounts ===
        row("mount memory", FILTERED, |to| mount(to, c"tmpfs", 0)),
        row("mount /proc", FILTERED, |to| mount(to, c"proc", 0)),
        row("mount /sys", FILTERED, |to| mount(to, c"sysfs", 0)),
        row("mount a folder on another", FILTERED, |to| {
            let (from, at) = (c_path(std::path::Path::new("/usr")), c_path(&place(to)));
            let words = [
                Word::Text(&from),
                Word::Text(&at),
                Word::Nowhere,
                number(libc::MS_BIND as i64),
                Word::Nowhere,
            ];
            let done = call(libc::SYS_mount, words);
            let _ = nix::mount::umount(&place(to));
            tried(done)
        }),
        row("make the system writable", FILTERED, |_| {
            // What is no mount can not be mounted again: the right to is looked at first.
            let flags = libc::MS_REMOUNT | libc::MS_BIND;
            asked(call(
                libc::SYS_mount,
                [
                    Word::Nowhere,
                    Word::Text(c"/usr/bin"),
                    Word::Nowhere,
                    number(flags as i64),
                    Word::Nowhere,
                ],
            ))
        }),
        row("share its mounts", FILTERED, |_| {
            asked(call(
                libc::SYS_mount,
                [
                    Word::Nowhere,
                    Word::Text(c"/usr/bin"),
                    Word::Nowhere,
                    number(libc::MS_SHARED as i64),
                    Word::Nowhere,
                ],
            ))
        }),
        row("unmount", FILTERED, |_| {
            asked(call(
                libc::SYS_umount2,
                [Word::Text(c"/usr/bin"), number(libc::MNT_DETACH)],
            ))
        }),
        row("change the root of all", FILTERED, |_| {
            asked(call(
                libc::SYS_pivot_root,
                [Word::Text(c"/openclaw"), Word::Text(c"/openclaw")],
            ))
        }),
        row("change its root", FILTERED, |_| {
            tried(call(libc::SYS_chroot, [Word::Text(c"/usr")]))
        }),
        row("copy a tree of mounts", FILTERED, |_| {
            let words = [number(AT_FDCWD), Word::Text(c"/usr"), number(1)];
            tried(descriptor(libc::SYS_open_tree, words))
        }),
        row(
            "copy a tree of mounts with attributes",
            &[EPERM, ENOSYS],
            |_| {
                let mut attributes = [0; 32];
                let words = [
                    number(AT_FDCWD),
                    Word::Text(c"/usr"),
                    number(1),
                    Word::Room(&mut attributes),
                    number(32),
                ];
                // open_tree_attr
                asked(call(467, words))
            },
        ),
        row("move a mount", FILTERED, |_| {
            asked(call(
                libc::SYS_move_mount,
                [
                    number(-1),
                    Word::Text(c""),
                    number(-1),
                    Word::Text(c""),
                    number(0x44),
                ],
            ))
        }),
        row("open a file system", FILTERED, |_| {
            tried(descriptor(
                libc::SYS_fsopen,
                [Word::Text(c"tmpfs"), number(0)],
            ))
        }),
        row("set a file system up", FILTERED, |_| {
            asked(call(
                libc::SYS_fsconfig,
                [
                    number(-1),
                    number(6),
                    Word::Nowhere,
                    Word::Nowhere,
                    number(0),
                ],
            ))
        }),
        row("mount a file system", FILTERED, |_| {
            asked(call(libc::SYS_fsmount, [number(-1), number(0), number(0)]))
        }),
        row("pick a file system", FILTERED, |_| {
            tried(descriptor(
                libc::SYS_fspick,
                [number(AT_FDCWD), Word::Text(c"/"), number(0)],
            ))
        }),
        row("change a mount's attributes", FILTERED, |_| {
            asked(call(
                libc::SYS_mount_setattr,
                [
                    number(AT_FDCWD),
                    Word::Text(c"/openclaw"),
                    number(0),
                    Word::Nowhere,
                    number(0),
                ],
            ))
        }),
        row("ask for a mount", &[EPERM, ENOSYS], |_| {
            // statmount
            asked(call(
                457,
                [Word::Nowhere, Word::Nowhere, number(0), number(0)],
            ))
        }),
        row("list mounts by call", &[EPERM, ENOSYS], |_| {
            // listmount
            asked(call(
                458,
                [Word::Nowhere, Word::Nowhere, number(0), number(0)],
            ))
        }),
    ];

/// By the namespace's file where the process is seen, by the filter where it is not.
const NOT_REACHED: &[i32] = &[ENOENT, EACCES, EPERM];

const fn row(name: &'static str, errnos: &'static [i32], run: fn(&Targets) -> Outcome) -> Row {
    Row {
        name,
        wall: Wall::Syscalls,
        at_start: false,
        full: Refused(errnos),
        plain: Refused(errnos),
        run,
    }
}

fn unshare(flags: c_int) -> Outcome {
    tried(call(libc::SYS_unshare, [number(flags)]))
}

fn clone(flags: c_int) -> Outcome {
    match fork_into(flags) {
        Ok(Side::Child) => super::raw::end(),
        result => tried(result),
    }
}

fn of(pid: i32, namespace: &str) -> String {
    format!("/proc/{pid}/ns/{namespace}")
}

fn enter(namespace: &str, kind: c_int) -> Outcome {
    match File::open(namespace) {
        Err(error) => failed(&error),
        // That one is in it already is found out after all that matters.
        Ok(file) => asked(call(
            libc::SYS_setns,
            [number(file.as_raw_fd()), number(kind)],
        )),
    }
}

fn place(to: &Targets) -> std::path::PathBuf {
    let place = to.workspace.join("mount");
    let _ = fs::create_dir(&place);
    place
}

/// Mounts, and unmounts.
fn mount(to: &Targets, kind: &std::ffi::CStr, flags: i64) -> Outcome {
    let at = c_path(&place(to));
    let words = [
        Word::Text(c"none"),
        Word::Text(&at),
        Word::Text(kind),
        number(flags),
        Word::Nowhere,
    ];
    let done = call(libc::SYS_mount, words);
    let _ = nix::mount::umount(&place(to));
    tried(done)
}
