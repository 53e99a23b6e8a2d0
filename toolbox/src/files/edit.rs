//! `edit`: texts that stand exactly once in a file are replaced, all of them or none. Every text is
//! looked for in the file as it was, so one replacement never changes where another fits.

use super::lines::{line_end, nearest, with_line_end};
use super::{Answer, regular};
use crate::place::Grounds;
use ipc::tool_args::{EditArgs, Replacement};
use std::ops::Range;

/// Line numbers of repeated matches that are listed.
const LISTED: usize = 10;

/// Edits the file and says where.
pub(super) fn edit(grounds: &Grounds, args: EditArgs) -> Answer {
    let place = grounds.find(&args.path)?;
    let edits = replacements(args)?;
    let text = regular::read_text(&place)?;
    let (new, at) = apply(&text, &edits).map_err(|why| format!("{}: {why}", place.shown))?;
    regular::replace(&place, new.as_bytes(), None)?;
    let texts = if at.len() == 1 { "text" } else { "texts" };
    let lines: Vec<String> = at.iter().map(usize::to_string).collect();
    Ok(format!(
        "edited {}: replaced {} {texts}, at line {}",
        place.shown,
        at.len(),
        lines.join(", ")
    ))
}

fn replacements(args: EditArgs) -> Result<Vec<Replacement>, String> {
    let mut edits = args.edits;
    match (args.old_text, args.new_text) {
        (Some(old_text), Some(new_text)) => edits.insert(0, Replacement { old_text, new_text }),
        (None, None) => {}
        (Some(_), None) => return Err("newText is missing; give \"\" to delete oldText".to_owned()),
        (None, Some(_)) => return Err("oldText is missing".to_owned()),
    }
    if edits.is_empty() {
        return Err("nothing to do: give oldText and newText, or edits".to_owned());
    }
    Ok(edits)
}

/// The text with every replacement made, and the line of each, in the order of the file.
fn apply(text: &str, edits: &[Replacement]) -> Result<(String, Vec<usize>), String> {
    let mut found = Vec::new();
    for (index, edit) in edits.iter().enumerate() {
        let which = match edits.len() {
            1 => String::new(),
            _ => format!("edit {}: ", index + 1),
        };
        found.push(find(text, edit).map_err(|why| format!("{which}{why}"))?);
    }
    found.sort_by_key(|(range, _)| range.start);
    let mut new = String::with_capacity(text.len());
    let (mut lines, mut end) = (Vec::new(), 0);
    for (range, with) in found {
        let line = line_of(text, range.start);
        if range.start < end {
            return Err(format!(
                "two of the edits overlap at line {line}; make one of them"
            ));
        }
        new.push_str(&text[end..range.start]);
        new.push_str(&with);
        end = range.end;
        lines.push(line);
    }
    new.push_str(&text[end..]);
    Ok((new, lines))
}

/// Where the old text stands, and what replaces it there: in the file's own line ends.
fn find(text: &str, edit: &Replacement) -> Result<(Range<usize>, String), String> {
    let Replacement { old_text, new_text } = edit;
    if old_text.is_empty() {
        return Err("oldText is empty; use write for a whole file".to_owned());
    }
    if old_text == new_text {
        return Err("oldText and newText are the same; nothing would change".to_owned());
    }
    let end = line_end(text);
    let as_given = (old_text.clone(), new_text.clone());
    let converted = (with_line_end(old_text, end), with_line_end(new_text, end));
    // In a file of CRLF lines, new lines are CRLF too, also where the old text is but one line.
    let tries = if end == "\r\n" {
        [converted, as_given]
    } else {
        [as_given, converted]
    };
    for (old, new) in tries {
        let at = positions(text, &old);
        match at[..] {
            [] => {}
            [start] => return Ok((start..start + old.len(), new)),
            [..] => return Err(several(text, &at)),
        }
    }
    Err(format!(
        "oldText does not stand in the file{}",
        nearest(text, old_text)
    ))
}

/// Every place where `old` begins, also where two overlap.
fn positions(text: &str, old: &str) -> Vec<usize> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find(old)) {
        found.push(from + at);
        let step = text[from + at..].chars().next().map_or(1, char::len_utf8);
        from += at + step;
    }
    found
}

fn several(text: &str, at: &[usize]) -> String {
    let lines = at
        .iter()
        .take(LISTED)
        .map(|at| line_of(text, *at).to_string());
    let lines: Vec<String> = lines.collect();
    let more = if at.len() > LISTED { ", …" } else { "" };
    format!(
        "oldText stands in the file {} times, at lines {}{more}; add lines around it until it is \
         the only one",
        at.len(),
        lines.join(", ")
    )
}

fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at]
        .iter()
        .filter(|byte| **byte == b'\n')
        .count()
        + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn change(old: &str, new: &str) -> Replacement {
        Replacement {
            old_text: old.to_owned(),
            new_text: new.to_owned(),
        }
    }

    fn check(text: &str, edits: &[(&str, &str)]) -> Result<String, String> {
        let edits: Vec<_> = edits.iter().map(|(old, new)| change(old, new)).collect();
        apply(text, &edits).map(|(text, _)| text)
    }

    #[test]
    fn a_text_that_stands_once_is_replaced() {
        assert_eq!(check("a b c", &[("b", "x")]), Ok("a x c".to_owned()));
        assert_eq!(
            check("a b c", &[("c", "1"), ("a", "2")]),
            Ok("2 b 1".to_owned())
        );
        assert_eq!(check("a b c", &[(" b", "")]), Ok("a c".to_owned()));
    }

    #[test]
    fn a_text_that_stands_twice_is_refused_with_its_lines() {
        let why = check("x\ny\nx\n", &[("x", "z")]).unwrap_err();
        assert!(why.contains("2 times, at lines 1, 3"), "{why}");
        let why = check("aaa", &[("aa", "b")]).unwrap_err();
        assert!(why.contains("2 times"), "overlapping ones count: {why}");
    }

    #[test]
    fn the_file_keeps_its_line_ends() {
        let crlf = "a\r\nb\r\nc\r\n";
        assert_eq!(
            check(crlf, &[("a\nb", "x\ny")]),
            Ok("x\r\ny\r\nc\r\n".to_owned())
        );
        assert_eq!(
            check(crlf, &[("b", "x\ny")]),
            Ok("a\r\nx\r\ny\r\nc\r\n".to_owned())
        );
        assert_eq!(
            check("a\nb\n", &[("a\r\nb", "x\r\ny")]),
            Ok("x\ny\n".to_owned())
        );
        let mixed = "a\r\nb\r\nc\nd\n\r\n";
        assert_eq!(
            check(mixed, &[("c\nd", "x")]),
            Ok("a\r\nb\r\nx\n\r\n".to_owned())
        );
    }

    #[test]
    fn one_that_fits_only_without_its_whitespace_is_shown() {
        let why = check("fn a() {\n    b();\n}\n", &[("fn a() {\n  b();\n}", "")]).unwrap_err();
        assert!(
            why.contains("lines 1 to 3") && why.contains("    b();"),
            "{why}"
        );
    }

    #[test]
    fn one_failure_changes_nothing_and_is_named() {
        let why = check("a b", &[("a", "x"), ("q", "y")]).unwrap_err();
        assert!(why.starts_with("edit 2: "), "{why}");
        let why = check("abcd", &[("abc", "x"), ("cd", "y")]).unwrap_err();
        assert!(why.contains("overlap"), "{why}");
        assert!(check("a", &[("", "x")]).is_err() && check("a", &[("a", "a")]).is_err());
    }

    proptest! {
        #[test]
        fn replacing_back_gives_the_file_back(before in "[a-f\n]{0,40}", after in "[a-f\n]{0,40}") {
            let text = format!("{before}<old>{after}");
            let new = check(&text, &[("<old>", "<new>")]).unwrap();
            prop_assert_eq!(check(&new, &[("<new>", "<old>")]).unwrap(), text);
        }

        #[test]
        fn no_text_panics(text: String, old: String, new: String) {
            let _ = check(&text, &[(&old, &new)]);
        }
    }
}
