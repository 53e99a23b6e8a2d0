//! Every key we know, as data: what it takes, what holds without it, what it is for.
//!
//! Checking a file, suggesting the nearest key, the JSON Schema of `openclaw config schema`, and
//! which changes need a restart all come from here. A key of OpenClaw's that does nothing here yet
//! is listed under `later`, so that it can be told from a typing mistake.

mod agents;
mod channels;
mod models;
mod rest;
mod tools;

use super::key_path::{KeyPath, Step};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// One key.
#[derive(Debug)]
pub(super) struct Key {
    /// Relative to its group: keys with dots between; `*` is any key, `[]` is any place in a list.
    pub(super) path: &'static str,
    pub(super) takes: Shape,
    /// What holds without it, as JSON; empty where that is "nothing".
    pub(super) default: &'static str,
    /// One sentence for people.
    pub(super) about: &'static str,
}

/// What a key takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Shape {
    /// `true` or `false`.
    Flag,
    /// Any text.
    Text,
    /// A path; `~` is home, relative paths count from the state directory.
    Path,
    /// An `http://` or `https://` address.
    Url,
    /// `provider/model`, or an alias of one.
    Model,
    /// Text, or a reference to a secret: `{source, provider, id}`.
    Secret,
    /// A whole number within bounds, both included.
    Count(u64, u64),
    /// A number within bounds, both included.
    Number(f64, f64),
    /// Bytes: a number, or text such as `512mb`.
    Size,
    /// A list of texts.
    Texts,
    /// A list of paths.
    Paths,
    /// A list of sender ids: texts or numbers.
    Senders,
    /// One such id.
    Sender,
    /// One of these words, or `true` or `false`.
    Switch(&'static [&'static str]),
    /// One of the first; one of the second is known and does nothing here yet.
    OneOf(&'static [&'static str], &'static [&'static str]),
    /// Anything: OpenClaw knows it, we don't yet.
    Later,
    /// Anything, without a word: it is nobody's setting.
    Ignored,
}

/// Keys that stand in the same places.
pub(super) struct Group {
    /// Where; more than one for what can be said of several.
    pub(super) under: &'static [&'static str],
    pub(super) keys: &'static [Key],
    /// Keys of OpenClaw's that do nothing here yet.
    pub(super) later: &'static [&'static str],
}

/// A change under these takes effect with a restart only.
const RESTART: &[&str] = &["gateway", "discovery", "canvasHost", "plugins"];
/// Except under these.
const HOT: &[&str] = &["gateway.reload"];

const fn key(path: &'static str, takes: Shape, default: &'static str, about: &'static str) -> Key {
    Key {
        path,
        takes,
        default,
        about,
    }
}

/// A spot where a configuration can say something, and what may stand below it.
#[derive(Debug, Default)]
pub(super) struct Field {
    /// What a value here is; `None` for what is only a way to the keys below.
    pub(super) key: Option<&'static Key>,
    /// Keys below, by name.
    pub(super) named: BTreeMap<&'static str, Self>,
    /// What stands below any other key.
    pub(super) each: Option<Box<Self>>,
    /// What stands in a list.
    pub(super) items: Option<Box<Self>>,
}

static ROOT: LazyLock<Field> = LazyLock::new(|| {
    let mut root = Field::default();
    for group in groups() {
        for place in group.under {
            let base = root.at(place);
            for key in group.keys {
                base.at(key.path).key = Some(key);
            }
            for name in group.later {
                base.at(name).key = Some(&LATER);
            }
        }
    }
    root
});

static LATER: Key = key(
    "",
    Shape::Later,
    "",
    "Known to OpenClaw; does nothing here yet.",
);

/// The whole table, as a tree.
pub(super) fn root() -> &'static Field {
    &ROOT
}

fn groups() -> impl Iterator<Item = &'static Group> {
    [
        agents::GROUPS,
        tools::GROUPS,
        models::GROUPS,
        channels::GROUPS,
        rest::GROUPS,
    ]
    .into_iter()
    .flatten()
}

/// Whether a change of this key takes effect with a restart only.
pub(super) fn needs_restart(key: &KeyPath) -> bool {
    let text = key.to_string();
    let under = |prefix: &&str| {
        text.strip_prefix(*prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    RESTART.iter().any(under) && !HOT.iter().any(under)
}

impl Field {
    /// The spot at a relative path of the table, made where it is not yet.
    fn at(&mut self, path: &'static str) -> &mut Self {
        let mut field = self;
        for part in path.split('.').filter(|part| !part.is_empty()) {
            let (name, list) = part
                .strip_suffix("[]")
                .map_or((part, false), |name| (name, true));
            field = match name {
                "*" => field.each.get_or_insert_default(),
                _ => field.named.entry(name).or_default(),
            };
            if list {
                field = field.items.get_or_insert_default();
            }
        }
        field
    }

    /// What may stand one step below; `None` where the step is not known.
    pub(super) fn below(&self, step: &Step) -> Option<&Self> {
        match step {
            Step::Index(_) => self.items.as_deref(),
            Step::Key(name) => self.named.get(name.as_str()).or(self.each.as_deref()),
        }
    }

    /// Whether whatever stands here does nothing.
    pub(super) fn does_nothing(&self) -> bool {
        self.key
            .is_some_and(|key| matches!(key.takes, Shape::Later | Shape::Ignored))
    }

    /// Whether it is only a value, with nothing below.
    pub(super) fn is_leaf(&self) -> bool {
        self.named.is_empty() && self.each.is_none() && self.items.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::super::key_path::KeyPath;
    use super::*;

    #[test]
    fn every_key_says_what_it_is_for() {
        for group in groups() {
            for key in group.keys {
                assert!(key.about.ends_with('.'), "{}", key.path);
                let default = serde_json::from_str::<serde_json::Value>(key.default);
                assert!(key.default.is_empty() || default.is_ok(), "{}", key.path);
            }
        }
    }

    #[test]
    fn no_key_is_both_here_and_later() {
        for group in groups() {
            for later in group.later {
                let here = group.keys.iter().any(|key| {
                    let below = key.path.strip_prefix(later);
                    below.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
                });
                assert!(!here, "{later}");
            }
        }
    }

    #[test]
    fn the_gateway_restarts_for_its_own_keys_but_not_for_how_it_reloads() {
        let needs = |text: &str| needs_restart(&text.parse::<KeyPath>().unwrap());
        assert!(needs("gateway.port"));
        assert!(needs("gateway"));
        assert!(!needs("gateway.reload.mode"));
        assert!(!needs("agents.list[0].model"));
    }
}
