//! What a person can do about a file or folder that can not be used.

use std::io::{Error, ErrorKind};

/// What the system says of a path of ours, and the mend: reads after "failed to use PATH: ".
#[must_use]
pub fn mend(error: &Error) -> String {
    use ErrorKind as Kind;
    let is = |kinds: &[Kind]| kinds.contains(&error.kind());
    let mend = if is(&[Kind::StorageFull, Kind::QuotaExceeded]) {
        return format!("{error}; free some space");
    } else if is(&[Kind::AlreadyExists, Kind::NotADirectory, Kind::IsADirectory]) {
        "something else is in its place: move that away"
    } else {
        "make it writable for this user"
    };
    format!("{error}; {mend}, or set OPENCLAW_STATE_DIR to another directory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_it_is_there_is_a_mend() {
        for (errno, words) in [
            (nix::libc::EACCES, "writable for this user"),
            (nix::libc::EROFS, "writable for this user"),
            (nix::libc::ENOSPC, "free some space"),
            (nix::libc::EEXIST, "move that away"),
            (nix::libc::EIO, "OPENCLAW_STATE_DIR"),
        ] {
            let said = mend(&Error::from_raw_os_error(errno));
            assert!(said.contains(words), "{said}");
        }
    }
}
