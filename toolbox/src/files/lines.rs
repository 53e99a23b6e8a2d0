//! What is known of a text's lines: how they end, and which of them are like some others. Pure.

use std::borrow::Cow;

/// Lines and bytes of a line that a hint shows.
const SHOWN_LINES: usize = 12;
const SHOWN_CHARS: usize = 200;
/// Lines that are compared for a hint; a bound, so that a miss in a huge file costs little.
const COMPARED: usize = 50_000;

/// The line end that most lines have: `"\n"` or `"\r\n"`.
pub(super) fn line_end(text: &str) -> &'static str {
    let all = text.matches('\n').count();
    let crlf = text.matches("\r\n").count();
    if crlf > all - crlf { "\r\n" } else { "\n" }
}

/// `text` with every line end made `end`.
pub(super) fn with_line_end(text: &str, end: &str) -> String {
    let unix = text.replace("\r\n", "\n");
    if end == "\n" {
        unix
    } else {
        unix.replace('\n', end)
    }
}

/// A hint on where `text` has something like `wanted`, to be put after a sentence that it has not
/// got it.
pub(super) fn nearest(text: &str, wanted: &str) -> String {
    let lines: Vec<&str> = text.lines().take(COMPARED).collect();
    let wanted: Vec<&str> = wanted
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let Some(first) = wanted.first() else {
        return String::new();
    };
    if let Some((at, count)) = same_but_for_spaces(&lines, &wanted) {
        return format!(
            "; with other whitespace it stands at {}, which is\n{}",
            range(at, count),
            show(&lines[at..at + count])
        );
    }
    let Some(at) = most_like(&lines, first) else {
        return ", nor anything like it; read the file again".to_owned();
    };
    let count = wanted.len().min(lines.len() - at);
    format!(
        "; the nearest is at {}\n{}",
        range(at, count),
        show(&lines[at..at + count])
    )
}

/// Where `wanted` stands when whitespace and blank lines do not count: first line and how many.
fn same_but_for_spaces(lines: &[&str], wanted: &[&str]) -> Option<(usize, usize)> {
    let wanted: Vec<String> = wanted.iter().map(|line| bare(line)).collect();
    let filled = lines.iter().enumerate().map(|(at, line)| (at, bare(line)));
    let filled: Vec<(usize, String)> = filled.filter(|(_, line)| !line.is_empty()).collect();
    let mut windows = filled.windows(wanted.len());
    let found = windows.find(|window| window.iter().map(|(_, line)| line).eq(wanted.iter()))?;
    let (first, last) = (found.first()?.0, found.last()?.0);
    Some((first, last - first + 1))
}

fn bare(line: &str) -> String {
    line.split_whitespace().collect()
}

fn most_like(lines: &[&str], wanted: &str) -> Option<usize> {
    let wanted = cut(wanted.trim());
    let scores = lines
        .iter()
        .map(|line| strsim::sorensen_dice(&cut(line.trim()), &wanted));
    let best = scores.enumerate().max_by(|a, b| a.1.total_cmp(&b.1))?;
    (best.1 > 0.5).then_some(best.0)
}

fn range(at: usize, count: usize) -> String {
    match count {
        1 => format!("line {}", at + 1),
        _ => format!("lines {} to {}", at + 1, at + count),
    }
}

fn show(lines: &[&str]) -> String {
    let mut shown: Vec<Cow<'_, str>> = lines.iter().take(SHOWN_LINES).map(|l| cut(l)).collect();
    if lines.len() > SHOWN_LINES {
        shown.push(Cow::Borrowed("…"));
    }
    shown.join("\n")
}

fn cut(line: &str) -> Cow<'_, str> {
    match line.char_indices().nth(SHOWN_CHARS) {
        Some((at, _)) => Cow::Owned(format!("{}…", &line[..at])),
        None => Cow::Borrowed(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_end_is_what_most_lines_have() {
        assert_eq!(line_end("a\r\nb\r\nc\n"), "\r\n");
        assert_eq!(line_end("a\r\nb\nc\n"), "\n");
        assert_eq!(line_end("a"), "\n");
    }

    #[test]
    fn the_nearest_line_is_shown_with_its_number() {
        let hint = nearest("one\nlet total = 1;\nthree\n", "let totals = 1;");
        assert!(hint.ends_with("at line 2\nlet total = 1;"), "{hint}");
        assert!(nearest("one\n", "qqqqqq").contains("nor anything like it"));
    }
}
