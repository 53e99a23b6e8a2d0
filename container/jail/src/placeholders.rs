//! What stands in a workspace where a protected path is missing, so that nobody can make it: a
//! socket that nothing listens on and nobody may open, or an empty folder. git sees neither.
//!
//! They lie in the real workspace, since something has to be there to be covered, and are removed
//! again by whoever is the last to need them: a room that is dropped, or a jail that ends. What a
//! killed one left is found by the next, which takes it for its own.

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat, mkdirat, mknodat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchownat, unlinkat};
use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A folder of ours has the sticky bit, which means nothing where only its owner can write.
const MARK: Mode = Mode::S_ISVTX;

/// Whether this looks like a placeholder. A folder that does has to be empty, too.
pub(crate) fn is_one(metadata: &Metadata) -> bool {
    has_mode_of_one(metadata.mode())
}

fn has_mode_of_one(mode: u32) -> bool {
    let permissions = mode & 0o7777;
    match SFlag::from_bits_truncate(mode & SFlag::S_IFMT.bits()) {
        SFlag::S_IFSOCK | SFlag::S_IFREG => permissions == 0,
        SFlag::S_IFDIR => permissions & MARK.bits() != 0 && permissions & 0o022 == 0,
        _ => false,
    }
}

/// A workspace in which there are placeholders, held so that nobody else takes them away.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
    folder: File,
}

impl Workspace {
    /// Holds the workspace at `root`, a folder without a symbolic link in its path. What stands in
    /// it stays until all who hold it have let go.
    pub(crate) fn hold(root: &Path) -> io::Result<Self> {
        let folder = File::from(openat2(
            AT_FDCWD,
            root,
            OpenHow::new()
                .flags(OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
                .resolve(ResolveFlag::RESOLVE_NO_SYMLINKS),
        )?);
        // Taken for good by a jailed program, it is missed only by gateways that share a workspace;
        // within one there is the count below.
        let _ = folder.try_lock_shared();
        Ok(Self {
            root: root.to_owned(),
            folder,
        })
    }

    /// Where `path` is in it, if it is.
    pub(crate) fn place(&self, path: &Path) -> Option<PathBuf> {
        path.strip_prefix(&self.root).ok().map(Path::to_owned)
    }

    /// Makes a placeholder at `place`, if there is nothing.
    pub(crate) fn put(&self, place: &Path, folder: bool) -> io::Result<()> {
        let (parent, name) = open_parent(&self.folder, place)?;
        let made = if folder {
            match mkdirat(&parent, name, Mode::from_bits_truncate(0o755) | MARK) {
                // On a full disk there is still room for a name.
                Err(Errno::ENOSPC | Errno::EDQUOT) => make_unopenable(&parent, name),
                made => made,
            }
        } else {
            make_unopenable(&parent, name)
        };
        match made {
            Ok(()) => {}
            Err(Errno::EEXIST) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        let owner = fstat(&parent)?;
        let (user, group) = (Uid::from_raw(owner.st_uid), Gid::from_raw(owner.st_gid));
        // Not permitted to an ordinary user, who owns it.
        let flags = AtFlags::AT_SYMLINK_NOFOLLOW;
        let _ = fchownat(&parent, name, Some(user), Some(group), flags);
        Ok(())
    }

    /// The descriptor that holds it.
    pub(crate) fn into_folder(self) -> OwnedFd {
        self.folder.into()
    }
}

fn make_unopenable(parent: &OwnedFd, name: &Path) -> Result<(), Errno> {
    match mknodat(parent, name, SFlag::S_IFSOCK, Mode::empty(), 0) {
        // Not every file system knows sockets.
        Err(Errno::EPERM | Errno::EOPNOTSUPP | Errno::EINVAL | Errno::ENOSYS) => {
            let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
            openat(parent, name, flags, Mode::empty()).map(drop)
        }
        other => other,
    }
}

/// Placeholders in workspaces that this process holds. Dropped, they are removed, if nobody else
/// holds their workspace.
#[derive(Debug)]
pub(crate) struct Placeholders {
    workspaces: Vec<(File, Vec<PathBuf>)>,
}

/// How often each workspace is held in this process, by device and inode.
static HELD: Mutex<BTreeMap<(u64, u64), usize>> = Mutex::new(BTreeMap::new());

impl Placeholders {
    /// Of workspaces that are held by their folders, each with the places in it.
    pub(crate) fn new(workspaces: Vec<(OwnedFd, Vec<PathBuf>)>) -> Self {
        let own = |(folder, places): (OwnedFd, _)| (File::from(folder), places);
        let workspaces: Vec<_> = workspaces.into_iter().map(own).collect();
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        for key in workspaces.iter().filter_map(|(folder, _)| key(folder)) {
            *held.entry(key).or_default() += 1;
        }
        Self { workspaces }
    }
}

impl Drop for Placeholders {
    fn drop(&mut self) {
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        for (folder, places) in &self.workspaces {
            let Some(key) = key(folder) else { continue };
            let left = held.get(&key).map_or(0, |count| count - 1);
            if left > 0 {
                held.insert(key, left);
                continue;
            }
            held.remove(&key);
            if folder.try_lock().is_ok() {
                for place in places {
                    // Gone, or something else by now: not ours to remove.
                    let _ = remove(folder, place);
                }
            }
        }
    }
}

fn key(folder: &File) -> Option<(u64, u64)> {
    let metadata = folder.metadata().ok()?;
    Some((metadata.dev(), metadata.ino()))
}

fn remove(folder: &File, place: &Path) -> io::Result<()> {
    let (parent, name) = open_parent(folder, place)?;
    let found: FileStat = fstatat(&parent, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
    if !has_mode_of_one(found.st_mode) {
        return Ok(());
    }
    let kind = if found.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFDIR.bits() {
        // Fails when it is not empty, and then it is not ours any more.
        UnlinkatFlags::RemoveDir
    } else {
        UnlinkatFlags::NoRemoveDir
    };
    Ok(unlinkat(&parent, name, kind)?)
}

/// Opens the folder that `place` is in, beneath `folder` whatever has been made of it since.
fn open_parent<'a>(folder: &impl AsFd, place: &'a Path) -> io::Result<(OwnedFd, &'a Path)> {
    let name = place.file_name().map(Path::new);
    let name = name.ok_or(io::ErrorKind::InvalidInput)?;
    let parent = place.parent().filter(|path| !path.as_os_str().is_empty());
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
        .resolve(
            ResolveFlag::RESOLVE_BENEATH
                | ResolveFlag::RESOLVE_NO_SYMLINKS
                | ResolveFlag::RESOLVE_NO_MAGICLINKS,
        );
    let parent = openat2(folder, parent.unwrap_or(Path::new(".")), how)?;
    Ok((parent, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn places(root: &Path) -> (OwnedFd, Vec<PathBuf>) {
        let folder = Workspace::hold(root).unwrap().into_folder();
        (folder, vec![".bashrc".into(), ".git".into(), "a/.x".into()])
    }

    fn names(root: &Path) -> usize {
        fs::read_dir(root).unwrap().count()
    }

    #[test]
    fn the_last_to_hold_a_workspace_removes_what_stands_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let workspace = Workspace::hold(&root).unwrap();
        workspace.put(Path::new(".bashrc"), false).unwrap();
        workspace.put(Path::new(".git"), true).unwrap();
        workspace.put(Path::new(".git"), true).unwrap();
        for name in [".bashrc", ".git"] {
            assert!(is_one(&fs::symlink_metadata(root.join(name)).unwrap()));
        }
        drop(workspace);
        let first = Placeholders::new(vec![places(&root)]);
        let second = Placeholders::new(vec![places(&root)]);
        drop(first);
        assert_eq!(names(&root), 2);
        // As another process would.
        let elsewhere = Workspace::hold(&root).unwrap();
        drop(second);
        assert_eq!(names(&root), 2);
        drop(elsewhere);
        drop(Placeholders::new(vec![places(&root)]));
        assert_eq!(names(&root), 0);
    }

    #[test]
    fn what_somebody_made_of_a_placeholder_stays() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let workspace = Workspace::hold(&root).unwrap();
        workspace.put(Path::new(".git"), true).unwrap();
        fs::write(root.join(".git/config"), "").unwrap();
        fs::write(root.join(".bashrc"), "").unwrap();
        fs::create_dir(root.join("b")).unwrap();
        Workspace::hold(&root.join("b"))
            .unwrap()
            .put(Path::new(".x"), false)
            .unwrap();
        symlink("b", root.join("a")).unwrap();
        drop(workspace);
        drop(Placeholders::new(vec![places(&root)]));
        for name in [".git/config", ".bashrc", "b/.x"] {
            assert!(root.join(name).symlink_metadata().is_ok(), "{name}");
        }
    }
}
