//! Reading a checked tree: every value has its shape by now, so reading cannot fail, only find
//! nothing.

use super::key_path::{KeyPath, Step};
use super::node::{Kind, Node, Span};
use super::size;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// A part of the tree that may not be there.
#[derive(Clone)]
pub(super) struct View<'a> {
    node: Option<&'a Node>,
    pub(super) key: KeyPath,
}

impl<'a> View<'a> {
    pub(super) fn root(node: &'a Node) -> Self {
        Self {
            node: Some(node),
            key: KeyPath::default(),
        }
    }

    /// What stands at a path of plain keys, with dots between.
    pub(super) fn get(&self, path: &str) -> Self {
        let mut view = self.clone();
        for name in path.split('.') {
            view.node = view.node.and_then(|node| node.get(name));
            view.key.0.push(Step::Key(name.to_owned()));
        }
        view
    }

    /// Where it stands; nowhere is the environment.
    pub(super) fn at(&self) -> Span {
        self.node.map_or(Span::ENVIRONMENT, |node| node.at)
    }

    /// Whether anything but null stands here.
    pub(super) fn is_said(&self) -> bool {
        self.node
            .is_some_and(|node| !matches!(node.kind, Kind::Scalar(Value::Null)))
    }

    fn scalar(&self) -> Option<&'a Value> {
        match &self.node?.kind {
            Kind::Scalar(value) => Some(value),
            Kind::List(_) | Kind::Object(_) => None,
        }
    }

    pub(super) fn flag(&self) -> Option<bool> {
        self.scalar()?.as_bool()
    }

    pub(super) fn text(&self) -> Option<&'a str> {
        self.scalar()?.as_str()
    }

    pub(super) fn number(&self) -> Option<f64> {
        self.scalar()?.as_f64()
    }

    /// A whole number in any unsigned type; the table's bounds keep it within.
    pub(super) fn count<T: TryFrom<u64>>(&self) -> Option<T> {
        T::try_from(size::whole(self.scalar()?)?).ok()
    }

    pub(super) fn bytes(&self) -> Option<u64> {
        size::bytes(self.scalar()?)
    }

    pub(super) fn seconds(&self) -> Option<Duration> {
        self.count().map(Duration::from_secs)
    }

    pub(super) fn minutes(&self) -> Option<Duration> {
        self.count()
            .map(|minutes: u64| Duration::from_secs(60 * minutes))
    }

    pub(super) fn millis(&self) -> Option<Duration> {
        self.count().map(Duration::from_millis)
    }

    pub(super) fn hours(&self) -> Option<Duration> {
        self.number()
            .map(|hours| Duration::from_secs_f64(hours * 3600.0))
    }

    /// What the text stands for.
    pub(super) fn one_of<T: Copy>(&self, words: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        words
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, t)| *t)
    }

    /// A list's parts.
    pub(super) fn items(&self) -> Vec<Self> {
        let Some(Kind::List(items)) = self.node.map(|node| &node.kind) else {
            return Vec::new();
        };
        let view = |(i, node)| Self {
            node: Some(node),
            key: self.key.index(i),
        };
        items.iter().enumerate().map(view).collect()
    }

    /// An object's parts.
    pub(super) fn entries(&self) -> Vec<(&'a str, Self)> {
        let Some(Kind::Object(entries)) = self.node.map(|node| &node.kind) else {
            return Vec::new();
        };
        let view = |node, key| Self {
            node: Some(node),
            key: self.key.key(key),
        };
        entries
            .iter()
            .map(|e| (e.key.as_str(), view(&e.value, &e.key)))
            .collect()
    }

    /// A list of texts; numbers become text.
    pub(super) fn texts(&self) -> Option<Vec<String>> {
        self.is_said().then(|| {
            let items = self.items();
            items.iter().filter_map(Self::as_text).collect()
        })
    }

    /// Lists of texts by key; `None` where nothing stands.
    pub(super) fn texts_by_key(&self) -> Option<BTreeMap<String, Vec<String>>> {
        self.is_said().then(|| {
            let entries = self.entries().into_iter();
            entries
                .map(|(name, view)| (name.to_owned(), view.texts().unwrap_or_default()))
                .collect()
        })
    }

    /// The text; a number becomes text.
    pub(super) fn as_text(&self) -> Option<String> {
        match self.scalar()? {
            Value::String(text) => Some(text.clone()),
            value @ Value::Number(_) => Some(value.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

/// Puts a value in its slot, if there is one.
pub(super) fn put<T>(slot: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *slot = value;
    }
}
