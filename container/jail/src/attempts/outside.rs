//! All that can be done to a file besides reading and writing it, done to one outside.

use super::call::{Word, answer, bytes, call, descriptor, number};
use super::{Expect, Outcome, Row, Targets, Wall, c_path, failed, tried};
use Expect::{Open, Refused};
use libc::{AT_FDCWD, EACCES, EBUSY, EINVAL, ENOENT, ENOSYS, EPERM, EROFS, EXDEV};
use nix::sys::stat::Mode;
use nix::unistd::{Uid, chown, mkfifo, truncate};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Duration;

const NAMES: &str = "Landlock keeps files from being opened, not names from being asked for";

const OWNED: &str =
    "Landlock knows no right to change mode, owner, times or attributes: whoever owns a file may";

const NOT_THERE: Expect = Refused(&[ENOENT]);
const KEPT: Expect = Refused(&[EACCES, EXDEV]);

pub(super) const ROWS: &[Row] = &[
    row("list outside", NOT_THERE, KEPT, |to| {
        tried(fs::read_dir(to.outside()))
    }),
    row("enter outside", NOT_THERE, Open(NAMES), |to| {
        tried(std::env::set_current_dir(to.outside()))
    }),
    row("run a program outside", NOT_THERE, KEPT, |to| {
        tried(run(&to.beside("program")))
    }),
    row("make a file outside", NOT_THERE, KEPT, |to| {
        made(to, |path| File::create_new(path))
    }),
    row("make a folder outside", NOT_THERE, KEPT, |to| {
        made(to, |path| fs::create_dir(path))
    }),
    row("make a link outside", NOT_THERE, KEPT, |to| {
        made(to, |path| symlink("canary", path))
    }),
    row("make a pipe outside", NOT_THERE, KEPT, |to| {
        made(to, |path| mkfifo(path, Mode::S_IRUSR))
    }),
    row(
        "make a socket outside",
        NOT_THERE,
        Refused(&[EACCES, EPERM]),
        |to| made(to, |path| UnixListener::bind(path)),
    ),
    row("make a nameless file outside", NOT_THERE, KEPT, |to| {
        let how = number(libc::O_TMPFILE | libc::O_WRONLY);
        let folder = c_path(&to.outside());
        tried(call(
            libc::SYS_openat,
            [number(AT_FDCWD), Word::Text(&folder), how, number(0o600)],
        ))
    }),
    row("remove outside", NOT_THERE, KEPT, |to| {
        let spare = to.beside("spare");
        let result = fs::remove_file(&spare);
        if result.is_ok() {
            let _ = fs::write(&spare, "");
        }
        tried(result)
    }),
    row("rename outside", NOT_THERE, KEPT, |to| {
        moved(&to.beside("spare"), &to.beside("renamed"))
    }),
    row("move outside into the workspace", NOT_THERE, KEPT, |to| {
        moved(&to.beside("spare"), &to.workspace.join("moved"))
    }),
    row(
        "move the workspace outside",
        Refused(&[ENOENT, EBUSY, EROFS]),
        KEPT,
        |to| moved(&to.workspace, &to.beside("moved")),
    ),
    row("link outside into the workspace", NOT_THERE, KEPT, |to| {
        let link = to.workspace.join("hard");
        let _ = fs::remove_file(&link);
        let result = fs::hard_link(to.beside("spare"), &link);
        let _ = fs::remove_file(&link);
        tried(result)
    }),
    row("link into outside", NOT_THERE, KEPT, |to| {
        let ours = to.workspace.join("ours");
        let _ = fs::write(&ours, "");
        made(to, |path| fs::hard_link(&ours, path))
    }),
    row("truncate outside", NOT_THERE, KEPT, |to| {
        tried(truncate(&to.beside("spare"), 0))
    }),
    row("change a mode outside", NOT_THERE, Open(OWNED), |to| {
        same_mode(&to.beside("spare"))
    }),
    row("change an owner outside", NOT_THERE, Open(OWNED), |to| {
        let us = (Uid::current(), nix::unistd::Gid::current());
        tried(chown(&to.beside("spare"), Some(us.0), Some(us.1)))
    }),
    row("change times outside", NOT_THERE, Open(OWNED), |to| {
        touched(&to.beside("spare"))
    }),
    row("set an attribute outside", NOT_THERE, Open(OWNED), |to| {
        let (path, value) = (c_path(&to.beside("spare")), &mut [b'x'][..]);
        let words = [
            Word::Text(&path),
            Word::Text(c"user.x"),
            Word::Room(value),
            number(1),
            number(0),
        ];
        tried(call(libc::SYS_setxattr, words))
    }),
    row("read an attribute outside", NOT_THERE, Open(NAMES), |to| {
        let (path, room) = (c_path(&to.canary), &mut [0; 64][..]);
        let words = [Word::Text(&path), Word::Room(room), number(64)];
        tried(call(libc::SYS_listxattr, words))
    }),
    row(
        "set file attributes outside",
        Refused(&[ENOENT, ENOSYS, EPERM]),
        Refused(&[ENOSYS, EPERM]),
        |to| {
            // file_setattr
            file_attributes(469, &to.beside("spare"))
        },
    ),
    row("read a link outside", NOT_THERE, Open(NAMES), |to| {
        tried(fs::read_link(to.beside("link")))
    }),
    row("ask for rights outside", NOT_THERE, Open(NAMES), |to| {
        tried(nix::unistd::access(
            &to.canary,
            nix::unistd::AccessFlags::R_OK,
        ))
    }),
    row(
        "watch outside",
        NOT_THERE,
        Open("Landlock lets a process hear of changes where its user may read"),
        |to| {
            let all = number(libc::IN_ALL_EVENTS);
            let watch = |inotify: OwnedFd| {
                let words = [
                    number(inotify.as_raw_fd()),
                    Word::Text(&c_path(&to.outside())),
                    all,
                ];
                call(libc::SYS_inotify_add_watch, words)
            };
            tried(descriptor(libc::SYS_inotify_init1, [number(0)]).and_then(watch))
        },
    ),
    row(
        "change a mode of the system",
        Refused(&[EROFS]),
        Open(OWNED),
        |_| same_mode(Path::new("/usr/bin/env")),
    ),
    row(
        "change times of the system",
        Refused(&[EROFS]),
        Open(OWNED),
        |_| touched(Path::new("/usr/bin/env")),
    ),
    row(
        "write a program of the system",
        Refused(&[EROFS, EACCES]),
        KEPT,
        |_| tried(while_idle(Path::new("/usr/bin/env"))),
    ),
    row(
        "write the list of users",
        Refused(&[EROFS, ENOENT, EACCES]),
        KEPT,
        |_| tried(OpenOptions::new().append(true).open("/etc/passwd")),
    ),
    row("read passwords", NOT_THERE, KEPT, |_| {
        tried(File::open("/etc/shadow"))
    }),
    row("make a file in /etc", Refused(&[EROFS]), KEPT, |_| {
        let path = Path::new("/etc/openclaw-probe");
        let result = File::create_new(path);
        let _ = fs::remove_file(path);
        tried(result)
    }),
    row("make a file in /", Refused(&[EROFS, EACCES]), KEPT, |_| {
        let path = Path::new("/openclaw-probe");
        let result = File::create_new(path);
        let _ = fs::remove_file(path);
        tried(result)
    }),
    row("read root's files", NOT_THERE, KEPT, |_| {
        tried(File::open("/root/.profile"))
    }),
    row("list /home", NOT_THERE, KEPT, |_| {
        tried(fs::read_dir("/home"))
    }),
    row("list /run", NOT_THERE, KEPT, |_| {
        tried(fs::read_dir("/run"))
    }),
    row("list /sys", NOT_THERE, KEPT, |_| {
        tried(fs::read_dir("/sys"))
    }),
    row("list /boot", NOT_THERE, KEPT, |_| {
        tried(fs::read_dir("/boot"))
    }),
    row("read logs", NOT_THERE, KEPT, |_| {
        tried(fs::read_dir("/var/log"))
    }),
    row("list gateway state", NOT_THERE, KEPT, |to| {
        of_state(to, tried(fs::read_dir(&to.state)))
    }),
    row("write gateway state", NOT_THERE, KEPT, |to| {
        tried(
            OpenOptions::new()
                .append(true)
                .open(to.state.join("state.db")),
        )
    }),
    row(
        "make a file in gateway state",
        Refused(&[ENOENT, EACCES, EROFS]),
        KEPT,
        |to| {
            let path = to.state.join("probe");
            let made = File::create_new(&path);
            let _ = fs::remove_file(path);
            of_state(to, tried(made))
        },
    ),
    row(
        "lock gateway state",
        Refused(&[ENOENT, EPERM, EROFS]),
        Open(OWNED),
        |to| of_state(to, same_mode(&to.state)),
    ),
    row("list another workspace", NOT_THERE, KEPT, |to| {
        tried(fs::read_dir(&to.other_workspace))
    }),
    row("write another workspace", NOT_THERE, KEPT, |to| {
        tried(
            OpenOptions::new()
                .append(true)
                .open(to.other_workspace.join("theirs")),
        )
    }),
    row("make a file in another workspace", NOT_THERE, KEPT, |to| {
        let path = to.other_workspace.join("probe");
        let result = File::create_new(&path);
        let _ = fs::remove_file(path);
        tried(result)
    }),
    row(
        "take the handle of a file outside",
        Refused(&[EPERM]),
        Refused(&[EPERM]),
        |to| {
            let path = c_path(&to.canary);
            // A handle's length and kind, and room for it.
            let mut handle = bytes(&[128]);
            handle.resize(8 + 128, 0);
            let mut mount = [0; 4];
            let words = [
                number(AT_FDCWD),
                Word::Text(&path),
                Word::Room(&mut handle),
                Word::Room(&mut mount),
                number(0),
            ];
            tried(call(libc::SYS_name_to_handle_at, words))
        },
    ),
    row(
        "open a file by its handle",
        Refused(&[EPERM]),
        Refused(&[EPERM]),
        |_| {
            let words = [number(AT_FDCWD), Word::Nowhere, number(0)];
            super::asked(call(libc::SYS_open_by_handle_at, words))
        },
    ),
    row(
        "watch all files",
        Refused(&[EPERM]),
        Refused(&[EPERM]),
        |_| {
            tried(call(
                libc::SYS_fanotify_init,
                [number(libc::FAN_CLASS_NOTIF), number(0)],
            ))
        },
    ),
    row(
        "mark a file to be watched",
        Refused(&[EPERM]),
        Refused(&[EPERM]),
        |to| {
            let path = c_path(&to.canary);
            let add = number(libc::FAN_MARK_ADD);
            let words = [
                number(-1),
                add,
                number(libc::FAN_OPEN as i64),
                number(AT_FDCWD),
                Word::Text(&path),
            ];
            super::asked(call(libc::SYS_fanotify_mark, words))
        },
    ),
];

const fn row(name: &'static str, full: Expect, plain: Expect, run: fn(&Targets) -> Outcome) -> Row {
    Row {
        name,
        wall: Wall::Files,
        at_start: false,
        full,
        plain,
        run,
    }
}

/// The workspace may lie in the gateway's state: then there are folders of the same names on the way
/// to it, with nothing else in them, and nothing that is done to those counts.
fn of_state(to: &Targets, outcome: Outcome) -> Outcome {
    match (fs::symlink_metadata(to.state.join("state.db")), outcome) {
        (Err(_), Outcome::Worked(_)) => Outcome::Failed("it is no more than a way".to_owned()),
        (_, outcome) => outcome,
    }
}

/// Makes something new outside, and removes it again.
fn made<T, E: Into<io::Error>>(to: &Targets, make: impl FnOnce(&Path) -> Result<T, E>) -> Outcome {
    let path = to.beside("new");
    let outcome = tried(make(&path));
    if fs::remove_file(&path).is_err() {
        let _ = fs::remove_dir(&path);
    }
    outcome
}

/// Moves a file, and moves it back.
fn moved(from: &Path, to: &Path) -> Outcome {
    let result = fs::rename(from, to);
    if result.is_ok() {
        let _ = fs::rename(to, from);
    }
    tried(result)
}

/// Opens a program to be written. While somebody runs it, the kernel says so before it asks any wall:
/// that is no answer.
#[expect(
    clippy::disallowed_methods,
    reason = "nobody tells when a program has left"
)]
fn while_idle(program: &Path) -> io::Result<File> {
    for _ in 0..200 {
        match OpenOptions::new().append(true).open(program) {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {
                std::thread::sleep(Duration::from_millis(5));
            }
            answered => return answered,
        }
    }
    OpenOptions::new().append(true).open(program)
}

/// Gives a file the mode it has.
fn same_mode(path: &Path) -> Outcome {
    match fs::metadata(path) {
        Err(error) => failed(&error),
        Ok(metadata) => {
            let mode = number(metadata.mode() & 0o7777);
            tried(call(
                libc::SYS_fchmodat,
                [number(AT_FDCWD), Word::Text(&c_path(path)), mode],
            ))
        }
    }
}

/// Sets a file's times to those it has: with `UTIME_NOW` its owner need not be asked for.
fn touched(path: &Path) -> Outcome {
    match fs::metadata(path) {
        Err(error) => failed(&error),
        Ok(metadata) => {
            let times = [
                metadata.atime(),
                metadata.atime_nsec(),
                metadata.mtime(),
                metadata.mtime_nsec(),
            ];
            let mut times = bytes(&times.map(i64::cast_unsigned));
            let words = [
                number(AT_FDCWD),
                Word::Text(&c_path(path)),
                Word::Room(&mut times),
                number(0),
            ];
            tried(call(libc::SYS_utimensat, words))
        }
    }
}

fn file_attributes(which: libc::c_long, path: &Path) -> Outcome {
    // Flags, extent size, project and copy-on-write hints: none.
    let mut attributes = bytes(&[0, 0, 0]);
    let words = [
        number(AT_FDCWD),
        Word::Text(&c_path(path)),
        Word::Room(&mut attributes),
        number(24),
        number(0),
    ];
    match answer(which, words) {
        // A file system may know none of them.
        Err(error) if [EINVAL, libc::EOPNOTSUPP, libc::ENOTTY].contains(&(error as i32)) => {
            Outcome::Worked(format!("the kernel listened: {error}"))
        }
        result => tried(result),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "that it can not be started is what is tried"
)]
fn run(path: &Path) -> io::Result<()> {
    let mut command = std::process::Command::new(path);
    command
        .stdin(std::process::Stdio::null())
        .status()
        .map(drop)
}
