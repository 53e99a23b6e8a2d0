//! Devices, and what processes share without a file: memory, queues, semaphores.

use super::call::{Word, attach, call, descriptor, number};
use super::{Expect, Outcome, Row, Targets, Wall, c_path, failed, tried};
use Expect::{Open, Refused};
use libc::{AT_FDCWD, EACCES, EIDRM, EINVAL, ENOENT, EPERM};
use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::path::Path;

const NOT_THERE: Expect = Refused(&[ENOENT]);
/// A machine need not have it.
const KEPT: Expect = Refused(&[EACCES, EPERM, ENOENT]);

pub(super) const ROWS: &[Row] = &[
    device("open the machine's memory", |_| open("/dev/mem")),
    device("open the machine's ports", |_| open("/dev/port")),
    device("open the kernel's log", |_| open("/dev/kmsg")),
    device("open virtual machines", |_| open("/dev/kvm")),
    device("open a disk", |_| disk()),
    device("open a loop device", |_| open("/dev/loop0")),
    device("make a loop device", |_| open("/dev/loop-control")),
    device("serve a file system", |_| open("/dev/fuse")),
    device("make a network device", |_| open("/dev/net/tun")),
    device("open the console", |_| open("/dev/console")),
    device("open a console", |_| open("/dev/tty0")),
    device("open a serial line", |_| open("/dev/ttyS0")),
    device("handle page faults by a device", |_| {
        open("/dev/userfaultfd")
    }),
    device("open a graphics card", |_| open("/dev/dri/card0")),
    device("open a keyboard", |_| open("/dev/input/event0")),
    device("make a keyboard", |_| open("/dev/uinput")),
    device("open the machine below by a device", |_| {
        open("/dev/vhost-vsock")
    }),
    device("open the watchdog", |_| listed("/dev/watchdog")),
    device("control a volume manager", |_| open("/dev/mapper/control")),
    device("open the source of chance", |_| open("/dev/hwrng")),
    device("open the clock's device", |_| open("/dev/rtc0")),
    device("open a message queue's folder", |_| {
        tried(fs::read_dir("/dev/mqueue"))
    }),
    Row {
        plain: Open(
            "terminals are made in /dev/pts, and Landlock can not tell one's own from others of the same user",
        ),
        ..device("open a terminal of others", other_terminal)
    },
    Row {
        full: Refused(&[EPERM]),
        plain: Refused(&[EPERM]),
        ..device("make a device of memory", |to| {
            node(to, libc::S_IFCHR, 1, 1)
        })
    },
    Row {
        full: Refused(&[EPERM]),
        plain: Refused(&[EPERM]),
        ..device("make a device of a disk", |to| {
            node(to, libc::S_IFBLK, 7, 0)
        })
    },
    Row {
        full: Refused(&[EPERM]),
        plain: Refused(&[EPERM]),
        ..device("make a device in /dev/shm", |_| {
            let path = Path::new("/dev/shm/openclaw-device");
            made(path, libc::S_IFCHR, 1, 1)
        })
    },
    // === shared without a file ===
    Row {
        full: Refused(&[EINVAL, EIDRM, EPERM]),
        ..device("share memory with others", |to| match to.shared.segment {
            None => Outcome::Absent("no segment was made".to_owned()),
            Some(id) => tried(attach(id)),
        })
    },
    Row {
        full: Refused(&[EINVAL, EIDRM, EPERM]),
        ..device("remove memory of others", |to| match to.shared.segment {
            None => Outcome::Absent("no segment was made".to_owned()),
            // IPC_SET with the owner and mode it has would do as well; IPC_STAT shows enough.
            Some(id) => tried(call(
                libc::SYS_shmctl,
                [number(id), number(2), Word::Room(&mut [0; 256])],
            )),
        })
    },
    Row {
        full: Refused(&[EINVAL, EIDRM, EPERM]),
        ..device("read a queue of others", |to| match to.shared.queue {
            None => Outcome::Absent("no queue was made".to_owned()),
            Some(id) => {
                let nothing_to_wait_for = number(libc::IPC_NOWAIT);
                let mut room = [0; 64];
                let words = [
                    number(id),
                    Word::Room(&mut room),
                    number(8),
                    number(0),
                    nothing_to_wait_for,
                ];
                match call(libc::SYS_msgrcv, words) {
                    Err(nix::errno::Errno::ENOMSG) => Outcome::Worked("it was empty".to_owned()),
                    result => tried(result),
                }
            }
        })
    },
    Row {
        full: Refused(&[EINVAL, EIDRM, EPERM]),
        ..device("change semaphores of others", |to| {
            match to.shared.semaphores {
                None => Outcome::Absent("no semaphores were made".to_owned()),
                // SETVAL
                Some(id) => tried(call(
                    libc::SYS_semctl,
                    [number(id), number(0), number(16), number(0)],
                )),
            }
        })
    },
    Row {
        full: Refused(&[ENOENT, EPERM]),
        ..device("read a named queue of others", |to| {
            if !to.shared.has_queue {
                return Outcome::Absent("no queue was made".to_owned());
            }
            let name = CString::new(to.shared.name.as_str()).unwrap_or_default();
            tried(descriptor(
                libc::SYS_mq_open,
                [
                    Word::Text(&name),
                    number(libc::O_RDONLY),
                    number(0),
                    Word::Nowhere,
                ],
            ))
        })
    },
    Row {
        plain: Open(
            "locks between processes are made in /dev/shm: what others keep there can be opened by whoever knows its name",
        ),
        ..device("open shared memory by its name", |to| {
            tried(File::open(Path::new("/dev/shm").join(&to.shared.name)))
        })
    },
    device("list shared memory", |to| match fs::read_dir("/dev/shm") {
        Err(error) => failed(&error),
        Ok(mut entries) => {
            let name = to.shared.name.as_str();
            match entries.any(|entry| entry.is_ok_and(|entry| entry.file_name() == name)) {
                true => Outcome::Worked("it is listed".to_owned()),
                false => Outcome::Failed("it is not listed".to_owned()),
            }
        }
    }),
    device("read a file of /tmp", |to| {
        tried(File::open(Path::new("/tmp").join(&to.shared.name)))
    }),
];

const fn device(name: &'static str, run: fn(&Targets) -> Outcome) -> Row {
    Row {
        name,
        wall: Wall::Files,
        at_start: false,
        full: NOT_THERE,
        plain: KEPT,
        run,
    }
}

fn open(path: &str) -> Outcome {
    tried(
        OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
            .open(path),
    )
}

use std::os::unix::fs::OpenOptionsExt as _;

/// Whether it is there at all: opening it starts it.
fn listed(path: &str) -> Outcome {
    tried(nix::unistd::access(path, nix::unistd::AccessFlags::R_OK))
}

fn disk() -> Outcome {
    let disks = [
        "/dev/vda",
        "/dev/sda",
        "/dev/nvme0n1",
        "/dev/xvda",
        "/dev/mmcblk0",
    ];
    let tries = disks.map(File::open);
    let found = tries.into_iter().reduce(|one, other| match (&one, &other) {
        (Ok(_), _) => one,
        (Err(error), _) if error.raw_os_error() != Some(ENOENT) => one,
        _ => other,
    });
    found.map_or_else(|| Outcome::Absent("no disk".to_owned()), tried)
}

/// Any terminal that is neither of this process nor made since.
fn other_terminal(to: &Targets) -> Outcome {
    if to.shared.terminal.is_empty() {
        return Outcome::Absent("no terminal was made".to_owned());
    }
    open(&to.shared.terminal)
}

fn node(to: &Targets, kind: libc::mode_t, major: u32, minor: u32) -> Outcome {
    made(&to.workspace.join("node"), kind, major, minor)
}

fn made(path: &Path, kind: libc::mode_t, major: u32, minor: u32) -> Outcome {
    let (place, device) = (c_path(path), libc::makedev(major, minor));
    let words = [
        number(AT_FDCWD),
        Word::Text(&place),
        number(kind | 0o600),
        number(device.cast_signed()),
    ];
    let result = call(libc::SYS_mknodat, words);
    let _ = fs::remove_file(path);
    tried(result)
}
