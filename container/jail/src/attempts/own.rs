//! Rights of one's own: taken back, passed on, or left on the disk for others.

use super::call::{Word, bytes, call, number};
use super::{Expect, Outcome, Row, Targets, Wall, c_path, failed, tried};
use crate::sys;
use Expect::Refused;
use libc::{AT_FDCWD, EINVAL, ENOSYS, EPERM};
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::fs::{self, File};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

const FILTERED: &[i32] = &[EPERM];

/// `EINVAL` where a user namespace does not know the id.
const NO_RIGHT: &[i32] = &[EPERM, EINVAL];

pub(super) const ROWS: &[Row] = &[
    row("become root", NO_RIGHT, |_| changed(libc::SYS_setuid, 0)),
    row("become somebody", NO_RIGHT, |_| {
        changed(libc::SYS_setuid, 12_345)
    }),
    row("join root's group", NO_RIGHT, |_| {
        changed(libc::SYS_setgid, 0)
    }),
    row("join another group", NO_RIGHT, |_| {
        changed(libc::SYS_setgid, 12_345)
    }),
    row("join more groups", NO_RIGHT, |_| {
        let mut groups = 12_345_u32.to_ne_bytes();
        tried(call(
            libc::SYS_setgroups,
            [number(1), Word::Room(&mut groups)],
        ))
    }),
    row("read files as somebody", FILTERED, |_| {
        // It never fails: whether it did anything is asked by a second call that does nothing.
        let set = |id: i64| super::call::answer(libc::SYS_setfsuid, [number(id)]);
        match set(12_345).and_then(|_| set(-1)) {
            Ok(12_345) => Outcome::Worked("it worked".to_owned()),
            Ok(_) => tried::<(), _>(Err(Errno::EPERM)),
            Err(error) => tried::<(), _>(Err(error)),
        }
    }),
    row("raise a capability", FILTERED, |_| tried(raise())),
    row("pass a capability on", FILTERED, |_| {
        // PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_ADMIN
        let words = [number(47), number(2), number(12), number(0), number(0)];
        tried(raise().and_then(|()| call(libc::SYS_prctl, words)))
    }),
    row("keep capabilities", FILTERED, |_| {
        // PR_SET_SECUREBITS, SECBIT_KEEP_CAPS
        tried(call(libc::SYS_prctl, [number(28), number(1 << 4)]))
    }),
    row("take no_new_privs back", &[EINVAL], |_| {
        tried(call(
            libc::SYS_prctl,
            [number(38), number(0), number(0), number(0), number(0)],
        ))
    }),
    row("loosen its filter", &[EINVAL, libc::EACCES, EPERM], |_| {
        // PR_SET_SECCOMP, disabled
        tried(call(libc::SYS_prctl, [number(22), number(0)]))
    }),
    row("have the filter ask somebody else", FILTERED, |_| {
        filter_that_allows()
    }),
    row("raise how many files may be open", FILTERED, |_| {
        raised(Resource::RLIMIT_NOFILE)
    }),
    row("raise how much may be locked", FILTERED, |_| {
        raised(Resource::RLIMIT_MEMLOCK)
    }),
    row("raise how much may be dumped", FILTERED, |_| {
        raised(Resource::RLIMIT_CORE)
    }),
    row("hand a crash to the machine's handler", &[], |_| {
        // 1 is the limit with which a handler is not called; 0 is not.
        match getrlimit(Resource::RLIMIT_CORE) {
            Ok((_, 1)) => Outcome::Failed("it would not be called".to_owned()),
            // Whoever started the gateway may have set it so; then there must be none to be called.
            Ok((_, 0)) if !has_crash_handler() => Outcome::Failed("there is none".to_owned()),
            Ok(limits) => Outcome::Worked(format!("the limits are {limits:?}")),
            Err(error) => tried::<(), _>(Err(error)),
        }
    }),
    row("go before others", &[libc::EACCES, EPERM], |_| {
        tried(call(
            libc::SYS_setpriority,
            [number(0), number(0), number(-5)],
        ))
    }),
    row("run in real time", FILTERED, |_| {
        let mut priority = 1_i32.to_ne_bytes();
        tried(call(
            libc::SYS_sched_setscheduler,
            [number(0), number(1), Word::Room(&mut priority)],
        ))
    }),
    row("inherit a descriptor", &[], |_| inherited()),
    row("run with another's rights", &[EPERM], |to| {
        set_user_id_honoured(to)
    }),
    // === left on the disk, for whoever runs it outside ===
    row("leave a set-user-id program", FILTERED, |to| {
        left(to, |path| {
            call(
                libc::SYS_fchmodat,
                [number(AT_FDCWD), Word::Text(&c_path(path)), number(0o4755)],
            )
        })
    }),
    #[cfg(target_arch = "x86_64")]
    row(
        "leave a set-user-id program by the older call",
        FILTERED,
        |to| {
            left(to, |path| {
                call(libc::SYS_chmod, [Word::Text(&c_path(path)), number(0o4755)])
            })
        },
    ),
    row(
        "leave a set-user-id program by the newer call",
        &[EPERM, ENOSYS],
        |to| {
            left(to, |path| {
                // fchmodat2
                call(
                    452,
                    [
                        number(AT_FDCWD),
                        Word::Text(&c_path(path)),
                        number(0o4755),
                        number(0),
                    ],
                )
            })
        },
    ),
    row(
        "leave a set-user-id program by its descriptor",
        FILTERED,
        |to| {
            left(to, |path| {
                let file = File::open(path).map_err(|_| Errno::ENOENT)?;
                call(libc::SYS_fchmod, [number(file.as_raw_fd()), number(0o4755)])
            })
        },
    ),
    row("create a set-user-id program", FILTERED, |to| {
        created(to, |path| {
            let how = number(libc::O_CREAT | libc::O_WRONLY);
            call(
                libc::SYS_openat,
                [
                    number(AT_FDCWD),
                    Word::Text(&c_path(path)),
                    how,
                    number(0o4755),
                ],
            )
        })
    }),
    row(
        "create a set-user-id program by the newer call",
        &[EPERM, ENOSYS],
        |to| {
            created(to, |path| {
                let flags = (libc::O_CREAT | libc::O_WRONLY) as u64;
                let mut how = bytes(&[flags, 0o4755, 0]);
                let words = [
                    number(AT_FDCWD),
                    Word::Text(&c_path(path)),
                    Word::Room(&mut how),
                    number(24),
                ];
                call(libc::SYS_openat2, words)
            })
        },
    ),
    row("create a set-user-id program as a node", FILTERED, |to| {
        created(to, |path| {
            let mode = number(libc::S_IFREG | 0o4755);
            call(
                libc::SYS_mknodat,
                [number(AT_FDCWD), Word::Text(&c_path(path)), mode, number(0)],
            )
        })
    }),
    row("give a program capabilities", FILTERED, |to| {
        let path = to.workspace.join("program");
        let _ = fs::write(&path, "");
        // Version 2, effective, CAP_NET_ADMIN.
        let mut value = [0_u8; 20];
        value[..4].copy_from_slice(&0x0200_0001_u32.to_le_bytes());
        value[4..8].copy_from_slice(&(1_u32 << 12).to_le_bytes());
        let path = c_path(&path);
        let words = [
            Word::Text(&path),
            Word::Text(c"security.capability"),
            Word::Room(&mut value),
            number(20),
            number(0),
        ];
        tried(call(libc::SYS_setxattr, words))
    }),
    row("give a file to somebody", NO_RIGHT, |to| {
        let path = to.workspace.join("given");
        let _ = fs::write(&path, "");
        tried(nix::unistd::chown(
            &path,
            Some(nix::unistd::Uid::from_raw(12_345)),
            None,
        ))
    }),
    row(
        "make a file that can not be changed",
        &[EPERM, libc::ENOTTY, libc::EOPNOTSUPP],
        |to| {
            let path = to.workspace.join("fixed");
            let _ = fs::write(&path, "");
            // FS_IOC_SETFLAGS, FS_IMMUTABLE_FL
            let set = |flags: u32, file: &File| {
                let mut flags = flags.to_ne_bytes();
                call(
                    libc::SYS_ioctl,
                    [
                        number(file.as_raw_fd()),
                        number(0x4008_6602),
                        Word::Room(&mut flags),
                    ],
                )
            };
            match File::open(&path) {
                Err(error) => failed(&error),
                Ok(file) => {
                    let done = set(0x10, &file);
                    let _ = set(0, &file);
                    tried(done)
                }
            }
        },
    ),
];

const fn row(name: &'static str, errnos: &'static [i32], run: fn(&Targets) -> Outcome) -> Row {
    Row {
        name,
        wall: Wall::Privileges,
        at_start: false,
        full: Refused(errnos),
        plain: Refused(errnos),
        run,
    }
}

/// Changes a user or group, where that would be a change.
fn changed(which: libc::c_long, id: u32) -> Outcome {
    let is_already = match which {
        libc::SYS_setuid => nix::unistd::Uid::current().as_raw() == id,
        _ => nix::unistd::Gid::current().as_raw() == id,
    };
    if is_already {
        let rights = sys::capabilities().unwrap_or(u64::MAX);
        return match rights {
            0 => Outcome::Failed("it is already, and that gives it no right".to_owned()),
            rights => Outcome::Worked(format!("it is already, with capabilities {rights:#x}")),
        };
    }
    tried(call(which, [number(id)]))
}

/// Holds capabilities for the network, and passes them on to what it runs.
fn raise() -> Result<(), Errno> {
    let mut header = bytes(&[0x2008_0522]);
    // Effective and permitted, inheritable; the upper half of each is none.
    let held = 1 << 12;
    let mut data = bytes(&[held | held << 32, held, 0]);
    call(
        libc::SYS_capset,
        [Word::Room(&mut header), Word::Room(&mut data)],
    )
}

fn has_crash_handler() -> bool {
    fs::read("/proc/sys/kernel/core_pattern").is_ok_and(|pattern| pattern.starts_with(b"|"))
}

fn raised(resource: Resource) -> Outcome {
    match getrlimit(resource) {
        Ok((_, libc::RLIM_INFINITY)) => Outcome::Absent("there is no limit".to_owned()),
        Ok((soft, hard)) => tried(setrlimit(resource, soft, hard + 1)),
        Err(error) => tried::<(), _>(Err(error)),
    }
}

/// A filter of its own that allows what ours does not: the stricter one counts.
fn filter_that_allows() -> Outcome {
    let allow = libc::sock_filter {
        code: 6,
        jt: 0,
        jf: 0,
        k: libc::SECCOMP_RET_ALLOW,
    };
    let _ = nix::sys::prctl::set_no_new_privs();
    let installed = sys::install_filter(&[allow]);
    tried(installed.and_then(|()| call(libc::SYS_keyctl, [number(0), number(-3), number(0)])))
}

/// Descriptors besides the three, what they lead to.
fn inherited() -> Outcome {
    let folder = match fs::read_dir("/proc/self/fd") {
        Ok(folder) => folder,
        Err(error) => return failed(&error),
    };
    let is_ours = |target: &PathBuf| {
        // The pipe to whoever asked, and this folder.
        let target = target.to_string_lossy();
        target.starts_with("pipe:") || target.ends_with("/fd")
    };
    let above = |entry: &fs::DirEntry| {
        entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<i32>().ok())
            .is_some_and(|fd| fd > 2)
    };
    let targets = folder
        .flatten()
        .filter(above)
        .filter_map(|entry| fs::read_link(entry.path()).ok());
    let foreign: Vec<_> = targets.filter(|target| !is_ours(target)).collect();
    match foreign.first() {
        None => Outcome::Failed("there is none".to_owned()),
        Some(first) => Outcome::Worked(format!("{}", first.display())),
    }
}

/// Whether a set-user-id program here would be run with its owner's rights.
fn set_user_id_honoured(_: &Targets) -> Outcome {
    let guarded = nix::sys::prctl::get_no_new_privs().unwrap_or(false);
    match guarded {
        true => tried::<(), _>(Err(Errno::EPERM)),
        false => Outcome::Worked("new privileges are given".to_owned()),
    }
}

type Change = fn(&std::path::Path) -> Result<(), Errno>;

/// Changes a program of our own, and looks whether whoever runs it would have our rights.
fn left(to: &Targets, change: Change) -> Outcome {
    let path = to.workspace.join("left");
    let _ = fs::remove_file(&path);
    let _ = fs::write(&path, "");
    looked_at(&path, change(&path))
}

fn created(to: &Targets, create: Change) -> Outcome {
    let path = to.workspace.join("left");
    let _ = fs::remove_file(&path);
    looked_at(&path, create(&path))
}

fn looked_at(path: &std::path::Path, result: Result<(), Errno>) -> Outcome {
    let mode = fs::metadata(path).map_or(0, |metadata| metadata.mode());
    let _ = fs::remove_file(path);
    match result {
        Ok(()) if mode & 0o6000 == 0 => Outcome::Failed(format!("its mode is {mode:o}")),
        result => tried(result),
    }
}
