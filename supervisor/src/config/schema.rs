//! The JSON Schema of `openclaw.json`, made from the table of keys.

use super::keys::{self, Field, Key, Shape};
use serde_json::{Map, Value, json};

/// What an editor needs to help with the file. Unknown keys are allowed: they are kept.
#[must_use]
pub fn schema() -> Value {
    let mut schema = of_field(keys::root());
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["title"] = "openclaw.json".into();
    schema
}

fn of_field(field: &Field) -> Value {
    let own = field.key.map(|key| of_shape(key.takes));
    let nested = (!field.is_leaf()).then(|| of_nested(field));
    let mut schema = match (own, nested) {
        (Some(own), Some(nested)) => json!({"anyOf": [own, nested]}),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => json!({}),
    };
    if let Some(key) = field.key {
        describe(&mut schema, key);
    }
    schema
}

fn describe(schema: &mut Value, key: &Key) {
    schema["description"] = key.about.into();
    if let Ok(default) = serde_json::from_str::<Value>(key.default) {
        schema["default"] = default;
    }
}

fn of_nested(field: &Field) -> Value {
    if let Some(items) = &field.items {
        return json!({"type": "array", "items": of_field(items)});
    }
    let named = field.named.iter();
    let properties: Map<String, Value> = named
        .map(|(name, below)| ((*name).to_owned(), of_field(below)))
        .collect();
    let others = field.each.as_deref().map_or(Value::Bool(true), of_field);
    json!({"type": "object", "properties": properties, "additionalProperties": others})
}

fn of_shape(shape: Shape) -> Value {
    let list = |of: Value| json!({"type": "array", "items": of});
    match shape {
        Shape::Flag => json!({"type": "boolean"}),
        Shape::Text | Shape::Path | Shape::Model => json!({"type": "string"}),
        Shape::Url => json!({"type": "string", "pattern": "^https?://"}),
        Shape::Secret => json!({"anyOf": [{"type": "string"}, secret_reference()]}),
        Shape::Count(low, high) => json!({"type": "integer", "minimum": low, "maximum": high}),
        Shape::Number(low, high) => json!({"type": "number", "minimum": low, "maximum": high}),
        Shape::Size => json!({"type": ["integer", "string"]}),
        Shape::Texts | Shape::Paths => list(json!({"type": "string"})),
        Shape::Senders => list(json!({"type": ["string", "number"]})),
        Shape::Sender => json!({"type": ["string", "number"]}),
        Shape::Switch(words) => {
            let words = words.iter().map(|word| Value::from(*word));
            let all: Vec<_> = words.chain([true.into(), false.into()]).collect();
            json!({ "enum": all })
        }
        Shape::OneOf(words, later) => json!({ "enum": ([words, later].concat()) }),
        Shape::Later | Shape::Ignored => json!({}),
    }
}

fn secret_reference() -> Value {
    json!({
        "type": "object",
        "required": ["source", "id"],
        "properties": {
            "source": {"enum": ["env", "file", "exec"]},
            "provider": {"type": "string"},
            "id": {"type": "string"},
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_says_what_the_table_says() {
        let schema = schema();
        let at = |pointer: &str| schema.pointer(pointer).unwrap().clone();
        let defaults = "/properties/agents/properties/defaults/properties";
        assert_eq!(
            at(&format!("{defaults}/timeoutSeconds")),
            json!({
                "type": "integer", "minimum": 1, "maximum": 604_800, "default": 600,
                "description": "How long one turn may take.",
            })
        );
        assert_eq!(at(&format!("{defaults}/model/anyOf/0/type")), "string");
        assert_eq!(
            at("/properties/agents/properties/list/items/properties/tools/properties/profile/enum"),
            json!(["minimal", "coding", "messaging", "full"])
        );
        assert_eq!(
            at(
                "/properties/models/properties/providers/additionalProperties/properties/baseUrl/type"
            ),
            "string"
        );
    }
}
