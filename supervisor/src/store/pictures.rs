//! Pictures that came with messages, as models are to see them: files in the state directory's
//! `media` folder, each named by its own digest, so that the same picture is kept once.
//!
//! A transcript only names them. One is forgotten `KEPT` after it last came, or when all of them
//! are more than `MOST`: a model is then told that there was a picture, in words.

use ipc::transcript::Image;
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How long a picture is kept after it last came.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Bytes of all pictures; the oldest go first.
const MOST: u64 = 1 << 30;
/// Largest picture that is kept, in bytes: what no provider takes is of no use.
pub const LARGEST: usize = 20 << 20;
/// Longest side of a picture that a provider takes, in pixels.
const LONGEST_SIDE: u32 = 8_000;

/// What a picture is, by its own first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// `image/jpeg`, `image/png`, `image/webp` or `image/gif`.
    pub mime: &'static str,
    /// The usual ending of its file's name.
    pub ending: &'static str,
    /// Pixels from left to right; 0 where it does not say.
    pub width: u32,
    /// Pixels from top to bottom; 0 where it does not say.
    pub height: u32,
}

/// What these bytes show, where they are a picture of a kind that models see.
#[must_use]
pub fn look(bytes: &[u8]) -> Option<Look> {
    let (mime, ending, (width, height)) = match bytes {
        [0xff, 0xd8, 0xff, ..] => ("image/jpeg", "jpg", jpeg_size(bytes)),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => {
            ("image/png", "png", (be32(bytes, 16), be32(bytes, 20)))
        }
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => {
            ("image/gif", "gif", (le16(bytes, 6), le16(bytes, 8)))
        }
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => ("image/webp", "webp", webp_size(bytes)),
        _ => return None,
    };
    Some(Look {
        mime,
        ending,
        width,
        height,
    })
}

/// Keeps a picture, in `folder`; `None` where the bytes are none that a model could see.
///
/// # Errors
/// What the file system says.
pub fn keep(folder: &Path, bytes: &[u8]) -> io::Result<Option<Image>> {
    let Some(look) = look(bytes).filter(|look| is_shown(look, bytes.len())) else {
        return Ok(None);
    };
    let digest: String = Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let blob = format!("{digest}.{}", look.ending);
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    write(folder, &blob, bytes)?;
    Ok(Some(Image {
        blob,
        mime: look.mime.to_owned(),
        bytes: bytes.len() as u64,
    }))
}

fn is_shown(look: &Look, len: usize) -> bool {
    len <= LARGEST && look.width.max(look.height) <= LONGEST_SIDE
}

/// Whole, or not at all. One that is there is as good as new.
fn write(folder: &Path, blob: &str, bytes: &[u8]) -> io::Result<()> {
    let place = folder.join(blob);
    if let Ok(there) = File::open(&place)
        && there.metadata()?.len() == bytes.len() as u64
    {
        return there.set_modified(SystemTime::now());
    }
    let draft = folder.join(format!(".{}", uuid::Uuid::new_v4()));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            // A message that is on disk for good must not name a picture that is not.
            file.sync_all()
        })
        .and_then(|()| fs::rename(&draft, &place));
    if written.is_err() {
        // The first error is the one that counts.
        let _ = fs::remove_file(&draft);
    }
    written
}

/// The bytes of a picture.
///
/// # Errors
/// Where it is not there (any more), or `blob` is no name of a picture.
pub fn read(folder: &Path, blob: &str) -> io::Result<Vec<u8>> {
    let is_name = |b: u8| b.is_ascii_alphanumeric() || b == b'.';
    if !blob.bytes().all(is_name) || blob.starts_with('.') {
        return Err(io::Error::other("it is no name of a picture"));
    }
    let mut bytes = Vec::new();
    File::open(folder.join(blob))?
        .take(LARGEST as u64)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Forgets what is old, and the oldest of what is too much; how many it were.
pub(super) fn forget(folder: &Path, now: SystemTime) -> usize {
    let mut kept: Vec<(SystemTime, u64, PathBuf)> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
            Some((metadata.modified().ok()?, metadata.len(), entry.path()))
        })
        .collect();
    // The newest first.
    kept.sort_by_key(|(modified, ..)| std::cmp::Reverse(*modified));
    let mut all = 0;
    let mut forgotten = 0;
    for (modified, len, path) in kept {
        all += len;
        let is_old = now.duration_since(modified).is_ok_and(|age| age > KEPT);
        if (is_old || all > MOST) && fs::remove_file(path).is_ok() {
            forgotten += 1;
        }
    }
    forgotten
}

fn be32(bytes: &[u8], at: usize) -> u32 {
    let found = bytes.get(at..at + 4).and_then(|b| b.try_into().ok());
    found.map_or(0, u32::from_be_bytes)
}

fn le16(bytes: &[u8], at: usize) -> u32 {
    let found = bytes.get(at..at + 2).and_then(|b| b.try_into().ok());
    u32::from(found.map_or(0, u16::from_le_bytes))
}

fn be16(bytes: &[u8], at: usize) -> u32 {
    let found = bytes.get(at..at + 2).and_then(|b| b.try_into().ok());
    u32::from(found.map_or(0, u16::from_be_bytes))
}

/// Goes from segment to segment, to the one that tells the size.
fn jpeg_size(bytes: &[u8]) -> (u32, u32) {
    let mut at = 2;
    while let Some(&[0xff, marker]) = bytes.get(at..at + 2) {
        match marker {
            0xff => at += 1,
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                return (be16(bytes, at + 7), be16(bytes, at + 5));
            }
            0xd8 | 0x01 | 0xd0..=0xd7 => at += 2,
            _ => at += 2 + usize::try_from(be16(bytes, at + 2)).unwrap_or(0).max(2),
        }
    }
    (0, 0)
}

fn webp_size(bytes: &[u8]) -> (u32, u32) {
    let three = |at: usize| le16(bytes, at) | (le16(bytes, at + 2) & 0xff) << 16;
    match bytes.get(12..16) {
        Some(b"VP8X") => (three(24) + 1, three(27) + 1),
        Some(b"VP8 ") => (le16(bytes, 26) & 0x3fff, le16(bytes, 28) & 0x3fff),
        Some(b"VP8L") => {
            let bits = le16(bytes, 21) | le16(bytes, 23) << 16;
            ((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1)
        }
        _ => (0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A PNG as far as anyone looks here.
    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        png.extend(width.to_be_bytes());
        png.extend(height.to_be_bytes());
        png.extend([8, 2, 0, 0, 0]);
        png
    }

    #[test]
    fn a_picture_is_what_its_bytes_say() {
        let jpeg = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x11\x08\x01\x02\x03\x04\x03";
        for (bytes, expected) in [
            (png(3, 4), Some(("image/png", 3, 4))),
            (jpeg.to_vec(), Some(("image/jpeg", 0x304, 0x102))),
            (
                b"GIF89a\x05\x00\x06\x00".to_vec(),
                Some(("image/gif", 5, 6)),
            ),
            (
                b"RIFF\0\0\0\0WEBPVP8X\n\0\0\0\0\0\0\0\x09\0\0\x13\0\0".to_vec(),
                Some(("image/webp", 10, 20)),
            ),
            (b"RIFF\0\0\0\0WEBP".to_vec(), Some(("image/webp", 0, 0))),
            (b"<svg xmlns".to_vec(), None),
            (b"%PDF-1.7".to_vec(), None),
            (Vec::new(), None),
        ] {
            let found = look(&bytes).map(|look| (look.mime, look.width, look.height));
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn the_same_picture_is_kept_once_and_comes_back_whole() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("media");
        let one = keep(&folder, &png(3, 4)).unwrap().unwrap();
        assert_eq!(keep(&folder, &png(3, 4)).unwrap().unwrap(), one);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        assert_eq!(read(&folder, &one.blob).unwrap(), png(3, 4));
        assert_eq!((one.mime.as_str(), one.bytes), ("image/png", 29));
        assert!(keep(&folder, &png(9_000, 4)).unwrap().is_none());
        assert!(keep(&folder, b"no picture").unwrap().is_none());
    }

    #[test]
    fn nothing_but_a_picture_is_read() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".hidden"), "x").unwrap();
        for name in ["../passwd", "/etc/hostname", ".hidden", "", "gone.png"] {
            assert!(read(folder.path(), name).is_err(), "{name}");
        }
    }

    #[test]
    fn what_is_old_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let image = keep(folder.path(), &png(3, 4)).unwrap().unwrap();
        assert_eq!(forget(folder.path(), SystemTime::now()), 0);
        let later = SystemTime::now() + KEPT + Duration::from_secs(60);
        assert_eq!(forget(folder.path(), later), 1);
        assert!(read(folder.path(), &image.blob).is_err());
    }

    proptest! {
        #[test]
        fn whatever_the_bytes_looking_ends(lead in 0usize..5, rest in proptest::collection::vec(any::<u8>(), 0..200)) {
            let leads: [&[u8]; 5] = [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBPVP8L", b"GIF89a"];
            let _ = look(&[leads[lead], &rest].concat());
        }
    }
}
