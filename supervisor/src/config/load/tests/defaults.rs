use super::*;

#[test]
fn nothing_configured_is_all_defaults() {
    let home = Home::new(&[]);
    let config = home.load();
    let defaults = Config::defaults(Paths::under(home.dir.path()));
    assert_eq!(
        format!("{config:?}"),
        format!(
            "{:?}",
            Config {
                paths: config.paths.clone(),
                ..defaults
            }
        )
    );
    assert_eq!(config.raw, json!({}));
    assert_eq!(config.default_agent().id.as_str(), "main");
    assert_eq!(
        config.default_agent().workspace,
        home.dir.path().join("workspace")
    );
}

/// Every key of the table that is not below a name of one's own choosing, with its path in an
/// object that has it.
fn keys() -> Vec<(&'static keys::Key, String)> {
    fn walk(field: &'static Field, path: &str, found: &mut Vec<(&'static keys::Key, String)>) {
        if let Some(key) = field.key {
            found.push((key, path.to_owned()));
        }
        for (name, below) in &field.named {
            let dot = if path.is_empty() { "" } else { "." };
            walk(below, &format!("{path}{dot}{name}"), found);
        }
        if path == "agents.list" {
            walk(field.items.as_ref().unwrap(), "agents.list[0]", found);
        }
    }
    let mut found = vec![];
    walk(keys::root(), "", &mut found);
    found
}

/// A configuration that says one thing, has one agent listed, and a bot anybody may speak to.
fn saying(path: &str, value: &Value) -> String {
    let mut config = json!({
        "agents": {"list": [{"id": "main"}]},
        "channels": {"telegram": {"allowFrom": ["*"]}},
    });
    let pointer = format!("/{}", path.replace(['.', '['], "/").replace(']', ""));
    let mut at = &mut config;
    for step in pointer[1..].split('/') {
        at = match step.parse::<usize>() {
            Ok(index) => &mut at[index],
            Err(_) => &mut at[step],
        };
    }
    *at = value.clone();
    config.to_string()
}

/// All that a configuration means, less what it was read from.
fn meaning(text: &str) -> String {
    let config = Home::with(text).set("TELEGRAM_BOT_TOKEN", TOKEN).load();
    format!("{config:?}").replace(&config.paths.state_dir.display().to_string(), "")
}

#[test]
fn saying_a_default_changes_nothing() {
    let plain = meaning(&saying("agents.list[0].id", &json!("main")));
    for (key, path) in keys().iter().filter(|(key, _)| !key.default.is_empty()) {
        let default = serde_json::from_str(key.default).unwrap();
        assert_eq!(meaning(&saying(path, &default)), plain, "{path}");
    }
}

#[test]
fn every_word_a_key_takes_means_something_of_its_own() {
    for (key, path) in keys() {
        let keys::Shape::OneOf(words, _) = key.takes else {
            continue;
        };
        // A token or a password is needed for the word to mean anything.
        let home = |word: &&str| {
            let text = saying(&path, &json!(word));
            let home = Home::with(&text).set("OPENCLAW_GATEWAY_TOKEN", "t");
            let home = home.set("TELEGRAM_BOT_TOKEN", TOKEN);
            let config = home.set("OPENCLAW_GATEWAY_PASSWORD", "p").load();
            let meaning = format!("{config:?}");
            meaning.replace(&config.paths.state_dir.display().to_string(), "")
        };
        let mut meanings: Vec<_> = words.iter().map(home).collect();
        meanings.sort();
        meanings.dedup();
        assert_eq!(meanings.len(), words.len(), "{path}");
    }
}
