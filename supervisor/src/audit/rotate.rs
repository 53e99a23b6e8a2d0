//! A file that is appended to line by line and never grows without bound.

use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Where a log is, and how large it may become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    /// It is rotated before it grows beyond this, in bytes.
    pub(super) max_bytes: u64,
    /// So many rotated files are kept.
    pub(super) kept: u32,
}

/// The file of that number: 0 is the newest, which is appended to.
pub(super) fn numbered(path: &Path, number: u32) -> PathBuf {
    if number == 0 {
        return path.to_owned();
    }
    let mut name = OsString::from(path);
    name.push(format!(".{number}"));
    PathBuf::from(name)
}

/// A log, open to be appended to.
#[derive(Debug)]
pub(super) struct Rotating {
    place: Place,
    file: File,
    size: u64,
    /// A write was cut short: what is next must not continue its line.
    torn: bool,
}

impl Rotating {
    /// Opens the log, 0600, and makes it and its folder where they are missing. Closes a line that a
    /// killed process left torn.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn open(place: Place) -> io::Result<Self> {
        if let Some(folder) = place.path.parent() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)?;
        }
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK)
            .open(&place.path)?;
        let found = file.metadata()?;
        if !found.is_file() {
            return Err(io::Error::other("it is no regular file"));
        }
        let size = found.len();
        let torn = size > 0 && last_byte(&mut file)? != b'\n';
        Ok(Self {
            place,
            file,
            size,
            torn,
        })
    }

    /// Appends one line, which ends in its newline, in one write.
    ///
    /// # Errors
    /// What the system says; the line is not there then, or torn and closed by the next one.
    pub(super) fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        if self.is_gone()
            || (self.size > 0 && self.size.saturating_add(length) > self.place.max_bytes)
        {
            self.rotate()?;
        }
        if self.torn {
            self.file.write_all(b"\n")?;
            self.size += 1;
            self.torn = false;
        }
        let wrote = write_once(&mut self.file, line);
        let whole = matches!(wrote, Ok(n) if n == line.len());
        self.size += wrote.as_ref().map_or(0, |n| u64::try_from(*n).unwrap_or(0));
        self.torn = !whole && wrote.as_ref().is_ok_and(|n| *n > 0);
        match wrote {
            Ok(_) if whole => Ok(()),
            Ok(_) => Err(io::ErrorKind::StorageFull.into()),
            Err(error) => Err(error),
        }
    }

    /// Waits until it is on the disk.
    ///
    /// # Errors
    /// What the disk says.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Somebody removed the file: what is written now would be nowhere.
    fn is_gone(&self) -> bool {
        self.file.metadata().is_ok_and(|found| found.nlink() == 0)
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        let Place { path, kept, .. } = &self.place;
        for number in (0..*kept).rev() {
            match std::fs::rename(numbered(path, number), numbered(path, number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        *self = Self::open(self.place.clone())?;
        Ok(())
    }
}

/// One write, taken up again only where a signal came before its first byte: a line that is written
/// in one piece does not mix with another process's.
fn write_once(file: &mut File, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match file.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            wrote => return wrote,
        }
    }
}

fn last_byte(file: &mut File) -> io::Result<u8> {
    let mut byte = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut byte)?;
    Ok(byte[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    fn place(folder: &Path, max_bytes: u64) -> Place {
        Place {
            path: folder.join("logs/a.log"),
            max_bytes,
            kept: 2,
        }
    }

    fn text(path: &Path, number: u32) -> String {
        fs::read_to_string(numbered(path, number)).unwrap_or_default()
    }

    #[test]
    fn nobody_else_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path(), 100);
        Rotating::open(place.clone()).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&place.path), 0o600);
        assert_eq!(mode(place.path.parent().unwrap()), 0o700);
    }

    #[test]
    fn it_is_rotated_between_lines_and_only_so_many_files_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path(), 12);
        let mut log = Rotating::open(place.clone()).unwrap();
        for n in 0..9 {
            log.append(format!("line{n}\n").as_bytes()).unwrap();
        }
        assert_eq!(text(&place.path, 0), "line8\n");
        assert_eq!(text(&place.path, 1), "line6\nline7\n");
        assert_eq!(text(&place.path, 2), "line4\nline5\n");
        assert!(!numbered(&place.path, 3).exists());
    }

    #[test]
    fn a_line_longer_than_a_file_may_be_is_still_kept_whole() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path(), 4);
        let mut log = Rotating::open(place.clone()).unwrap();
        log.append(b"first and long\n").unwrap();
        log.append(b"second\n").unwrap();
        assert_eq!(text(&place.path, 1), "first and long\n");
        assert_eq!(text(&place.path, 0), "second\n");
    }

    #[test]
    fn a_torn_line_is_closed_by_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path(), 1000);
        Rotating::open(place.clone())
            .unwrap()
            .append(b"{\"a\":1}\n")
            .unwrap();
        let mut torn = OpenOptions::new().append(true).open(&place.path).unwrap();
        torn.write_all(b"{\"a\":").unwrap();
        Rotating::open(place.clone())
            .unwrap()
            .append(b"{\"a\":2}\n")
            .unwrap();
        assert_eq!(text(&place.path, 0), "{\"a\":1}\n{\"a\":\n{\"a\":2}\n");
    }

    #[test]
    fn a_file_that_was_removed_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path(), 1000);
        let mut log = Rotating::open(place.clone()).unwrap();
        log.append(b"one\n").unwrap();
        fs::remove_file(&place.path).unwrap();
        log.append(b"two\n").unwrap();
        assert_eq!(text(&place.path, 0), "two\n");
    }

    #[test]
    fn a_link_or_a_pipe_in_its_place_is_not_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path(), 1000);
        fs::create_dir(place.path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), &place.path).unwrap();
        assert!(Rotating::open(place.clone()).is_err());
        assert!(!folder.path().join("elsewhere").exists());
        fs::remove_file(&place.path).unwrap();
        nix::unistd::mkfifo(&place.path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(Rotating::open(place).is_err());
    }
}
