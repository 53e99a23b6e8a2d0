//! Bold words in scripts without spaces: `**重要：**内容`.
//!
//! CommonMark takes asterisks between a punctuation mark and a letter for a part of the word. Where
//! words are not told apart by spaces that is wrong, and models write it all the time. A space that
//! is taken out again when the words are written tells the parser where the word ends.

use super::source::code_ranges;
use std::borrow::Cow;

/// The space. A source's own become usual ones.
pub(super) const SPACE: char = '\u{205f}';
/// What is bold.
const STARS: &str = "**";

/// The text with that space before bold words and behind them, where they need it.
pub(super) fn part(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || !text.contains(STARS) {
        return Cow::Borrowed(text);
    }
    let code = code_ranges(text);
    let mut code = code.iter().peekable();
    let mut out = String::with_capacity(text.len() + 16);
    let (mut done, mut at, mut is_open) = (0, 0, false);
    while let Some(next) = text[at..].find(STARS) {
        let stars = at + next;
        is_open &= !text[at..stars].contains("\n\n");
        at = stars + STARS.len();
        while code.next_if(|range| range.end <= stars).is_some() {}
        if let Some(range) = code.peek().filter(|range| range.start <= stars) {
            at = range.end;
            continue;
        }
        let before = text[..stars].chars().next_back();
        let after = text[at..].chars().next();
        if after == Some('*') {
            at += text[at..].len() - text[at..].trim_start_matches('*').len();
            continue;
        }
        let (outside, inside) = if is_open {
            (after, before)
        } else {
            (before, after)
        };
        if needs_space(outside, inside) {
            let place = if is_open { at } else { stars };
            out.push_str(&text[done..place]);
            out.push(SPACE);
            done = place;
        }
        is_open = !is_open;
    }
    out.push_str(&text[done..]);
    Cow::Owned(out)
}

/// Whether a letter outside is next to a mark inside, and one of them is of such a script.
fn needs_space(outside: Option<char>, inside: Option<char>) -> bool {
    let (Some(outside), Some(inside)) = (outside, inside) else {
        return false;
    };
    let is_mark = !inside.is_alphanumeric() && !inside.is_whitespace();
    outside.is_alphanumeric() && is_mark && !(outside.is_ascii() && inside.is_ascii())
}
