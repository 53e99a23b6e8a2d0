//! What happened, on record: the audit log, the log file, and what may stand in neither.
//!
//! `<state>/logs/audit.jsonl` has one line of JSON for each process that was started, each refusal,
//! approval, limit that was hit, connection that was denied and answer that could not be delivered. It
//! is only ever appended to, by one thread, from a bounded queue. Nobody waits for it: where the queue
//! is full, or the disk, the line is counted, and the count becomes a line of its own as soon as there
//! is room again.
//!
//! ```text
//!   session driver ─┐
//!   tool host ──────┼─▶ redact ─▶ bounded queue ─▶ one thread ─▶ append ─▶ rotate
//!   egress ─────────┘      full: counted by kind ──────▲ a line `lost`
//! ```
//!
//! A line that was taken is with the kernel at once, so a killed gateway loses what was in the queue
//! and leaves one torn line at most, which the next one closes. It is synced to the disk within a
//! second: a power cut loses no more than that.
//!
//! [`log`] is where `tracing` writes to, and [`redact`] takes secrets out of all of it. Decides
//! nothing, and never reads what it wrote but for [`read`], which `openclaw logs` stands on.

pub mod log;
pub mod read;
mod newest;
mod writer;
mod spawn;
mod line;
mod event;
mod tally;
mod rotate;
pub mod redact;

pub use event::{Event, Kind};
pub use line::Line;
pub use spawn::SpawnRecord;
pub use tally::Tally;

use ipc::id::SessionKey;
use std::path::Path;
use std::sync::Arc;

/// The audit log is rotated at this size, in bytes.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// So many rotated files are kept.
const KEPT: u32 = 5;

/// A handle to the audit log. Clones lead to the same thread; when the last one is dropped the
/// thread writes what is queued and ends, and the drop waits for it.
#[derive(Debug, Clone)]
pub struct Audit {
    writer: Arc<writer::Writer>,
    newest: Arc<newest::Newest>,
}

impl Audit {
    /// Opens the log at `path` to append to it, 0600, and makes it and its folder where they are
    /// missing. A log that can not be opened is tried again with each line; [`Audit::complaint`]
    /// says what is wrong meanwhile.
    #[must_use]
    pub fn open(path: &Path) -> Self {
        let place = rotate::Place {
            path: path.to_owned(),
            max_bytes: MAX_BYTES,
            kept: KEPT,
        };
        Self {
            writer: Arc::new(writer::Writer::start(place)),
            newest: Arc::default(),
        }
    }

    /// No log: everything is counted, nothing is kept. For whoever has no state directory.
    #[must_use]
    pub fn nowhere() -> Self {
        Self {
            writer: Arc::new(writer::Writer::nowhere()),
            newest: Arc::default(),
        }
    }

    /// Puts an event on record. Never waits.
    pub fn record(&self, event: Event) {
        let line = Line::now(event);
        self.newest.add(line.clone());
        self.writer.record(line);
    }

    /// The last `most` lines about a session since the gateway began, oldest first; those of very
    /// long ago are in the log alone.
    #[must_use]
    pub fn newest(&self, session: &SessionKey, most: usize) -> Vec<Line> {
        self.newest.of(session, most)
    }

    /// Who a session's children are put on record for.
    #[must_use]
    pub fn of_session(&self, session: &SessionKey, profile: &str) -> SpawnRecord {
        SpawnRecord {
            audit: self.clone(),
            session: Some(session.clone()),
            profile: profile.to_owned(),
            level: None,
        }
    }

    /// What was counted since the gateway began.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.writer.tally
    }

    /// What keeps the log from being written, in words, with the mend; `None` when nothing does.
    #[must_use]
    pub fn complaint(&self) -> Option<String> {
        self.writer.complaint()
    }

    /// Waits until everything recorded so far is written and synced, for two seconds at most. Blocks
    /// the thread.
    pub fn flush(&self) {
        self.writer.flush();
    }
}
