//! Files in the workspace that programs outside trust, and run what they say: whoever writes them
//! gets out a while later.

use super::call::{Word, call, number};
use super::{Expect, Outcome, Row, Targets, Wall, c_path, failed, tried};
use Expect::{Open, Refused};
use libc::{
    AT_FDCWD, EACCES, EBUSY, EEXIST, EISDIR, ENOTDIR, ENOTEMPTY, ENXIO, EPERM, EROFS, EXDEV,
};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

/// Those that are tried: to be among [`crate::spec::JailSpec::protect`].
pub(crate) const PROTECTED: [&str; 6] = [
    ".git/hooks",
    ".git/config",
    ".gitmodules",
    ".bashrc",
    ".mcp.json",
    ".vscode",
];

const KEPT: Expect = Refused(&[
    EROFS, EACCES, EBUSY, EXDEV, EPERM, ENXIO, EEXIST, EISDIR, ENOTDIR, ENOTEMPTY,
]);

const WRITABLE: Expect = Open(
    "Landlock can not take away again what it grants around it: only a private root protects a file in a workspace",
);

pub(super) const ROWS: &[Row] = &[
    row("write a git hook", |to| write(to, ".git/hooks/pre-commit")),
    row("make a folder of git hooks", |to| {
        let path = there(to, ".git/hooks").join("x");
        let _ = fs::remove_dir(&path);
        tried(fs::create_dir(path))
    }),
    row("write a git hook in capitals", |to| {
        // Where letter case means something this is another folder, and nobody runs what is in it.
        let (hooks, capitals) = (there(to, ".git/hooks"), to.workspace.join(".GIT/HOOKS"));
        match hooks
            .metadata()
            .and_then(|hooks| Ok((hooks.ino(), capitals.metadata()?.ino())))
        {
            Ok((one, other)) if one == other => write(to, ".GIT/HOOKS/pre-commit"),
            _ => Outcome::Failed("it is another folder".to_owned()),
        }
    }),
    row("write git's settings", |to| write(to, ".git/config")),
    row("write git's modules", |to| write(to, ".gitmodules")),
    row("write a shell's start", |to| write(to, ".bashrc")),
    row("write an agent's servers", |to| write(to, ".mcp.json")),
    row("write an editor's tasks", |to| {
        write(to, ".vscode/tasks.json")
    }),
    row("write git's settings by another name", |to| {
        there(to, ".git/config");
        write(to, "x/../.git/./config")
    }),
    row("write git's settings through /proc", |to| {
        let path = Path::new("/proc/self/root").join(relative(&to.workspace.join(".git/config")));
        there(to, ".git/config");
        tried(open(&path))
    }),
    row("write git's settings through a link", |to| {
        let link = to.workspace.join("settings");
        let _ = fs::remove_file(&link);
        let _ = symlink(".git/config", &link);
        there(to, ".git/config");
        tried(open(&link))
    }),
    row("write git's settings through a linked folder", |to| {
        let link = to.workspace.join("repository");
        let _ = fs::remove_file(&link);
        let _ = symlink(".git", &link);
        there(to, ".git/config");
        tried(open(&link.join("config")))
    }),
    row("link to git's settings and write", |to| {
        let link = to.workspace.join("hard");
        let _ = fs::remove_file(&link);
        let linked = fs::hard_link(there(to, ".git/config"), &link);
        let outcome = tried(linked.and_then(|()| open(&link)));
        let _ = fs::remove_file(&link);
        outcome
    }),
    row("rename into git's settings", |to| {
        rename_to(to, ".git/config")
    }),
    row("rename into a shell's start", |to| rename_to(to, ".bashrc")),
    row("link into a shell's start", |to| {
        tried(fresh(to).and_then(|ours| fs::hard_link(ours, gone(to, ".bashrc"))))
    }),
    row("make a shell's start a link", |to| {
        tried(symlink("ours", gone(to, ".bashrc")))
    }),
    row("make a shell's start a folder", |to| {
        tried(fs::create_dir(gone(to, ".bashrc")))
    }),
    row("exchange with git's settings", |to| {
        exchange(to, ".git/config")
    }),
    row("exchange with the folder of git", |to| {
        let _ = fs::create_dir(to.workspace.join("ours.d"));
        swap(&to.workspace.join("ours.d"), &there(to, ".git"))
    }),
    row("remove git's settings", |to| {
        tried(fs::remove_file(there(to, ".git/config")))
    }),
    row("remove the folder of hooks", |to| {
        tried(fs::remove_dir_all(there(to, ".git/hooks")))
    }),
    row("remove a shell's start", |to| {
        gone(to, ".bashrc");
        tried(fs::remove_file(there(to, ".bashrc")))
    }),
    row("remove an editor's folder", |to| {
        let _ = fs::remove_file(to.workspace.join(".vscode/tasks.json"));
        tried(fs::remove_dir(there(to, ".vscode")))
    }),
    row("rename git's settings away", |to| {
        rename_away(to, ".git/config")
    }),
    row("rename the folder of hooks away", |to| {
        rename_away(to, ".git/hooks")
    }),
    row("rename the folder of git away", |to| {
        rename_away(to, ".git")
    }),
    row("rename a shell's start away", |to| {
        rename_away(to, ".bashrc")
    }),
    row("truncate git's settings", |to| {
        tried(nix::unistd::truncate(&there(to, ".git/config"), 0))
    }),
    row("open git's settings to others", |to| {
        let path = there(to, ".git/config");
        tried(fs::set_permissions(path, fs::Permissions::from_mode(0o666)))
    }),
    row("give a shell's start away", |to| {
        gone(to, ".bashrc");
        let path = c_path(&there(to, ".bashrc"));
        let us = (
            nix::unistd::Uid::current().as_raw(),
            nix::unistd::Gid::current().as_raw(),
        );
        let words = [
            number(AT_FDCWD),
            Word::Text(&path),
            number(us.0),
            number(us.1),
            number(0),
        ];
        tried(call(libc::SYS_fchownat, words))
    }),
    Row {
        full: Refused(&[EROFS, EACCES, EBUSY, EXDEV, EPERM, EEXIST]),
        ..row("put a nameless file in place", |to| {
            let folder = c_path(&to.workspace);
            let how = number(libc::O_TMPFILE | libc::O_RDWR);
            let words = [number(AT_FDCWD), Word::Text(&folder), how, number(0o600)];
            match super::call::descriptor(libc::SYS_openat, words) {
                Err(error) => tried::<(), _>(Err(error)),
                Ok(file) => {
                    use std::os::fd::AsRawFd as _;
                    let file = c_path(Path::new(&format!("/proc/self/fd/{}", file.as_raw_fd())));
                    let place = c_path(&to.workspace.join(".gitmodules"));
                    let _ = fs::remove_file(to.workspace.join(".gitmodules"));
                    tried(call(
                        libc::SYS_linkat,
                        [
                            number(AT_FDCWD),
                            Word::Text(&file),
                            number(AT_FDCWD),
                            Word::Text(&place),
                            number(libc::AT_SYMLINK_FOLLOW),
                        ],
                    ))
                }
            }
        })
    },
];

const fn row(name: &'static str, run: fn(&Targets) -> Outcome) -> Row {
    Row {
        name,
        wall: Wall::Files,
        at_start: false,
        full: KEPT,
        plain: WRITABLE,
        run,
    }
}

/// Has it there, where that can be had: an earlier attempt may have removed it.
fn there(to: &Targets, name: &str) -> PathBuf {
    let path = to.workspace.join(name);
    if name.is_empty() || FOLDERS.contains(&name) {
        let _ = fs::create_dir_all(&path);
    } else if fs::symlink_metadata(&path).is_err() {
        let _ = path.parent().map(fs::create_dir_all);
        let _ = File::create(&path);
    }
    path
}

/// Has it gone, where it can be made to go.
fn gone(to: &Targets, name: &str) -> PathBuf {
    let path = to.workspace.join(name);
    if fs::remove_file(&path).is_err() {
        let _ = fs::remove_dir(&path);
    }
    path
}

const FOLDERS: [&str; 3] = [".git", ".git/hooks", ".vscode"];

fn relative(path: &Path) -> &Path {
    path.strip_prefix("/").unwrap_or(path)
}

/// Makes a file or opens it to be written. A stand-in that swallows what is written is as good as a
/// refusal.
fn open(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    if file.metadata()?.is_file() {
        return Ok(());
    }
    Err(io::Error::other("it is no file"))
}

fn write(to: &Targets, name: &str) -> Outcome {
    let _ = fs::create_dir(to.workspace.join("x"));
    let folder = Path::new(name)
        .parent()
        .and_then(Path::to_str)
        .unwrap_or_default();
    there(to, folder);
    tried(open(&to.workspace.join(name)))
}

/// A file of our own, to be put somewhere.
fn fresh(to: &Targets) -> io::Result<PathBuf> {
    let ours = to.workspace.join("ours");
    File::create(&ours)?;
    Ok(ours)
}

fn rename_to(to: &Targets, name: &str) -> Outcome {
    tried(fresh(to).and_then(|ours| fs::rename(ours, to.workspace.join(name))))
}

fn rename_away(to: &Targets, name: &str) -> Outcome {
    gone(to, name);
    let (from, away) = (there(to, name), to.workspace.join("away"));
    let result = fs::rename(&from, &away);
    if result.is_ok() {
        let _ = fs::rename(&away, &from);
    }
    tried(result)
}

fn exchange(to: &Targets, name: &str) -> Outcome {
    match fresh(to) {
        Err(error) => failed(&error),
        Ok(ours) => swap(&ours, &there(to, name)),
    }
}

fn swap(one: &Path, other: &Path) -> Outcome {
    let (one, other) = (c_path(one), c_path(other));
    let swap = || {
        call(
            libc::SYS_renameat2,
            [
                number(AT_FDCWD),
                Word::Text(&one),
                number(AT_FDCWD),
                Word::Text(&other),
                number(libc::RENAME_EXCHANGE),
            ],
        )
    };
    let result = swap();
    if result.is_ok() {
        let _ = swap();
    }
    tried(result)
}
