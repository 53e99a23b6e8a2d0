//! Single files of a workspace: put there for the tools, or taken out for a person.

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{CWD, FileType, Gid, Mode, OFlags, Stat, Uid};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Puts a file into a folder of the workspace, whole or not at all; one of that name is replaced.
/// Both belong to whom the workspace belongs to: so a session's own user, as which the workspace's
/// owner appears to its tools, may change them. `folder` and `name` are plain names. No link is
/// followed: where `folder` is one, this fails.
///
/// # Errors
/// What the file system says.
pub fn put(workspace: &Path, folder: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
    let whole = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let root = rustix::fs::openat(
        CWD,
        workspace,
        OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let owner = rustix::fs::fstat(&root)?;
    let made = rustix::fs::mkdirat(&root, folder, Mode::from(0o755));
    if let Err(error) = made
        && error != Errno::EXIST
    {
        return Err(error.into());
    }
    let place = rustix::fs::openat(&root, folder, whole, Mode::empty())?;
    if made.is_ok() {
        give(&place, &owner)?;
    }
    let draft = format!(".{}", uuid::Uuid::new_v4());
    let written = write(&place, &draft, bytes, &owner)
        .and_then(|()| Ok(rustix::fs::renameat(&place, &draft, &place, name)?));
    if written.is_err() {
        // The first error is the one that counts.
        let _ = rustix::fs::unlinkat(&place, &draft, rustix::fs::AtFlags::empty());
    }
    written
}

fn write(place: &OwnedFd, draft: &str, bytes: &[u8], owner: &Stat) -> io::Result<()> {
    let new = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(place, draft, new, Mode::from(0o644))?;
    give(&file, owner)?;
    File::from(file).write_all(bytes)
}

/// Makes the workspace's owner the owner. Only root has to, and can.
fn give(file: &impl AsFd, owner: &Stat) -> io::Result<()> {
    let now = rustix::fs::fstat(file)?;
    if (now.st_uid, now.st_gid) == (owner.st_uid, owner.st_gid)
        || !rustix::process::geteuid().is_root()
    {
        return Ok(());
    }
    let (user, group) = (Uid::from_raw(owner.st_uid), Gid::from_raw(owner.st_gid));
    Ok(rustix::fs::fchown(file, Some(user), Some(group))?)
}

/// A regular file of a workspace, opened to be read.
#[derive(Debug)]
pub struct Opened {
    /// The file.
    pub file: File,
    /// Its size in bytes, as it was.
    pub len: u64,
    /// Where it really is: a link inside the workspace may lead elsewhere in it.
    pub real: PathBuf,
}

/// Opens a regular file beneath the workspace. `path` is as a model names it: relative to the
/// workspace, or absolute and in it.
///
/// # Errors
/// [`io::ErrorKind::NotFound`], or what else is wrong with it, in a few words. A path that leads
/// out of the workspace, by `..` or by a link, is an error.
pub fn open(workspace: &Path, path: &str) -> io::Result<Opened> {
    let path = Path::new(path.trim());
    let inside = path.strip_prefix(workspace).unwrap_or(path);
    if inside.is_absolute() {
        return Err(io::Error::other("it is not in the workspace"));
    }
    let root = Dir::open_ambient_dir(workspace, ambient_authority())?;
    let mut options = OpenOptions::new();
    // A pipe in a file's place would hold us for ever.
    options
        .read(true)
        .custom_flags(nix::fcntl::OFlag::O_NONBLOCK.bits());
    let file = root.open_with(inside, &options)?.into_std();
    let stat = rustix::fs::fstat(&file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(io::Error::other("it is not a regular file"));
    }
    let real = std::fs::read_link(format!(
        "/proc/self/fd/{}",
        std::os::fd::AsRawFd::as_raw_fd(&file)
    ))?;
    Ok(Opened {
        len: u64::try_from(stat.st_size).unwrap_or(0),
        file,
        real,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Read;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    #[test]
    fn a_file_is_put_where_it_belongs_and_replaced() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "inbox", "a.txt", b"one").unwrap();
        put(folder.path(), "inbox", "a.txt", b"two").unwrap();
        let place = folder.path().join("inbox/a.txt");
        assert_eq!(fs::read(&place).unwrap(), b"two");
        assert_eq!(
            fs::read_dir(folder.path().join("inbox")).unwrap().count(),
            1
        );
        let (file, root) = (
            fs::metadata(&place).unwrap(),
            fs::metadata(folder.path()).unwrap(),
        );
        assert_eq!((file.uid(), file.gid()), (root.uid(), root.gid()));
        assert_eq!(file.permissions().mode() & 0o600, 0o600);
    }

    #[test]
    fn what_is_put_belongs_to_the_workspaces_owner() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::chown(folder.path(), Some(4242), Some(4343)).unwrap();
        put(folder.path(), "inbox", "a.txt", b"one").unwrap();
        for place in ["inbox", "inbox/a.txt"] {
            let found = fs::metadata(folder.path().join(place)).unwrap();
            assert_eq!((found.uid(), found.gid()), (4242, 4343), "{place}");
        }
    }

    #[test]
    fn nothing_is_put_through_a_link() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        symlink(other.path(), folder.path().join("inbox")).unwrap();
        assert!(put(folder.path(), "inbox", "a.txt", b"x").is_err());
        assert_eq!(fs::read_dir(other.path()).unwrap().count(), 0);
        fs::remove_file(folder.path().join("inbox")).unwrap();
        fs::create_dir(folder.path().join("inbox")).unwrap();
        let target = other.path().join("target");
        fs::write(&target, "kept").unwrap();
        symlink(&target, folder.path().join("inbox/a.txt")).unwrap();
        put(folder.path(), "inbox", "a.txt", b"x").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"kept");
        assert_eq!(fs::read(folder.path().join("inbox/a.txt")).unwrap(), b"x");
    }

    #[test]
    fn only_a_regular_file_beneath_the_workspace_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("ws");
        fs::create_dir_all(root.join("sub")).unwrap();
        fs::write(root.join("sub/a.txt"), "abc").unwrap();
        fs::write(folder.path().join("secret"), "no").unwrap();
        symlink("../secret", root.join("out")).unwrap();
        symlink("sub/a.txt", root.join("in")).unwrap();
        let whole = root.join("sub/a.txt").display().to_string();
        for path in [
            "sub/a.txt",
            "./sub/../sub/a.txt",
            "in",
            &whole,
            " sub/a.txt\n",
        ] {
            let mut opened = open(&root, path).unwrap();
            let mut text = String::new();
            opened.file.read_to_string(&mut text).unwrap();
            assert_eq!((text.as_str(), opened.len), ("abc", 3), "{path}");
            assert!(opened.real.ends_with("ws/sub/a.txt"));
        }
        nix::unistd::mkfifo(&root.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        for path in [
            "out",
            "../secret",
            "/etc/hostname",
            "sub",
            "pipe",
            "gone",
            "",
            "sub/a.txt/x",
        ] {
            assert!(open(&root, path).is_err(), "{path}");
        }
    }
}
