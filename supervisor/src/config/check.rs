//! Holds a tree against the table of keys: names what is unknown, wrong, or without effect, and
//! puts secrets in the place of their references.

use super::findings::Findings;
use super::key_path::{KeyPath, Step};
use super::keys::{Field, Shape};
use super::nearest::{elsewhere, nearest};
use super::node::{Entry, Kind, Node};
use super::secrets::{Resolved, Secrets, is_reference};
use super::size;
use serde_json::Value;

/// Checks everything below. Unknown keys stay where they are.
pub(super) struct Check<'a> {
    pub(super) secrets: &'a Secrets<'a>,
    pub(super) findings: &'a mut Findings,
}

impl Check<'_> {
    pub(super) fn field(&mut self, field: &Field, node: &mut Node, key: &KeyPath) {
        let takes = field.key.map(|key| key.takes);
        match &mut node.kind {
            _ if takes == Some(Shape::Ignored) => {}
            _ if takes == Some(Shape::Later) => {
                self.findings
                    .warn(node.at, key, "known to OpenClaw, does nothing here yet");
            }
            Kind::Scalar(Value::Null) => {}
            Kind::Object(_) if takes == Some(Shape::Secret) => self.secret(node, key),
            Kind::Object(entries) if field.each.is_some() || !field.named.is_empty() => {
                for entry in entries {
                    self.entry(field, entry, key);
                }
            }
            Kind::List(items) if field.items.is_some() => {
                for (i, item) in items.iter_mut().enumerate() {
                    if let Some(below) = &field.items {
                        self.field(below, item, &key.index(i));
                    }
                }
            }
            Kind::Scalar(_) | Kind::List(_) | Kind::Object(_) => self.value(field, node, key),
        }
    }

    fn entry(&mut self, field: &Field, entry: &mut Entry, key: &KeyPath) {
        let step = Step::Key(entry.key.clone());
        let full = key.key(&entry.key);
        match field.below(&step) {
            Some(below) => self.field(below, &mut entry.value, &full),
            None => {
                let message = unknown(&entry.key, field);
                self.findings.warn(entry.key_at, &full, message);
            }
        }
    }

    fn value(&mut self, field: &Field, node: &Node, key: &KeyPath) {
        let Some(takes) = field.key.map(|key| key.takes) else {
            let expected = if field.items.is_some() {
                "a list"
            } else {
                "an object"
            };
            let found = node.found();
            self.findings
                .error(node.at, key, format!("expected {expected}, found {found}"));
            return;
        };
        match fits(takes, node) {
            Fit::Yes => {}
            Fit::Later(word) => {
                let message = format!(
                    "{word} is known to OpenClaw and not supported here yet; it is left out"
                );
                self.findings.warn(node.at, key, message);
            }
            Fit::No => {
                let found = if takes == Shape::Secret {
                    "something else".to_owned()
                } else {
                    node.found()
                };
                let hint = hint(takes, node);
                let message = format!("expected {}, found {found}{hint}", expected(takes));
                self.findings.error(node.at, key, message);
            }
        }
    }

    fn secret(&mut self, node: &mut Node, key: &KeyPath) {
        if !is_reference(node) {
            let message = format!(
                "expected {}, found an object without source",
                expected(Shape::Secret)
            );
            self.findings.error(node.at, key, message);
            return;
        }
        let value = match self.secrets.resolve(node) {
            Ok(Resolved::Secret(secret)) => Value::from(secret),
            Ok(Resolved::Later) => {
                let message = "secrets from a command are not supported here yet; it is left out";
                self.findings.warn(node.at, key, message);
                Value::Null
            }
            Err(message) => {
                self.findings.error(node.at, key, message);
                Value::Null
            }
        };
        node.kind = Kind::Scalar(value);
    }
}

fn unknown(name: &str, field: &Field) -> String {
    let said = "unknown key, it does nothing";
    if let Some(near) = nearest(name, field.named.keys().copied()) {
        return format!("{said}; did you mean {near}?");
    }
    match elsewhere(name).as_slice() {
        [] => said.to_owned(),
        places => format!("{said} here; did you mean {}?", places.join(" or ")),
    }
}

enum Fit<'a> {
    Yes,
    No,
    /// A word that is known and does nothing here yet.
    Later(&'a str),
}

fn fits(takes: Shape, node: &Node) -> Fit<'_> {
    let yes = match (&node.kind, takes) {
        (Kind::Scalar(Value::String(text)), Shape::OneOf(_, later))
            if later.contains(&text.as_str()) =>
        {
            return Fit::Later(text);
        }
        (Kind::Scalar(value), _) => scalar_fits(takes, value),
        (Kind::List(items), Shape::Texts | Shape::Paths) => {
            items.iter().all(|item| item.text().is_some())
        }
        (Kind::List(items), Shape::Senders) => items
            .iter()
            .all(|item| matches!(item.kind, Kind::Scalar(Value::String(_) | Value::Number(_)))),
        (Kind::List(_) | Kind::Object(_), _) => false,
    };
    if yes { Fit::Yes } else { Fit::No }
}

fn scalar_fits(takes: Shape, value: &Value) -> bool {
    match takes {
        Shape::Flag => value.is_boolean(),
        Shape::Text | Shape::Secret => value.is_string(),
        Shape::Path => value.as_str().is_some_and(|path| !path.is_empty()),
        Shape::Model => value.as_str().is_some_and(|model| !model.trim().is_empty()),
        Shape::Url => value.as_str().is_some_and(is_url),
        Shape::Count(low, high) => size::whole(value).is_some_and(|n| (low..=high).contains(&n)),
        Shape::Number(low, high) => value.as_f64().is_some_and(|n| (low..=high).contains(&n)),
        Shape::Size => size::bytes(value).is_some(),
        Shape::OneOf(words, _) => value.as_str().is_some_and(|text| words.contains(&text)),
        Shape::Sender => value.is_string() || value.is_i64(),
        Shape::Switch(words) => {
            value.is_boolean() || value.as_str().is_some_and(|text| words.contains(&text))
        }
        Shape::Texts | Shape::Paths | Shape::Senders => false,
        Shape::Later | Shape::Ignored => true,
    }
}

fn is_url(text: &str) -> bool {
    let rest = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"));
    rest.is_some_and(|rest| !rest.starts_with('/') && !rest.is_empty() && !rest.contains(' '))
}

fn expected(takes: Shape) -> String {
    match takes {
        Shape::Flag => "true or false".into(),
        Shape::Text => "text".into(),
        Shape::Path => "a path".into(),
        Shape::Url => "an http:// or https:// address".into(),
        Shape::Model => "a model such as \"openai/gpt-4o\", or {primary, fallbacks}".into(),
        Shape::Secret => "text, or a reference {source, provider, id}".into(),
        Shape::Count(low, high) => format!("a whole number from {low} to {high}"),
        Shape::Number(low, high) => format!("a number from {low} to {high}"),
        Shape::Size => "bytes, or text such as \"512mb\"".into(),
        Shape::Texts => "a list of texts".into(),
        Shape::Paths => "a list of paths".into(),
        Shape::Senders => "a list of sender ids".into(),
        Shape::Sender => "an id: text or a number".into(),
        Shape::Switch(words) => format!("one of {}, or true or false", words.join(", ")),
        Shape::OneOf(words, _) => format!("one of {}", words.join(", ")),
        Shape::Later | Shape::Ignored => "anything".into(),
    }
}

/// The mend, where it is plain.
fn hint(takes: Shape, node: &Node) -> String {
    let Some(text) = node.text() else {
        return String::new();
    };
    match takes {
        Shape::OneOf(words, _) | Shape::Switch(words) => nearest(text, words.iter().copied())
            .map_or_else(String::new, |word| format!("; did you mean {word}?")),
        Shape::Flag | Shape::Count(..) | Shape::Number(..)
            if matches!(json5::from_str(text), Ok(Value::Bool(_) | Value::Number(_))) =>
        {
            "; write it without quotes".into()
        }
        Shape::Texts | Shape::Paths | Shape::Senders => "; put it in [ ]".into(),
        Shape::Flag
        | Shape::Count(..)
        | Shape::Number(..)
        | Shape::Text
        | Shape::Path
        | Shape::Url
        | Shape::Model
        | Shape::Secret
        | Shape::Sender
        | Shape::Size
        | Shape::Later
        | Shape::Ignored => String::new(),
    }
}
