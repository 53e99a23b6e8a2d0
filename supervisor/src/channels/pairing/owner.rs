//! `telegram-owner.json`: who was let in first. Ours, beside OpenClaw's files, since it writes those
//! anew without what it does not know. Pure, on the file's value.

use serde_json::{Value, json};

/// Who it is; `None` as long as nobody is.
///
/// # Errors
/// What makes no sense.
pub(super) fn who(file: &Value) -> Result<Option<&str>, String> {
    match file.get("owner") {
        None | Some(Value::Null) => Ok(None),
        Some(owner) => {
            let id = owner.get("id").and_then(Value::as_str);
            id.map(Some).ok_or_else(|| "the owner has no id".to_owned())
        }
    }
}

/// Makes somebody the owner, where nobody is; whether they are now.
pub(super) fn make(
    file: &mut Value,
    sender: &str,
    account: &str,
    at: &str,
) -> Result<bool, String> {
    if let Some(owner) = who(file)? {
        return Ok(owner == sender);
    }
    file["owner"] = json!({ "id": sender, "accountId": account, "approvedAt": at });
    Ok(true)
}

/// Somebody is the owner no more; the next one who is let in will be.
pub(super) fn unmake(file: &mut Value, sender: &str) -> Result<bool, String> {
    let were = who(file)? == Some(sender);
    if were && let Some(file) = file.as_object_mut() {
        file.remove("owner");
    }
    Ok(were)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_one_stays_the_owner_until_sent_away() {
        let mut file = json!({ "version": 1 });
        assert!(make(&mut file, "5", "default", "now").unwrap());
        assert!(!make(&mut file, "6", "default", "now").unwrap());
        assert!(make(&mut file, "5", "work", "later").unwrap());
        assert_eq!(who(&file).unwrap(), Some("5"));
        assert!(!unmake(&mut file, "6").unwrap());
        assert!(unmake(&mut file, "5").unwrap());
        assert!(make(&mut file, "6", "default", "now").unwrap());
        let broken = json!({ "owner": 5 });
        assert!(who(&broken).is_err() && make(&mut broken.clone(), "6", "", "").is_err());
    }
}
