//! Lengths as Telegram counts them, and what it takes for nothing.

/// UTF-16 units of a text.
pub(super) fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Where the longest beginning of `text` with at most `limit` UTF-16 units ends, in bytes.
pub(super) fn prefix(text: &str, limit: usize) -> usize {
    let mut left = limit;
    for (at, char) in text.char_indices() {
        match left.checked_sub(char.len_utf16()) {
            Some(rest) => left = rest,
            None => return at,
        }
    }
    text.len()
}

/// The beginning of `text`, at most `bytes` long.
pub(crate) fn head(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// Whether a message of nothing but this would be refused as empty: spaces, and characters that
/// show nothing.
pub(super) fn is_blank(text: &str) -> bool {
    text.chars().all(shows_nothing)
}

/// Whether the character alone is no text to Telegram.
fn shows_nothing(char: char) -> bool {
    char.is_whitespace()
        || char.is_control()
        || matches!(char,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202f}'
            | '\u{205f}'..='\u{206f}' | '\u{2800}' | '\u{3000}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}
