//! Ways to a file outside that are not its name.

use super::call::{Word, bytes, descriptor, number};
use super::{Expect, Outcome, Row, Targets, Wall, c_path, failed, tried};
use Expect::{Open, Refused};
use libc::{AT_FDCWD, EACCES, ENOENT, ENOSYS};
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

const NOT_THERE: Expect = Refused(&[ENOENT]);
const KEPT: Expect = Refused(&[EACCES]);

pub(super) const ROWS: &[Row] = &[
    row("read outside by ..", NOT_THERE, KEPT, |to| {
        let up = "../".repeat(to.workspace.components().count());
        tried(read(
            &to.workspace.join(up + "/./").join(relative(&to.canary)),
        ))
    }),
    row("read outside from outside", NOT_THERE, KEPT, |to| {
        let there = std::env::set_current_dir(to.outside());
        tried(there.and_then(|()| read(Path::new("canary"))))
    }),
    row(
        "read outside through /proc/self/root",
        NOT_THERE,
        KEPT,
        |to| {
            tried(read(
                &Path::new("/proc/self/root").join(relative(&to.canary)),
            ))
        },
    ),
    row(
        "read outside through /proc/self/cwd",
        NOT_THERE,
        KEPT,
        |to| {
            let there = std::env::set_current_dir(&to.workspace);
            let up = "../".repeat(to.workspace.components().count());
            let path = Path::new("/proc/self/cwd")
                .join(up)
                .join(relative(&to.canary));
            tried(there.and_then(|()| read(&path)))
        },
    ),
    row("read outside through a link", NOT_THERE, KEPT, |to| {
        through(to, &to.canary, read)
    }),
    row(
        "read outside through a linked folder",
        NOT_THERE,
        KEPT,
        |to| through(to, &to.outside(), |link| read(&link.join("canary"))),
    ),
    row(
        "read outside through a link into /proc",
        NOT_THERE,
        KEPT,
        |to| {
            let root = Path::new("/proc/self/root").join(relative(&to.canary));
            through(to, &root, read)
        },
    ),
    row("write outside through a link", NOT_THERE, KEPT, |to| {
        through(to, &to.beside("spare"), |link| {
            OpenOptions::new().append(true).open(link).map(drop)
        })
    }),
    row(
        "make a file outside through a link",
        NOT_THERE,
        KEPT,
        |to| {
            let new = to.beside("new");
            let outcome = through(to, &new, |link| {
                OpenOptions::new()
                    .write(true)
                    .create(true)
                    .truncate(false)
                    .open(link)
                    .map(drop)
            });
            let _ = fs::remove_file(new);
            outcome
        },
    ),
    row(
        "hold a file outside by O_PATH",
        NOT_THERE,
        Open("what is held so can neither be read nor written"),
        |to| tried(hold(&to.canary)),
    ),
    row("read a held file", NOT_THERE, KEPT, |to| {
        tried(hold(&to.canary).and_then(|held| read(&again(&held))))
    }),
    row("write a held file", NOT_THERE, KEPT, |to| {
        let write = |held| OpenOptions::new().append(true).open(again(&held));
        tried(hold(&to.beside("spare")).and_then(write))
    }),
    row("read beneath a held folder", NOT_THERE, KEPT, |to| {
        tried(hold(&to.outside()).and_then(|held| read(&again(&held).join("canary"))))
    }),
    row("read beneath a held root", NOT_THERE, KEPT, |to| {
        tried(hold(Path::new("/")).and_then(|held| read(&again(&held).join(relative(&to.canary)))))
    }),
    row("run a held program", NOT_THERE, KEPT, |to| {
        tried(hold(&to.beside("program")).and_then(|held| run(&held)))
    }),
    row(
        "read outside by openat2",
        Refused(&[ENOSYS]),
        Refused(&[ENOSYS]),
        |to| {
            // No flag, no mode, no restriction.
            let mut how = bytes(&[0, 0, 0]);
            let path = c_path(&to.canary);
            let words = [
                number(AT_FDCWD),
                Word::Text(&path),
                Word::Room(&mut how),
                number(24),
            ];
            tried(descriptor(libc::SYS_openat2, words).map(drop))
        },
    ),
    row("map a file outside", NOT_THERE, KEPT, |to| {
        tried(File::open(&to.canary).and_then(|file| Ok(super::raw::map(&file)?)))
    }),
    row(
        "read by the keeper's root",
        Refused(&[EACCES]),
        KEPT,
        |to| {
            let root = PathBuf::from(format!("/proc/{}/root", to.keeper));
            tried(read(&root.join(relative(&to.canary))))
        },
    ),
    row("read by the gateway's root", NOT_THERE, KEPT, |to| {
        let root = PathBuf::from(format!("/proc/{}/root", to.pid));
        tried(read(&root.join(relative(&to.canary))))
    }),
    row("read by the gateway's folder", NOT_THERE, KEPT, |to| {
        tried(fs::read_dir(format!("/proc/{}/cwd", to.pid)))
    }),
    row(
        "move a folder out of reach of ..",
        Refused(&[ENOENT]),
        KEPT,
        |to| {
            // One who stands in a folder that is moved away finds other parents above.
            let (a, b) = (to.workspace.join("a/b"), to.workspace.join("b"));
            let _ = fs::create_dir_all(&a);
            let _ = fs::remove_dir(&b);
            let there = std::env::set_current_dir(&a).and_then(|()| fs::rename(&a, &b));
            let up = "../".repeat(to.workspace.components().count() + 3);
            tried(there.and_then(|()| read(&Path::new(&up).join(relative(&to.canary)))))
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

fn relative(path: &Path) -> &Path {
    path.strip_prefix("/").unwrap_or(path)
}

/// Opens and reads, so that nothing counts that only looks open.
fn read(path: &Path) -> io::Result<()> {
    match fs::read(path)? {
        text if text.is_empty() => Err(io::Error::other("it is empty")),
        _ => Ok(()),
    }
}

fn through(to: &Targets, target: &Path, look: impl FnOnce(&Path) -> io::Result<()>) -> Outcome {
    let link = to.workspace.join("link");
    let _ = fs::remove_file(&link);
    if let Err(error) = symlink(target, &link) {
        return failed(&error);
    }
    let outcome = tried(look(&link));
    let _ = fs::remove_file(&link);
    outcome
}

fn hold(path: &Path) -> io::Result<OwnedFd> {
    Ok(open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?)
}

fn again(held: &OwnedFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", held.as_raw_fd()))
}

/// A program that is not a script: those are opened again by name.
#[expect(
    clippy::disallowed_methods,
    reason = "that it can not be started is what is tried"
)]
fn run(held: &OwnedFd) -> io::Result<()> {
    let mut command = std::process::Command::new(again(held));
    command
        .stdin(std::process::Stdio::null())
        .status()
        .map(drop)
}
