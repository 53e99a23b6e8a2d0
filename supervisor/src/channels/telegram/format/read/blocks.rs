//! Blocks: headings, quotes, items, code.

use super::super::code::{CodeFile, file_name, is_long, language};
use super::super::layout::Gap;
use super::super::styled::Style;
use super::{Heading, OpenCode, RULE, Reader, Reading};
use pulldown_cmark::{BlockQuoteKind, CodeBlockKind};
use std::ops::Range;

/// Longest line that "---" under it makes a heading, in bytes. Models put a rule under paragraphs.
const MAX_UNDERLINED: usize = 80;

impl Reader<'_> {
    pub(super) fn block(&mut self, at: usize) {
        let gap = self.take_gap(at);
        self.layout.block(gap);
    }

    pub(super) fn take_gap(&mut self, at: usize) -> Gap {
        match std::mem::take(&mut self.after_heading) {
            true => Gap::Line,
            false => self.gap_before(at),
        }
    }

    /// What the author left before this byte.
    pub(super) fn gap_before(&self, at: usize) -> Gap {
        let near = self.source.as_bytes()[..at].iter().rev().take(64);
        let blank = near.take_while(|byte| byte.is_ascii_whitespace() || **byte == b'>');
        match blank.filter(|byte| **byte == b'\n').count() {
            0 | 1 => Gap::Line,
            _ => Gap::Blank,
        }
    }

    /// What is open in a line ends with its block, whatever was forgotten.
    pub(super) fn end_block(&mut self) {
        self.spoiler = false;
        self.underline = 0;
        self.key = 0;
        self.small = None;
        self.after_heading = false;
    }

    pub(super) fn start_heading(&mut self, range: &Range<usize>) {
        self.block(range.start);
        let text = self.source[range.clone()].trim_end();
        let (body, underline) = text.rsplit_once('\n').unwrap_or((text, ""));
        let is_line = !body.contains('\n') && body.len() <= MAX_UNDERLINED;
        let is_ruled = !text.starts_with('#') && underline.contains('-') && !is_line;
        if is_ruled {
            self.heading = Some(Heading::Ruled);
        } else {
            self.heading = Some(Heading::Real);
            self.bold += 1;
        }
    }

    pub(super) fn end_heading(&mut self) {
        self.end_block();
        match self.heading.take() {
            Some(Heading::Ruled) => {
                self.layout.block(Gap::Line);
                self.words(RULE);
            }
            Some(Heading::Real) => {
                self.bold = self.bold.saturating_sub(1);
                self.after_heading = true;
            }
            None => {}
        }
    }

    pub(super) fn start_quote(&mut self, kind: Option<BlockQuoteKind>, at: usize) {
        let gap = self.take_gap(at);
        self.layout.open_quote(gap);
        let title = match kind {
            None => return,
            Some(BlockQuoteKind::Note) => "ℹ️ Note",
            Some(BlockQuoteKind::Tip) => "💡 Tip",
            Some(BlockQuoteKind::Important) => "❗ Important",
            Some(BlockQuoteKind::Warning) => "⚠️ Warning",
            Some(BlockQuoteKind::Caution) => "🛑 Caution",
        };
        let bold = Style {
            bold: true,
            ..Style::default()
        };
        self.layout.words(title, bold);
        self.after_heading = true;
    }

    pub(super) fn start_item(&mut self, at: usize) {
        let gap = self.take_gap(at);
        let marker = match self.lists.last_mut() {
            Some(Some(number)) => {
                let marker = format!("{number}. ");
                *number = number.saturating_add(1);
                marker
            }
            Some(None) | None => match self.layout.depth() {
                0 => "• ".to_owned(),
                1 => "◦ ".to_owned(),
                _ => "▪ ".to_owned(),
            },
        };
        self.layout.open_item(&marker, gap);
    }

    pub(super) fn task(&mut self, done: bool) {
        let check = if done { "☑ " } else { "☐ " };
        self.layout.mark(|marker| match marker.ends_with(". ") {
            true => format!("{marker}{check}"),
            false => check.to_owned(),
        });
    }

    pub(super) fn start_code(&mut self, kind: CodeBlockKind<'_>, at: usize) {
        let info = match kind {
            CodeBlockKind::Indented => String::new(),
            CodeBlockKind::Fenced(info) => info.into_string(),
        };
        let gap = self.take_gap(at);
        self.code = Some(OpenCode {
            info,
            body: String::new(),
            gap,
        });
    }

    pub(super) fn end_code(&mut self) {
        let Some(code) = self.code.take() else {
            return;
        };
        let body = code.body.trim_end();
        if body.is_empty() {
            return;
        }
        if self.reading == Reading::Filing && is_long(body) {
            return self.file(&code);
        }
        let language = language(&code.info).map(|name| self.targets.keep(&name));
        self.layout.verbatim(body, language, code.gap);
    }

    /// Leaves the name of a file in place of its code.
    pub(super) fn file(&mut self, code: &OpenCode) {
        let name = file_name(&code.info, &self.files);
        let lines = match code.body.lines().count() {
            1 => "1 line".to_owned(),
            lines => format!("{lines} lines"),
        };
        self.layout.block(code.gap);
        self.words("📎 ");
        self.code_words(&name);
        self.words(&format!(" ({lines})"));
        self.files.push(CodeFile {
            name,
            body: code.body.clone(),
        });
    }
}
