//! Fits hunks into a file's text. Pure.
//!
//! A hunk's lines are looked for from where the last one ended; first as they are, then without
//! spaces at the end, then without any around them, at last with plain punctuation for typographic.
//! Lines that are kept stay as the file has them, with their own line ends.

use super::super::lines::{line_end, nearest};
use super::parse::{Hunk, Line};

/// How alike two lines must be: each is asked for only when the one before it finds nothing.
const LIKENESS: [fn(&str, &str) -> bool; 4] = [
    |a, b| a == b,
    |a, b| a.trim_end() == b.trim_end(),
    |a, b| a.trim() == b.trim(),
    |a, b| plain(a) == plain(b),
];

/// The text with every hunk applied; says which does not fit, and what stands there instead.
pub(super) fn apply(text: &str, hunks: &[Hunk]) -> Result<String, String> {
    let (bom, body) = match text.strip_prefix('\u{FEFF}') {
        Some(rest) => ("\u{FEFF}", rest),
        None => ("", text),
    };
    let lines: Vec<&str> = body.split_inclusive('\n').collect();
    let bare: Vec<&str> = lines.iter().map(|line| without_end(line)).collect();
    let mut output = Output {
        text: bom.to_owned(),
        end: line_end(body),
    };
    let mut cursor = 0;
    for (index, hunk) in hunks.iter().enumerate() {
        let which = || format!("hunk {} of {}", index + 1, hunks.len());
        let (at, dropped) = find(&bare, hunk, cursor)
            .map_err(|why| format!("{} does not fit: {why}{}", which(), hint(body, hunk)))?;
        lines[cursor..at].iter().for_each(|line| output.keep(line));
        cursor = at;
        for line in &hunk.lines[..hunk.lines.len() - dropped] {
            match line {
                Line::Keep(_) => output.keep(lines[cursor]),
                Line::Remove(_) => {}
                Line::Add(new) => output.add(new),
            }
            cursor += usize::from(!matches!(line, Line::Add(_)));
        }
    }
    lines[cursor..].iter().for_each(|line| output.keep(line));
    Ok(output.text)
}

/// The text as it grows.
struct Output {
    text: String,
    end: &'static str,
}

impl Output {
    fn keep(&mut self, line: &str) {
        self.finish_line();
        self.text.push_str(line);
    }

    fn add(&mut self, line: &str) {
        self.finish_line();
        self.text.push_str(line);
        self.text.push_str(self.end);
    }

    /// The last line of a file may have no end, and is not the last any more.
    fn finish_line(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with(['\n', '\u{FEFF}']) {
            self.text.push_str(self.end);
        }
    }
}

/// Where a hunk begins, and how many lines at its end do not count: empty ones that a model added.
fn find(lines: &[&str], hunk: &Hunk, cursor: usize) -> Result<(usize, usize), String> {
    let mut from = cursor;
    let mut first = cursor;
    for header in &hunk.headers {
        let Some(at) = seek(lines, &[header.as_str()], first, false) else {
            let late = if cursor == 0 {
                ""
            } else {
                " after the hunk before it"
            };
            return Err(format!("there is no line {header:?}{late}"));
        };
        (from, first) = (at, at + 1);
    }
    let old: Vec<&str> = hunk.lines.iter().filter_map(old_line).collect();
    if old.is_empty() {
        let at_header = !hunk.headers.is_empty() && !hunk.at_end;
        return Ok((if at_header { first } else { lines.len() }, 0));
    }
    // The header's own line may be repeated as the first to keep.
    let at = |old: &[&str]| {
        let after = seek(lines, old, first, hunk.at_end);
        after.or_else(|| seek(lines, old, from, hunk.at_end))
    };
    if let Some(found) = at(&old) {
        return Ok((found, 0));
    }
    let blank = hunk
        .lines
        .iter()
        .rev()
        .take_while(|line| **line == Line::Keep(String::new()));
    let blank = blank.count();
    if blank > 0
        && blank < old.len()
        && let Some(found) = at(&old[..old.len() - blank])
    {
        return Ok((found, blank));
    }
    Err(match seek(lines, &old, 0, false) {
        Some(early) => format!(
            "its lines stand at line {}, before the hunk or header before it; hunks go in the \
             order of the file",
            early + 1
        ),
        None => "its lines do not stand in the file".to_owned(),
    })
}

/// The first place from `from` on where `wanted` stands; with `at_end` the end of the file first.
fn seek(lines: &[&str], wanted: &[&str], from: usize, at_end: bool) -> Option<usize> {
    let last = lines.len().checked_sub(wanted.len())?;
    let places = || at_end.then_some(last).into_iter().chain(from..=last);
    LIKENESS.iter().find_map(|alike| {
        places().filter(|at| *at >= from).find(|at| {
            let here = &lines[*at..*at + wanted.len()];
            here.iter()
                .zip(wanted)
                .all(|(line, wanted)| alike(line, wanted))
        })
    })
}

fn old_line(line: &Line) -> Option<&str> {
    match line {
        Line::Keep(text) | Line::Remove(text) => Some(text),
        Line::Add(_) => None,
    }
}

fn without_end(line: &str) -> &str {
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line)
}

/// A line with typographic punctuation made plain, which models mix up.
fn plain(line: &str) -> String {
    let plain = line.trim().chars().map(|c| match c {
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        '\u{2018}'..='\u{201B}' => '\'',
        '\u{201C}'..='\u{201F}' => '"',
        '\u{A0}' | '\u{2002}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}' => ' ',
        other => other,
    });
    plain.collect()
}

fn hint(text: &str, hunk: &Hunk) -> String {
    let old: Vec<&str> = hunk.lines.iter().filter_map(old_line).collect();
    nearest(text, &old.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A hunk from lines with their mark before them.
    fn hunk(headers: &[&str], lines: &[&str]) -> Hunk {
        let line = |line: &&str| match line.split_at(1) {
            ("-", text) => Line::Remove(text.to_owned()),
            ("+", text) => Line::Add(text.to_owned()),
            (_, text) => Line::Keep(text.to_owned()),
        };
        Hunk {
            headers: headers.iter().map(|h| (*h).to_owned()).collect(),
            lines: lines.iter().map(line).collect(),
            at_end: false,
        }
    }

    fn check(text: &str, lines: &[&str]) -> Result<String, String> {
        apply(text, &[hunk(&[], lines)])
    }

    #[test]
    fn lines_are_replaced_where_they_stand() {
        let new = check("a\nb\nc\n", &[" a", "-b", "+x", "+y", " c"]);
        assert_eq!(new, Ok("a\nx\ny\nc\n".to_owned()));
    }

    #[test]
    fn a_header_leads_to_the_right_one_of_many() {
        let text = "fn a\n  x\nfn b\n  x\n";
        for lines in [&["-  x", "+  y"][..], &[" fn b", "-  x", "+  y"]] {
            let new = apply(text, &[hunk(&["fn b"], lines)]);
            assert_eq!(new, Ok("fn a\n  x\nfn b\n  y\n".to_owned()));
        }
    }

    #[test]
    fn lines_without_old_ones_go_after_the_header_or_to_the_end() {
        assert_eq!(
            apply("a\nb\n", &[hunk(&["a"], &["+x"])]),
            Ok("a\nx\nb\n".to_owned())
        );
        assert_eq!(check("a\nb", &["+x"]), Ok("a\nb\nx\n".to_owned()));
        assert_eq!(check("", &["+x"]), Ok("x\n".to_owned()));
    }

    #[test]
    fn whitespace_that_differs_is_forgiven_and_the_file_keeps_its_own() {
        let new = check("  a  \n\tb\n", &[" a", "-b", "+c"]);
        assert_eq!(new, Ok("  a  \nc\n".to_owned()));
        assert_eq!(
            check("say “hi”\n", &["-say \"hi\"", "+x"]),
            Ok("x\n".to_owned())
        );
        assert_eq!(check("a\nb\n", &["-a", "+x", " "]), Ok("x\nb\n".to_owned()));
    }

    #[test]
    fn line_ends_and_the_byte_order_mark_are_kept() {
        let new = check("\u{FEFF}a\r\nb\r\nc", &["-a", "+x", " b"]);
        assert_eq!(new, Ok("\u{FEFF}x\r\nb\r\nc".to_owned()));
        assert_eq!(
            check("\u{FEFF}a\r\nb\r\n", &["-a", " b"]),
            Ok("\u{FEFF}b\r\n".to_owned())
        );
    }

    #[test]
    fn the_end_of_the_file_is_looked_at_first_when_it_is_meant() {
        let mut last = hunk(&[], &["-x", "+y"]);
        last.at_end = true;
        assert_eq!(apply("x\nx\n", &[last]), Ok("x\ny\n".to_owned()));
    }

    #[test]
    fn a_hunk_that_does_not_fit_is_named_with_what_is_nearest() {
        let fits = hunk(&[], &["-a", "+x"]);
        let why = apply(
            "a\nlong line here\n",
            &[fits, hunk(&[], &["-long line hare"])],
        );
        let why = why.unwrap_err();
        assert!(why.starts_with("hunk 2 of 2 does not fit"), "{why}");
        assert!(why.contains("line 2\nlong line here"), "{why}");
        let why = apply("a\nb\n", &[hunk(&[], &["-b"]), hunk(&[], &["-a"])]).unwrap_err();
        assert!(why.contains("order of the file"), "{why}");
        let why = apply("a\n", &[hunk(&["fn q"], &["-a"])]).unwrap_err();
        assert!(why.contains("no line \"fn q\""), "{why}");
    }

    proptest! {
        #[test]
        fn a_patch_and_its_reverse_give_the_file_back(
            before in proptest::collection::vec("[a-c]{0,2}", 0..6),
            old in proptest::collection::vec("[d-f]{1,3}", 1..4),
            new in proptest::collection::vec("[g-i]{1,3}", 1..4),
            after in proptest::collection::vec("[a-c]{0,2}", 0..6),
        ) {
            let file = |middle: &[String]| -> String {
                let all = before.iter().chain(middle).chain(&after);
                all.map(|line| format!("{line}\n")).collect()
            };
            let lines = |from: &[String], to: &[String]| -> Vec<Line> {
                let removed = from.iter().cloned().map(Line::Remove);
                removed.chain(to.iter().cloned().map(Line::Add)).collect()
            };
            let forth = Hunk { lines: lines(&old, &new), ..Hunk::default() };
            let back = Hunk { lines: lines(&new, &old), ..Hunk::default() };
            let patched = apply(&file(&old), &[forth]).unwrap();
            prop_assert_eq!(&patched, &file(&new));
            prop_assert_eq!(apply(&patched, &[back]).unwrap(), file(&old));
        }

        #[test]
        fn nothing_panics(
            text in "[ab \r\n]{0,20}",
            lines in proptest::collection::vec("[-+ ][ab ]{0,2}", 0..6),
            headers in proptest::collection::vec("[ab]{0,2}", 0..2),
            at_end: bool,
        ) {
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
            let hunk = Hunk { at_end, ..hunk(&headers, &lines) };
            let _ = apply(&text, &[hunk.clone(), hunk]);
        }
    }
}
