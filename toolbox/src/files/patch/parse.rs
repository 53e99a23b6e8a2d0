//! The text of a patch as data. Pure.
//!
//! Lenient where models slip and the meaning is plain: text around the patch, a heredoc or a fence
//! around it, spaces around the marks, `@@ -1,2 +3,4 @@` of another format, an empty line where a
//! context line of one space is meant.

/// One file's part of a patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    Add {
        path: String,
        content: String,
    },
    Delete {
        path: String,
    },
    Update {
        path: String,
        to: Option<String>,
        hunks: Vec<Hunk>,
    },
}

/// Lines that stand together in a file, and what becomes of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Hunk {
    /// Lines to go to first, one after the other: what stood after `@@`.
    pub(super) headers: Vec<String>,
    pub(super) lines: Vec<Line>,
    /// The lines are the last of the file.
    pub(super) at_end: bool,
}

/// A line of a hunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    Keep(String),
    Remove(String),
    Add(String),
}

const BEGIN: &str = "*** Begin Patch";
const END: &str = "*** End Patch";

/// A line that is a mark, apart from the two around the patch.
enum Mark<'l> {
    Add(&'l str),
    Delete(&'l str),
    Update(&'l str),
    Move(&'l str),
    EndOfFile,
}

/// Reads a patch; says which line is wrong.
pub(super) fn parse(input: &str) -> Result<Vec<Change>, String> {
    let lines: Vec<&str> = input.lines().collect();
    let begin = lines.iter().position(|line| line.trim() == BEGIN);
    let begin = begin.ok_or_else(|| format!("the patch does not begin with {BEGIN:?}"))?;
    let end = lines
        .iter()
        .rposition(|line| line.trim() == END)
        .filter(|end| *end > begin);
    let end = end.ok_or_else(|| format!("the patch does not end with {END:?}"))?;
    let mut changes = Vec::new();
    for (index, line) in lines.iter().enumerate().take(end).skip(begin + 1) {
        read_line(&mut changes, line)
            .map_err(|why| format!("line {} of the patch: {why}", index + 1))?;
    }
    if changes.is_empty() {
        return Err("the patch names no file".to_owned());
    }
    changes.iter().try_for_each(check)?;
    Ok(changes)
}

fn read_line(changes: &mut Vec<Change>, line: &str) -> Result<(), String> {
    if let Some(mark) = mark(line)? {
        return read_mark(changes, mark);
    }
    match changes.last_mut() {
        Some(Change::Add { content, .. }) => added(content, line),
        Some(Change::Update { hunks, .. }) => hunk_line(hunks, line),
        Some(Change::Delete { .. }) | None if line.trim().is_empty() => Ok(()),
        Some(Change::Delete { .. }) | None => Err(format!(
            "{line:?} belongs to no file: begin with *** Add File, *** Update File or *** Delete \
             File"
        )),
    }
}

fn read_mark(changes: &mut Vec<Change>, mark: Mark<'_>) -> Result<(), String> {
    match mark {
        Mark::Add(path) => changes.push(Change::Add {
            path: name(path)?,
            content: String::new(),
        }),
        Mark::Delete(path) => changes.push(Change::Delete { path: name(path)? }),
        Mark::Update(path) => changes.push(Change::Update {
            path: name(path)?,
            to: None,
            hunks: Vec::new(),
        }),
        Mark::Move(path) => match changes.last_mut() {
            Some(Change::Update { to, hunks, .. }) if hunks.is_empty() && to.is_none() => {
                *to = Some(name(path)?);
            }
            Some(_) | None => {
                return Err("*** Move to stands right after *** Update File".to_owned());
            }
        },
        Mark::EndOfFile => match changes.last_mut().and_then(last_hunk) {
            Some(hunk) => hunk.at_end = true,
            None => return Err("*** End of File stands after lines to match".to_owned()),
        },
    }
    Ok(())
}

fn last_hunk(change: &mut Change) -> Option<&mut Hunk> {
    match change {
        Change::Update { hunks, .. } => hunks.last_mut(),
        Change::Add { .. } | Change::Delete { .. } => None,
    }
}

fn mark(line: &str) -> Result<Option<Mark<'_>>, String> {
    let Some(text) = line.trim_end().strip_prefix("***") else {
        return Ok(None);
    };
    let text = text.trim();
    if text == "End of File" {
        return Ok(Some(Mark::EndOfFile));
    }
    let mark = match text.split_once(':') {
        Some(("Add File", path)) => Mark::Add(path),
        Some(("Delete File", path)) => Mark::Delete(path),
        Some(("Update File", path)) => Mark::Update(path),
        Some(("Move to", path)) => Mark::Move(path),
        Some(_) | None => {
            return Err(format!(
                "{line:?} is no mark of a patch: they are *** Add File:, *** Update File:, \
                 *** Move to:, *** Delete File: and *** End of File"
            ));
        }
    };
    Ok(Some(mark))
}

fn name(path: &str) -> Result<String, String> {
    match path.trim() {
        "" => Err("the path is missing".to_owned()),
        path => Ok(path.to_owned()),
    }
}

fn added(content: &mut String, line: &str) -> Result<(), String> {
    let Some(text) = line.strip_prefix('+') else {
        return Err(format!(
            "{line:?}: every line of an added file begins with +"
        ));
    };
    content.push_str(text);
    content.push('\n');
    Ok(())
}

fn hunk_line(hunks: &mut Vec<Hunk>, line: &str) -> Result<(), String> {
    if let Some(rest) = line.strip_prefix("@@") {
        // A header after lines begins another hunk; headers in a row lead to one place.
        if hunks.last().is_none_or(|hunk| !hunk.lines.is_empty()) {
            hunks.push(Hunk::default());
        }
        let header = header(rest);
        if let (Some(hunk), false) = (hunks.last_mut(), header.is_empty()) {
            hunk.headers.push(header.to_owned());
        }
        return Ok(());
    }
    let text = |text: &str| text.to_owned();
    let read = match (line.split_at_checked(1), line) {
        (Some((" ", rest)), _) => Line::Keep(text(rest)),
        (Some(("-", rest)), _) => Line::Remove(text(rest)),
        (Some(("+", rest)), _) => Line::Add(text(rest)),
        (_, "") => Line::Keep(String::new()),
        (Some(_) | None, _) => {
            return Err(format!(
                "{line:?}: a line of a hunk begins with a space (to keep), - (to remove), + (to \
                 add) or @@"
            ));
        }
    };
    match hunks.last_mut().filter(|hunk| !hunk.at_end) {
        Some(hunk) => hunk.lines.push(read),
        None => hunks.push(Hunk {
            lines: vec![read],
            ..Hunk::default()
        }),
    }
    Ok(())
}

/// What stands after `@@`, without the line numbers of a unified diff.
fn header(rest: &str) -> &str {
    let rest = rest.trim();
    match rest.split_once("@@") {
        Some((numbers, section)) if numbers.trim_start().starts_with('-') => {
            let is_number = |c: char| c.is_ascii_digit() || " -+,".contains(c);
            // The section of a unified diff stands somewhere above, not at the lines' start.
            if numbers.chars().all(is_number) {
                ""
            } else {
                section.trim()
            }
        }
        Some(_) | None => rest,
    }
}

fn check(change: &Change) -> Result<(), String> {
    let Change::Update { path, to, hunks } = change else {
        return Ok(());
    };
    if hunks.is_empty() && to.is_none() {
        return Err(format!(
            "{path}: there is nothing to update; add hunks, or *** Move to"
        ));
    }
    let changes = |line: &Line| !matches!(line, Line::Keep(_));
    match hunks
        .iter()
        .position(|hunk| !hunk.lines.iter().any(changes))
    {
        Some(index) => Err(format!("{path}: hunk {} changes nothing", index + 1)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn body(lines: &str) -> Result<Vec<Change>, String> {
        parse(&format!("{BEGIN}\n{lines}\n{END}\n"))
    }

    #[test]
    fn every_kind_of_change_is_read() {
        let changes = body(
            "*** Add File: a\n+one\n+\n*** Delete File: b\n*** Update File: c\n*** Move to: d\n\
             @@ fn x\n@@ if y\n keep\n-old\n+new\n\n*** End of File",
        );
        let hunk = Hunk {
            headers: vec!["fn x".into(), "if y".into()],
            lines: vec![
                Line::Keep("keep".into()),
                Line::Remove("old".into()),
                Line::Add("new".into()),
                Line::Keep(String::new()),
            ],
            at_end: true,
        };
        let expected = vec![
            Change::Add {
                path: "a".into(),
                content: "one\n\n".into(),
            },
            Change::Delete { path: "b".into() },
            Change::Update {
                path: "c".into(),
                to: Some("d".into()),
                hunks: vec![hunk],
            },
        ];
        assert_eq!(changes, Ok(expected));
    }

    #[test]
    fn what_stands_around_a_patch_does_not_matter() {
        let patch = "*** Begin Patch\n*** Delete File: x\n*** End Patch";
        for text in [
            format!("apply_patch <<'EOF'\n{patch}\nEOF\n"),
            format!("```\n{patch}\n```"),
            patch.replace('\n', "\r\n"),
            format!("\n  {}  \n", patch.trim()),
        ] {
            assert_eq!(
                parse(&text),
                Ok(vec![Change::Delete { path: "x".into() }]),
                "{text}"
            );
        }
    }

    #[test]
    fn line_numbers_of_a_unified_diff_are_no_header() {
        assert_eq!(header(" -1,2 +3,4 @@ fn x"), "");
        assert_eq!(header(" fn x"), "fn x");
        assert_eq!(header(""), "");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (lines, why) in [
            ("", "names no file"),
            ("+x", "line 2 of the patch"),
            ("*** Add File: a\nx", "line 3 of the patch"),
            ("*** Add File:", "path is missing"),
            ("*** Change File: a", "no mark"),
            ("*** Update File: a", "nothing to update"),
            ("*** Update File: a\n@@\n x", "hunk 1 changes nothing"),
            ("*** Update File: a\nx", "begins with a space"),
            ("*** Move to: a", "right after"),
            ("*** End of File", "after lines"),
        ] {
            let error = body(lines).unwrap_err();
            assert!(error.contains(why), "{lines:?}: {error}");
        }
        assert!(parse("").unwrap_err().contains("begin with"));
        assert!(parse("*** Begin Patch\n").unwrap_err().contains("end with"));
    }

    proptest! {
        #[test]
        fn no_text_panics(lines in "([-+ @*]{0,3}(Add File: |End of File|Update File: )?[a-c]{0,3}\n){0,12}") {
            let _ = body(&lines);
        }
    }
}
