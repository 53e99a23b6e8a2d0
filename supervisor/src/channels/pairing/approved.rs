//! `telegram-allowFrom.json`: who was let in. Pure, on the file's value.

use super::requests::bare;
use serde_json::{Value, json};

/// Everybody, in the order they were let in. `*` is nobody: an open door is the configuration's.
///
/// # Errors
/// What makes no sense.
pub(super) fn all(file: &Value) -> Result<Vec<String>, String> {
    match file.get("allowFrom") {
        None => Ok(Vec::new()),
        Some(Value::Array(entries)) => {
            let ids = entries.iter().map(id).collect::<Result<Vec<_>, _>>()?;
            Ok(ids.into_iter().filter(|id| id != "*").collect())
        }
        Some(_) => Err("allowFrom is no list".to_owned()),
    }
}

/// Numbers are taken as what they say.
fn id(entry: &Value) -> Result<String, String> {
    match entry {
        Value::String(id) => Ok(bare(id).to_owned()),
        Value::Number(id) => Ok(id.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            Err(format!("allowFrom has {entry}, which is no id"))
        }
    }
}

/// Puts somebody in; who is in already stays as they are.
pub(super) fn add(file: &mut Value, sender: &str) -> Result<(), String> {
    if all(file)?.iter().any(|id| id == sender) {
        return Ok(());
    }
    if file.get("allowFrom").is_none() {
        file["allowFrom"] = json!([]);
    }
    if let Some(entries) = file["allowFrom"].as_array_mut() {
        entries.push(json!(sender));
    }
    Ok(())
}

/// Takes somebody out; whether they were in.
pub(super) fn remove(file: &mut Value, sender: &str) -> Result<bool, String> {
    let were = all(file)?.iter().any(|id| id == sender);
    if let Some(entries) = file.get_mut("allowFrom").and_then(Value::as_array_mut) {
        entries.retain(|entry| !id(entry).is_ok_and(|id| id == sender));
    }
    Ok(were)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_put_in_is_in_once_and_who_is_taken_out_is_not() {
        let mut file = json!({ "version": 1, "more": 1, "allowFrom": ["tg:5", 6, "*"] });
        assert_eq!(all(&file).unwrap(), ["5", "6"]);
        add(&mut file, "5").unwrap();
        add(&mut file, "7").unwrap();
        assert_eq!(all(&file).unwrap(), ["5", "6", "7"]);
        assert!(remove(&mut file, "5").unwrap());
        assert!(!remove(&mut file, "5").unwrap());
        assert!(remove(&mut file, "6").unwrap());
        assert_eq!(
            file,
            json!({ "version": 1, "more": 1, "allowFrom": ["*", "7"] })
        );
    }

    #[test]
    fn a_list_with_something_else_in_it_lets_nobody_in() {
        for file in [
            json!({ "allowFrom": "5" }),
            json!({ "allowFrom": ["5", null] }),
        ] {
            assert!(all(&file).is_err());
            assert!(add(&mut file.clone(), "5").is_err());
        }
    }
}
