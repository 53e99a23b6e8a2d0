//! Reading logs back: their last lines, and those that come. Knows how a log is rotated, so that no
//! line is missed or shown twice; needs no gateway.

use super::rotate::numbered;
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use std::collections::VecDeque;
use std::fs::{File, Metadata};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

/// How much is read at once from the end of a file, in bytes.
const BLOCK: usize = 64 * 1024;
/// The longest line; what is left of a longer one is a line of its own.
const MAX_LINE: usize = 1024 * 1024;
/// Rotated files that are looked for.
const MOST_FILES: u32 = 100;
/// A log is looked at this often, also where the system tells of no change (a network's file system).
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A log that is read.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: Option<BufReader<File>>,
    /// A line whose end has not come yet.
    begun: Vec<u8>,
}

impl Log {
    /// The last `most` lines that are `wanted`, oldest first, and the log to go on with.
    ///
    /// # Errors
    /// What the system says. That there is none is none: it may come.
    pub fn open(
        path: &Path,
        most: usize,
        mut wanted: impl FnMut(&str) -> bool,
    ) -> io::Result<(Vec<String>, Self)> {
        let mut found = VecDeque::new();
        let mut log = Self {
            path: path.to_owned(),
            file: None,
            begun: Vec::new(),
        };
        for number in 0..MOST_FILES {
            let Some(mut file) = open(&numbered(path, number))? else {
                if number == 0 {
                    // Between two steps of a rotation.
                    continue;
                }
                break;
            };
            let mut end = file.metadata()?.len();
            if number == 0 {
                // A line that is being written is for later.
                end = whole_lines(&file, end)?;
                file.seek(SeekFrom::Start(end))?;
                log.file = Some(BufReader::new(file.try_clone()?));
            }
            let mut back = Backwards::new(&file, end);
            while found.len() < most
                && let Some(line) = back.next()?
            {
                if wanted(&line) {
                    found.push_front(line);
                }
            }
            if found.len() >= most {
                break;
            }
        }
        Ok((found.into(), log))
    }

    /// Every whole line that has come since.
    ///
    /// # Errors
    /// What the system says.
    pub fn news(&mut self) -> io::Result<Vec<String>> {
        let mut lines = Vec::new();
        loop {
            if self.file.is_none() {
                self.file = open(&self.path)?.map(BufReader::new);
            }
            let Some(file) = &mut self.file else {
                return Ok(lines);
            };
            // Looked up before the rest is read: what is written after that is in the next file.
            let next = next_file(&self.path, &file.get_ref().metadata()?)?;
            read_lines(file, &mut self.begun, &mut lines)?;
            let Some(next) = next else {
                return Ok(lines);
            };
            if !self.begun.is_empty() {
                lines.push(text(&std::mem::take(&mut self.begun)));
            }
            self.file = Some(BufReader::new(next));
        }
    }
}

/// Opens a file of the log; `None` where there is none.
fn open(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The file that was begun after this one; `None` while this one is the newest.
fn next_file(path: &Path, this: &Metadata) -> io::Result<Option<File>> {
    let mut newer = None;
    for number in 0..MOST_FILES {
        let Some(file) = open(&numbered(path, number))? else {
            if number == 0 {
                // Between two steps of a rotation: its new file comes in a moment.
                continue;
            }
            break;
        };
        let found = file.metadata()?;
        if (found.dev(), found.ino()) == (this.dev(), this.ino()) {
            return Ok(newer);
        }
        newer = Some(file);
    }
    // It is gone: removed, or rotated out of sight. The newest is read from its beginning.
    open(path)
}

fn read_lines(
    file: &mut BufReader<File>,
    begun: &mut Vec<u8>,
    lines: &mut Vec<String>,
) -> io::Result<()> {
    loop {
        let room = MAX_LINE.saturating_sub(begun.len()).max(1);
        let read = file.take(room as u64).read_until(b'\n', begun)?;
        if read == 0 {
            return Ok(());
        }
        if begun.ends_with(b"\n") || begun.len() >= MAX_LINE {
            lines.push(text(&std::mem::take(begun)));
        }
    }
}

fn text(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    String::from_utf8_lossy(line).into_owned()
}

/// Where the last whole line ends.
fn whole_lines(file: &File, end: u64) -> io::Result<u64> {
    let mut end = end;
    let mut block = vec![0; BLOCK];
    while end > 0 {
        let from = end.saturating_sub(BLOCK as u64);
        let length = usize::try_from(end - from).unwrap_or(BLOCK);
        file.read_exact_at(&mut block[..length], from)?;
        if let Some(at) = block[..length].iter().rposition(|byte| *byte == b'\n') {
            return Ok(from + at as u64 + 1);
        }
        end = from;
    }
    Ok(0)
}

/// A file's lines, the last one first.
struct Backwards<'a> {
    file: &'a File,
    /// What is before this was not read yet.
    unread: u64,
    /// What was read and not given yet; it begins where `unread` ends.
    held: Vec<u8>,
}

impl<'a> Backwards<'a> {
    fn new(file: &'a File, end: u64) -> Self {
        Self {
            file,
            unread: end,
            held: Vec::new(),
        }
    }

    fn next(&mut self) -> io::Result<Option<String>> {
        let mut searched = 0;
        loop {
            // The last byte is the newline of the line that is looked for.
            let inner = self.held.len().saturating_sub(1);
            let unsearched = inner.saturating_sub(searched);
            if let Some(at) = self.held[..unsearched].iter().rposition(|b| *b == b'\n') {
                return Ok(Some(text(&self.held.split_off(at + 1))));
            }
            if self.unread == 0 || self.held.len() >= MAX_LINE {
                let line = std::mem::take(&mut self.held);
                return Ok((!line.is_empty()).then(|| text(&line)));
            }
            searched = inner;
            self.fill()?;
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        let from = self.unread.saturating_sub(BLOCK as u64);
        let length = usize::try_from(self.unread - from).unwrap_or(BLOCK);
        let mut block = vec![0; length];
        self.file.read_exact_at(&mut block, from)?;
        block.append(&mut self.held);
        self.held = block;
        self.unread = from;
        Ok(())
    }
}

/// Waits for a log to change.
#[derive(Debug)]
pub struct Changes {
    told: Receiver<()>,
    _watcher: Option<RecommendedWatcher>,
}

impl Changes {
    /// Watches the folder of a log. Where the system can not, it is looked at once a second.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        let (tell, told) = mpsc::sync_channel(1);
        let watcher = notify::recommended_watcher(move |_| {
            // One that is not heard yet is enough.
            let _ = tell.try_send(());
        });
        let folder = path.parent().unwrap_or(path);
        let watcher = watcher.ok().and_then(|mut watcher| {
            watcher.watch(folder, RecursiveMode::NonRecursive).ok()?;
            Some(watcher)
        });
        Self {
            told,
            _watcher: watcher,
        }
    }

    /// Waits until the log may have changed, for a second at most.
    pub fn wait(&self) {
        match self.told.recv_timeout(LOOK_EVERY) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            // Nobody watches.
            Err(RecvTimeoutError::Disconnected) => std::thread::park_timeout(LOOK_EVERY),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rotate::{Place, Rotating};
    use super::*;
    use proptest::prelude::*;
    use std::fs;
    use std::io::Write as _;

    fn all(_: &str) -> bool {
        true
    }

    fn rotating(path: &Path, max_bytes: u64) -> Rotating {
        Rotating::open(Place {
            path: path.to_owned(),
            max_bytes,
            kept: 50,
        })
        .unwrap()
    }

    #[test]
    fn the_last_lines_are_found_through_rotated_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let mut log = rotating(&path, 20);
        for n in 0..30 {
            log.append(format!("line {n}\n").as_bytes()).unwrap();
        }
        let (lines, _) = Log::open(&path, 5, all).unwrap();
        assert_eq!(
            lines,
            ["line 25", "line 26", "line 27", "line 28", "line 29"]
        );
        let (lines, _) = Log::open(&path, 2, |line| line.ends_with('7')).unwrap();
        assert_eq!(lines, ["line 17", "line 27"]);
        let (lines, _) = Log::open(&path, 1000, all).unwrap();
        assert_eq!(lines.len(), 30);
    }

    #[test]
    fn what_comes_is_read_once_however_often_the_log_is_rotated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let mut log = rotating(&path, 25);
        log.append(b"old\n").unwrap();
        let (lines, mut reader) = Log::open(&path, 10, all).unwrap();
        assert_eq!(lines, ["old"]);
        let mut read = Vec::new();
        for n in 0..60 {
            log.append(format!("line {n}\n").as_bytes()).unwrap();
            if n % 7 == 0 {
                read.extend(reader.news().unwrap());
            }
        }
        read.extend(reader.news().unwrap());
        let wanted: Vec<_> = (0..60).map(|n| format!("line {n}")).collect();
        assert_eq!(read, wanted);
        assert!(reader.news().unwrap().is_empty());
    }

    #[test]
    fn a_line_is_shown_when_it_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        fs::write(&path, "one\ntw").unwrap();
        let (lines, mut reader) = Log::open(&path, 10, all).unwrap();
        assert_eq!(lines, ["one"]);
        assert!(reader.news().unwrap().is_empty());
        let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"o\nthree\n").unwrap();
        assert_eq!(reader.news().unwrap(), ["two", "three"]);
    }

    #[test]
    fn a_log_that_is_not_there_may_come() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let (lines, mut reader) = Log::open(&path, 10, all).unwrap();
        assert!(lines.is_empty() && reader.news().unwrap().is_empty());
        fs::write(&path, "one\n").unwrap();
        assert_eq!(reader.news().unwrap(), ["one"]);
    }

    proptest! {
        #[test]
        fn backwards_is_forwards_turned_around(lines in proptest::collection::vec("[a-zä]{0,40}", 0..200), pad in 0..2 * BLOCK) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.log");
            let mut all_lines = vec!["x".repeat(pad)];
            all_lines.extend(lines);
            let text: String = all_lines.iter().map(|line| format!("{line}\n")).collect();
            fs::write(&path, &text).unwrap();
            let (read, _) = Log::open(&path, usize::MAX, all).unwrap();
            prop_assert_eq!(read, all_lines);
        }
    }
}
