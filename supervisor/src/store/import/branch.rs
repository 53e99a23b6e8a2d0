//! A JSONL transcript is a tree of entries; what counts is the branch that ends in the last one.

use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;

/// The entries from the root to the last one, oldest first.
#[derive(Debug, Default, PartialEq)]
pub(in crate::store) struct Branch {
    /// When the session began, as its first line has it.
    pub begun: Option<Value>,
    pub entries: Vec<Entry>,
    /// Lines that can not be read, each with its number and why.
    pub broken: Vec<String>,
}

/// One line after the first. Fields that its kind does not have are `None`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::store) struct Entry {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub id: Option<String>,
    #[serde(default)]
    parent_id: Option<String>,
    #[serde(default)]
    pub timestamp: Option<Value>,
    #[serde(default)]
    pub message: Option<Value>,
    /// Of a `custom_message`.
    #[serde(default)]
    pub content: Option<Value>,
    /// Of a `compaction` or `branch_summary`.
    #[serde(default)]
    pub summary: Option<String>,
    /// Of a `compaction`.
    #[serde(default)]
    pub first_kept_entry_id: Option<String>,
    /// Its line, from 1.
    #[serde(skip)]
    pub line: usize,
}

impl Branch {
    /// Reads a transcript. A line that can not be read is named and left out; only a file that is
    /// no transcript at all is an error.
    pub(in crate::store) fn read(text: &str) -> Result<Self, String> {
        let mut lines = (1..)
            .zip(text.lines())
            .filter(|(_, line)| !line.trim().is_empty());
        let (_, first) = lines.next().ok_or("it is empty")?;
        let header: Value =
            serde_json::from_str(first).map_err(|error| format!("line 1: {error}"))?;
        if header.get("type").and_then(Value::as_str) != Some("session") {
            return Err("line 1: it is not the head of a session".to_owned());
        }
        let mut broken = Vec::new();
        let mut entries: Vec<Entry> = Vec::new();
        for (number, line) in lines {
            match serde_json::from_str::<Entry>(line) {
                Ok(entry) => entries.push(Entry {
                    line: number,
                    ..entry
                }),
                Err(error) => broken.push(format!("line {number}: {error}")),
            }
        }
        Ok(Self {
            begun: header.get("timestamp").cloned(),
            entries: last_branch(entries),
            broken,
        })
    }
}

/// Follows the parents of the last entry. A parent that is not there (its line is broken, or the
/// file is from before there were parents) is taken to be the entry before.
fn last_branch(entries: Vec<Entry>) -> Vec<Entry> {
    let parents = parents(&entries);
    let mut on_branch = vec![false; entries.len()];
    let mut at = entries.len().checked_sub(1);
    while let Some(index) = at {
        on_branch[index] = true;
        at = parents[index];
    }
    let kept = entries.into_iter().zip(on_branch);
    kept.filter_map(|(entry, on)| on.then_some(entry)).collect()
}

/// Each entry's parent: always one before it, so there are no circles.
fn parents(entries: &[Entry]) -> Vec<Option<usize>> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let mut parents = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        let before = index.checked_sub(1);
        parents.push(match (&entry.id, &entry.parent_id) {
            (Some(_), None) => None,
            (_, Some(parent)) => seen.get(parent.as_str()).copied().or(before),
            (None, None) => before,
        });
        if let Some(id) = &entry.id {
            seen.insert(id, index);
        }
    }
    parents
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = r#"{"type":"session","version":3,"id":"s","timestamp":"2026-02-01T10:00:00.000Z","cwd":"/"}"#;

    fn branch(lines: &[&str]) -> (Vec<usize>, Vec<String>) {
        let text = [&[HEAD], lines].concat().join("\n");
        let branch = Branch::read(&text).unwrap();
        (
            branch.entries.iter().map(|e| e.line).collect(),
            branch.broken,
        )
    }

    #[test]
    fn an_abandoned_branch_is_left_out() {
        let (lines, broken) = branch(&[
            r#"{"type":"custom","id":"a","parentId":null}"#,
            r#"{"type":"custom","id":"b","parentId":"a"}"#,
            r#"{"type":"custom","id":"c","parentId":"b"}"#,
            r#"{"type":"custom","id":"d","parentId":"a"}"#,
        ]);
        assert_eq!((lines, broken), (vec![2, 5], vec![]));
    }

    #[test]
    fn a_broken_line_does_not_cut_off_what_is_before_it() {
        let (lines, broken) = branch(&[
            r#"{"type":"custom","id":"a","parentId":null}"#,
            r#"{"type":"custom","id":"b","parentId":"a""#,
            r#"{"type":"custom","id":"c","parentId":"b"}"#,
        ]);
        assert_eq!(lines, vec![2, 4]);
        assert_eq!(broken.len(), 1);
        assert!(broken[0].starts_with("line 3: "), "{broken:?}");
    }

    #[test]
    fn lines_without_ids_follow_each_other() {
        let (lines, _) = branch(&[r#"{"type":"custom"}"#, "", r#"{"type":"custom"}"#]);
        assert_eq!(lines, vec![2, 4]);
    }

    #[test]
    fn parents_that_go_in_a_circle_come_to_an_end() {
        let (lines, _) = branch(&[
            r#"{"type":"custom","id":"a","parentId":"b"}"#,
            r#"{"type":"custom","id":"b","parentId":"a"}"#,
            r#"{"type":"custom","id":"b","parentId":"b"}"#,
        ]);
        assert_eq!(lines, vec![2, 3, 4]);
    }

    #[test]
    fn what_is_no_transcript_is_an_error() {
        for text in ["", "\n\n", "{}", "hello", r#"{"type":"message"}"#] {
            assert!(Branch::read(text).is_err(), "{text}");
        }
    }
}
