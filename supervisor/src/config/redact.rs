//! A configuration that may be shown, and the secrets that keep it from being shown as it is.

use super::Config;
use super::gateway::GatewayAuth;
use super::key_path::Step;
use super::keys::{self, Field, Shape};
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value};

/// What stands in the place of a secret.
pub const SECRET: &str = "(secret)";

/// The value as it may be shown: texts that are secret, or may well be by the name of their key,
/// are replaced by [`SECRET`]. References such as `${OPENAI_API_KEY}` stay.
#[must_use]
pub fn redact(config: &Value) -> Value {
    shown(config, Some(keys::root()), "")
}

/// Every secret of a configuration: texts that are secret, or may well be by the name of their key,
/// and variables with such names.
#[must_use]
pub fn secrets(config: &Config) -> Vec<String> {
    let mut found = Vec::new();
    collect(&config.resolved, Some(keys::root()), "", &mut found);
    let variables = config.env.iter().filter(|(name, _)| sounds_secret(name));
    found.extend(variables.map(|(_, value)| value.to_owned()));
    for account in &config.telegram {
        // It may be in a file of its own.
        found.push(account.token.expose_secret().to_owned());
    }
    match &config.gateway.auth {
        GatewayAuth::Token(secret) | GatewayAuth::Password(secret) => {
            found.push(secret.expose_secret().to_owned());
        }
        GatewayAuth::Unset | GatewayAuth::Open => {}
    }
    found
}

fn collect(value: &Value, field: Option<&Field>, name: &str, found: &mut Vec<String>) {
    match value {
        Value::String(text) if is_secret(field, name) => found.push(text.clone()),
        Value::Object(map) => {
            for (key, below) in map {
                let next = field.and_then(|field| field.below(&Step::Key(key.clone())));
                collect(below, next, key, found);
            }
        }
        Value::Array(items) => {
            let next = field.map(|field| field.items.as_deref().unwrap_or(field));
            for item in items {
                collect(item, next, name, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn shown(value: &Value, field: Option<&Field>, name: &str) -> Value {
    match value {
        Value::String(text) if is_secret(field, name) && !text.contains("${") => SECRET.into(),
        Value::Object(map) => {
            // The parts of a reference say where a secret is, not what it is.
            let reference = map.contains_key("source") && map.contains_key("id");
            let each = map.iter().map(|(key, below)| {
                let next = field.and_then(|field| field.below(&Step::Key(key.clone())));
                let name = if reference { "" } else { key };
                (key.clone(), shown(below, next, name))
            });
            Value::Object(each.collect::<Map<_, _>>())
        }
        Value::Array(items) => {
            let next = field.map(|field| field.items.as_deref().unwrap_or(field));
            items.iter().map(|item| shown(item, next, name)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn is_secret(field: Option<&Field>, name: &str) -> bool {
    match field.and_then(|field| field.key).map(|key| key.takes) {
        Some(Shape::Secret) => !name.is_empty(),
        // Variables of the section env have names of their own choosing.
        Some(Shape::Text) => name.chars().all(|c| !c.is_lowercase()) && sounds_secret(name),
        Some(Shape::Later | Shape::Ignored) | None => sounds_secret(name),
        Some(_) => false,
    }
}

fn sounds_secret(name: &str) -> bool {
    let name = name.to_lowercase().replace(['_', '-'], "");
    [
        "token",
        "password",
        "secret",
        "key",
        "webhookurl",
        "credentials",
    ]
    .iter()
    .any(|word| name.ends_with(word))
}

#[cfg(test)]
mod tests {
    use super::super::{Env, Source};
    use super::*;
    use serde_json::json;
    use std::path::Path;

    #[test]
    fn every_secret_is_known_wherever_it_stands() {
        let text = r#"{
            models: {providers: {a: {apiKey: "${A_KEY}", baseUrl: "http://x"}}},
            gateway: {auth: {token: "gateway-token"}},
            env: {B_TOKEN: "of-the-file", TZ: "UTC"},
        }"#;
        let vars = [
            ("A_KEY", "of-the-environment"),
            ("OPENCLAW_STATE_DIR", "/nowhere"),
        ];
        let env: Env = vars.into_iter().collect();
        let config = Source::new(env, Path::new("/")).load_text(text).unwrap();
        let mut found = secrets(&config);
        found.sort();
        found.dedup();
        assert_eq!(
            found,
            ["gateway-token", "of-the-environment", "of-the-file"]
        );
    }

    #[test]
    fn secrets_are_not_shown_and_everything_else_is() {
        let config = json!({
            "models": {"providers": {"a": {"apiKey": "sk-1", "baseUrl": "http://x", "headers": {"x": "y"}}}},
            "gateway": {"auth": {"token": "${TOKEN}", "password": "hunter2"}},
            "channels": {"telegram": {"botToken": "1:x", "streamMode": "partial"}},
            "env": {"OPENAI_API_KEY": "sk-2", "TZ": "UTC", "vars": {"A_TOKEN": "t"}},
            "session": {"mainKey": "main"},
            "auth": {"profiles": {"a:b": {"mode": "token", "provider": "a"}}},
            "odd": {"secret": ["s"], "id": {"source": "env", "id": "KEY"}},
        });
        assert_eq!(
            redact(&config),
            json!({
                "models": {"providers": {"a": {"apiKey": SECRET, "baseUrl": "http://x", "headers": {"x": SECRET}}}},
                "gateway": {"auth": {"token": "${TOKEN}", "password": SECRET}},
                "channels": {"telegram": {"botToken": SECRET, "streamMode": "partial"}},
                "env": {"OPENAI_API_KEY": SECRET, "TZ": "UTC", "vars": {"A_TOKEN": SECRET}},
                "session": {"mainKey": "main"},
                "auth": {"profiles": {"a:b": {"mode": "token", "provider": "a"}}},
                "odd": {"secret": [SECRET], "id": {"source": "env", "id": "KEY"}},
            })
        );
    }
}
