//! The control socket's name, in a form the kernel takes.

use interprocess::local_socket::{GenericFilePath, Name, ToFsName as _};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The longest path a socket can have, in bytes.
const LONGEST: usize = 107;

/// A socket's path. One that is too long for the kernel leads through its folder's descriptor, for
/// as long as this lives.
#[derive(Debug)]
pub(crate) struct SocketPath {
    path: PathBuf,
    _folder: Option<File>,
}

impl SocketPath {
    /// The socket at `path`; its folder must be there.
    ///
    /// # Errors
    /// When the folder can not be opened.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        if path.as_os_str().as_bytes().len() <= LONGEST {
            let path = path.to_owned();
            return Ok(Self {
                path,
                _folder: None,
            });
        }
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::Error::other("it is no path of a socket"));
        };
        let flags = nix::libc::O_PATH | nix::libc::O_DIRECTORY;
        let folder = OpenOptions::new()
            .read(true)
            .custom_flags(flags)
            .open(folder)?;
        let short = format!("/proc/self/fd/{}", folder.as_raw_fd());
        Ok(Self {
            path: Path::new(&short).join(name),
            _folder: Some(folder),
        })
    }

    /// What to listen on or connect to.
    ///
    /// # Errors
    /// When even this is no name.
    pub(crate) fn name(&self) -> io::Result<Name<'_>> {
        self.path.as_path().to_fs_name::<GenericFilePath>()
    }

    /// Whether somebody listens there.
    #[must_use]
    pub(crate) fn is_heard(&self) -> bool {
        std::os::unix::net::UnixStream::connect(&self.path).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_any_length_can_be_listened_on() {
        for length in [1, 200] {
            let folder = tempfile::tempdir().unwrap();
            let folder = folder.path().join("d".repeat(length));
            std::fs::create_dir(&folder).unwrap();
            let path = folder.join("control.sock");
            let socket = SocketPath::of(&path).unwrap();
            let _listener = std::os::unix::net::UnixListener::bind(&socket.path).unwrap();
            assert!(path.exists());
            let again = SocketPath::of(&path).unwrap();
            std::os::unix::net::UnixStream::connect(&again.path).unwrap();
        }
    }
}
