//! `||spoilers||`, which are Telegram's own and no Markdown.

use super::source::code_ranges;

/// What opens and closes one.
pub(super) const BARS: &str = "||";

/// Where the bars are that hide something, in order, each opening one followed by its closing one.
/// `a || b` hides nothing, and neither does code.
pub(super) fn bars(text: &str) -> Vec<usize> {
    let Some(first) = text.find(BARS) else {
        return Vec::new();
    };
    let code = code_ranges(text);
    let mut code = code.iter().peekable();
    let mut bars = Vec::new();
    let mut open: Option<usize> = None;
    let mut at = first;
    while let Some(next) = text[at..].find(BARS) {
        let bar = at + next;
        while code.next_if(|range| range.end <= bar).is_some() {}
        if let Some(range) = code.peek().filter(|range| range.start <= bar) {
            at = range.end;
            continue;
        }
        if open.is_some() && text[at..bar].contains("\n\n") {
            open = None;
        }
        match open {
            Some(from) if closes(text, bar) => {
                bars.extend([from, bar]);
                open = None;
            }
            None if opens(text, bar) => open = Some(bar),
            Some(_) | None => {}
        }
        at = bar + BARS.len();
    }
    bars
}

fn opens(text: &str, at: usize) -> bool {
    let before = text[..at].chars().next_back();
    let after = text[at + BARS.len()..].chars().next();
    !before.is_some_and(|char| char.is_alphanumeric() || char == '\\' || char == '|')
        && after.is_some_and(|char| !char.is_whitespace() && char != '|')
}

fn closes(text: &str, at: usize) -> bool {
    let before = text[..at].chars().next_back();
    before.is_some_and(|char| !char.is_whitespace() && char != '\\' && char != '|')
}
