//! An answer, as the messages and files that say it.
//!
//! Besides words, a model may write:
//!
//! | in an answer | means |
//! |---|---|
//! | `[[reply_to_current]]` | quote what is being answered |
//! | `[[reply_to:17]]` | quote that message of the chat; `[[reply_to:none]]`: quote nothing |
//! | `[[audio_as_voice]]` | what sounds is a voice message |
//! | `[[react:👍]]` | set this reaction on what is being answered |
//! | a line `MEDIA:chart.png` | send this file of the workspace; several in a row are one album |
//!
//! None of it counts inside of code, and none of it is shown. Pure: what a path leads to is looked at
//! by whoever opens it.

mod tags;

use super::format::{self, Page, Reading, Rendered};
use crate::config::Chunk;
use std::borrow::Cow;
use tags::{Piece, Taken};

#[cfg(test)]
mod tests;

/// Most messages that an answer is cut into. One that needs more is its first and a file.
const MAX_PARTS: usize = 5;
/// Most files that long code becomes.
const MAX_CODE_FILES: usize = 8;
/// Longest answer that is rendered, in bytes; of a longer one only the beginning is.
const MAX_RENDERED: usize = 128 * 1024;
/// How much of that is read for its first message.
const BEGINNING: usize = 32 * 1024;
/// Longest caption, in UTF-16 units.
const MAX_CAPTION: usize = 1024;
/// The file of an answer that is too long for a chat.
const WHOLE: &str = "answer.md";

/// How long a message may be, and where it is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// UTF-16 units of what is read, at most 4096.
    pub(crate) text: usize,
    /// Where to cut.
    pub(crate) chunk: Chunk,
}

/// An answer ready to be said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Composed {
    /// What to send, in order. Nothing, when nothing is to be said.
    pub(crate) parts: Vec<Part>,
    /// What to quote.
    pub(crate) quote: Quote,
    /// An emoji to set on what is being answered. Whether the chat allows it is not known here.
    pub(crate) reaction: Option<String>,
    /// Whether sound goes as a voice message.
    pub(crate) as_voice: bool,
}

/// One thing to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// A message.
    Text(Rendered),
    /// A document whose content is here.
    Attached {
        /// A plain file name.
        name: String,
        /// Its content.
        body: String,
        /// Says what it is.
        caption: Rendered,
    },
    /// Files of the workspace, at most ten, shown together.
    Files {
        /// As the model named them: never an address, and otherwise anything.
        paths: Vec<String>,
        /// What is said about them.
        caption: Option<Rendered>,
    },
}

/// Which message an answer quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Quote {
    /// As the account's settings say.
    #[default]
    Default,
    /// The one that is being answered.
    Current,
    /// This one.
    Message(i32),
    /// None.
    None,
}

/// Makes messages of an answer, each of at most `limits.text` UTF-16 units once its tags are read,
/// none of them empty.
pub(crate) fn compose(text: &str, limits: &Limits) -> Composed {
    let Taken {
        pieces,
        quote,
        reaction,
        as_voice,
    } = tags::take(format::head(text, MAX_RENDERED));
    let too_long = text.len() > MAX_RENDERED;
    let parts = if too_long {
        let rest = &text[format::head(text, MAX_RENDERED).len()..];
        shortened(&pieces, rest, limits)
    } else {
        all(&pieces, limits).unwrap_or_else(|| shortened(&pieces, "", limits))
    };
    Composed {
        parts,
        quote,
        reaction,
        as_voice,
    }
}

/// The beginning of an answer that is still being written, as it may be shown now: at most `limit`
/// UTF-16 units, no tag of ours in it, not even half of one. Empty while there is nothing to show.
pub(crate) fn preview(text: &str, limit: usize) -> Rendered {
    format::preview(&draft(text), limit)
}

/// The words of an answer that is still being written, without the tags in them and without what
/// may be the first half of one.
pub(crate) fn draft(text: &str) -> Cow<'_, str> {
    tags::strip_growing(text)
}

/// All of an answer; none when it is too much for a chat.
fn all(pieces: &[Piece], limits: &Limits) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let (mut texts, mut files) = (0, 0);
    for piece in pieces {
        let words = match piece {
            Piece::Words(words) => words,
            Piece::Files(paths) => {
                parts.push(shown(paths));
                continue;
            }
        };
        let mut page = Page::read(words, Reading::Filing);
        let attached = page.take_files();
        files += attached.len();
        let room = MAX_PARTS - texts;
        let before = parts.len();
        let said = page.parts(limits.text, limits.chunk).take(room + 1);
        parts.extend(said.map(Part::Text));
        texts += parts.len() - before;
        if texts > MAX_PARTS || files > MAX_CODE_FILES {
            return None;
        }
        parts.extend(attached.into_iter().map(|file| Part::Attached {
            caption: Rendered::default(),
            name: file.name,
            body: file.body,
        }));
    }
    Some(parts)
}

/// The beginning of an answer, and all of its words as a file.
fn shortened(pieces: &[Piece], rest: &str, limits: &Limits) -> Vec<Part> {
    let words = pieces.iter().filter_map(|piece| match piece {
        Piece::Words(words) => Some(words.as_str()),
        Piece::Files(_) => None,
    });
    let body = words.collect::<Vec<_>>().join("\n\n") + rest;
    let page = Page::read(format::head(&body, BEGINNING), Reading::Whole);
    let first = page.parts(limits.text, limits.chunk).next();
    let mut parts: Vec<Part> = first.map(Part::Text).into_iter().collect();
    parts.push(Part::Attached {
        name: WHOLE.into(),
        body,
        caption: Rendered::plain("The whole answer"),
    });
    let files = pieces.iter().filter_map(|piece| match piece {
        Piece::Words(_) => None,
        Piece::Files(paths) => Some(shown(paths)),
    });
    parts.extend(files);
    parts
}

fn shown(paths: &[String]) -> Part {
    Part::Files {
        paths: paths.to_vec(),
        caption: None,
    }
}

// === impl Composed ===

impl Composed {
    /// The same with words before files as the caption of these, where they are short enough. For an
    /// answer nothing of which is shown yet: what a live message said stays a message.
    #[must_use]
    pub(crate) fn captioned(mut self) -> Self {
        let mut parts: Vec<Part> = Vec::with_capacity(self.parts.len());
        for part in self.parts {
            let part = match (parts.pop(), part) {
                (
                    Some(Part::Text(words)),
                    Part::Files {
                        paths,
                        caption: None,
                    },
                ) if words.units() <= MAX_CAPTION => {
                    let caption = Some(words);
                    Part::Files { paths, caption }
                }
                (before, part) => {
                    parts.extend(before);
                    part
                }
            };
            parts.push(part);
        }
        self.parts = parts;
        self
    }
}
