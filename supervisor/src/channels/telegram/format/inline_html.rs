//! The few HTML tags that say what Markdown can not: line breaks, underlining, small letters, keys.
//! Every other tag is text, shown as it was written.

/// How far behind a tag its end is looked for, in bytes.
const NEAR: usize = 256;

/// A tag that is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// `<br>`.
    Break,
    /// `<u>`, `<ins>`.
    Underline,
    /// `<kbd>`.
    Key,
    /// `<sup>`.
    Raised,
    /// `<sub>`.
    Lowered,
}

/// A tag as it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Opening(Known),
    Closing(Known),
    /// None of ours.
    Other,
}

/// What a tag is. An opening tag counts if it is closed in `rest`, what follows it, or if that still
/// `grows`.
pub(super) fn read(tag: &str, rest: &str, grows: bool) -> Found {
    let inner = tag.trim_start_matches('<').trim_end_matches('>').trim();
    let (closing, name) = match inner.strip_prefix('/') {
        Some(name) => (true, name),
        None => (false, inner.trim_end_matches('/').trim_end()),
    };
    let Some(known) = known(name) else {
        return Found::Other;
    };
    if known == Known::Break {
        return Found::Opening(known);
    }
    if closing {
        return Found::Closing(known);
    }
    match content(name, rest, grows) {
        Some(content) if known.takes(content) => Found::Opening(known),
        Some(_) | None => Found::Other,
    }
}

fn known(name: &str) -> Option<Known> {
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    if is("br") {
        Some(Known::Break)
    } else if is("u") || is("ins") {
        Some(Known::Underline)
    } else if is("kbd") {
        Some(Known::Key)
    } else if is("sup") {
        Some(Known::Raised)
    } else if is("sub") {
        Some(Known::Lowered)
    } else {
        None
    }
}

/// What stands before the closing tag of that name, in this paragraph.
fn content<'a>(name: &str, rest: &'a str, grows: bool) -> Option<&'a str> {
    let near = &rest[..rest.floor_char_boundary(NEAR)];
    let near = near.split("\n\n").next().unwrap_or_default();
    match near.find(&format!("</{name}>")) {
        Some(end) => Some(&near[..end]),
        None => (grows && near.len() == rest.len()).then_some(near),
    }
}

/// A letter of a small row, `None` where there is no such letter.
pub(super) fn small(char: char, known: Known) -> Option<char> {
    const PLAIN: &str = "0123456789+-=()n";
    const RAISED: &str = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ";
    const LOWERED: &str = "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₙ";
    let row = match known {
        Known::Raised => RAISED,
        Known::Lowered => LOWERED,
        Known::Break | Known::Underline | Known::Key => return Some(char),
    };
    let index = PLAIN.chars().position(|plain| plain == char)?;
    row.chars().nth(index)
}

/// Whether a line of raw HTML is to be broken here: the parts between its `<br>`.
pub(super) fn lines(html: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(html);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some((at, end)) = find_break(text) else {
            rest = None;
            return Some(text);
        };
        rest = Some(&text[end..]);
        Some(&text[..at])
    })
}

fn find_break(text: &str) -> Option<(usize, usize)> {
    let tags = text.match_indices('<');
    tags.filter_map(|(at, _)| {
        let near = &text[at..text.floor_char_boundary(at + 8)];
        let end = near.find('>')? + 1;
        (read(&near[..end], "", false) == Found::Opening(Known::Break)).then_some((at, at + end))
    })
    .next()
}

// === impl Known ===

impl Known {
    /// Whether it can be said of this.
    fn takes(self, content: &str) -> bool {
        content.chars().all(|char| small(char, self).is_some())
    }
}
