//! What one process can do to another without a file of it: signals, tracing, memory, limits.

use super::call::{Word, answer, bytes, call, descriptor, number};
use super::{Expect, Outcome, Row, Targets, Wall, asked, tried};
use Expect::{Open, Refused, Since};
use libc::{EACCES, EINVAL, EPERM, ESRCH, c_long};
use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::{Pid, getpgid, setpgid};
use std::os::fd::AsRawFd as _;

const OLD_SCOPE: &str =
    "before Landlock 6 (Linux 6.12) a process may signal whatever else its user runs";

const NOT_THERE: Expect = Refused(&[ESRCH]);
const FILTERED: Expect = Refused(&[EPERM]);
const SCOPED: Expect = Since {
    landlock: 6,
    errnos: &[EPERM],
    otherwise: OLD_SCOPE,
};

const SEEN: &str =
    "without a pid namespace anybody's process can be named; nothing can be done to it";

const LATER: &str =
    "it may be named as whom to tell; Landlock 6 and later keep the signal back when there is one";

pub(super) const ROWS: &[Row] = &[
    row("signal a thread of the gateway", NOT_THERE, SCOPED, |to| {
        tried(call(
            libc::SYS_tgkill,
            [number(to.pid), number(to.pid), number(0)],
        ))
    }),
    row("signal a task of the gateway", NOT_THERE, SCOPED, |to| {
        tried(call(libc::SYS_tkill, [number(to.pid), number(0)]))
    }),
    row("queue a signal for the gateway", NOT_THERE, SCOPED, |to| {
        queue(libc::SYS_rt_sigqueueinfo, &[to.pid, 0])
    }),
    row(
        "queue a signal for a thread of the gateway",
        NOT_THERE,
        SCOPED,
        |to| queue(libc::SYS_rt_tgsigqueueinfo, &[to.pid, to.pid, 0]),
    ),
    row("signal the gateway's group", NOT_THERE, SCOPED, |to| {
        let group = getpgid(Some(Pid::from_raw(to.pid)));
        tried(group.and_then(|group| kill(Pid::from_raw(-group.as_raw()), None)))
    }),
    row("hold the gateway", NOT_THERE, Open(SEEN), |to| {
        tried(hold(to.pid))
    }),
    row("signal the held gateway", NOT_THERE, SCOPED, |to| {
        tried(hold(to.pid).and_then(|held| {
            let words = [
                number(held.as_raw_fd()),
                number(0),
                Word::Nowhere,
                number(0),
            ];
            call(libc::SYS_pidfd_send_signal, words)
        }))
    }),
    row(
        "have the kernel signal the gateway",
        NOT_THERE,
        Open(LATER),
        |to| tried(owner_of_a_pipe(to.pid)),
    ),
    row("signal the keeper by a queue", SCOPED, SCOPED, |to| {
        queue(libc::SYS_rt_sigqueueinfo, &[to.keeper, 0])
    }),
    row(
        "join the gateway's group",
        Refused(&[ESRCH, EPERM]),
        Refused(&[EPERM, EACCES]),
        |to| {
            let group = getpgid(Some(Pid::from_raw(to.pid)));
            tried(group.and_then(|group| setpgid(Pid::from_raw(0), group)))
        },
    ),
    row("trace the gateway", FILTERED, FILTERED, |to| {
        let words = [
            number(c_long::from(libc::PTRACE_SEIZE)),
            number(to.pid),
            number(0),
            number(0),
        ];
        let traced = call(libc::SYS_ptrace, words);
        tried(traced)
    }),
    row("trace the keeper", FILTERED, FILTERED, |to| {
        let words = [
            number(c_long::from(libc::PTRACE_SEIZE)),
            number(to.keeper),
            number(0),
            number(0),
        ];
        tried(call(libc::SYS_ptrace, words))
    }),
    row(
        "read the gateway's memory by call",
        FILTERED,
        FILTERED,
        |to| memory(libc::SYS_process_vm_readv, to.pid),
    ),
    row(
        "write the gateway's memory by call",
        FILTERED,
        FILTERED,
        |to| memory(libc::SYS_process_vm_writev, to.pid),
    ),
    row("compare with the gateway", FILTERED, FILTERED, |to| {
        // Whether they share their memory.
        let us = number(nix::unistd::getpid().as_raw());
        tried(call(
            libc::SYS_kcmp,
            [us, number(to.pid), number(1), number(0), number(0)],
        ))
    }),
    row(
        "take a descriptor of the gateway",
        Refused(&[ESRCH, EPERM]),
        FILTERED,
        |to| {
            let taken = hold(to.pid).and_then(|held| {
                descriptor(
                    libc::SYS_pidfd_getfd,
                    [number(held.as_raw_fd()), number(0), number(0)],
                )
            });
            tried(taken)
        },
    ),
    row("take any descriptor", FILTERED, FILTERED, |_| {
        asked(call(
            libc::SYS_pidfd_getfd,
            [number(-1), number(0), number(0)],
        ))
    }),
    row("advise on the gateway's memory", FILTERED, FILTERED, |_| {
        asked(call(
            libc::SYS_process_madvise,
            [number(-1), Word::Nowhere, number(0), number(0), number(0)],
        ))
    }),
    row("release the gateway's memory", FILTERED, FILTERED, |_| {
        asked(call(libc::SYS_process_mrelease, [number(-1), number(0)]))
    }),
    row("move the gateway's memory", FILTERED, FILTERED, |to| {
        let words = [
            number(to.pid),
            number(0),
            Word::Nowhere,
            Word::Nowhere,
            Word::Nowhere,
            number(0),
        ];
        tried(call(libc::SYS_move_pages, words))
    }),
    row("migrate the gateway's memory", FILTERED, FILTERED, |to| {
        asked(call(
            libc::SYS_migrate_pages,
            [number(to.pid), number(0), Word::Nowhere, Word::Nowhere],
        ))
    }),
    row(
        "find the gateway's locks",
        Refused(&[ESRCH]),
        Refused(&[EPERM, EACCES]),
        |to| {
            let (mut head, mut length) = ([0; 8], [0; 8]);
            let words = [
                number(to.pid),
                Word::Room(&mut head),
                Word::Room(&mut length),
            ];
            tried(call(libc::SYS_get_robust_list, words))
        },
    ),
    row("measure the gateway", FILTERED, FILTERED, |to| {
        // Size 0 is answered with the right one.
        let mut attributes = [0; 128];
        let words = [
            Word::Room(&mut attributes),
            number(to.pid),
            number(-1),
            number(-1),
            number(0),
        ];
        asked(call(libc::SYS_perf_event_open, words))
    }),
    row("read the gateway's limits", NOT_THERE, FILTERED, |to| {
        let mut old = [0; 16];
        let words = [
            number(to.pid),
            number(libc::RLIMIT_NOFILE),
            Word::Nowhere,
            Word::Room(&mut old),
        ];
        tried(call(libc::SYS_prlimit64, words))
    }),
    row("set the gateway's limits", NOT_THERE, FILTERED, |to| {
        same_limits(to.pid)
    }),
    row("slow the gateway down", NOT_THERE, FILTERED, |to| {
        // The call answers with 20 less the niceness.
        let nice = answer(libc::SYS_getpriority, [number(0), number(to.pid)]);
        let same = |nice| {
            call(
                libc::SYS_setpriority,
                [number(0), number(to.pid), number(20_i64 - nice)],
            )
        };
        tried(nice.and_then(same))
    }),
    row(
        "slow everything of the user down",
        NOT_THERE,
        FILTERED,
        |_| {
            // Nobody is that user: nothing is slowed where it works.
            let nobody = number(4_000_000_000_u32);
            tried(call(libc::SYS_setpriority, [number(2), nobody, number(19)]))
        },
    ),
    row(
        "keep the gateway to a processor",
        NOT_THERE,
        FILTERED,
        |to| {
            let mut mask = [0; 128];
            let words = [number(to.pid), number(128), Word::Room(&mut mask)];
            let length = answer(libc::SYS_sched_getaffinity, words);
            let same = |_| {
                call(
                    libc::SYS_sched_setaffinity,
                    [number(to.pid), number(128), Word::Room(&mut mask)],
                )
            };
            tried(length.and_then(same))
        },
    ),
    row(
        "let the gateway wait for others",
        NOT_THERE,
        FILTERED,
        |to| {
            // SCHED_OTHER, as it is.
            let words = [number(to.pid), number(0), Word::Room(&mut [0; 4])];
            tried(call(libc::SYS_sched_setscheduler, words))
        },
    ),
    row("schedule the gateway anew", NOT_THERE, FILTERED, |to| {
        let mut attributes = bytes(&[48, 0, 0, 0, 0, 0]);
        let words = [number(to.pid), Word::Room(&mut attributes), number(0)];
        tried(call(libc::SYS_sched_setattr, words))
    }),
    row(
        "starve the gateway of its disk",
        NOT_THERE,
        FILTERED,
        |to| {
            let level = answer(libc::SYS_ioprio_get, [number(1), number(to.pid)]);
            let same = |level| {
                call(
                    libc::SYS_ioprio_set,
                    [number(1), number(to.pid), number(level)],
                )
            };
            tried(level.and_then(same))
        },
    ),
    row(
        "share the gateway's core",
        Refused(&[ESRCH, EINVAL, libc::ENODEV]),
        Refused(&[EPERM, EACCES, EINVAL, libc::ENODEV]),
        |to| {
            // PR_SCHED_CORE, PR_SCHED_CORE_SHARE_FROM
            tried(call(
                libc::SYS_prctl,
                [number(62), number(3), number(to.pid), number(0), number(0)],
            ))
        },
    ),
];

const fn row(name: &'static str, full: Expect, plain: Expect, run: fn(&Targets) -> Outcome) -> Row {
    Row {
        name,
        wall: Wall::Processes,
        at_start: false,
        full,
        plain,
        run,
    }
}

fn hold(pid: i32) -> Result<std::os::fd::OwnedFd, Errno> {
    descriptor(libc::SYS_pidfd_open, [number(pid), number(0)])
}

/// Queues signal 0 with a value of our own.
fn queue(which: c_long, ids: &[i32]) -> Outcome {
    // siginfo: number, error, code SI_QUEUE; the rest zero.
    let mut info = [0_u8; 128];
    info[8..12].copy_from_slice(&libc::SI_QUEUE.to_ne_bytes());
    tried(match *ids {
        [pid, signal] => call(which, [number(pid), number(signal), Word::Room(&mut info)]),
        [group, pid, signal] => call(
            which,
            [
                number(group),
                number(pid),
                number(signal),
                Word::Room(&mut info),
            ],
        ),
        _ => Err(Errno::EINVAL),
    })
}

/// Has the kernel tell the gateway of a pipe that can be read: by SIGURG, which does nothing by
/// itself.
fn owner_of_a_pipe(pid: i32) -> Result<(), Errno> {
    let (read, write) = nix::unistd::pipe()?;
    let own = |what, value: i32| {
        call(
            libc::SYS_fcntl,
            [number(read.as_raw_fd()), number(what), number(value)],
        )
    };
    own(libc::F_SETOWN, pid)?;
    own(F_SETSIG, libc::SIGURG)?;
    own(libc::F_SETFL, libc::O_ASYNC)?;
    nix::unistd::write(&write, b"x")?;
    Ok(())
}

/// libc has no name for it.
const F_SETSIG: i32 = 10;

fn memory(which: c_long, pid: i32) -> Outcome {
    // No vectors at all: whether it may be done is looked at all the same.
    asked(call(
        which,
        [
            number(pid),
            Word::Nowhere,
            number(0),
            Word::Nowhere,
            number(0),
            number(0),
        ],
    ))
}

fn same_limits(pid: i32) -> Outcome {
    let mut old = [0; 16];
    let what = || number(libc::RLIMIT_NOFILE);
    let read = call(
        libc::SYS_prlimit64,
        [number(pid), what(), Word::Nowhere, Word::Room(&mut old)],
    );
    // Where it can not be read, it is still tried: by more than there can be.
    if read.is_err() {
        return tried(read);
    }
    tried(call(
        libc::SYS_prlimit64,
        [number(pid), what(), Word::Room(&mut old), Word::Nowhere],
    ))
}
