//! A configuration as a tree that knows where each part was written.

use super::error::Place;
use serde_json::{Map, Value};
use std::path::PathBuf;

/// A stretch of one file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// Which of the [`Sources`].
    pub(super) file: usize,
    /// First byte.
    pub(super) start: usize,
    /// Byte after the last.
    pub(super) end: usize,
}

impl Span {
    /// What is said by environment variables.
    pub(super) const ENVIRONMENT: Self = Self {
        file: 0,
        start: 0,
        end: 0,
    };
}

/// A value and where it was written.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) at: Span,
    pub(super) kind: Kind,
}

/// What a value is.
#[derive(Clone)]
pub(super) enum Kind {
    /// Text, number, true, false or null.
    Scalar(Value),
    /// `[…]`
    List(Vec<Node>),
    /// `{…}`; each key once.
    Object(Vec<Entry>),
}

/// One key of an object.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_at: Span,
    pub(super) value: Node,
}

impl Node {
    /// An object without keys.
    pub(super) fn empty(at: Span) -> Self {
        Self {
            at,
            kind: Kind::Object(Vec::new()),
        }
    }

    /// The value of a key; `None` in anything but an object.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match &self.kind {
            Kind::Object(entries) => entries.iter().find(|e| e.key == key).map(|e| &e.value),
            Kind::Scalar(_) | Kind::List(_) => None,
        }
    }

    /// The text, where it is text.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(value) => value.as_str(),
            Kind::List(_) | Kind::Object(_) => None,
        }
    }

    /// The value alone.
    pub(super) fn to_value(&self) -> Value {
        match &self.kind {
            Kind::Scalar(value) => value.clone(),
            Kind::List(items) => items.iter().map(Self::to_value).collect(),
            Kind::Object(entries) => Value::Object(
                entries
                    .iter()
                    .map(|e| (e.key.clone(), e.value.to_value()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }

    /// What it is, in a few words for an error. Long text is cut.
    pub(super) fn found(&self) -> String {
        match &self.kind {
            Kind::Scalar(Value::String(text)) => {
                let shown: String = text.chars().take(40).collect();
                let cut = if shown.len() < text.len() { "…" } else { "" };
                format!("the text {}{cut}", Value::from(shown))
            }
            Kind::Scalar(value) => value.to_string(),
            Kind::List(_) => "a list".into(),
            Kind::Object(_) => "an object".into(),
        }
    }

    /// Lays `over` on top: objects key by key, lists one after the other, of anything else the
    /// upper one remains.
    pub(super) fn merge(self, over: Self) -> Self {
        let at = over.at;
        let kind = match (self.kind, over.kind) {
            (Kind::Object(below), Kind::Object(above)) => Kind::Object(merge_keys(below, above)),
            (Kind::List(mut below), Kind::List(above)) => {
                below.extend(above);
                Kind::List(below)
            }
            (Kind::Scalar(_) | Kind::List(_) | Kind::Object(_), above) => above,
        };
        Self { at, kind }
    }
}

fn merge_keys(mut below: Vec<Entry>, above: Vec<Entry>) -> Vec<Entry> {
    for entry in above {
        match below.iter().position(|e| e.key == entry.key) {
            Some(i) => {
                let under = below.remove(i);
                let value = under.value.merge(entry.value);
                below.insert(i, Entry { value, ..entry });
            }
            None => below.push(entry),
        }
    }
    below
}

/// The files a configuration was read from, to find lines by.
pub(super) struct Sources(Vec<(PathBuf, String)>);

impl Sources {
    pub(super) fn new() -> Self {
        Self(vec![("environment".into(), String::new())])
    }

    /// Adds a file; its number goes into [`Span::file`].
    pub(super) fn add(&mut self, path: PathBuf, text: String) -> usize {
        self.0.push((path, text));
        self.0.len() - 1
    }

    /// The text of a file.
    pub(super) fn text(&self, file: usize) -> &str {
        &self.0[file].1
    }

    /// Where a stretch begins, for people.
    pub(super) fn place(&self, span: Span) -> Place {
        let (path, text) = &self.0[span.file];
        let before = &text[..text.floor_char_boundary(span.start)];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let whole = text.is_empty();
        Place {
            file: path.clone(),
            line: if whole {
                0
            } else {
                count(before.matches('\n').count() + 1)
            },
            column: if whole {
                0
            } else {
                count(before[line_start..].chars().count() + 1)
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scan::parse;
    use serde_json::json;

    #[test]
    fn merging_joins_objects_and_lists_and_the_upper_value_remains() {
        let node = |text| parse(text, 0).unwrap().root;
        let merged = node("{a: {x: 1, y: 2}, l: [1], s: 'low'}")
            .merge(node("{a: {y: 3, z: 4}, l: [2], s: {t: 1}, n: 0}"));
        assert_eq!(
            merged.to_value(),
            json!({"a": {"x": 1, "y": 3, "z": 4}, "l": [1, 2], "s": {"t": 1}, "n": 0})
        );
    }
}
