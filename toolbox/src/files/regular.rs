//! Regular files beneath a handle: opened without hanging, replaced in one step. Pipes, sockets and
//! devices are refused before they are opened, and again after.

use crate::place::{Place, why};
use cap_std::fs::{
    Dir, File, Metadata, OpenOptions, OpenOptionsExt as _, Permissions, PermissionsExt as _,
};
use nix::fcntl::OFlag;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The largest file that is edited or patched, in bytes; it is held in memory several times over.
const MAX_WHOLE: u64 = 32 * 1024 * 1024;

/// Opens a regular file for reading.
pub(super) fn open(place: &Place<'_>) -> Result<(File, Metadata), String> {
    let meta = place.dir.metadata(&place.path);
    refuse_irregular(place, &meta.map_err(|error| place.failed(&error))?)?;
    let mut options = OpenOptions::new();
    // Should a pipe have taken its place by now, opening it must not wait for a writer.
    options.read(true).custom_flags(OFlag::O_NONBLOCK.bits());
    let opened = place.dir.open_with(&place.path, &options);
    let file = opened.map_err(|error| place.failed(&error))?;
    let meta = file.metadata().map_err(|error| place.failed(&error))?;
    refuse_irregular(place, &meta)?;
    Ok((file, meta))
}

/// Whether anything has that name; a symlink that leads nowhere has.
pub(super) fn is_there(place: &Place<'_>) -> Result<bool, String> {
    match place.dir.symlink_metadata(&place.path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(place.failed(&error)),
    }
}

/// The whole of a file that is small enough to be changed here.
pub(super) fn read_whole(place: &Place<'_>) -> Result<(Vec<u8>, Metadata), String> {
    let (file, meta) = open(place)?;
    let mut bytes = Vec::new();
    let read = file.take(MAX_WHOLE + 1).read_to_end(&mut bytes);
    read.map_err(|error| place.failed(&error))?;
    if bytes.len() as u64 > MAX_WHOLE {
        let size = meta.len();
        return Err(format!(
            "{} has {size} bytes, too many to change here (at most {MAX_WHOLE}); use exec, with sed or a script",
            place.shown
        ));
    }
    Ok((bytes, meta))
}

/// The whole of a text file.
pub(super) fn read_text(place: &Place<'_>) -> Result<String, String> {
    let (bytes, _) = read_whole(place)?;
    String::from_utf8(bytes).map_err(|_| {
        format!(
            "{} is not UTF-8 text; use exec, with sed or a script, to change it",
            place.shown
        )
    })
}

/// Deletes a regular file, or a symlink itself.
pub(super) fn remove(place: &Place<'_>) -> Result<(), String> {
    let removed = place.dir.remove_file(&place.path);
    removed.map_err(|error| place.failed(&error))
}

/// Makes `content` the whole of the file, creating it and the folders on the way: readers see the
/// old content or the new, never a part. Keeps the mode of a file that exists; a new one gets
/// `mode`, or the default. True when it existed.
pub(super) fn replace(
    place: &Place<'_>,
    content: &[u8],
    mode: Option<&Permissions>,
) -> Result<bool, String> {
    let old = match place.dir.metadata(&place.path) {
        Ok(meta) => Some(meta),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(place.failed(&error)),
    };
    if let Some(meta) = &old {
        refuse_irregular(place, meta)?;
        if meta.permissions().readonly() {
            let mode = meta.permissions().mode() & 0o7777;
            return Err(format!(
                "{} is read-only (mode {mode:o}); chmod u+w it first if it is meant to change",
                place.shown
            ));
        }
    }
    let target = target(place, old.is_some())?;
    let mode = old
        .as_ref()
        .map(Metadata::permissions)
        .or_else(|| mode.cloned());
    let written = swap(place.dir, &target, content, mode, old.is_some());
    written.map_err(|error| format!("{}: {}", place.shown, why(&error)))?;
    Ok(old.is_some())
}

/// The file to put in place: what a symlink leads to, not the symlink.
fn target(place: &Place<'_>, exists: bool) -> Result<PathBuf, String> {
    if exists {
        return Ok(place
            .dir
            .canonicalize(&place.path)
            .unwrap_or_else(|_| place.path.clone()));
    }
    if place.dir.symlink_metadata(&place.path).is_ok() {
        return Err(format!(
            "{} is a symlink that leads nowhere; remove it first",
            place.shown
        ));
    }
    if place.shown.ends_with('/') || place.path.file_name().is_none() {
        return Err(format!("{} names a folder, not a file", place.shown));
    }
    if let Some(parent) = place.path.parent().filter(|p| !p.as_os_str().is_empty()) {
        let made = place.dir.create_dir_all(parent);
        made.map_err(|error| format!("make the folder of {}: {}", place.shown, why(&error)))?;
    }
    Ok(place.path.clone())
}

fn swap(
    dir: &Dir,
    target: &Path,
    content: &[u8],
    mode: Option<Permissions>,
    exists: bool,
) -> io::Result<()> {
    let temporary = beside(target);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let swapped = dir.open_with(&temporary, &options).and_then(|mut file| {
        file.write_all(content)?;
        if let Some(mode) = mode {
            file.set_permissions(mode)?;
        }
        drop(file);
        dir.rename(&temporary, dir, target)
    });
    let Err(error) = swapped else { return Ok(()) };
    let _ = dir.remove_file(&temporary); // it may not have been made
    let kept_out = [io::ErrorKind::PermissionDenied, io::ErrorKind::ResourceBusy];
    if exists && kept_out.contains(&error.kind()) {
        // A file may be changed where its folder may not, or it is a mount point.
        return overwrite(dir, target, content);
    }
    Err(error)
}

fn overwrite(dir: &Dir, target: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).truncate(true);
    options.custom_flags(OFlag::O_NONBLOCK.bits());
    dir.open_with(target, &options)?.write_all(content)
}

/// A name in the same folder that nobody else uses.
fn beside(target: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let unique = std::time::UNIX_EPOCH
        .elapsed()
        .map_or(0, |since| since.as_nanos());
    target.with_file_name(format!(
        ".openclaw-{}-{unique:x}-{count}.tmp",
        std::process::id()
    ))
}

fn refuse_irregular(place: &Place<'_>, meta: &Metadata) -> Result<(), String> {
    if meta.is_file() {
        Ok(())
    } else if meta.is_dir() {
        Err(format!(
            "{} is a folder; use ls to see what it holds",
            place.shown
        ))
    } else {
        Err(format!(
            "{} is a pipe, socket or device; only regular files are read and written here",
            place.shown
        ))
    }
}
