//! The change in the text, in the hand of whoever wrote it: their indentation, quotes, commas and
//! line ends.

use super::value::wrap;
use crate::config::key_path::{KeyPath, Step};
use crate::config::node::{Kind, Node};
use crate::config::scan::{plain_key, skip_trivia};
use serde_json::Value;
use std::ops::Range;

/// The text with a value at a key; `None` where that cannot be done in place.
pub(super) fn set(text: &str, root: &Node, key: &KeyPath, to: &Value) -> Option<String> {
    let hand = Hand::of(text, root);
    let mut at = root;
    for (i, step) in key.0.iter().enumerate() {
        match below(at, step) {
            Some(next) => at = next,
            None if is_null(at) => return hand.replace(at, &wrap(&key.0[i..], to)),
            None => return hand.add(at, step, &wrap(&key.0[i + 1..], to)),
        }
    }
    hand.replace(at, to)
}

/// The text without a key.
pub(super) fn unset(text: &str, root: &Node, key: &KeyPath) -> Option<String> {
    let (last, way) = key.0.split_last()?;
    let holder = way.iter().try_fold(root, below)?;
    let members = members(holder);
    let index = match &holder.kind {
        Kind::Object(entries) => entries.iter().position(|e| e.key == last.as_key())?,
        Kind::List(_) | Kind::Scalar(_) => last.as_index()?,
    };
    Hand::of(text, root).remove(&members, index)
}

fn below<'a>(node: &'a Node, step: &Step) -> Option<&'a Node> {
    match &node.kind {
        Kind::Object(_) => node.get(&step.as_key()),
        Kind::List(items) => items.get(step.as_index()?),
        Kind::Scalar(_) => None,
    }
}

fn is_null(node: &Node) -> bool {
    matches!(node.kind, Kind::Scalar(Value::Null))
}

/// Where each member of an object or list stands, key and value together.
fn members(node: &Node) -> Vec<Range<usize>> {
    match &node.kind {
        Kind::Object(entries) => {
            let entries = entries.iter();
            entries.map(|e| e.key_at.start..e.value.at.end).collect()
        }
        Kind::List(items) => items
            .iter()
            .map(|item| item.at.start..item.at.end)
            .collect(),
        Kind::Scalar(_) => Vec::new(),
    }
}

/// A text and its writer's habits.
struct Hand<'a> {
    text: &'a str,
    newline: &'static str,
    quoted_keys: bool,
}

impl<'a> Hand<'a> {
    fn of(text: &'a str, root: &Node) -> Self {
        let first_key = match &root.kind {
            Kind::Object(entries) => entries.first().map(|e| e.key_at.start),
            Kind::List(_) | Kind::Scalar(_) => None,
        };
        let quote = first_key.map(|at| text[at..].starts_with(['"', '\'']));
        Self {
            text,
            newline: if text.contains("\r\n") { "\r\n" } else { "\n" },
            quoted_keys: quote.unwrap_or(true),
        }
    }

    fn replace(&self, node: &Node, to: &Value) -> Option<String> {
        let rendered = self.render(to, self.indent_at(node.at.start));
        self.apply(vec![(node.at.start..node.at.end, rendered)])
    }

    /// Adds a member after the last one.
    fn add(&self, holder: &Node, step: &Step, to: &Value) -> Option<String> {
        let outer = self.indent_at(holder.at.start);
        let members = members(holder);
        let own_lines = members
            .last()
            .is_none_or(|last| self.begins_line(last.start));
        let indent = match members.last() {
            Some(last) if own_lines => self.indent_at(last.start).to_owned(),
            Some(_) => outer.to_owned(),
            None => format!("{outer}  "),
        };
        let value = self.render(to, &indent);
        let member = match holder.kind {
            Kind::Object(_) => format!("{}: {value}", self.key(&step.as_key())),
            Kind::List(_) => value,
            Kind::Scalar(_) => return None,
        };
        let close = holder.at.end - 1;
        let Some(last) = members.last() else {
            let open = holder.at.start + 1;
            let kept = self.text[open..close].trim_end();
            let new = format!("{kept}{nl}{indent}{member}{nl}{outer}", nl = self.newline);
            return self.apply(vec![(open..close, new)]);
        };
        let after = skip_trivia(self.text, last.end).ok()?;
        let comma = self.text[after..].starts_with(',');
        let tail = self.line_tail(if comma { after + 1 } else { last.end });
        let gap = if own_lines {
            format!("{}{indent}", self.newline)
        } else {
            " ".into()
        };
        let end = if comma { "," } else { "" };
        let mut edits = vec![(tail..tail, format!("{gap}{member}{end}"))];
        if !comma {
            edits.push((last.end..last.end, ",".into()));
        }
        self.apply(edits)
    }

    /// Takes the member away, with the remark behind it on its line.
    fn remove(&self, members: &[Range<usize>], index: usize) -> Option<String> {
        let member = members.get(index)?;
        let after = skip_trivia(self.text, member.end).ok()?;
        let comma = self.text[after..].starts_with(',');
        let end = if comma { after + 1 } else { member.end };
        let mut edits = Vec::new();
        let tail = self.line_tail(end);
        let spaces = white(&self.text[end..]);
        if self.begins_line(member.start)
            && let Some(line_end) = self.line_end(tail)
        {
            let start = member.start - self.indent_at(member.start).len();
            edits.push((start..line_end, String::new()));
        } else {
            edits.push((
                member.start..end + if comma { spaces } else { 0 },
                String::new(),
            ));
        }
        if !comma && let Some(before) = index.checked_sub(1).and_then(|i| members.get(i)) {
            // What was the last but one is the last now; a file of strict JSON stays one.
            let at = skip_trivia(self.text, before.end).ok()?;
            let spaces = if self.begins_line(member.start) {
                0
            } else {
                member.start - at - 1
            };
            edits.push((at..at + 1 + spaces, String::new()));
        }
        self.apply(edits)
    }

    /// The end of what belongs to a line from `at` on: remarks, but not the space behind them.
    fn line_tail(&self, at: usize) -> usize {
        let (mut end, mut at) = (at, at);
        loop {
            let rest = &self.text[at..];
            let length = if rest.starts_with("//") {
                rest.find(['\r', '\n']).unwrap_or(rest.len())
            } else if rest.starts_with("/*") {
                rest.find("*/").map_or(0, |i| i + 2)
            } else {
                0
            };
            if length > 0 {
                at += length;
                end = at;
            } else if rest.starts_with([' ', '\t']) {
                at += 1;
            } else {
                return end;
            }
        }
    }

    /// The white space a line begins with.
    fn indent_at(&self, at: usize) -> &'a str {
        let start = self.text[..at].rfind('\n').map_or(0, |i| i + 1);
        let line = &self.text[start..];
        &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
    }

    /// The start of the next line, where nothing but white space comes before it.
    fn line_end(&self, at: usize) -> Option<usize> {
        let rest = &self.text[at + white(&self.text[at..])..];
        let after = rest.strip_prefix('\r').unwrap_or(rest).strip_prefix('\n')?;
        Some(self.text.len() - after.len())
    }

    fn begins_line(&self, at: usize) -> bool {
        self.text[..at]
            .trim_end_matches([' ', '\t'])
            .ends_with('\n')
    }

    fn key(&self, key: &str) -> String {
        if plain_key(key) && !self.quoted_keys {
            key.to_owned()
        } else {
            Value::from(key).to_string()
        }
    }

    /// A value over several lines, all but the first with `indent` in front.
    fn render(&self, value: &Value, indent: &str) -> String {
        format!("{value:#}").replace('\n', &format!("{}{indent}", self.newline))
    }

    fn apply(&self, mut edits: Vec<(Range<usize>, String)>) -> Option<String> {
        edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
        let mut text = self.text.to_owned();
        for (range, new) in edits {
            text.get(range.clone())?;
            text.replace_range(range, &new);
        }
        Some(text)
    }
}

/// Bytes of white space a text begins with, line ends not counted.
fn white(text: &str) -> usize {
    text.len() - text.trim_start_matches([' ', '\t']).len()
}
