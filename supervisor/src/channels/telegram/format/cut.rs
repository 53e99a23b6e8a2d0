//! Cutting a text into messages: by UTF-16 units of what is read, at the best place there is.

use super::styled::{Inner, Quote};
use super::units::{is_blank, prefix, units};
use super::{Page, Rendered, html};
use crate::config::Chunk;
use std::ops::Range;
use unicode_segmentation::GraphemeCursor;

/// Smallest limit that is followed: below it nothing could be said.
const MIN_LIMIT: usize = 16;
/// Most messages of which each may be one paragraph.
const MOST_PARAGRAPHS: usize = 5;
/// Longest run of joined characters that is kept in one piece, in bytes: an emoji of a family has
/// 25, a flag of a region 28. What stacks more than that is nobody's writing.
const LONGEST_CLUSTER: usize = 256;

/// The messages of a page, one by one.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    page: &'a Page,
    limit: usize,
    /// Whether a paragraph is never put together with the next one.
    apart: bool,
    at: usize,
}

impl<'a> Parts<'a> {
    pub(super) fn new(page: &'a Page, limit: usize, chunk: Chunk) -> Self {
        let parts = |apart| Self {
            page,
            limit: limit.max(MIN_LIMIT),
            apart,
            at: 0,
        };
        match chunk {
            Chunk::Length => parts(false),
            // A message for each paragraph is what was asked for, a flood of them is not.
            Chunk::Newline => {
                parts(parts(true).take(MOST_PARAGRAPHS + 1).count() <= MOST_PARAGRAPHS)
            }
        }
    }

    /// Where the part that begins here ends at the latest for its length.
    fn reach(&self, limit: usize) -> usize {
        let rest = &self.page.styled.text()[self.at..];
        self.at + prefix(rest, limit)
    }
}

impl Iterator for Parts<'_> {
    type Item = Rendered;

    fn next(&mut self) -> Option<Rendered> {
        let text = self.page.styled.text();
        let mut limit = self.limit;
        loop {
            self.at += leading(self.page, self.at);
            if self.at >= text.len() {
                return None;
            }
            let reach = self.reach(limit);
            let end = self.choose(reach);
            let piece = trim(text, self.at..end);
            if is_blank(&text[piece.clone()]) {
                self.at = end;
                continue;
            }
            match html::html(self.page, piece.clone()) {
                Ok(html) => {
                    self.at = end;
                    let plain = text[piece].to_owned();
                    return Some(Rendered { html, plain });
                }
                Err(at) => limit = units(&text[piece.start..at]).max(2),
            }
        }
    }
}

impl Parts<'_> {
    /// Where to cut, at `reach` at the latest.
    fn choose(&self, reach: usize) -> usize {
        let page = self.page;
        if self.apart
            && let Some(end) = first_paragraph(page, self.at..reach)
        {
            return end;
        }
        if reach == page.styled.text().len() {
            return reach;
        }
        border(page, self.at..reach)
    }
}

/// The beginning of a page in one message, "…" behind it where the page, or what it was read from,
/// goes on.
pub(super) fn first(page: &Page, limit: usize, more: bool) -> Rendered {
    let text = page.styled.text();
    let from = leading(page, 0);
    let mut limit = limit.max(MIN_LIMIT);
    loop {
        let whole = from + prefix(&text[from..], limit) == text.len() && !more;
        let reach = from + prefix(&text[from..], limit - usize::from(!whole));
        let end = if whole || reach == text.len() {
            reach
        } else {
            border(page, from..reach)
        };
        let piece = trim(text, from..end);
        if is_blank(&text[piece.clone()]) {
            return Rendered::default();
        }
        match html::html(page, piece.clone()) {
            Ok(mut html) => {
                let mut plain = text[piece].to_owned();
                if !whole {
                    html.push('…');
                    plain.push('…');
                }
                return Rendered { html, plain };
            }
            Err(at) => limit = units(&text[piece.start..at]).max(3),
        }
    }
}

/// Bytes to leave out where a part begins. Spaces of code stay: they are its shape.
fn leading(page: &Page, at: usize) -> usize {
    let rest = &page.styled.text()[at..];
    let blank = rest.len() - rest.trim_start().len();
    let shown = page.styled.style_at(at + blank);
    match shown.inner {
        Inner::Block(_) => rest[..blank].rfind('\n').map_or(0, |line| line + 1),
        Inner::Words | Inner::Link(_) | Inner::Code => blank,
    }
}

/// A part without the white space at its end.
fn trim(text: &str, range: Range<usize>) -> Range<usize> {
    range.start..range.start + text[range.clone()].trim_end().len()
}

/// The best place to cut in these bytes, after which the text goes on: the last paragraph, line or
/// word that leaves no stump, or else between two characters.
fn border(page: &Page, range: Range<usize>) -> usize {
    let text = page.styled.text();
    let least = text.ceil_char_boundary(range.start + range.len() / 4);
    // A border right behind the reach is as good as one before it.
    let behind = text[range.end..].chars().next();
    let space = behind.filter(|char| char.is_whitespace());
    let window = least..range.end + space.map_or(0, char::len_utf8);
    let last = |is: fn(char) -> bool| {
        let found = text[window.clone()]
            .char_indices()
            .rev()
            .filter(|(_, char)| is(*char));
        found
            .map(|(at, char)| window.start + at + char.len_utf8())
            // A space may carry a mark, which would be left without it.
            .find(|end| is_boundary(text, range.start, *end))
    };
    last_paragraph(page, window.clone())
        .or_else(|| last(|char| char == '\n'))
        .or_else(|| last(char::is_whitespace))
        .unwrap_or_else(|| between(text, range))
}

/// Behind the last empty line in the window that is in no code.
fn last_paragraph(page: &Page, window: Range<usize>) -> Option<usize> {
    let part = &page.styled.text()[window.clone()];
    let mut ends = part.rmatch_indices("\n\n").map(|(at, _)| window.start + at);
    let found = ends.find(|at| !is_code(page, *at))?;
    Some(found + 2)
}

/// Behind the first empty line that is in no code and no quote.
fn first_paragraph(page: &Page, range: Range<usize>) -> Option<usize> {
    let part = &page.styled.text()[range.clone()];
    let mut ends = part.match_indices("\n\n").map(|(at, _)| range.start + at);
    let found = ends.find(|at| !is_code(page, *at) && !is_quoted(page, *at))?;
    Some(found + 2)
}

fn is_code(page: &Page, at: usize) -> bool {
    matches!(page.styled.style_at(at).inner, Inner::Block(_))
}

fn is_quoted(page: &Page, at: usize) -> bool {
    page.styled.style_at(at).quote != Quote::No
}

/// The end of the range, or before the character it would take apart.
fn between(text: &str, range: Range<usize>) -> usize {
    let back = range
        .end
        .saturating_sub(LONGEST_CLUSTER)
        .max(range.start + 1);
    let from = text.ceil_char_boundary(back);
    if from >= range.end || is_boundary(text, range.start, range.end) {
        return range.end;
    }
    let starts = text[from..range.end].char_indices().rev();
    starts
        .map(|(at, _)| from + at)
        .find(|at| is_boundary(text, range.start, *at))
        .unwrap_or(range.end)
}

/// Whether a reader sees a new character begin at `at`. It is asked from where the part begins:
/// which two of many regional letters are a flag is only known from the first.
fn is_boundary(text: &str, from: usize, at: usize) -> bool {
    let to = text.ceil_char_boundary((at + 8).min(text.len()));
    let part = &text[from..to];
    let mut cursor = GraphemeCursor::new(at - from, part.len(), true);
    cursor.is_boundary(part, 0).unwrap_or(true)
}
