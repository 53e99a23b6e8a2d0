//! Where the database is: its directory, its files, who may have them, and how it is opened.

use super::error::sql_error;
use super::{StoreError, schema};
use crate::config::mend;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use rusqlite::{Connection, OpenFlags};
use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Pages (4 KiB) the log may grow to.
pub(super) const LOG_PAGES: u32 = 4096;

/// Whoever reads from outside can be in the way, but not for long.
const PATIENCE: Duration = Duration::from_secs(2);

/// Makes the directory (0700) where it is missing.
pub(super) fn prepare(file: &Path) -> Result<(), StoreError> {
    let directory = directory_of(file);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&directory)
        .map_err(|error| open_error(&directory, &error))
}

/// A database that was just made and that the disk has not been told to keep.
///
/// Syncing takes longer than all else at start, and nobody has been promised anything yet: it is
/// done before the first promise. Stays open as long as the database: to close any file of a
/// database ends all locks a process has on it.
#[derive(Debug)]
pub(super) struct Fresh {
    made: File,
    directory: PathBuf,
}

impl Fresh {
    /// Makes the database, if it is missing: whole, beside its place, then in its place (0600, which
    /// SQLite gives to the files beside it too).
    pub(super) fn make(file: &Path) -> Result<Option<Self>, StoreError> {
        if file.exists() {
            return Ok(None);
        }
        let name = beside(file, ".new");
        for left_over in ["", "-journal", "-wal", "-shm"] {
            drop(fs::remove_file(beside(&name, left_over)));
        }
        let made = owner_only().create_new(true).open(&name);
        let made = made.map_err(|error| open_error(&name, &error))?;
        let connected = connect(&name, "OFF").map_err(|error| sql_error(error, &name));
        let mut connection = connected?;
        schema::migrate(&mut connection, &name)?;
        let closed = connection.close().map_err(|(_, error)| error);
        closed.map_err(|error| sql_error(error, &name))?;
        fs::rename(&name, file).map_err(|error| open_error(file, &error))?;
        let directory = directory_of(file);
        Ok(Some(Self { made, directory }))
    }

    /// Makes the disk keep it: its content, its name in the directory, and as far as we may see to
    /// it, the directory's in the one above.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        let sync = |place: &Path| File::open(place)?.sync_all();
        drop(sync(&directory_of(&self.directory)));
        self.made
            .sync_all()
            .and_then(|()| sync(&self.directory))
            .map_err(|error| open_error(&self.directory, &error))
    }
}

/// The right to be the one that has a database; ends when dropped.
///
/// Two gateways on one state directory would both answer its messages. It is a lock of our own, so
/// that `sqlite3` and backups may read meanwhile. It is the process's (POSIX), not the file's
/// (`flock`), for that one would live on in a child between fork and exec; so what this process has
/// is kept in a list besides.
#[derive(Debug)]
pub(super) struct Lock {
    name: PathBuf,
    _held: File,
}

/// The locks of this process, by name.
static OURS: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn ours() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    OURS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Lock {
    pub(super) fn take(file: &Path) -> Result<Self, StoreError> {
        let in_use = |pid| StoreError::InUse {
            file: file.to_owned(),
            pid,
        };
        let directory = directory_of(file).canonicalize();
        let directory = directory.map_err(|error| open_error(file, &error))?;
        let name = directory.join(file.file_name().unwrap_or_default());
        let name = beside(&name, ".lock");
        let mut ours = ours();
        if ours.contains(&name) {
            return Err(in_use(i32::try_from(std::process::id()).ok()));
        }
        let held = owner_only().create(true).truncate(false).open(&name);
        let held = held.map_err(|error| open_error(&name, &error))?;
        match fcntl(&held, FcntlArg::F_SETLK(&whole_file())) {
            Ok(_) => {}
            Err(Errno::EAGAIN | Errno::EACCES) => return Err(in_use(holder(&held))),
            Err(errno) => return Err(open_error(&name, &errno.into())),
        }
        ours.insert(name.clone());
        Ok(Self { name, _held: held })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        ours().remove(&self.name);
    }
}

/// The process that has the lock, where it can be seen from here.
fn holder(lock: &File) -> Option<i32> {
    let mut found = whole_file();
    fcntl(lock, FcntlArg::F_GETLK(&mut found)).ok()?;
    (found.l_pid > 0).then_some(found.l_pid)
}

fn whole_file() -> nix::libc::flock {
    nix::libc::flock {
        l_type: nix::libc::F_WRLCK as i16,
        l_whence: nix::libc::SEEK_SET as i16,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

/// The owner's connection; `synchronous` is SQLite's setting of that name.
pub(super) fn connect(file: &Path, synchronous: &str) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(48);
    connection.execute_batch(&format!(
        "PRAGMA synchronous = {synchronous};
         PRAGMA journal_mode = WAL;
         PRAGMA foreign_keys = ON;
         PRAGMA cache_size = -512;
         PRAGMA wal_autocheckpoint = {LOG_PAGES};"
    ))?;
    Ok(connection)
}

/// A connection that changes nothing.
pub(super) fn connect_to_read(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(PATIENCE)?;
    Ok(connection)
}

fn directory_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        Some(_) | None => PathBuf::from("."),
    }
}

/// `FILEsuffix`.
fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn owner_only() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
}

pub(super) fn open_error(file: &Path, error: &io::Error) -> StoreError {
    StoreError::Open {
        file: file.to_owned(),
        cause: mend(error),
    }
}
