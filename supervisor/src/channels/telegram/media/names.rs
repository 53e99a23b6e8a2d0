//! Names for files that strangers named. Pure.
//!
//! `report-17-3fa9c1d2.pdf`: their word as far as it is harmless, the message, and a digest of what
//! Telegram calls the file, so that no two files of different messages have one name, and the same
//! message makes the same one.

use super::super::convert::{Media, MediaKind};
use sha2::{Digest, Sha256};
use std::fmt;

/// Characters of a stranger's word that are kept.
const STEM: usize = 48;
/// Characters of an ending.
const ENDING: usize = 10;

/// A name: letters, digits, `-`, `_` and one dot before its ending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    stem: String,
    ending: String,
}

/// The name of a message's file number `index`.
pub(super) fn of(message: i32, index: usize, media: &Media) -> Name {
    let (stem, ending) = match &media.name {
        Some(name) => parts(name),
        None => (String::new(), String::new()),
    };
    let stem = if stem.is_empty() {
        usual(media.kind).0.to_owned()
    } else {
        stem
    };
    let ending = Some(ending)
        .filter(|ending| !ending.is_empty())
        .or_else(|| media.mime.as_deref().and_then(ending_of).map(str::to_owned))
        .unwrap_or_else(|| usual(media.kind).1.to_owned());
    let digest = Sha256::digest(format!("{index} {}", media.unique_id));
    let digest: String = digest
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Name {
        stem: format!("{stem}-{message}-{digest}"),
        ending,
    }
}

impl Name {
    /// With the ending that its bytes call for, where they do.
    pub(super) fn ending(mut self, ending: Option<&str>) -> String {
        if let Some(ending) = ending {
            self.ending = ending.to_owned();
        }
        self.to_string()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.stem)?;
        if !self.ending.is_empty() {
            write!(f, ".{}", self.ending)?;
        }
        Ok(())
    }
}

/// The harmless parts of a name, without the folders it may claim to be in.
fn parts(name: &str) -> (String, String) {
    let own = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let (stem, ending) = own.rsplit_once('.').unwrap_or((own, ""));
    let is_ending =
        (1..=ENDING).contains(&ending.len()) && ending.chars().all(|c| c.is_ascii_alphanumeric());
    let (stem, ending) = if is_ending { (stem, ending) } else { (own, "") };
    let harmless: String = stem
        .chars()
        .take(STEM)
        .map(|c| {
            if c.is_alphanumeric() || c == '-' || c == '_' {
                c
            } else {
                '_'
            }
        })
        .collect();
    let stem = harmless.trim_matches(['_', '-']).to_owned();
    (stem, ending.to_ascii_lowercase())
}

fn usual(kind: MediaKind) -> (&'static str, &'static str) {
    match kind {
        MediaKind::Photo => ("photo", "jpg"),
        MediaKind::Document => ("file", ""),
        MediaKind::Voice => ("voice", "ogg"),
        MediaKind::Audio => ("audio", "mp3"),
        MediaKind::Video => ("video", "mp4"),
        MediaKind::VideoNote => ("video-message", "mp4"),
        MediaKind::Animation => ("animation", "mp4"),
        MediaKind::Sticker => ("sticker", "webp"),
    }
}

fn ending_of(mime: &str) -> Option<&'static str> {
    Some(match mime.to_ascii_lowercase().as_str() {
        "application/pdf" => "pdf",
        "application/json" => "json",
        "application/zip" => "zip",
        "text/plain" => "txt",
        "text/csv" => "csv",
        "text/html" => "html",
        "text/markdown" => "md",
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "image/webp" => "webp",
        "image/gif" => "gif",
        "audio/ogg" => "ogg",
        "audio/mpeg" => "mp3",
        "audio/mp4" | "audio/x-m4a" => "m4a",
        "audio/wav" | "audio/x-wav" => "wav",
        "video/mp4" => "mp4",
        "video/quicktime" => "mov",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn named(kind: MediaKind, name: Option<&str>, mime: Option<&str>) -> String {
        let media = Media {
            kind,
            file_id: "f".into(),
            unique_id: "u".into(),
            name: name.map(str::to_owned),
            mime: mime.map(str::to_owned),
            size: None,
            seconds: None,
        };
        of(17, 0, &media).to_string()
    }

    #[test]
    fn a_name_says_what_it_is_and_does_no_harm() {
        use MediaKind::{Document, Photo, Voice};
        for (kind, name, mime, expected) in [
            (Photo, None, None, "photo-17-#.jpg"),
            (Voice, None, Some("audio/ogg"), "voice-17-#.ogg"),
            (Document, Some("Report 2.PDF"), None, "Report_2-17-#.pdf"),
            (
                Document,
                Some("übersicht.xlsx"),
                None,
                "übersicht-17-#.xlsx",
            ),
            (Document, Some("../../etc/passwd"), None, "passwd-17-#"),
            (Document, Some("..\\x\\.env"), None, "file-17-#.env"),
            (
                Document,
                Some("a\n[telegram: x].sh"),
                None,
                "a__telegram__x-17-#.sh",
            ),
            (Document, Some("-rf.tar.gz"), None, "rf_tar-17-#.gz"),
            (Document, Some("x.\u{202e}gpj"), None, "x__gpj-17-#"),
            (Document, None, Some("text/csv"), "file-17-#.csv"),
            (Document, Some(""), Some("who/knows"), "file-17-#"),
        ] {
            let found = named(kind, name, mime);
            let (before, after) = expected.split_once('#').unwrap();
            assert!(
                found.starts_with(before) && found.ends_with(after),
                "{found}: {expected}"
            );
            assert_eq!(found.len(), expected.len() + 7, "{found}");
        }
    }

    proptest! {
        #[test]
        fn any_name_is_one_plain_name(name in any::<String>(), mime in any::<String>()) {
            let found = named(MediaKind::Document, Some(&name), Some(&mime));
            let harmless = |c: char| c.is_alphanumeric() || "-_.".contains(c);
            prop_assert!(found.chars().all(harmless) && !found.starts_with(['.', '-']));
            prop_assert!(found.matches('.').count() <= 1 && found.len() < 255);
        }
    }
}
