//! Styles as Telegram's tags. Well-formed by construction: from one stretch to the next, the tags
//! from the outermost that ends on are closed, and those that are wanted opened again.

use super::Page;
use super::styled::{Inner, Quote, Style, Targets};
use std::ops::Range;

/// Longest HTML of one message, in bytes. Telegram counts what is left of it, but reads no request
/// of any size: what is longer by its links alone is cut earlier.
const MAX_HTML: usize = 32 * 1024;
/// Most entities of one message. Telegram drops those behind them without a word, and with a link
/// the address is gone.
pub(super) const MAX_ENTITIES: usize = 100;

/// A tag, in the order in which those that begin at one place are nested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tag {
    Quote,
    LongQuote,
    Spoiler,
    Link(u32),
    Bold,
    Italic,
    Underline,
    Strike,
    Code,
    Block(Option<u32>),
}

/// Most tags open at once.
const DEEPEST: usize = 7;

/// The HTML of these bytes.
///
/// # Errors
/// Up to which byte it would be of a size that Telegram takes as it is.
pub(super) fn html(page: &Page, range: Range<usize>) -> Result<String, usize> {
    let mut out = String::with_capacity(range.len() + range.len() / 4);
    let mut open: Vec<Tag> = Vec::with_capacity(DEEPEST);
    let (mut at, mut entities) = (range.start, 0);
    for (text, style) in page.styled.runs(range) {
        let wanted = tags(style);
        let kept = kept(&open, &wanted);
        close(&mut out, &mut open, kept);
        for tag in wanted {
            if !open.contains(&tag) {
                tag.open(&mut out, &page.targets);
                open.push(tag);
                entities += 1;
            }
        }
        escape_into(text, &mut out);
        if out.len() > MAX_HTML || entities > MAX_ENTITIES {
            return Err(at);
        }
        at += text.len();
    }
    close(&mut out, &mut open, 0);
    Ok(out)
}

/// Text in which nothing is a tag.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    escape_into(text, &mut out);
    out
}

/// The tags of a style, outermost first.
fn tags(style: Style) -> Vec<Tag> {
    let mut tags = Vec::with_capacity(DEEPEST);
    match style.quote {
        Quote::No => {}
        Quote::Short => tags.push(Tag::Quote),
        Quote::Long => tags.push(Tag::LongQuote),
    }
    if style.spoiler {
        tags.push(Tag::Spoiler);
    }
    if let Inner::Link(target) = style.inner {
        tags.push(Tag::Link(target));
    }
    let simple = [
        (style.bold, Tag::Bold),
        (style.italic, Tag::Italic),
        (style.underline, Tag::Underline),
        (style.strike, Tag::Strike),
    ];
    tags.extend(simple.into_iter().filter(|(on, _)| *on).map(|(_, tag)| tag));
    match style.inner {
        Inner::Words | Inner::Link(_) => {}
        Inner::Code => tags.push(Tag::Code),
        Inner::Block(language) => tags.push(Tag::Block(language)),
    }
    tags
}

/// How many of the open tags stay open: up to the first that is not wanted. A quote is around
/// everything else.
fn kept(open: &[Tag], wanted: &[Tag]) -> usize {
    let is_quote = |tag: Option<&Tag>| tag.filter(|tag| **tag <= Tag::LongQuote).copied();
    if is_quote(open.first()) != is_quote(wanted.first()) {
        return 0;
    }
    open.iter().take_while(|tag| wanted.contains(tag)).count()
}

/// Closes all but the outermost `keep`.
fn close(out: &mut String, open: &mut Vec<Tag>, keep: usize) {
    while open.len() > keep {
        if let Some(tag) = open.pop() {
            out.push_str(tag.close());
        }
    }
}

fn escape_into(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"']) {
        out.push_str(&rest[..at]);
        out.push_str(match rest.as_bytes()[at] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            _ => "&quot;",
        });
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

// === impl Tag ===

impl Tag {
    fn open(self, out: &mut String, targets: &Targets) {
        match self {
            Self::Quote => out.push_str("<blockquote>"),
            Self::LongQuote => out.push_str("<blockquote expandable>"),
            Self::Bold => out.push_str("<b>"),
            Self::Italic => out.push_str("<i>"),
            Self::Underline => out.push_str("<u>"),
            Self::Strike => out.push_str("<s>"),
            Self::Spoiler => out.push_str("<tg-spoiler>"),
            Self::Link(target) => attribute(out, "<a href=\"", targets.get(target)),
            Self::Code => out.push_str("<code>"),
            Self::Block(None) => out.push_str("<pre>"),
            Self::Block(Some(language)) => {
                attribute(out, "<pre><code class=\"language-", targets.get(language));
            }
        }
    }

    fn close(self) -> &'static str {
        match self {
            Self::Quote | Self::LongQuote => "</blockquote>",
            Self::Bold => "</b>",
            Self::Italic => "</i>",
            Self::Underline => "</u>",
            Self::Strike => "</s>",
            Self::Spoiler => "</tg-spoiler>",
            Self::Link(_) => "</a>",
            Self::Code => "</code>",
            Self::Block(None) => "</pre>",
            Self::Block(Some(_)) => "</code></pre>",
        }
    }
}

/// Ends a tag with its one attribute.
fn attribute(out: &mut String, head: &str, value: &str) {
    out.push_str(head);
    escape_into(value, out);
    out.push_str("\">");
}
