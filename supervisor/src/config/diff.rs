//! What a changed configuration changes, and what is to be done about it. Pure.

use super::key_path::{KeyPath, Step};
use super::keys::{self, Field};
use super::{Config, ReloadMode};
use secrecy::ExposeSecret as _;
use serde_json::Value;

/// The keys that differ and do something.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Those that take effect at once.
    pub hot: Vec<KeyPath>,
    /// Those that take effect with a restart only.
    pub restart: Vec<KeyPath>,
}

/// What is to be done about changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// Nothing that counts has changed, or nothing is to be done about it.
    Nothing,
    /// Go on with the new configuration.
    Apply {
        /// What changes thereby.
        changed: Vec<KeyPath>,
        /// What waits for a restart that nobody will make by themselves.
        waiting: Vec<KeyPath>,
    },
    /// Begin again with the new configuration.
    Restart {
        /// What wants it.
        because: Vec<KeyPath>,
    },
}

impl Changes {
    /// What differs between two configurations. Keys that do nothing don't count.
    #[must_use]
    pub fn between(old: &Config, new: &Config) -> Self {
        let mut differing = Vec::new();
        let top = KeyPath::default();
        compare(
            &old.resolved,
            &new.resolved,
            Some(keys::root()),
            &top,
            &mut differing,
        );
        if old.env != new.env {
            differing.push(top.key("env"));
        }
        // An agent may come and go by its manual alone.
        let ids =
            |config: &Config| -> Vec<_> { config.agents.iter().map(|a| a.id.clone()).collect() };
        let said = differing
            .iter()
            .any(|key| key.0.first() == Some(&Step::Key("agents".into())));
        if !said && ids(old) != ids(new) {
            differing.push(top.key("agents"));
        }
        let tokens = |config: &Config| -> Vec<_> {
            let each = config.telegram.iter();
            each.map(|account| account.token.expose_secret().to_owned())
                .collect()
        };
        // One in a file of its own changes without the configuration.
        let said = differing.iter().any(|key| {
            matches!(key.0.first(), Some(Step::Key(name)) if name == "channels" || name == "env")
        });
        if !said && tokens(old) != tokens(new) {
            differing.push(top.key("channels").key("telegram"));
        }
        differing.dedup();
        let (restart, hot) = differing.into_iter().partition(keys::needs_restart);
        Self { hot, restart }
    }

    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hot.is_empty() && self.restart.is_empty()
    }
}

/// What is to be done, by the mode of the new configuration.
#[must_use]
pub fn plan(mode: ReloadMode, changes: Changes) -> Plan {
    if changes.is_empty() {
        return Plan::Nothing;
    }
    let Changes { mut hot, restart } = changes;
    match mode {
        ReloadMode::Off => Plan::Nothing,
        ReloadMode::Restart => {
            hot.extend(restart);
            Plan::Restart { because: hot }
        }
        ReloadMode::Hybrid if !restart.is_empty() => Plan::Restart { because: restart },
        ReloadMode::Hybrid | ReloadMode::Hot => Plan::Apply {
            changed: hot,
            waiting: restart,
        },
    }
}

fn compare(old: &Value, new: &Value, field: Option<&Field>, key: &KeyPath, out: &mut Vec<KeyPath>) {
    let Some(field) = field.filter(|field| !field.does_nothing()) else {
        return;
    };
    if old == new {
        return;
    }
    match (old, new) {
        (Value::Object(old), Value::Object(new)) if !field.is_leaf() => {
            let added = new.keys().filter(|name| !old.contains_key(*name));
            for name in old.keys().chain(added) {
                let step = Step::Key(name.clone());
                let (old, new) = (old.get(name), new.get(name));
                let sides = (old.unwrap_or(&Value::Null), new.unwrap_or(&Value::Null));
                compare(sides.0, sides.1, field.below(&step), &key.then(step), out);
            }
        }
        (Value::Array(old), Value::Array(new))
            if old.len() == new.len() && field.items.is_some() =>
        {
            for (i, (old, new)) in old.iter().zip(new).enumerate() {
                compare(old, new, field.items.as_deref(), &key.index(i), out);
            }
        }
        _ => out.push(key.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Env, Source};
    use super::*;
    use std::path::Path;

    fn config(text: &str) -> Config {
        let env: Env = [("OPENCLAW_STATE_DIR", "/nowhere")].into_iter().collect();
        Source::new(env, Path::new("/")).load_text(text).unwrap()
    }

    fn changes(old: &str, new: &str) -> Changes {
        Changes::between(&config(old), &config(new))
    }

    fn told(keys: &[KeyPath]) -> Vec<String> {
        keys.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_changed_key_is_named_once() {
        let changes = changes(
            "{agents: {defaults: {timeoutSeconds: 5, model: 'a/b'}, list: [{id: 'x', name: 'X'}]}, gateway: {port: 1}}",
            "{agents: {defaults: {timeoutSeconds: 6, model: {primary: 'a/b'}}, list: [{id: 'x', name: 'Y'}]}, gateway: {port: 2, reload: {mode: 'hot'}}}",
        );
        assert_eq!(
            told(&changes.hot),
            [
                "agents.defaults.model",
                "agents.defaults.timeoutSeconds",
                "agents.list[0].name",
                "gateway.reload"
            ]
        );
        assert_eq!(told(&changes.restart), ["gateway.port"]);
    }

    #[test]
    fn what_does_nothing_changes_nothing() {
        let unread = "{meta: {lastTouchedAt: 'now'}, channels: {telegram: {actions: {}}}, odd: 1, /* and a remark */}";
        assert!(changes("{channels: {telegram: {}}}", unread).is_empty());
    }

    #[test]
    fn a_configuration_does_not_differ_from_itself() {
        let text = "{agents: {list: [{id: 'x'}]}, gateway: {port: 1}, env: {A: 'b'}}";
        assert!(changes(text, text).is_empty());
    }

    #[test]
    fn the_mode_decides_what_is_done() {
        let key = |text: &str| text.parse::<KeyPath>().unwrap();
        let both = || Changes {
            hot: vec![key("tools.deny")],
            restart: vec![key("gateway.port")],
        };
        let hot = || Changes {
            restart: vec![],
            ..both()
        };
        let apply = |waiting| Plan::Apply {
            changed: vec![key("tools.deny")],
            waiting,
        };
        let restart = |because| Plan::Restart { because };
        assert_eq!(plan(ReloadMode::Hybrid, hot()), apply(vec![]));
        assert_eq!(
            plan(ReloadMode::Hybrid, both()),
            restart(vec![key("gateway.port")])
        );
        assert_eq!(
            plan(ReloadMode::Hot, both()),
            apply(vec![key("gateway.port")])
        );
        assert_eq!(
            plan(ReloadMode::Restart, hot()),
            restart(vec![key("tools.deny")])
        );
        assert_eq!(plan(ReloadMode::Off, both()), Plan::Nothing);
        assert_eq!(plan(ReloadMode::Restart, Changes::default()), Plan::Nothing);
    }
}
