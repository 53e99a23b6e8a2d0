//! `read`: a text file, whole or in part, never more than [`MAX_LINES`] or [`MAX_BYTES`] at once.

use super::{Answer, regular};
use crate::capture::unfinished;
use crate::place::Grounds;
use cap_std::fs::File;
use ipc::tool_args::ReadArgs;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::atomic::{AtomicBool, Ordering};

/// Lines in one answer.
const MAX_LINES: u64 = 2_000;
/// Bytes in one answer.
const MAX_BYTES: usize = 50 * 1024;
/// Up to this size the lines after the answer are counted as well.
const COUNTED: u64 = 64 * 1024 * 1024;

/// The part of a file that was asked for.
#[derive(Debug, Default, PartialEq)]
struct Part {
    bytes: Vec<u8>,
    /// Whole lines in `bytes`, or 1 for a cut one.
    lines: u64,
    /// The single line that did not fit was cut.
    cut: bool,
    /// Whether the file goes on after it.
    more: bool,
    /// Lines in the whole file, where they were counted.
    total: Option<u64>,
}

/// A file that is read no further once nobody waits for it: counting the lines of a huge one takes
/// a while.
struct Watched<'u> {
    file: File,
    given_up: &'u AtomicBool,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given_up.load(Ordering::Relaxed) {
            return Err(io::Error::other("given up"));
        }
        self.file.read(buffer)
    }
}

/// Reads the file, with a note on how to go on where it was cut.
pub(super) fn read(grounds: &Grounds, args: &ReadArgs, given_up: &AtomicBool) -> Answer {
    let place = grounds.find(&args.path)?;
    let (file, meta) = regular::open(&place)?;
    let mut reader = BufReader::with_capacity(64 * 1024, Watched { file, given_up });
    let start = reader.fill_buf().map_err(|error| place.failed(&error))?;
    if let Some(kind) = binary(start) {
        let size = meta.len();
        return Err(format!(
            "{} is no text but {kind}, {size} bytes",
            place.shown
        ));
    }
    let first = args.offset.unwrap_or(1).max(1);
    let limit = args.limit.unwrap_or(MAX_LINES).clamp(1, MAX_LINES);
    let part = part(&mut reader, first, limit, meta.len() <= COUNTED);
    let part = part.map_err(|error| place.failed(&error))?;
    match part.total {
        Some(0) => Ok(format!("[{} is empty]", place.shown)),
        Some(total) if total < first => Err(format!(
            "{} has only {total} lines; offset {first} is after its end",
            place.shown
        )),
        Some(_) | None => Ok(text(&part, first)),
    }
}

fn text(part: &Part, first: u64) -> String {
    let bytes = part
        .bytes
        .strip_prefix(b"\xEF\xBB\xBF")
        .unwrap_or(&part.bytes);
    let mut text = String::from_utf8_lossy(bytes).into_owned();
    let mut notes = Vec::new();
    let last = (first + part.lines).saturating_sub(1);
    if part.cut {
        notes.push(format!(
            "line {first} is longer than {MAX_BYTES} bytes and was cut; use exec, with cut or grep -o, for the rest of it"
        ));
    }
    if part.more {
        let of = part
            .total
            .map_or(String::new(), |total| format!(" of {total}"));
        notes.push(format!(
            "lines {first} to {last}{of}; go on with offset {}",
            last + 1
        ));
    }
    if let std::borrow::Cow::Owned(_) = String::from_utf8_lossy(bytes) {
        notes.push("not all of it is UTF-8; bytes that are none show as \u{FFFD}".to_owned());
    }
    if !notes.is_empty() {
        if !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&format!("[{}]", notes.join("; ")));
    }
    text
}

/// Reads up to `limit` lines from line `first` on.
fn part(from: &mut impl BufRead, first: u64, limit: u64, count: bool) -> io::Result<Part> {
    let mut part = Part::default();
    let before = skip_lines(from, first - 1)?;
    if before < first - 1 {
        part.total = Some(before);
        return Ok(part);
    }
    let mut inside = false;
    while part.lines < limit {
        let room = MAX_BYTES - part.bytes.len();
        let had = part.bytes.len();
        match read_line(from, &mut part.bytes, room)? {
            Line::None => break,
            Line::Whole => part.lines += 1,
            Line::TooLong if had == 0 => {
                part.bytes
                    .truncate(part.bytes.len() - unfinished(&part.bytes));
                part.lines = 1;
                part.cut = true;
                skip_lines(from, 1)?;
                break;
            }
            Line::TooLong => {
                part.bytes.truncate(had);
                inside = true;
                break;
            }
        }
    }
    part.more = inside || !from.fill_buf()?.is_empty();
    if count || !part.more {
        part.total = Some(before + part.lines + skip_lines(from, u64::MAX)?);
    }
    Ok(part)
}

enum Line {
    None,
    Whole,
    TooLong,
}

/// Appends one line with its end to `to`, unless it is longer than `room`: then as much as fits.
fn read_line(from: &mut impl BufRead, to: &mut Vec<u8>, room: usize) -> io::Result<Line> {
    let limit = to.len() + room;
    let had = to.len();
    loop {
        let buffer = from.fill_buf()?;
        if buffer.is_empty() {
            return Ok(if to.len() == had {
                Line::None
            } else {
                Line::Whole
            });
        }
        let end = buffer.iter().position(|b| *b == b'\n').map(|at| at + 1);
        let wanted = end.unwrap_or(buffer.len());
        let taken = wanted.min(limit - to.len());
        to.extend_from_slice(&buffer[..taken]);
        from.consume(taken);
        if taken < wanted {
            return Ok(Line::TooLong);
        }
        if end.is_some() {
            return Ok(Line::Whole);
        }
    }
}

/// Skips `count` lines, or to the end; how many there were. A last line without end counts.
fn skip_lines(from: &mut impl BufRead, count: u64) -> io::Result<u64> {
    let (mut skipped, mut inside) = (0, false);
    while skipped < count {
        let buffer = from.fill_buf()?;
        if buffer.is_empty() {
            return Ok(skipped + u64::from(inside));
        }
        let end = buffer.iter().position(|b| *b == b'\n');
        let taken = end.map_or(buffer.len(), |at| at + 1);
        from.consume(taken);
        inside = end.is_none();
        skipped += u64::from(end.is_some());
    }
    Ok(skipped)
}

/// What a file that begins with `start` is, when that is no text.
fn binary(start: &[u8]) -> Option<&'static str> {
    let known: [(&[u8], &str); 12] = [
        (b"\x89PNG\r\n", "a PNG image"),
        (b"\xFF\xD8\xFF", "a JPEG image"),
        (b"GIF8", "a GIF image"),
        (b"%PDF-", "a PDF document"),
        (b"PK\x03\x04", "a ZIP archive (or a document made as one)"),
        (b"\x1F\x8B", "gzip data"),
        (b"\x28\xB5\x2F\xFD", "zstd data"),
        (b"\x7FELF", "an ELF program"),
        (b"SQLite format 3\0", "an SQLite database"),
        (b"\0asm", "WebAssembly"),
        (
            b"\xFF\xFE",
            "UTF-16 text (iconv -f utf-16 makes it readable)",
        ),
        (
            b"\xFE\xFF",
            "UTF-16 text (iconv -f utf-16 makes it readable)",
        ),
    ];
    let named = known.iter().find(|(magic, _)| start.starts_with(magic));
    let zero = start.iter().take(8 * 1024).any(|byte| *byte == 0);
    named
        .map(|(_, kind)| *kind)
        .or(zero.then_some("binary data"))
}
