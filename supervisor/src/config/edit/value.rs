//! The change itself, without the text.

use super::EditError;
use crate::config::key_path::{KeyPath, Step};
use serde_json::{Map, Value};

/// Puts a value at a key.
pub(super) fn set(root: &mut Value, key: &KeyPath, to: &Value) -> Result<(), EditError> {
    let mut at = root;
    for (i, step) in key.0.iter().enumerate() {
        let bad = |reason: &str| bad(&key.0[..i], reason);
        if at.is_null() {
            *at = nothing_for(step);
        }
        at = match at {
            Value::Object(map) => map.entry(step.as_key()).or_insert(Value::Null),
            Value::Array(items) => {
                let index = step
                    .as_index()
                    .ok_or_else(|| bad("this is a list; say which place with [0]"))?;
                if index > items.len() {
                    return Err(bad(&format!("this list has {} places", items.len())));
                }
                if index == items.len() {
                    items.push(Value::Null);
                }
                &mut items[index]
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                return Err(bad("this is no object"));
            }
        };
    }
    *at = to.clone();
    Ok(())
}

/// Takes a key away.
pub(super) fn unset(root: &mut Value, key: &KeyPath) -> Result<(), EditError> {
    let nothing = || bad(&key.0, "nothing is there");
    let (last, way) = key.0.split_last().ok_or_else(nothing)?;
    let way = KeyPath(way.to_vec());
    let holder = way.0.iter().try_fold(root, |at, step| match at {
        Value::Object(map) => map.get_mut(&step.as_key()),
        Value::Array(items) => items.get_mut(step.as_index()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    });
    let gone = match holder.ok_or_else(nothing)? {
        Value::Object(map) => map.remove(&last.as_key()),
        Value::Array(items) => last
            .as_index()
            .filter(|index| *index < items.len())
            .map(|index| items.remove(index)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    };
    gone.map(drop).ok_or_else(nothing)
}

/// What the rest of a path stands in: `list[0].id` needs a list with an object.
pub(super) fn wrap(rest: &[Step], to: &Value) -> Value {
    rest.iter()
        .rev()
        .fold(to.clone(), |inner, step| match step {
            Step::Index(_) => Value::Array(vec![inner]),
            Step::Key(key) => Value::Object(Map::from_iter([(key.clone(), inner)])),
        })
}

fn nothing_for(step: &Step) -> Value {
    match step {
        Step::Index(_) => Value::Array(Vec::new()),
        Step::Key(_) => Value::Object(Map::new()),
    }
}

fn bad(steps: &[Step], reason: &str) -> EditError {
    EditError::Key {
        key: KeyPath(steps.to_vec()),
        reason: reason.to_owned(),
    }
}
