//! Markdown as language models write it, as messages of Telegram.
//!
//! ```text
//!   source ─▶ read: the parser's events ─▶ Styled: one text, and a style for each stretch of it
//!   (math protected)  layout, table, link       │
//!                                               ▼
//!              Rendered { html, plain } ◀─ html ◀─ cut: by UTF-16 units, at a paragraph, line, word
//! ```
//!
//! What is cut is the text as it will be read, never its markup: a style is opened where it begins
//! in a part, and closed where it or the part ends, so every part is well-formed by construction.
//! Pure. Never fails: whatever is no Markdown is text.

mod read;
mod layout;
mod table;
mod link;
mod inline_html;
mod code;
mod spoiler;
mod math;
mod flank;
mod source;
mod mend;
mod cut;
mod html;
mod styled;
mod units;

pub(crate) use code::CodeFile;
pub(crate) use cut::Parts;
pub(crate) use source::code_ranges;
pub(crate) use units::head;

use crate::config::Chunk;
use styled::{Styled, Targets};

#[cfg(test)]
mod tests;

/// What one message says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Rendered {
    /// Telegram's HTML.
    pub(crate) html: String,
    /// What is left of it once the server has read the tags: what is sent where it refuses them.
    pub(crate) plain: String,
}

/// A whole text, before it is cut into messages.
#[derive(Debug)]
pub(crate) struct Page {
    styled: Styled,
    targets: Targets,
    files: Vec<CodeFile>,
}

/// How to read a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// It is all there, and goes out as it is.
    Whole,
    /// It is all there; code too long to be read in a chat becomes files.
    Filing,
    /// It still grows: nothing that is there already may change its looks when more comes.
    Draft,
}

/// Longest preview's source that is looked at, in bytes. What a message can show of it is less,
/// unless nearly all of it is links.
const MAX_PREVIEW: usize = 64 * 1024;

impl Page {
    /// Reads Markdown.
    pub(crate) fn read(text: &str, reading: Reading) -> Self {
        let source = source::clean(text);
        let source = math::protect(&source, reading);
        let source = flank::part(&source);
        read::read(&source, reading)
    }

    /// The messages of it, each of at most `limit` UTF-16 units once its tags are read. None is
    /// empty. Lazy: what is not asked for costs nothing.
    pub(crate) fn parts(&self, limit: usize, chunk: Chunk) -> Parts<'_> {
        Parts::new(self, limit, chunk)
    }

    /// The files that long code became, in their order; taken out.
    pub(crate) fn take_files(&mut self) -> Vec<CodeFile> {
        std::mem::take(&mut self.files)
    }
}

impl Rendered {
    /// Words without any markup.
    pub(crate) fn plain(text: &str) -> Self {
        Self {
            html: html::escape(text),
            plain: text.to_owned(),
        }
    }

    /// Its length as Telegram counts: UTF-16 units of what is read.
    pub(crate) fn units(&self) -> usize {
        units::units(&self.plain)
    }
}

/// The *beginning* of a text that still grows, in at most `limit` UTF-16 units, "…" behind it where
/// there is more. Its end would make every line move with every edit, and the first of the final
/// messages begins with these very words: what was read once stays where it was. Markup that is
/// half-written is completed, or held back until it can be understood. Empty while there is
/// nothing to show.
pub(crate) fn preview(text: &str, limit: usize) -> Rendered {
    let seen = units::head(text, MAX_PREVIEW);
    let mended = mend::mend(seen);
    let page = Page::read(&mended, Reading::Draft);
    cut::first(&page, limit, seen.len() < text.len())
}
