//! The one thread that writes the audit log.

use super::event::{Event, Kind};
use super::line::Line;
use super::rotate::{Place, Rotating};
use super::tally::Tally;
use crate::config::mend;
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Lines that may wait. When it is full, the next line is counted as lost: nobody waits for a disk.
const QUEUE: usize = 1024;
/// A line is on the disk within this time of being written.
pub(super) const SYNC_WITHIN: Duration = Duration::from_secs(1);
/// How long a flush is waited for.
const FLUSH_WITHIN: Duration = Duration::from_secs(2);

/// The way to the thread.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) tally: Arc<Tally>,
    /// `None` where nothing is kept.
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
enum Job {
    Write(Box<Line>),
    Flush(SyncSender<()>),
}

/// What the thread and those who record know of each other.
#[derive(Debug, Default)]
struct Shared {
    /// Lines that were lost and of which the log does not know yet, by kind.
    lost: [AtomicU64; Kind::ALL.len()],
    complaint: Mutex<Option<String>>,
}

impl Shared {
    fn complain(&self, what: Option<String>) {
        *self
            .complaint
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = what;
    }
}

impl Writer {
    pub(super) fn start(place: Place) -> Self {
        let (jobs, queue) = mpsc::sync_channel(QUEUE);
        let (tally, shared) = (Arc::new(Tally::default()), Arc::new(Shared::default()));
        let scribe = Scribe {
            log: None,
            place,
            tally: Arc::clone(&tally),
            shared: Arc::clone(&shared),
        };
        let thread = thread::Builder::new()
            .name("audit".to_owned())
            .spawn(move || scribe.serve(&queue));
        let thread = match thread {
            Ok(thread) => Some(thread),
            Err(error) => {
                let text =
                    format!("failed to start the audit log's thread: {error}; restart the gateway");
                shared.complain(Some(text));
                None
            }
        };
        Self {
            tally,
            jobs: thread.is_some().then_some(jobs),
            thread,
            shared,
        }
    }

    pub(super) fn nowhere() -> Self {
        Self {
            tally: Arc::default(),
            jobs: None,
            thread: None,
            shared: Arc::default(),
        }
    }

    pub(super) fn record(&self, line: Line) {
        let kind = line.event.kind();
        self.tally.count(kind);
        let Some(jobs) = &self.jobs else { return };
        match jobs.try_send(Job::Write(Box::new(line))) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.shared.lost[kind as usize].fetch_add(1, Ordering::Relaxed);
                self.tally.count_lost(1);
            }
        }
    }

    pub(super) fn complaint(&self) -> Option<String> {
        let complaint = self.shared.complaint.lock();
        complaint.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn flush(&self) {
        let Some(jobs) = &self.jobs else { return };
        let (done, written) = mpsc::sync_channel(1);
        // A queue that is full is being written: the thread comes to this in a moment.
        if jobs.send(Job::Flush(done)).is_ok() {
            let _ = written.recv_timeout(FLUSH_WITHIN);
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What the thread owns.
struct Scribe {
    log: Option<Rotating>,
    place: Place,
    tally: Arc<Tally>,
    shared: Arc<Shared>,
}

impl Scribe {
    fn serve(mut self, queue: &Receiver<Job>) {
        // A limit on the size of files is an error to be told, like a full disk, and not our end.
        let _ = nix::sys::signal::SigSet::from(nix::sys::signal::Signal::SIGXFSZ).thread_block();
        while let Ok(job) = queue.recv() {
            self.take(job);
            // Until nothing has come for a while: so there is one sync for many lines, and none for
            // nothing.
            let mut since = std::time::Instant::now();
            loop {
                match queue.recv_timeout(SYNC_WITHIN.saturating_sub(since.elapsed())) {
                    Ok(job) => self.take(job),
                    Err(RecvTimeoutError::Timeout) => {
                        self.tell_lost();
                        self.sync();
                        break;
                    }
                    Err(RecvTimeoutError::Disconnected) => break,
                }
                if since.elapsed() >= SYNC_WITHIN {
                    self.sync();
                    since = std::time::Instant::now();
                }
            }
        }
        self.tell_lost();
        self.sync();
    }

    fn take(&mut self, job: Job) {
        self.tell_lost();
        match job {
            Job::Write(line) => {
                if !self.write(&line) {
                    let kind = line.event.kind();
                    self.shared.lost[kind as usize].fetch_add(1, Ordering::Relaxed);
                    self.tally.count_lost(1);
                }
            }
            Job::Flush(done) => {
                self.sync();
                let _ = done.try_send(());
            }
        }
    }

    /// Lines that are missing are a line themselves, before any other that comes after them.
    fn tell_lost(&mut self) {
        let lines: BTreeMap<Kind, u64> = Kind::ALL
            .into_iter()
            .map(|kind| {
                (
                    kind,
                    self.shared.lost[kind as usize].swap(0, Ordering::Relaxed),
                )
            })
            .filter(|(_, lost)| *lost > 0)
            .collect();
        if lines.is_empty()
            || self.write(&Line::now(Event::Lost {
                lines: lines.clone(),
            }))
        {
            return;
        }
        for (kind, lost) in lines {
            self.shared.lost[kind as usize].fetch_add(lost, Ordering::Relaxed);
        }
    }

    fn write(&mut self, line: &Line) -> bool {
        let written = self.open().and_then(|log| log.append(&line.to_bytes()));
        match written {
            Ok(()) => self.shared.complain(None),
            Err(error) => {
                let path = self.place.path.display();
                let text = format!("failed to write the audit log {path}: {}", mend(&error));
                self.shared.complain(Some(text));
                return false;
            }
        }
        true
    }

    fn open(&mut self) -> io::Result<&mut Rotating> {
        if self.log.is_none() {
            self.log = Some(Rotating::open(self.place.clone())?);
        }
        self.log
            .as_mut()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync(&mut self) {
        if let Some(Err(error)) = self.log.as_ref().map(Rotating::sync) {
            let path = self.place.path.display();
            self.shared.complain(Some(format!(
                "failed to sync the audit log {path}: {}",
                mend(&error)
            )));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipc::id::SessionKey;
    use std::path::Path;

    fn place(path: &Path) -> Place {
        Place {
            path: path.to_owned(),
            max_bytes: 1 << 30,
            kept: 1,
        }
    }

    fn limit(n: usize) -> Event {
        Event::Limit {
            session: SessionKey::from("agent:main:main"),
            what: n.to_string(),
        }
    }

    fn lines(path: &Path) -> Vec<Event> {
        let text = std::fs::read_to_string(path).unwrap();
        let read = |line: &str| serde_json::from_str::<Line>(line).unwrap().event;
        text.lines().map(read).collect()
    }

    #[test]
    fn what_is_recorded_is_written_in_its_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let writer = Writer::start(place(&path));
        (0..100).for_each(|n| writer.record(Line::now(limit(n))));
        writer.flush();
        let before = lines(&path);
        assert_eq!(before, (0..100).map(limit).collect::<Vec<_>>());
        writer.record(Line::now(Event::Stopped));
        drop(writer);
        assert_eq!(lines(&path).last(), Some(&Event::Stopped));
    }

    #[test]
    fn every_line_is_there_or_counted_as_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let writer = Writer::start(place(&path));
        let total = 40 * QUEUE;
        (0..total).for_each(|n| writer.record(Line::now(limit(n))));
        assert_eq!(writer.tally.of(Kind::Limit), total as u64);
        let tally = Arc::clone(&writer.tally);
        drop(writer);
        let (mut there, mut lost) = (0, 0);
        for event in lines(&path) {
            if let Event::Lost { lines } = event {
                lost += lines[&Kind::Limit];
            } else {
                there += 1;
            }
        }
        assert_eq!(there + lost, total as u64);
        assert_eq!(tally.lost(), lost);
    }

    #[test]
    fn a_disk_that_fails_is_complained_of_and_the_loss_is_told_when_it_works_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/audit.jsonl");
        std::fs::write(folder.path().join("logs"), "in the way").unwrap();
        let writer = Writer::start(place(&path));
        writer.record(Line::now(limit(1)));
        writer.flush();
        assert!(writer.complaint().unwrap().contains("audit.jsonl"));
        std::fs::remove_file(folder.path().join("logs")).unwrap();
        writer.record(Line::now(limit(2)));
        writer.flush();
        assert_eq!(writer.complaint(), None);
        let lost = Event::Lost {
            lines: BTreeMap::from([(Kind::Limit, 1)]),
        };
        assert_eq!(lines(&path), [lost, limit(2)]);
    }
}
