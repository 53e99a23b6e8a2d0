//! As what a file is sent, and what goes together. Pure.

use crate::store::pictures::Look;

/// A photo's bounds: bytes, both sides together in pixels, one side over the other.
const PHOTO: u64 = 10 << 20;
const SIDES: u64 = 10_000;
const RATIO: u64 = 20;
/// Files of one album.
const ALBUM: usize = 10;

/// As what a file is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Photo,
    Video,
    Animation,
    Audio,
    Voice,
    Document,
}

/// What is known of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    /// Bytes.
    pub(super) len: u64,
    /// What it shows, where it is a picture.
    pub(super) look: Option<Look>,
    /// Its name.
    pub(super) name: &'a str,
}

/// As what it is sent: what the server would not take as a photo goes as a document.
pub(super) fn kind(found: &Found<'_>, as_voice: bool) -> Kind {
    if let Some(look) = found.look {
        return match look.mime {
            "image/gif" => Kind::Animation,
            _ if is_photo(found.len, &look) => Kind::Photo,
            _ => Kind::Document,
        };
    }
    let ending = found.name.rsplit_once('.').map_or("", |(_, ending)| ending);
    match (ending.to_ascii_lowercase().as_str(), as_voice) {
        ("ogg" | "oga" | "opus" | "mp3" | "m4a", true) => Kind::Voice,
        ("mp3" | "m4a", false) => Kind::Audio,
        ("mp4", _) => Kind::Video,
        _ => Kind::Document,
    }
}

fn is_photo(len: u64, look: &Look) -> bool {
    let (width, height) = (u64::from(look.width), u64::from(look.height));
    let (short, long) = (width.min(height), width.max(height));
    len <= PHOTO && short > 0 && width + height <= SIDES && long <= short * RATIO
}

/// What is shown together; a photo and a video are, documents only with their like.
#[derive(PartialEq, Eq, Clone, Copy)]
enum Together {
    Seen,
    Heard,
    Documents,
    Alone,
}

fn together(kind: Kind) -> Together {
    match kind {
        Kind::Photo | Kind::Video => Together::Seen,
        Kind::Audio => Together::Heard,
        Kind::Document => Together::Documents,
        Kind::Animation | Kind::Voice => Together::Alone,
    }
}

/// Albums of at most ten, in the order of the first file of each.
pub(super) fn albums<T>(files: Vec<T>, kind: impl Fn(&T) -> Kind) -> Vec<Vec<T>> {
    let mut albums: Vec<(Together, Vec<T>)> = Vec::new();
    for file in files {
        let goes = together(kind(&file));
        let fits = |(with, album): &&mut (Together, Vec<T>)| {
            *with == goes && goes != Together::Alone && album.len() < ALBUM
        };
        match albums.iter_mut().find(fits) {
            Some((_, album)) => album.push(file),
            None => albums.push((goes, vec![file])),
        }
    }
    albums.into_iter().map(|(_, album)| album).collect()
}

impl Kind {
    /// The method that sends one.
    pub(super) fn method(self) -> &'static str {
        match self {
            Self::Photo => "sendPhoto",
            Self::Video => "sendVideo",
            Self::Animation => "sendAnimation",
            Self::Audio => "sendAudio",
            Self::Voice => "sendVoice",
            Self::Document => "sendDocument",
        }
    }

    /// What the method calls the file, and an album its kind.
    pub(super) fn field(self) -> &'static str {
        match self {
            Self::Photo => "photo",
            Self::Video => "video",
            Self::Animation => "animation",
            Self::Audio => "audio",
            Self::Voice => "voice",
            Self::Document => "document",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(name: &str, len: u64, look: Option<(&'static str, u32, u32)>, as_voice: bool) -> Kind {
        let look = look.map(|(mime, width, height)| Look {
            mime,
            ending: "x",
            width,
            height,
        });
        kind(&Found { len, look, name }, as_voice)
    }

    #[test]
    fn a_file_goes_as_what_the_server_takes_it_for() {
        let (png, gif) = ("image/png", "image/gif");
        for (name, len, look, as_voice, expected) in [
            ("a.png", 5, Some((png, 640, 480)), false, Kind::Photo),
            // What it is called does not count.
            ("a.txt", 5, Some((png, 640, 480)), false, Kind::Photo),
            ("a.png", 5, None, false, Kind::Document),
            (
                "a.png",
                11 << 20,
                Some((png, 640, 480)),
                false,
                Kind::Document,
            ),
            ("a.png", 5, Some((png, 9_000, 1_001)), false, Kind::Document),
            ("a.png", 5, Some((png, 2_100, 100)), false, Kind::Document),
            ("a.png", 5, Some((png, 2_000, 100)), false, Kind::Photo),
            ("a.png", 5, Some((png, 0, 0)), false, Kind::Document),
            ("a.gif", 5, Some((gif, 10, 10)), false, Kind::Animation),
            ("a.mp3", 5, None, false, Kind::Audio),
            ("a.MP3", 5, None, true, Kind::Voice),
            ("a.ogg", 5, None, true, Kind::Voice),
            ("a.ogg", 5, None, false, Kind::Document),
            ("a.mp4", 5, None, true, Kind::Video),
            ("a.pdf", 5, None, true, Kind::Document),
            ("mp3", 5, None, false, Kind::Document),
        ] {
            assert_eq!(of(name, len, look, as_voice), expected, "{name}");
        }
    }

    #[test]
    fn photos_and_videos_go_together_and_documents_do_not_mix() {
        use Kind::{Animation, Audio, Document, Photo, Video, Voice};
        let files = vec![
            Photo, Document, Video, Audio, Voice, Document, Animation, Audio,
        ];
        assert_eq!(
            albums(files, |kind| *kind),
            [
                vec![Photo, Video],
                vec![Document, Document],
                vec![Audio, Audio],
                vec![Voice],
                vec![Animation],
            ]
        );
        let many = albums(vec![Photo; 23], |kind| *kind);
        assert_eq!(many.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 3]);
    }

    proptest! {
        #[test]
        fn no_file_is_lost(kinds in proptest::collection::vec(0usize..6, 0..40)) {
            let all = [Kind::Photo, Kind::Video, Kind::Animation, Kind::Audio, Kind::Voice, Kind::Document];
            let albums = albums(kinds.clone(), |at| all[*at]);
            prop_assert!(albums.iter().all(|album| (1..=ALBUM).contains(&album.len())));
            let mut found = albums.concat();
            let mut kinds = kinds;
            found.sort_unstable();
            kinds.sort_unstable();
            prop_assert_eq!(found, kinds);
        }
    }
}
