//! The one thread that owns the database: takes all jobs that wait into one transaction, each in a
//! savepoint of its own, commits, and only then answers them.

use super::error::sql_error;
use super::{Durability, JobError, StoreError, place, purge, schema};
use nix::sys::signal::{SigSet, Signal};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use tokio::sync::{mpsc, oneshot};

/// Jobs that may wait. When it is full, whoever brings the next one waits for a place: messages
/// are then accepted as fast as the disk takes them.
const QUEUE: usize = 1024;

/// Jobs of one transaction. It bounds how long the first of them waits for the last.
const GROUP: usize = 256;

/// The log is folded into the database after this many commits, when nobody waits; in any case
/// once it has grown to [`place::LOG_PAGES`].
const COMMITS_PER_CHECKPOINT: u32 = 128;

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
    /// Whether what the job wrote stays; after an error its savepoint is undone.
    outcome: Result<(), StoreError>,
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
            .map_err(|error| place::open_error(path, &error))?;
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
                outcome: result.as_ref().map(drop).map_err(StoreError::clone),
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
    /// Whether `fresh` is yet to be synced.
    unsynced: bool,
    fresh: Option<place::Fresh>,
    /// Held by the owner as long as the database is open: one gateway a state directory.
    lock: Option<place::Lock>,
}

impl Database {
    fn open(file: Arc<Path>) -> Result<Self, StoreError> {
        place::prepare(&file)?;
        let lock = place::Lock::take(&file)?;
        let fresh = place::Fresh::make(&file)?;
        let connected = place::connect(&file, "FULL");
        let mut connection = connected.map_err(|error| sql_error(error, &file))?;
        schema::migrate(&mut connection, &file)?;
        let mut database = Self::new(connection, file);
        database.unsynced = fresh.is_some();
        database.fresh = fresh;
        database.purge = Some(purge::Schedule::default());
        database.lock = Some(lock);
        Ok(database)
    }

    fn open_to_read(file: Arc<Path>) -> Result<Self, StoreError> {
        let connected = place::connect_to_read(&file);
        let connection = connected.map_err(|error| sql_error(error, &file))?;
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
            unsynced: false,
            fresh: None,
            lock: None,
        }
    }

    fn serve(mut self, mut queue: mpsc::Receiver<Job>) {
        // A limit on the size of files is an error to be told, like a full disk, and not our end.
        let _ = SigSet::from(Signal::SIGXFSZ).thread_block();
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
        if synced && let Err(error) = self.sync_fresh() {
            return refuse(jobs, answers, error);
        }
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
            if let Err(error) = run_job(&mut transaction, job, answers, &self.file) {
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

    /// What is written into a new database is only as safe as the database itself.
    fn sync_fresh(&mut self) -> Result<(), StoreError> {
        if self.unsynced
            && let Some(fresh) = &self.fresh
        {
            fresh.sync()?;
            self.unsynced = false;
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

/// Does one job in a savepoint. An error ends the transaction: a full disk or a failed write can have
/// undone all of it, and with it what the jobs before this one had written.
fn run_job(
    transaction: &mut Transaction<'_>,
    job: Job,
    answers: &mut Vec<Answer>,
    file: &Path,
) -> Result<(), StoreError> {
    let savepoint = match transaction.savepoint() {
        Ok(savepoint) => savepoint,
        Err(error) => return refuse([job], answers, sql_error(error, file)),
    };
    let Done { outcome, answer } = (job.work)(Ok(&savepoint));
    answers.push(answer);
    match outcome {
        Ok(()) => savepoint.commit().map_err(|error| sql_error(error, file)),
        Err(error) if savepoint.finish().is_err() || transaction.is_autocommit() => Err(error),
        Err(_) => Ok(()),
    }
}

/// Answers jobs that find no transaction with what befell it.
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
