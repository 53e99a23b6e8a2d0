//! Formulas, which Markdown does not know and would take apart: they come out as they were written.

use super::Reading;
use super::source::raw_ranges;
use std::borrow::Cow;

/// Longest formula, in bytes.
const MAX_FORMULA: usize = 4096;
/// Longest formula between single dollars: two prices in a sentence are none.
const MAX_DOLLARS: usize = 200;
/// How formulas are written, the longer mark before the one it begins with.
const MARKS: [(&str, &str); 4] = [("\\(", "\\)"), ("\\[", "\\]"), ("$$", "$$"), ("$", "$")];

/// The text with all that Markdown would take for markup escaped in its formulas (`\(…\)`, `\[…\]`,
/// `$…$`, `$$…$$`).
pub(super) fn protect(text: &str, reading: Reading) -> Cow<'_, str> {
    if !text.contains('$') && !text.contains("\\(") && !text.contains("\\[") {
        return Cow::Borrowed(text);
    }
    let raw = raw_ranges(text);
    let mut raw = raw.iter().peekable();
    let mut formulas = Formulas {
        text,
        grows: reading == Reading::Draft,
        ends: [0; MARKS.len()],
        blank: 0,
    };
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    let (mut done, mut at) = (0, 0);
    while let Some(next) = text[at..].find(['\\', '$']) {
        at += next;
        while raw.next_if(|range| range.end <= at).is_some() {}
        if let Some(range) = raw.peek().filter(|range| range.start <= at) {
            at = range.end;
            continue;
        }
        match formulas.end(at) {
            Some(end) if raw.peek().is_none_or(|range| range.start >= end) => {
                out.push_str(&text[done..at]);
                escape(&text[at..end], &mut out);
                (at, done) = (end, end);
            }
            // What a backslash escapes opens nothing.
            Some(_) | None => {
                let length = if text[at..].starts_with('$') { 1 } else { 2 };
                at = text.ceil_char_boundary((at + length).min(text.len()));
            }
        }
    }
    out.push_str(&text[done..]);
    Cow::Owned(out)
}

/// Where formulas end. What was found once is kept: every mark is looked for in each place once.
struct Formulas<'a> {
    text: &'a str,
    grows: bool,
    /// Where the next closing mark of each kind is, at or behind where it was asked for last.
    ends: [usize; MARKS.len()],
    /// The same for the next empty line.
    blank: usize,
}

// === impl Formulas ===

impl Formulas<'_> {
    /// Where the formula that begins here ends.
    fn end(&mut self, at: usize) -> Option<usize> {
        let rest = &self.text[at..];
        let kind = MARKS.iter().position(|(open, _)| rest.starts_with(open))?;
        let (open, close) = MARKS[kind];
        let from = at + open.len();
        let end = find(self.text, close, from, &mut self.ends[kind]);
        let blank = find(self.text, "\n\n", from, &mut self.blank);
        if end.min(blank) == self.text.len() {
            // It is still being written: it will be nothing else when it is whole.
            let is_begun = self.grows && open != "$" && rest.len() <= MAX_FORMULA;
            return is_begun.then_some(self.text.len());
        }
        let is_near = end < blank && end - from <= MAX_FORMULA;
        let is_one = is_near && (open != "$" || self.is_between_dollars(at, end));
        is_one.then_some(end + close.len())
    }

    /// Whether what is between these two dollars is a formula, not prices or shell variables.
    fn is_between_dollars(&self, at: usize, end: usize) -> bool {
        let body = &self.text[at + 1..end];
        let before = self.text[..at].chars().next_back();
        let after = self.text[end + 1..].chars().next();
        let tight = !body.starts_with(char::is_whitespace) && !body.ends_with(char::is_whitespace);
        tight
            && !body.is_empty()
            && body.len() <= MAX_DOLLARS
            && !body.contains(['\n', '`'])
            && body.contains(['\\', '^', '_', '=', '{'])
            && !before.is_some_and(char::is_alphanumeric)
            && !after.is_some_and(char::is_alphanumeric)
    }
}

/// Where `what` is next, the end of the text where it is not.
fn find(text: &str, what: &str, from: usize, known: &mut usize) -> usize {
    if *known < from || *known == 0 {
        let found = text[from..].find(what);
        *known = found.map_or(text.len(), |found| from + found);
    }
    *known
}

fn escape(formula: &str, out: &mut String) {
    for char in formula.chars() {
        if char.is_ascii_punctuation() {
            out.push('\\');
        }
        out.push(char);
    }
}
