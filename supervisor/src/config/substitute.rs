//! `${VARIABLE}` in text, from the environment.

use super::env::Env;
use super::findings::Findings;
use super::key_path::{KeyPath, Step};
use super::keys::{Field, Shape};
use super::node::{Kind, Node};
use serde_json::Value;

/// Replaces every `${VARIABLE}` in every text below. Names are of capitals, digits and `_`;
/// `$${VARIABLE}` stands for the text `${VARIABLE}` itself, any other `$` for itself. What does
/// nothing here (`field` is unknown, or for later) stays as written: it needs no variable.
pub(super) fn substitute(
    node: &mut Node,
    field: Option<&Field>,
    key: &KeyPath,
    env: &Env,
    findings: &mut Findings,
) {
    let Some(field) = field.filter(|field| !field.does_nothing()) else {
        return;
    };
    match &mut node.kind {
        Kind::Scalar(value) => {
            let Some(text) = value.as_str().filter(|text| text.contains('$')) else {
                return;
            };
            match expand(text, env) {
                Ok(expanded) => *value = typed(expanded, field),
                Err(name) => {
                    let message = format!(
                        "the variable {name} is not set; set it, or write $${{{name}}} for the text itself"
                    );
                    findings.error(node.at, key, message);
                }
            }
        }
        Kind::List(items) => {
            for (i, item) in items.iter_mut().enumerate() {
                let below = field.items.as_deref().or(Some(field));
                substitute(item, below, &key.index(i), env, findings);
            }
        }
        Kind::Object(entries) => {
            for entry in entries {
                let below = field.below(&Step::Key(entry.key.clone()));
                // What a reference to a secret says is not in the table.
                let below = below.or(field.is_leaf().then_some(field));
                substitute(&mut entry.value, below, &key.key(&entry.key), env, findings);
            }
        }
    }
}

/// A variable is always text; where a number or a flag is due, it is read as one.
fn typed(text: String, field: &Field) -> Value {
    let due = field.key.is_some_and(|key| {
        matches!(
            key.takes,
            Shape::Flag | Shape::Switch(_) | Shape::Count(..) | Shape::Number(..)
        )
    });
    let read = due.then(|| json5::from_str::<Value>(&text).ok()).flatten();
    read.filter(|value| value.is_number() || value.is_boolean())
        .unwrap_or(Value::String(text))
}

/// The text with its variables replaced, or the first that is not set.
fn expand(text: &str, env: &Env) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(i) = rest.find('$') {
        out.push_str(&rest[..i]);
        rest = &rest[i..];
        let escaped = rest.starts_with("$$");
        if let Some(name) = variable(&rest[usize::from(escaped)..]) {
            if escaped {
                out.push_str(&format!("${{{name}}}"));
            } else {
                out.push_str(env.get(name).ok_or_else(|| name.to_owned())?);
            }
            rest = &rest[usize::from(escaped) + name.len() + 3..];
        } else {
            out.push('$');
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// The name, where the text begins with `${NAME}`.
fn variable(text: &str) -> Option<&str> {
    let (name, _) = text.strip_prefix("${")?.split_once('}')?;
    let first = name.chars().next()?;
    let all = name
        .chars()
        .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    (all && !first.is_ascii_digit()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn expanded(text: &str) -> Result<String, String> {
        let env: Env = [("KEY", "v$1"), ("EMPTY", "")].into_iter().collect();
        expand(text, &env)
    }

    #[test]
    fn variables_are_replaced_and_everything_else_stays() {
        let cases = [
            ("${KEY}", "v$1"),
            ("a${KEY}b${KEY}", "av$1bv$1"),
            ("$${KEY}", "${KEY}"),
            ("$$${KEY}", "$${KEY}"),
            ("${lower} $KEY ${} ${1A} $", "${lower} $KEY ${} ${1A} $"),
            ("${KEY", "${KEY"),
        ];
        for (text, expected) in cases {
            assert_eq!(expanded(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_variable_that_is_unset_or_empty_is_named() {
        assert_eq!(expanded("${NOPE}"), Err("NOPE".into()));
        assert_eq!(expanded("${EMPTY}"), Err("EMPTY".into()));
    }

    proptest! {
        #[test]
        fn text_without_a_variable_stays_as_it_is(text in "[a-z${} ]*") {
            prop_assert_eq!(expanded(&text), Ok(text.clone()));
        }
    }
}
