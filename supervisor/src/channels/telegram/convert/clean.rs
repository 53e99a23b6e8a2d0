//! Words that strangers chose, made fit to stand in a line of ours.

/// Most characters of a name.
pub(super) const NAME: usize = 64;

/// A name on one line, without brackets or characters that can not be seen. `somebody` where
/// nothing is left of it.
pub(super) fn name(raw: &str) -> String {
    let name = line(raw, NAME);
    if name.is_empty() {
        "somebody".to_owned()
    } else {
        name
    }
}

/// A name as people see it.
pub(super) fn full_name(first: Option<&str>, last: Option<&str>) -> String {
    name(&[first, last].map(Option::unwrap_or_default).join(" "))
}

/// Somebody's words on one line of at most `most` characters: brackets and double quotes are
/// replaced, since they end our own, and what can not be seen is left out.
pub(crate) fn line(raw: &str, most: usize) -> String {
    let mut out = String::new();
    let mut count = 0;
    for c in raw.chars() {
        let c = match c {
            '[' => '(',
            ']' => ')',
            '"' => '\'',
            c if is_break(c) || c.is_whitespace() => ' ',
            c if is_unseen(c) => continue,
            c => c,
        };
        if c == ' ' && (out.is_empty() || out.ends_with(' ')) {
            continue;
        }
        if count == most {
            out.truncate(out.trim_end().len());
            out.push('…');
            return out;
        }
        out.push(c);
        count += 1;
    }
    out.truncate(out.trim_end().len());
    out
}

/// Somebody's text: every kind of line break is a line feed, and control characters are gone.
pub(super) fn text(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\t' => out.push('\t'),
            c if is_break(c) => out.push('\n'),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// Whether a reader may take it for the end of a line.
fn is_break(c: char) -> bool {
    matches!(
        c,
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

/// Whether nobody sees it, or it turns the order of what is around it. A joiner of emoji stays.
pub(super) fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200c}'
                | '\u{200e}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}
