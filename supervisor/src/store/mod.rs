//! What must survive: sessions and their transcripts, accepted messages, replies to be sent.
//!
//! One SQLite file, written by one thread. Whoever wants something stored sends that thread a job
//! and waits; jobs that wait together become one transaction and share one sync of the disk:
//!
//! ```text
//!   session driver ─┐                       ┌─ savepoint: job 1
//!   session driver ─┼─▶ bounded queue ─▶ transaction ─ savepoint: job 2 ─▶ commit ─▶ all answered
//!   control socket ─┘                       └─ savepoint: job 3
//! ```
//!
//! A record that a caller was told of is in the file: after a kill always, after a power cut when
//! it (or anything after it) was [`Durability::Synced`]. Never interprets what it stores, never
//! talks to anyone. Where OpenClaw has JSON files they are kept: [`auth_profiles`],
//! [`exec_approvals`].

use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

pub mod auth_profiles;
pub mod devices;
pub mod exec_approvals;
pub mod export;
mod import;
mod sessions;
mod turns;
mod inbox;
mod outbox;
mod notices;
pub mod pictures;
mod posts;
mod said;
mod updates;
mod settings;
mod calls;
mod items;
mod usage;
mod counts;
mod writer;
mod purge;
mod history;
mod place;
mod room;
mod schema;
mod rows;
mod error;

#[cfg(test)]
mod tests;

pub use calls::{Begun, CallState};
pub use counts::Counts;
pub(crate) use error::JobError;
pub use error::StoreError;
pub use history::{DayRow, HistoryRow};
pub use import::ImportReport;
pub use inbox::{Accepted, NewInput, StoredInput};
pub use items::StoredItem;
pub use notices::{NewNotice, NoticeId, NoticeRow};
pub use outbox::{OutboxId, OutboxRow};
pub use posts::{NewPost, Post};
pub use room::Room;
pub use sessions::{OpenSession, SessionRow, SessionTranscript, Unfinished};
pub use turns::FinishedTurn;
pub use updates::{NewUpdate, StoredUpdate, UpdateCounts, UpdateState};
pub use usage::UsageRow;

/// The state database. Clones are handles to the same writer thread; when the last one is dropped
/// the thread does what is still queued and ends, and the drop waits for it.
#[derive(Debug, Clone)]
pub struct Store {
    writer: Arc<writer::Writer>,
    counts: Arc<Counts>,
}

/// What a job's commit must withstand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// A power cut: the disk is synced before the caller hears of it.
    Synced,
    /// The end of the process, however sudden. A power cut may lose it, together with everything
    /// after it and nothing before it.
    Relaxed,
}

impl Store {
    /// Opens the database at `path`, making it and its directory where they are missing (files
    /// 0600, directory 0700) and bringing an older one up to date.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process has it, [`StoreError::Newer`] when a newer
    /// program wrote it, otherwise what the disk or SQLite said.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::start(path, writer::Access::Own)
    }

    /// Opens the database only to read it, also while a gateway has it open. What would write is an
    /// error.
    ///
    /// # Errors
    /// [`StoreError::Newer`], [`StoreError::Open`] when it is of an older version, otherwise what
    /// the disk or SQLite said: that there is none, for one.
    pub fn open_to_read(path: &Path) -> Result<Self, StoreError> {
        Self::start(path, writer::Access::Read)
    }

    fn start(path: &Path, access: writer::Access) -> Result<Self, StoreError> {
        let writer = Arc::new(writer::Writer::start(path, access)?);
        let counts = Arc::default();
        Ok(Self { writer, counts })
    }

    /// What was stored since the database was opened.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// How many transactions with changes were committed since the database was opened.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.writer.commits()
    }

    /// Runs `job` on the writer thread, in a savepoint of the next transaction, and answers when
    /// that is committed. A job whose caller stopped waiting still runs.
    pub(crate) async fn run<T, F>(&self, durability: Durability, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, JobError> + Send + 'static,
    {
        let asked = Instant::now();
        let answer = self.writer.run(durability, job).await;
        self.counts.job(asked.elapsed(), answer.is_ok());
        answer
    }

    /// The database.
    pub(crate) fn file(&self) -> &Path {
        self.writer.file()
    }

    fn name(&self, error: JobError) -> StoreError {
        error.of(self.file())
    }
}
