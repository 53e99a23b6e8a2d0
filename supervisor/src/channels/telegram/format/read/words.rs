//! What is said in a block: words, code in a line, raw HTML.

use super::super::inline_html::{self, Found, Known};
use super::super::spoiler;
use super::super::styled::{Inner, Style};
use super::{Reader, Reading};
use std::ops::Range;

impl Reader<'_> {
    pub(super) fn text(&mut self, text: &str, range: &Range<usize>) {
        if let Some(code) = &mut self.code {
            code.body.push_str(text);
            return;
        }
        // An entity (`&amp;`) is longer in the source than what it says, and has no bars.
        if text.len() != range.len() {
            return self.words(text);
        }
        let mut said = range.start;
        while let Some(bar) = self.next_bar.filter(|bar| *bar < range.end) {
            self.next_bar = self.bars.next();
            if bar >= said && bar + spoiler::BARS.len() <= range.end {
                self.words(&text[said - range.start..bar - range.start]);
                self.spoiler = !self.spoiler;
                said = bar + spoiler::BARS.len();
            }
        }
        self.words(&text[said - range.start..]);
    }

    pub(super) fn words(&mut self, text: &str) {
        let style = self.style();
        match self.small {
            None => self.layout.words(text, style),
            Some(row) => {
                let small = |char| inline_html::small(char, row).unwrap_or(char);
                let text: String = text.chars().map(small).collect();
                self.layout.words(&text, style);
            }
        }
    }

    /// Code in a line. In a link or a spoiler it is words: Telegram allows one of them only.
    pub(super) fn code_words(&mut self, text: &str) {
        let style = self.style();
        let style = match style.inner {
            Inner::Words if !style.spoiler => Style {
                inner: Inner::Code,
                ..Style::default()
            },
            Inner::Words | Inner::Link(_) | Inner::Code | Inner::Block(_) => style,
        };
        self.layout.words(text, style);
    }

    pub(super) fn style(&self) -> Style {
        let link = self.links.iter().find_map(|link| link.target);
        let style = Style {
            bold: self.bold > 0,
            italic: self.italic > 0,
            underline: self.underline > 0,
            strike: self.strike > 0,
            spoiler: self.spoiler,
            inner: link.map_or(Inner::Words, Inner::Link),
            ..Style::default()
        };
        if self.key > 0 && link.is_none() && !self.spoiler {
            return Style {
                inner: Inner::Code,
                ..Style::default()
            };
        }
        style
    }

    /// A single tilde strikes nothing: "~5 to ~10", "5~10".
    pub(super) fn toggle_strike(&mut self, range: &Range<usize>, on: bool) {
        if !self.source[range.clone()].starts_with("~~") {
            self.words("~");
        } else if on {
            self.strike += 1;
        } else {
            self.strike = self.strike.saturating_sub(1);
        }
    }

    pub(super) fn html(&mut self, html: &str) {
        for (index, line) in inline_html::lines(html).enumerate() {
            if index > 0 {
                self.layout.line();
            }
            self.words(line);
        }
    }

    pub(super) fn tag(&mut self, tag: &str, range: &Range<usize>) {
        let rest = self.source.get(range.end..).unwrap_or_default();
        match inline_html::read(tag, rest, self.reading == Reading::Draft) {
            Found::Opening(Known::Break) => self.layout.line(),
            Found::Opening(Known::Underline) => self.underline += 1,
            Found::Opening(Known::Key) => self.key += 1,
            Found::Opening(row @ (Known::Raised | Known::Lowered)) => self.small = Some(row),
            Found::Closing(Known::Underline) if self.underline > 0 => self.underline -= 1,
            Found::Closing(Known::Key) if self.key > 0 => self.key -= 1,
            Found::Closing(row) if self.small == Some(row) => self.small = None,
            Found::Closing(_) | Found::Other => self.words(tag),
        }
    }
}
