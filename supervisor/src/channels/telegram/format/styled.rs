//! A text, and how each stretch of it looks.

use std::ops::Range;

/// How a stretch looks. Code has no other style than its quote: Telegram allows nothing in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Style {
    /// Whether it is quoted.
    pub(super) quote: Quote,
    pub(super) bold: bool,
    pub(super) italic: bool,
    pub(super) underline: bool,
    pub(super) strike: bool,
    /// Hidden until it is touched.
    pub(super) spoiler: bool,
    /// What it is besides.
    pub(super) inner: Inner,
}

/// Whether a stretch is quoted. Telegram has one level only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Quote {
    /// It is not.
    #[default]
    No,
    /// It is, and shown whole.
    Short,
    /// It is, and folded until it is touched.
    Long,
}

/// What exists once at a place: none of these can be in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Inner {
    #[default]
    Words,
    /// Leads to this one of the [`Targets`].
    Link(u32),
    /// In a line.
    Code,
    /// A block, its language one of the [`Targets`].
    Block(Option<u32>),
}

/// Where links lead, and the languages of code.
#[derive(Debug, Default)]
pub(super) struct Targets(Vec<Box<str>>);

/// A stretch in one style, up to where the next begins.
#[derive(Debug, Clone, Copy)]
struct Run {
    start: usize,
    style: Style,
}

/// A text with its styles.
#[derive(Debug, Default)]
pub(super) struct Styled {
    text: String,
    runs: Vec<Run>,
}

// === impl Styled ===

impl Styled {
    /// The words alone.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Adds words.
    pub(super) fn push(&mut self, text: &str, style: Style) {
        if text.is_empty() {
            return;
        }
        if self.runs.last().is_none_or(|run| run.style != style) {
            let start = self.text.len();
            self.runs.push(Run { start, style });
        }
        self.text.push_str(text);
    }

    /// How the character at this byte looks.
    pub(super) fn style_at(&self, at: usize) -> Style {
        let after = self.runs.partition_point(|run| run.start <= at);
        after
            .checked_sub(1)
            .map_or_else(Style::default, |index| self.runs[index].style)
    }

    /// The stretches within these bytes.
    pub(super) fn runs(&self, range: Range<usize>) -> impl Iterator<Item = (&str, Style)> {
        let after = self.runs.partition_point(|run| run.start <= range.start);
        let runs = &self.runs[after.saturating_sub(1)..];
        let end = range.end;
        runs.iter()
            .enumerate()
            .take_while(move |(_, run)| run.start < end)
            .map(move |(index, run)| {
                let next = runs.get(index + 1).map_or(end, |next| next.start.min(end));
                (&self.text[run.start.max(range.start)..next], run.style)
            })
    }

    /// Folds the quote that began at this byte and is the last thing said.
    pub(super) fn fold_quote(&mut self, from: usize) {
        let first = self.runs.partition_point(|run| run.start < from);
        for run in &mut self.runs[first..] {
            run.style.quote = Quote::Long;
        }
    }
}

// === impl Targets ===

impl Targets {
    /// Keeps one.
    pub(super) fn keep(&mut self, target: &str) -> u32 {
        self.0.push(target.into());
        // Each has at least a byte of a source that is far shorter than that.
        u32::try_from(self.0.len() - 1).unwrap_or(u32::MAX)
    }

    /// One that was kept.
    pub(super) fn get(&self, index: u32) -> &str {
        self.0.get(index as usize).map_or("", |target| target)
    }
}
