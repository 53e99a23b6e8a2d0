//! What can go wrong with the store, and who must act.

use ipc::id::{CallRef, InputId, SessionId, SessionKey, TurnId};
use rusqlite::ErrorCode;
use std::path::{Path, PathBuf};

/// Why something was not stored or not found. It reads after "failed to".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database could not be opened.
    #[error("open {}: {cause}", file.display())]
    Open {
        /// The database, or the directory it should be in.
        file: PathBuf,
        /// What was said.
        cause: String,
    },
    /// Another process has the database.
    #[error(
        "open {}: another gateway{} is using it; stop that one, or set OPENCLAW_STATE_DIR to another directory",
        file.display(),
        pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default()
    )]
    InUse {
        /// The database.
        file: PathBuf,
        /// The other process, where it can be seen.
        pid: Option<i32>,
    },
    /// A newer program wrote the database.
    #[error(
        "open {}: a newer openclaw wrote it (schema {found}, this one knows {known}); use that version, or set OPENCLAW_STATE_DIR to another directory",
        file.display()
    )]
    Newer {
        /// The database.
        file: PathBuf,
        /// Its schema version.
        found: u64,
        /// The newest one this program knows.
        known: u64,
    },
    /// The disk is full. Nothing acknowledged is lost, and the store works again once there is room.
    #[error("write {}: the disk is full; free some space and try again", file.display())]
    Full {
        /// The database.
        file: PathBuf,
    },
    /// Reading or writing failed.
    #[error(
        "read or write {}: {cause}; check the disk and the permissions of the directory",
        file.display()
    )]
    Disk {
        /// The database.
        file: PathBuf,
        /// What was said.
        cause: String,
    },
    /// The file holds something that can not be read.
    #[error(
        "read {}: {cause}; move the file aside and put a copy back, or start with a new one",
        file.display()
    )]
    Damaged {
        /// The database, or the JSON file.
        file: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// The database refused a statement: an invariant would have been broken.
    #[error("change {}: {cause}", file.display())]
    Rejected {
        /// The database.
        file: PathBuf,
        /// What was said.
        cause: String,
    },
    /// Items and turns are numbered without gaps.
    #[error("store {what} {found} of session {session}: {what} {expected} comes next")]
    OutOfOrder {
        /// `item` or `turn`.
        what: &'static str,
        /// Whose.
        session: SessionId,
        /// The number that comes next.
        expected: u64,
        /// The number given.
        found: u64,
    },
    /// No such session life.
    #[error("find session {session}: it is not in the store")]
    NoSession {
        /// Its id.
        session: SessionId,
    },
    /// No such turn.
    #[error("find turn {turn} of session {session}: it was never begun")]
    NoTurn {
        /// Whose.
        session: SessionId,
        /// The turn.
        turn: TurnId,
    },
    /// The turn has ended already, or another one is still running.
    #[error("use turn {turn} of session {session}: {why}")]
    WrongTurn {
        /// Whose.
        session: SessionId,
        /// The turn.
        turn: TurnId,
        /// What is the matter.
        why: &'static str,
    },
    /// A session can not begin anew in the middle of a turn.
    #[error("reset {session}: a turn is running; stop it first")]
    InTurn {
        /// Which session.
        session: SessionKey,
    },
    /// As many inputs wait as may. Nothing that was accepted is dropped, so the newcomer is refused.
    #[error(
        "accept a message for {session}: {waiting} wait already (messages.queue.cap); wait for an answer, or stop the turn"
    )]
    QueueFull {
        /// Which session.
        session: SessionKey,
        /// How many wait.
        waiting: u32,
    },
    /// An input can be taken into a turn once, and only by the session it is for.
    #[error("take input {input}: it does not wait for session {session}")]
    NotWaiting {
        /// The input.
        input: InputId,
        /// The session that wanted it.
        session: SessionId,
    },
    /// A call has one outcome.
    #[error("end call {call} of session {session}: it has an outcome already")]
    EndedBefore {
        /// Whose.
        session: SessionId,
        /// The call.
        call: CallRef,
    },
    /// The writer thread is gone.
    #[error("reach {}: the store has stopped", file.display())]
    Stopped {
        /// The database.
        file: PathBuf,
    },
}

/// Why a job did not do its work: what SQLite said, not yet named after the file, or our own no.
#[derive(Debug)]
pub(crate) enum JobError {
    Sql(rusqlite::Error),
    /// A stored JSON body that can not be read back.
    Body(serde_json::Error),
    Refused(StoreError),
}

impl JobError {
    /// Names the database the error is about.
    pub(super) fn of(self, file: &Path) -> StoreError {
        match self {
            Self::Sql(error) => sql_error(error, file),
            Self::Body(error) => StoreError::Damaged {
                file: file.to_owned(),
                cause: format!("a record in it is not what it should be: {error}"),
            },
            Self::Refused(error) => error,
        }
    }
}

impl From<rusqlite::Error> for JobError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<serde_json::Error> for JobError {
    fn from(error: serde_json::Error) -> Self {
        Self::Body(error)
    }
}

impl From<StoreError> for JobError {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

/// Sorts SQLite's errors by who must act: make room, look at the disk, restore a copy, or mend
/// the program.
pub(super) fn sql_error(error: rusqlite::Error, file: &Path) -> StoreError {
    let file = file.to_owned();
    let cause = error.to_string();
    let code = error.sqlite_error_code();
    if code == Some(ErrorCode::DiskFull) {
        StoreError::Full { file }
    } else if matches!(
        code,
        Some(
            ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
        )
    ) {
        StoreError::Disk { file, cause }
    } else if matches!(
        code,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    ) {
        StoreError::Damaged { file, cause }
    } else {
        StoreError::Rejected { file, cause }
    }
}
