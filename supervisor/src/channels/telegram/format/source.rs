//! A source as the parser should see it, and what of it is to be taken literally.

use super::Reading;
use pulldown_cmark::{Event, LinkType, Options, Parser, Tag};
use std::borrow::Cow;
use std::ops::Range;

/// Longest formula, in bytes, from its opening to its close.
const MAX_FORMULA: usize = 2000;
/// Longest formula between single dollars: two prices in a sentence are none.
const MAX_DOLLARS: usize = 200;

/// The Markdown that models write: CommonMark and GitHub's, footnotes.
pub(super) fn dialect() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_GFM
}

/// One kind of line break, and no character that only a terminal would understand.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    let odd = |char: char| {
        (char.is_ascii_control() && char != '\n' && char != '\t')
            || matches!(char, '\u{2028}' | '\u{2029}')
    };
    if !text.contains(odd) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' | '\u{2028}' | '\u{2029}' => out.push('\n'),
            char if odd(char) => out.push(' '),
            char => out.push(char),
        }
    }
    Cow::Owned(out)
}

/// Where code is, in lines and in blocks, in order. What is in there means nothing but itself.
pub(crate) fn code_ranges(text: &str) -> Vec<Range<usize>> {
    if !text.contains(['`', '~', '\t']) && !text.contains("    ") {
        return Vec::new();
    }
    literal(text, |event| {
        matches!(event, Event::Code(_) | Event::Start(Tag::CodeBlock(_)))
    })
}

/// Where a backslash is a backslash: in code, in raw HTML, in bare addresses.
fn raw_ranges(text: &str) -> Vec<Range<usize>> {
    let bare = LinkType::Autolink;
    literal(text, |event| {
        matches!(
            event,
            Event::Code(_)
                | Event::Html(_)
                | Event::InlineHtml(_)
                | Event::Start(Tag::CodeBlock(_) | Tag::HtmlBlock)
        ) || matches!(event, Event::Start(Tag::Link { link_type, .. }) if *link_type == bare)
    })
}

fn literal(text: &str, is: impl Fn(&Event<'_>) -> bool) -> Vec<Range<usize>> {
    let events = Parser::new_ext(text, dialect()).into_offset_iter();
    let found = events.filter(|(event, _)| is(event));
    found.map(|(_, range)| range).collect()
}

/// Formulas (`\(…\)`, `\[…\]`, `$…$`, `$$…$$`) with all that Markdown would take for markup
/// escaped: they come out as they were written.
pub(super) fn protect_math(text: &str, reading: Reading) -> Cow<'_, str> {
    if !text.contains('$') && !text.contains("\\(") && !text.contains("\\[") {
        return Cow::Borrowed(text);
    }
    let raw = raw_ranges(text);
    let mut raw = raw.iter().peekable();
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    let mut done = 0;
    let mut at = 0;
    while let Some(next) = text[at..].find(['\\', '$']) {
        at += next;
        while raw.next_if(|range| range.end <= at).is_some() {}
        if let Some(range) = raw.peek().filter(|range| range.start <= at) {
            at = range.end;
            continue;
        }
        match formula(text, at, reading) {
            Some(end) if raw.peek().is_none_or(|range| range.start >= end) => {
                out.push_str(&text[done..at]);
                escape(&text[at..end], &mut out);
                (at, done) = (end, end);
            }
            // What a backslash escapes opens nothing.
            Some(_) | None => at = text.ceil_char_boundary((at + 2).min(text.len())),
        }
    }
    out.push_str(&text[done..]);
    Cow::Owned(out)
}

/// Where the formula that begins here ends.
fn formula(text: &str, at: usize, reading: Reading) -> Option<usize> {
    let rest = &text[at..];
    let (open, close) = [("\\(", "\\)"), ("\\[", "\\]"), ("$$", "$$"), ("$", "$")]
        .into_iter()
        .find(|(open, _)| rest.starts_with(open))?;
    let body = &rest[open.len()..];
    let near = &body[..body.floor_char_boundary(MAX_FORMULA)];
    let near = near.split("\n\n").next().unwrap_or_default();
    let Some(length) = near.find(close) else {
        // It is still being written: it will not be anything else when it is whole.
        let grows = reading == Reading::Draft && open != "$" && near.len() == body.len();
        return grows.then_some(text.len());
    };
    let end = at + open.len() + length + close.len();
    let is_one = open != "$" || is_dollar_formula(text, at, &near[..length], end);
    is_one.then_some(end)
}

/// Whether what is between two dollars is a formula, not prices or shell variables.
fn is_dollar_formula(text: &str, at: usize, body: &str, end: usize) -> bool {
    let before = text[..at].chars().next_back();
    let after = text[end..].chars().next();
    let tight = !body.starts_with(char::is_whitespace) && !body.ends_with(char::is_whitespace);
    tight
        && !body.is_empty()
        && body.len() <= MAX_DOLLARS
        && !body.contains(['\n', '`'])
        && body.contains(['\\', '^', '_', '=', '{'])
        && !before.is_some_and(char::is_alphanumeric)
        && !after.is_some_and(char::is_alphanumeric)
}

fn escape(formula: &str, out: &mut String) {
    for char in formula.chars() {
        if char.is_ascii_punctuation() {
            out.push('\\');
        }
        out.push(char);
    }
}
