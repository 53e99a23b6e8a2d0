//! A source as the parser should see it, and what of it is to be taken literally.

use super::flank::SPACE;
use pulldown_cmark::{Event, LinkType, Options, Parser, Tag};
use std::borrow::Cow;
use std::ops::Range;

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
            || matches!(char, '\u{2028}' | '\u{2029}' | SPACE)
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
pub(super) fn raw_ranges(text: &str) -> Vec<Range<usize>> {
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
