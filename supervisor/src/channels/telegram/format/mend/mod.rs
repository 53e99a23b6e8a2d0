//! The end of a text that still grows, so that nothing shown of it has to be taken back: what is
//! open is closed, and what can not be understood yet is held back.
//!
//! Only the last block is looked at; before it, nothing is open.

mod marks;

use marks::Marks;
use std::borrow::Cow;

/// The text as it may be shown now.
pub(super) fn mend(text: &str) -> Cow<'_, str> {
    let Tail { block, fence } = tail(text);
    let line = text.rfind('\n').map_or(0, |end| end + 1);
    if let Some(fence) = fence {
        let last = text[line..].trim();
        let closes = !last.is_empty() && last.chars().all(|char| char == fence);
        // Half of the closing fence is no code.
        return Cow::Borrowed(if closes { &text[..line] } else { text });
    }
    let line = line.max(block);
    if is_table_head(&text[block..]) {
        return Cow::Borrowed(&text[..block]);
    }
    if is_marker(&text[line..]) {
        return mend_line(&text[..line], block.min(line));
    }
    mend_line(text, block)
}

fn mend_line(text: &str, block: usize) -> Cow<'_, str> {
    let text = text.trim_end();
    let block = block.min(text.len());
    let (end, close) = Marks::read(&text[block..]);
    let kept = &text[..block + end];
    if close.is_empty() {
        return Cow::Borrowed(kept);
    }
    Cow::Owned(format!("{}{close}", kept.trim_end()))
}

/// Where the last block begins, and the fence of the code it is in.
struct Tail {
    block: usize,
    fence: Option<char>,
}

fn tail(text: &str) -> Tail {
    let mut block = 0;
    let mut fence: Option<(char, usize)> = None;
    let mut at = 0;
    let mut table = false;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let inner = line.trim_start_matches([' ', '\t', '>']).trim_end();
        let run = fence_run(inner);
        match (fence, run) {
            (Some((char, length)), Some((other, found, bare))) => {
                if char == other && found >= length && bare && line.ends_with('\n') {
                    fence = None;
                    block = at;
                } else if char == other && found >= length && bare {
                    // The closing fence, as far as it can be known.
                    return Tail {
                        block: text.len(),
                        fence: None,
                    };
                }
            }
            (Some(_), None) => {}
            (None, Some((char, length, _))) => {
                fence = Some((char, length));
                block = start;
            }
            (None, None) => {
                let in_table = inner.starts_with('|');
                if inner.is_empty() {
                    block = at;
                } else if begins_block(inner) || (table && !in_table) || (in_table && !table) {
                    block = start;
                }
                table = in_table;
            }
        }
    }
    let fence = fence.map(|(char, _)| char);
    Tail { block, fence }
}

/// The run of a code fence that a line begins with, and whether nothing else is in the line.
fn fence_run(line: &str) -> Option<(char, usize, bool)> {
    let line = after_marker(line);
    let char = line.chars().next().filter(|char| "`~".contains(*char))?;
    let rest = line.trim_start_matches(char);
    let length = line.len() - rest.len();
    let is_fence = length >= 3 && !(char == '`' && rest.contains('`'));
    is_fence.then_some((char, length, rest.trim().is_empty()))
}

/// A line without the bullet or number it begins with.
fn after_marker(line: &str) -> &str {
    let rest = line.trim_start_matches(|char: char| char.is_ascii_digit());
    let numbered = rest.len() < line.len();
    let rest = match rest.chars().next() {
        Some('-' | '*' | '+') if !numbered => &rest[1..],
        Some('.' | ')') if numbered => &rest[1..],
        Some(_) | None => return line,
    };
    match rest.strip_prefix(' ') {
        Some(rest) => rest.trim_start(),
        None => line,
    }
}

fn begins_block(line: &str) -> bool {
    after_marker(line).len() < line.len() || line.starts_with('#')
}

/// Whether a line is only the beginning of something: a bullet, a number, a rule, half a fence.
fn is_marker(line: &str) -> bool {
    let line = line.trim();
    let digits = line.trim_start_matches(|char: char| char.is_ascii_digit());
    if digits.len() < line.len() {
        // "1" may become "1. ", but no number has as many digits as a year.
        return matches!(digits, "" | "." | ")") && line.len() - digits.len() <= 3;
    }
    let task = after_marker(line);
    let is_task = task.len() < line.len() && matches!(task, "[" | "[ " | "[ ]" | "[x" | "[x]");
    is_task || (!line.is_empty() && line.chars().all(|char| "#-*+_=>~`| :".contains(char)))
}

/// Whether a block is the first row of a table that is not known to be one yet.
fn is_table_head(block: &str) -> bool {
    let mut lines = block.split_inclusive('\n');
    let first = lines.next().unwrap_or_default().trim_start();
    let is_row = first.starts_with('|') && !first.starts_with("||");
    let rule = lines.next().unwrap_or_default();
    let grows = !rule.ends_with('\n') && rule.chars().all(|char| "|-: \t".contains(char));
    is_row && lines.next().is_none() && grows
}
