//! Text with its entities: what may be sent, and what the server finds in what people write.

use super::html;
use super::refusal::Refusal;
use super::request::Params;
use serde_json::{Value, json};

/// What a part of a text is. Offsets and lengths are in UTF-16 units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity {
    /// `bold`, `pre`, `bot_command` …
    pub kind: String,
    /// Where it begins.
    pub offset: usize,
    /// How long it is.
    pub length: usize,
    /// Where a `text_link` leads.
    pub url: Option<String>,
    /// The language of a `pre`.
    pub language: Option<String>,
    /// Which emoji a `custom_emoji` is.
    pub custom_emoji_id: Option<String>,
    /// Who is meant by a `text_mention`: the user as the server tells it.
    pub user: Option<Value>,
}

impl Entity {
    pub(super) fn new(kind: &str, offset: usize, length: usize) -> Self {
        Self {
            kind: kind.to_owned(),
            offset,
            length,
            url: None,
            language: None,
            custom_emoji_id: None,
            user: None,
        }
    }

    pub(super) fn json(&self) -> Value {
        let mut value = json!({ "type": self.kind, "offset": self.offset, "length": self.length });
        let more = [
            ("url", &self.url),
            ("language", &self.language),
            ("custom_emoji_id", &self.custom_emoji_id),
        ];
        for (name, known) in more {
            if let Some(known) = known {
                value[name] = json!(known);
            }
        }
        if let Some(user) = &self.user {
            value["user"] = user.clone();
        }
        value
    }

    fn read(value: &Value) -> Self {
        let number = |name: &str| usize::try_from(value[name].as_u64().unwrap_or(0)).unwrap_or(0);
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        Self {
            url: text("url"),
            language: text("language"),
            custom_emoji_id: text("custom_emoji_id"),
            user: value.get("user").cloned(),
            ..Self::new(
                value["type"].as_str().unwrap_or_default(),
                number("offset"),
                number("length"),
            )
        }
    }
}

/// A text as the server keeps it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Formatted {
    pub(super) text: String,
    pub(super) entities: Vec<Entity>,
    /// As it was sent.
    pub(super) source: String,
}

impl Formatted {
    /// Plain text, as people write it: commands, names and addresses are found in it.
    pub(super) fn written(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            entities: found(text),
            source: text.to_owned(),
        }
    }

    /// Reads `text` (or `caption`) with its `parse_mode` or entities. A missing one is empty.
    pub(super) fn read(
        params: &Params,
        text: &str,
        entities: &str,
        wrong: &mut Vec<String>,
    ) -> Result<Self, Refusal> {
        let source = params.text(text).unwrap_or_default();
        let given = params.json(entities)?;
        let mode = params.text("parse_mode").unwrap_or_default();
        let (text, entities) = match mode.to_ascii_lowercase().as_str() {
            "" => {
                let given = given.as_ref().and_then(Value::as_array);
                let given = given.into_iter().flatten().map(Entity::read).collect();
                (source.clone(), given)
            }
            "html" => {
                let parsed = html::parse(&source)
                    .map_err(|why| Refusal::rude(&format!("can't parse entities: {why}")))?;
                wrong.extend(
                    parsed
                        .untidy
                        .into_iter()
                        .map(|what| format!("{what}: {source:?}")),
                );
                (parsed.text, parsed.entities)
            }
            // We send HTML; nothing else is read here.
            _ => return Err(Refusal::rude("unsupported parse_mode")),
        };
        let mut read = Self {
            text,
            entities,
            source,
        };
        read.trim();
        Ok(read)
    }

    pub(super) fn units(&self) -> usize {
        self.text.encode_utf16().count()
    }

    /// White space around a text is not kept, but for what is code.
    fn trim(&mut self) {
        let code_at = |unit: usize| {
            self.entities.iter().any(|entity| {
                ["pre", "code"].contains(&entity.kind.as_str())
                    && (entity.offset..entity.offset + entity.length).contains(&unit)
            })
        };
        if !code_at(0) {
            let trimmed = self.text.trim_start();
            let cut = self.text[..self.text.len() - trimmed.len()]
                .encode_utf16()
                .count();
            self.text = trimmed.to_owned();
            for entity in &mut self.entities {
                let end = (entity.offset + entity.length).saturating_sub(cut);
                entity.offset = entity.offset.saturating_sub(cut);
                entity.length = end - entity.offset;
            }
        }
        self.text.truncate(self.text.trim_end().len());
        let end = self.units();
        for entity in &mut self.entities {
            entity.length = entity.length.min(end.saturating_sub(entity.offset));
        }
        self.entities.retain(|entity| entity.length > 0);
    }
}

/// Commands, mentions and addresses.
fn found(text: &str) -> Vec<Entity> {
    let mut entities = Vec::new();
    let mut at = 0;
    for word in text.split_inclusive(char::is_whitespace) {
        let bare = word.trim_end();
        if let Some((kind, length)) = what_is(bare) {
            entities.push(Entity::new(kind, at, length));
        }
        at += word.encode_utf16().count();
    }
    entities
}

fn what_is(word: &str) -> Option<(&'static str, usize)> {
    let named = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let run = |text: &str| text.find(|c| !named(c)).unwrap_or(text.len());
    if let Some(command) = word.strip_prefix('/') {
        let name = run(command);
        let bot = command[name..]
            .strip_prefix('@')
            .map_or(0, |bot| 1 + run(bot));
        return (1..=64)
            .contains(&name)
            .then_some(("bot_command", 1 + name + bot));
    }
    if let Some(name) = word.strip_prefix('@') {
        return (run(name) >= 3).then(|| ("mention", 1 + run(name)));
    }
    let is_url = word.starts_with("https://") || word.starts_with("http://");
    is_url.then(|| ("url", word.encode_utf16().count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_names_are_found_in_what_people_write() {
        let found = found("/new@our_bot 🦀 @our_bot, https://x.y");
        let found: Vec<_> = found
            .iter()
            .map(|e| (e.kind.as_str(), e.offset, e.length))
            .collect();
        assert_eq!(
            found,
            [("bot_command", 0, 12), ("mention", 16, 8), ("url", 26, 11)]
        );
    }

    #[test]
    fn white_space_around_a_text_goes_and_its_entities_follow() {
        let mut text = Formatted {
            text: "  \n🦀 x \n".to_owned(),
            entities: vec![Entity::new("bold", 2, 6), Entity::new("italic", 7, 2)],
            source: String::new(),
        };
        text.trim();
        assert_eq!(text.text, "🦀 x");
        let left: Vec<_> = text.entities.iter().map(|e| (e.offset, e.length)).collect();
        assert_eq!(left, [(0, 4)]);
    }
}
