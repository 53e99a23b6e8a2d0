//! Blocks under one another: empty lines between them as the author left them, bullets, indents,
//! quotes. Everything that is written passes here, in order.

use super::flank;
use super::styled::{Inner, Quote, Style, Styled};
use super::units::units;

/// Spaces for each level of a list.
const INDENT: usize = 4;
/// Levels that are shown as such, of lists and of quotes in quotes.
const MAX_LEVELS: usize = 6;
/// A quote with more lines than this is folded.
const MAX_QUOTE_LINES: usize = 8;
/// So is one with more UTF-16 units.
const MAX_QUOTE_UNITS: usize = 600;

/// What is between two blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Gap {
    /// The second continues the first.
    #[default]
    None,
    /// A line of its own.
    Line,
    /// An empty line.
    Blank,
}

/// A text being written.
#[derive(Debug, Default)]
pub(super) struct Layout {
    out: Styled,
    gap: Gap,
    /// Line breaks that wait for something to stand behind them.
    breaks: usize,
    /// What the next line begins with: `• `.
    marker: Option<String>,
    /// Levels of lists around what comes next, inside of the quote, if there is one.
    levels: usize,
    /// The same outside of the quote.
    levels_outside: usize,
    /// Levels of quotes around what comes next.
    quotes: usize,
    /// Where the outermost of them began to say something.
    quote_at: Option<usize>,
    /// Whether long quotes are folded.
    folds: bool,
    /// Whether this is one cell of a table.
    in_cell: bool,
}

/// What a layout was about to do when a table began.
#[derive(Debug)]
pub(super) struct Held {
    out: Styled,
    gap: Gap,
    marker: Option<String>,
}

// === impl Layout ===

impl Layout {
    /// An empty text; long quotes are folded if `folds`.
    pub(super) fn new(folds: bool) -> Self {
        Self {
            folds,
            ..Self::default()
        }
    }

    /// What was written.
    pub(super) fn finish(self) -> Styled {
        self.out
    }

    /// What was written until now.
    pub(super) fn text(&self) -> &str {
        self.out.text()
    }

    /// A block begins. The first of an item stands behind its marker.
    pub(super) fn block(&mut self, gap: Gap) {
        self.breaks = 0;
        if self.marker.is_none() {
            self.gap = gap;
        }
    }

    /// Writes words; a line break in them is one.
    pub(super) fn words(&mut self, text: &str, style: Style) {
        for (index, line) in text.split('\n').enumerate() {
            if index > 0 {
                self.line();
            }
            for words in line.split(flank::SPACE).filter(|words| !words.is_empty()) {
                self.begin(true);
                self.push(words, style);
            }
        }
    }

    /// Writes what is in a style already.
    pub(super) fn styled(&mut self, text: &Styled) {
        for (words, style) in text.runs(0..text.text().len()) {
            self.words(words, style);
        }
    }

    /// Breaks the line.
    pub(super) fn line(&mut self) {
        // One empty line is a pause, more are none.
        self.breaks = (self.breaks + 1).min(2);
    }

    /// Writes a block as it is, to the last space.
    pub(super) fn verbatim(&mut self, text: &str, language: Option<u32>, gap: Gap) {
        if self.marker.is_some() {
            self.begin(true);
            self.gap = Gap::Line;
        } else {
            self.gap = gap;
        }
        self.begin(false);
        let inner = Inner::Block(language);
        self.push(
            text,
            Style {
                inner,
                ..Style::default()
            },
        );
    }

    /// An item begins. It is told from its predecessor even if that is empty.
    pub(super) fn open_item(&mut self, marker: &str, gap: Gap) {
        self.flush_marker();
        self.block(gap);
        self.levels += 1;
        self.marker = Some(marker.to_owned());
    }

    /// Adds to the marker of the item that has just begun.
    pub(super) fn mark(&mut self, with: impl FnOnce(&str) -> String) {
        if let Some(marker) = &mut self.marker {
            *marker = with(marker);
        }
    }

    /// The item ends.
    pub(super) fn close_item(&mut self) {
        self.flush_marker();
        self.levels = self.levels.saturating_sub(1);
    }

    /// How deep in lists this is.
    pub(super) fn depth(&self) -> usize {
        self.levels
    }

    /// A quote begins.
    pub(super) fn open_quote(&mut self, gap: Gap) {
        self.flush_marker();
        self.block(gap);
        if self.quotes == 0 {
            self.levels_outside = std::mem::take(&mut self.levels);
        }
        self.quotes += 1;
    }

    /// A quote ends.
    pub(super) fn close_quote(&mut self) {
        self.quotes = self.quotes.saturating_sub(1);
        if self.quotes > 0 {
            return;
        }
        self.levels = std::mem::take(&mut self.levels_outside);
        if let Some(from) = self.quote_at.take()
            && self.folds
            && is_long(&self.out.text()[from..])
        {
            self.out.fold_quote(from);
        }
    }

    /// A table begins: what is written next is a cell.
    pub(super) fn hold(&mut self) -> Held {
        self.in_cell = true;
        self.breaks = 0;
        Held {
            out: std::mem::take(&mut self.out),
            gap: std::mem::take(&mut self.gap),
            marker: self.marker.take(),
        }
    }

    /// A cell ends.
    pub(super) fn take_cell(&mut self) -> Styled {
        self.breaks = 0;
        self.gap = Gap::None;
        std::mem::take(&mut self.out)
    }

    /// The table ends; nothing of it is written yet.
    pub(super) fn release(&mut self, held: Held) {
        self.in_cell = false;
        self.breaks = 0;
        self.out = held.out;
        self.gap = held.gap;
        self.marker = held.marker;
    }

    fn flush_marker(&mut self) {
        if self.marker.is_some() {
            self.begin(true);
        }
    }

    /// Comes before whatever is written: what waits for it, breaks and markers.
    fn begin(&mut self, indents: bool) {
        let is_first = self.out.text().is_empty();
        let breaks = self.breaks.max(self.gap as usize);
        self.breaks = 0;
        self.gap = Gap::None;
        if breaks > 0 && !is_first {
            let newlines = &"\n\n"[..breaks];
            self.out.push(newlines, self.around());
        }
        if self.quotes > 0 && self.quote_at.is_none() && !self.in_cell {
            self.quote_at = Some(self.out.text().len());
        }
        if indents && !self.in_cell && (breaks > 0 || is_first) {
            self.out.push(&self.indent(), self.around());
        }
        if let Some(marker) = self.marker.take() {
            self.out.push(&marker, self.around());
        }
    }

    /// How what is between words looks.
    fn around(&self) -> Style {
        self.quoted(Style::default())
    }

    fn push(&mut self, text: &str, style: Style) {
        let style = self.quoted(style);
        self.out.push(text, style);
    }

    fn quoted(&self, style: Style) -> Style {
        let quote = match self.quote_at {
            Some(_) => Quote::Short,
            None => Quote::No,
        };
        Style { quote, ..style }
    }

    /// What a line begins with. Telegram has one level of quotes, so the others are written.
    fn indent(&self) -> String {
        let quotes = self.quotes.saturating_sub(1).min(MAX_LEVELS);
        let own = usize::from(self.marker.is_some());
        let levels = self.levels.saturating_sub(own).min(MAX_LEVELS);
        "> ".repeat(quotes) + &" ".repeat(levels * INDENT)
    }
}

fn is_long(quote: &str) -> bool {
    quote.lines().count() > MAX_QUOTE_LINES || units(quote) > MAX_QUOTE_UNITS
}
