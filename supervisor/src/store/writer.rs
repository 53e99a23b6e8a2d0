//! The one thread that owns the database: takes all jobs that wait into one transaction, each in a
//! savepoint of its own, commits, and only then answers them.

use super::error::sql_error;
use super::{Durability, JobError, StoreError, purge, schema};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Jobs that may wait. When it is full, whoever brings the next one waits for a place: messages
/// are then accepted as fast as the disk takes them.
const QUEUE: usize = 1024;

/// Jobs of one transaction. It bounds how long the first of them waits for the last.
const GROUP: usize = 256;

/// The log is folded into the database after this many commits, when nobody waits; in any case
/// once it has grown to [`LOG_PAGES`].
const COMMITS_PER_CHECKPOINT: u32 = 128;
const LOG_PAGES: u32 = 4096;

/// Whoever reads from outside can be in the way, but not for long.
const PATIENCE: Duration = Duration::from_secs(2);

/// How the thread uses the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// It alone writes.
    Own,
    /// It only reads, whoever writes.
    Read,
}

/// The way to the thread. Dropping it lets the thread do what is queued, and waits for its end.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    file: Arc<Path>,
    commits: Arc<AtomicU64>,
}

struct Job {
    durability: Durability,
    work: Work,
}

/// Does a job in its savepoint. With an error in place of a connection there was no transaction to
/// do it in, and the job only passes that on.
type Work = Box<dyn FnOnce(Result<&Connection, StoreError>) -> Done + Send>;

struct Done {
    /// Whether what the job wrote stays; otherwise its savepoint is undone.
    keep: bool,
    /// To be called with the fate of the transaction.
    answer: Answer,
}

type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

impl Writer {
    pub(super) fn start(path: &Path, access: Access) -> Result<Self, StoreError> {
        let file: Arc<Path> = path.into();
        let database = match access {
            Access::Own => Database::open(Arc::clone(&file)),
            Access::Read => Database::open_to_read(Arc::clone(&file)),
        }?;
        let commits = Arc::clone(&database.commits);
        let (jobs, queue) = mpsc::channel(QUEUE);
        let thread = thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || database.serve(queue))
            .map_err(|error| open_error(path, &error))?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
            file,
            commits,
        })
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    pub(super) async fn run<T, F>(&self, durability: Durability, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, JobError> + Send + 'static,
    {
        let (reply, answered) = oneshot::channel();
        let file = Arc::clone(&self.file);
        let work: Work = Box::new(move |connection| {
            let result = connection.and_then(|c| job(c).map_err(|error| error.of(&file)));
            Done {
                keep: result.is_ok(),
                // A caller that has gone away does not want to know.
                answer: Box::new(move |fate| {
                    drop(reply.send(result.and_then(|t| fate.map(|()| t))))
                }),
            }
        });
        let stopped = || StoreError::Stopped {
            file: self.file.to_path_buf(),
        };
        let jobs = self.jobs.as_ref().ok_or_else(stopped)?;
        jobs.send(Job { durability, work })
            .await
            .map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // The last handle can have been a job's own; a thread can not wait for itself.
            if thread.thread().id() != thread::current().id() {
                drop(thread.join());
            }
        }
    }
}

// === impl Database ===

/// What the thread owns.
struct Database {
    connection: Connection,
    file: Arc<Path>,
    commits: Arc<AtomicU64>,
    /// What the last commit was; SQLite is told only of a change.
    synced: bool,
    since_checkpoint: u32,
    /// Looks for what is old; nothing for one who only reads.
    purge: Option<purge::Schedule>,
    /// Held by the owner as long as the database is open: one gateway a state directory.
    lock: Option<File>,
}

impl Database {
    fn open(file: Arc<Path>) -> Result<Self, StoreError> {
        let fresh = prepare_place(&file)?;
        let lock = lock(&file)?;
        let mut connection = connect(&file).map_err(|error| sql_error(error, &file))?;
        schema::migrate(&mut connection, &file)?;
        if fresh {
            sync_place(&file).map_err(|error| open_error(&file, &error))?;
        }
        let mut database = Self::new(connection, file);
        database.purge = Some(purge::Schedule::default());
        database.lock = Some(lock);
        Ok(database)
    }

    fn open_to_read(file: Arc<Path>) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&file, flags)
            .and_then(|connection| connection.busy_timeout(PATIENCE).map(|()| connection))
            .map_err(|error| sql_error(error, &file))?;
        schema::check(&connection, &file)?;
        Ok(Self::new(connection, file))
    }

    fn new(connection: Connection, file: Arc<Path>) -> Self {
        Self {
            connection,
            file,
            commits: Arc::default(),
            synced: true,
            since_checkpoint: 0,
            purge: None,
            lock: None,
        }
    }

    fn serve(mut self, mut queue: mpsc::Receiver<Job>) {
        while let Some(first) = queue.blocking_recv() {
            let mut jobs = vec![first];
            while jobs.len() < GROUP
                && let Ok(job) = queue.try_recv()
            {
                jobs.push(job);
            }
            self.run_group(jobs);
            self.tend(&queue);
        }
    }

    fn run_group(&mut self, jobs: Vec<Job>) {
        let mut answers = Vec::with_capacity(jobs.len());
        let fate = self.transact(jobs, &mut answers);
        for answer in answers {
            answer(fate.clone());
        }
    }

    /// One transaction around all `jobs`. Its error is the error of every one of them.
    fn transact(&mut self, jobs: Vec<Job>, answers: &mut Vec<Answer>) -> Result<(), StoreError> {
        let synced = jobs.iter().any(|job| job.durability == Durability::Synced);
        let behavior = match self.lock {
            Some(_) => TransactionBehavior::Immediate,
            None => TransactionBehavior::Deferred,
        };
        let begun = self
            .sync_commits(synced)
            .and_then(|()| self.connection.transaction_with_behavior(behavior));
        let mut transaction = match begun {
            Ok(transaction) => transaction,
            Err(error) => return refuse(jobs, answers, sql_error(error, &self.file)),
        };
        let before = transaction.total_changes();
        let mut jobs = jobs.into_iter();
        while let Some(job) = jobs.next() {
            let savepoint = match transaction.savepoint() {
                Ok(savepoint) => savepoint,
                Err(error) => {
                    let error = sql_error(error, &self.file);
                    return refuse(std::iter::once(job).chain(jobs), answers, error);
                }
            };
            let done = (job.work)(Ok(&savepoint));
            let kept = if done.keep {
                savepoint.commit()
            } else {
                savepoint.finish()
            };
            answers.push(done.answer);
            // A full disk or an I/O error may have undone the whole transaction, and with it what
            // the jobs before this one had written.
            if kept.is_err() || transaction.is_autocommit() {
                let error = kept
                    .err()
                    .map_or_else(|| undone(&self.file), |error| sql_error(error, &self.file));
                return refuse(jobs, answers, error);
            }
        }
        let changed = transaction.total_changes() != before;
        transaction
            .commit()
            .map_err(|error| sql_error(error, &self.file))?;
        if changed {
            self.commits.fetch_add(1, Ordering::Relaxed);
            self.since_checkpoint += 1;
        }
        Ok(())
    }

    /// Whether the next commit waits for the disk. SQLite syncs the log from its beginning, so a
    /// synced commit also makes every relaxed one before it safe.
    fn sync_commits(&mut self, synced: bool) -> rusqlite::Result<()> {
        if self.synced != synced {
            self.connection.execute_batch(if synced {
                "PRAGMA synchronous = FULL"
            } else {
                "PRAGMA synchronous = NORMAL"
            })?;
            self.synced = synced;
        }
        Ok(())
    }

    /// Housekeeping, for as long as nobody waits. What fails here is tried again later: everything
    /// in it is already safe where it is.
    fn tend(&mut self, queue: &mpsc::Receiver<Job>) {
        if let Some(purge) = &mut self.purge {
            while queue.is_empty() && purge.step(&mut self.connection) {}
        }
        if queue.is_empty() && self.since_checkpoint >= COMMITS_PER_CHECKPOINT {
            self.since_checkpoint = 0;
            drop(
                self.connection
                    .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())),
            );
        }
    }
}

/// Answers jobs that found no transaction, each with what befell it.
fn refuse(
    jobs: impl IntoIterator<Item = Job>,
    answers: &mut Vec<Answer>,
    error: StoreError,
) -> Result<(), StoreError> {
    for job in jobs {
        answers.push((job.work)(Err(error.clone())).answer);
    }
    Err(error)
}

fn undone(file: &Path) -> StoreError {
    StoreError::Disk {
        file: file.to_owned(),
        cause: "a failed write undid the transaction".to_owned(),
    }
}

// === opening ===

/// The directory (0700) and the file (0600, which SQLite gives to the files beside it too).
/// Whether the file is new.
fn prepare_place(file: &Path) -> Result<bool, StoreError> {
    let directory = directory_of(file);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&directory)
        .map_err(|error| open_error(&directory, &error))?;
    match owner_only().create_new(true).open(file) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(open_error(file, &error)),
    }
}

/// One process a database: two gateways on one state directory would both answer its messages. A
/// lock of our own, so that `sqlite3` and backups may read meanwhile. It is the process's (POSIX), not
/// the file's (`flock`), for that one would live on in a child between fork and exec.
fn lock(file: &Path) -> Result<File, StoreError> {
    let mut name = file.as_os_str().to_owned();
    name.push(".lock");
    let lock = owner_only()
        .create(true)
        .truncate(false)
        .open(&name)
        .map_err(|error| open_error(Path::new(&name), &error))?;
    match fcntl(&lock, FcntlArg::F_SETLK(&whole_file())) {
        Ok(_) => Ok(lock),
        Err(Errno::EAGAIN | Errno::EACCES) => Err(StoreError::InUse {
            file: file.to_owned(),
            pid: holder(&lock),
        }),
        Err(errno) => Err(open_error(Path::new(&name), &errno.into())),
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

fn connect(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(48);
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA cache_size = -512;
         PRAGMA wal_autocheckpoint = {LOG_PAGES};"
    ))?;
    Ok(connection)
}

/// The names of new files are in the directory for good.
fn sync_place(file: &Path) -> io::Result<()> {
    let directory = directory_of(file);
    File::open(&directory)?.sync_all()?;
    File::open(directory_of(&directory))?.sync_all()
}

fn directory_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        Some(_) | None => PathBuf::from("."),
    }
}

fn owner_only() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
}

fn open_error(file: &Path, error: &io::Error) -> StoreError {
    StoreError::Open {
        file: file.to_owned(),
        cause: error.to_string(),
    }
}
