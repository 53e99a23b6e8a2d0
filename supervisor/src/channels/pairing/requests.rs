//! `telegram-pairing.json`: who asks. Pure, on the file's value.

use super::{AWAY_FOR, CHANNEL, Code, GOOD_FOR, ms};
use crate::config::DEFAULT_ACCOUNT;
use jiff::Timestamp;
use serde_json::{Value, json};

/// So many who were sent away are remembered.
const AWAY: usize = 100;

/// Somebody who asks to be let in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    /// By which account.
    pub(crate) account: String,
    /// Who, as the channel knows them.
    pub(crate) sender: String,
    /// What they call themselves. Anything: a stranger wrote it.
    pub(crate) name: String,
    /// Without the `@`.
    pub(crate) username: Option<String>,
    /// The code they were given.
    pub(crate) code: Code,
    /// When, in milliseconds since 1970.
    pub(crate) asked_at: i64,
    /// When they last wrote, in milliseconds since 1970.
    pub(crate) seen_at: i64,
}

impl Request {
    /// When the code is worth nothing, in milliseconds since 1970.
    pub(crate) fn expires_at(&self) -> i64 {
        self.asked_at.saturating_add(ms(GOOD_FOR))
    }

    pub(super) fn is_of(&self, account: &str, sender: &str) -> bool {
        self.account == account && self.sender == sender
    }
}

/// Everybody the file speaks of, also whose code is worth nothing by now.
///
/// # Errors
/// What makes no sense.
pub(super) fn all(file: &Value) -> Result<Vec<Request>, String> {
    match file.get("requests") {
        None => Ok(Vec::new()),
        Some(Value::Array(requests)) => requests.iter().map(one).collect(),
        Some(_) => Err("requests are no list".to_owned()),
    }
}

fn one(entry: &Value) -> Result<Request, String> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str);
    let meta = |key: &str| {
        entry
            .pointer(&format!("/meta/{key}"))
            .and_then(Value::as_str)
    };
    let lacks = |what: &str| format!("a request has no {what}");
    let names = [meta("firstName"), meta("lastName")];
    let names: Vec<&str> = names.into_iter().flatten().collect();
    Ok(Request {
        account: account_of(entry).to_owned(),
        sender: bare(text("id").ok_or_else(|| lacks("id"))?).to_owned(),
        name: meta("name").map_or_else(|| names.join(" "), str::to_owned),
        username: meta("username").map(|name| name.trim_start_matches('@').to_owned()),
        code: text("code")
            .and_then(Code::parse)
            .ok_or_else(|| lacks("code"))?,
        asked_at: time(entry, "createdAt").ok_or_else(|| lacks("createdAt"))?,
        seen_at: time(entry, "lastSeenAt").unwrap_or_default(),
    })
}

fn account_of(entry: &Value) -> &str {
    let said = entry.pointer("/meta/accountId").and_then(Value::as_str);
    said.unwrap_or(DEFAULT_ACCOUNT)
}

/// A time as it is written, or as milliseconds.
fn time(entry: &Value, key: &str) -> Option<i64> {
    let said = entry.get(key)?;
    let written = said
        .as_str()
        .and_then(|text| text.parse::<Timestamp>().ok());
    written.map_or_else(|| said.as_i64(), |at| Some(at.as_millisecond()))
}

fn written(at: i64) -> String {
    let at = Timestamp::from_millisecond(at).unwrap_or_default();
    format!("{at:.3}")
}

/// Puts a request in, in place of an older one of the same person; those that are worth nothing go.
pub(super) fn put(file: &mut Value, request: &Request, now: i64) -> Result<(), String> {
    forget(file, |old| {
        old.expires_at() <= now || old.is_of(&request.account, &request.sender)
    })?;
    let entry = json!({
        "id": request.sender,
        "code": request.code.as_str(),
        "createdAt": written(request.asked_at),
        "lastSeenAt": written(request.seen_at),
        "meta": {
            "accountId": request.account,
            "name": request.name,
            "username": request.username,
        },
    });
    if file.get("requests").is_none() {
        file["requests"] = json!([]);
    }
    match file["requests"].as_array_mut() {
        Some(requests) => requests.push(entry),
        None => return Err("requests are no list".to_owned()),
    }
    Ok(())
}

/// Notes that somebody who asks wrote again.
pub(super) fn touch(file: &mut Value, account: &str, sender: &str, now: i64) {
    let requests = file.get_mut("requests").and_then(Value::as_array_mut);
    for entry in requests.into_iter().flatten() {
        if one(entry).is_ok_and(|request| request.is_of(account, sender)) {
            entry["lastSeenAt"] = json!(written(now));
        }
    }
}

/// Takes requests out.
pub(super) fn forget(file: &mut Value, gone: impl Fn(&Request) -> bool) -> Result<(), String> {
    all(file)?;
    if let Some(requests) = file.get_mut("requests").and_then(Value::as_array_mut) {
        requests.retain(|entry| !one(entry).is_ok_and(|request| gone(&request)));
    }
    Ok(())
}

/// Whether somebody was sent away, and not long ago.
pub(super) fn is_away(file: &Value, account: &str, sender: &str, now: i64) -> bool {
    let away = file.get("rejected").and_then(Value::as_array);
    away.into_iter()
        .flatten()
        .any(|entry| is_gone(entry, account, sender) && is_recent(entry, now))
}

fn is_gone(entry: &Value, account: &str, sender: &str) -> bool {
    let id = entry.get("id").and_then(Value::as_str);
    id == Some(sender) && account_of(entry) == account
}

fn is_recent(entry: &Value, now: i64) -> bool {
    time(entry, "rejectedAt").is_some_and(|at| now < at.saturating_add(ms(AWAY_FOR)))
}

/// Sends somebody away: their request goes, and they are not heard for a while.
pub(super) fn send_away(
    file: &mut Value,
    account: &str,
    sender: &str,
    now: i64,
) -> Result<(), String> {
    forget(file, |request| request.is_of(account, sender))?;
    welcome(file, account, sender, now);
    let entry = json!({
        "id": sender,
        "rejectedAt": written(now),
        "meta": { "accountId": account },
    });
    if file.get("rejected").and_then(Value::as_array).is_none() {
        file["rejected"] = json!([]);
    }
    if let Some(away) = file["rejected"].as_array_mut() {
        if away.len() >= AWAY {
            away.remove(0);
        }
        away.push(entry);
    }
    Ok(())
}

/// Somebody may be heard again; so may whoever was sent away long ago.
pub(super) fn welcome(file: &mut Value, account: &str, sender: &str, now: i64) {
    let Some(away) = file.get_mut("rejected").and_then(Value::as_array_mut) else {
        return;
    };
    away.retain(|entry| !is_gone(entry, account, sender) && is_recent(entry, now));
    if away.is_empty()
        && let Some(file) = file.as_object_mut()
    {
        file.remove("rejected");
    }
}

/// An id as lists have it, without the channel's name in front.
pub(super) fn bare(written: &str) -> &str {
    let written = written.trim();
    let known = [CHANNEL, "tg"];
    let prefixed = written.split_once(':');
    match prefixed.filter(|(prefix, _)| known.iter().any(|k| prefix.eq_ignore_ascii_case(k))) {
        Some((_, id)) => id.trim(),
        None => written,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_000;
    const HOUR: i64 = 3_600_000;

    fn request(sender: &str, asked_at: i64) -> Request {
        Request {
            account: "default".into(),
            sender: sender.into(),
            name: "Al \"<b>".into(),
            username: Some("al".into()),
            code: Code::parse("ABCD2345").unwrap(),
            asked_at,
            seen_at: asked_at,
        }
    }

    #[test]
    fn a_file_as_openclaw_writes_it_is_read_and_what_it_says_besides_stays() {
        let mut file = json!({ "version": 1, "more": true, "requests": [{
            "id": "123", "code": "WXYZ9876", "createdAt": "2026-11-22T20:00:00.000Z",
            "lastSeenAt": "2026-11-22T20:01:00.000Z", "extra": 1,
            "meta": { "username": "@ann", "firstName": "Ann", "lastName": "Lee" } }] });
        let read = all(&file).unwrap();
        assert_eq!(read[0].sender, "123");
        assert_eq!(read[0].name, "Ann Lee");
        assert_eq!(read[0].username.as_deref(), Some("ann"));
        assert_eq!(read[0].account, "default");
        let now = read[0].asked_at + 1;
        put(&mut file, &request("5", now), now).unwrap();
        assert_eq!(file["requests"][0]["extra"], 1);
        assert_eq!(file["more"], true);
        assert_eq!(all(&file).unwrap()[1], request("5", now));
        // An hour on, only the newer one is left.
        put(&mut file, &request("6", now + HOUR), now + HOUR - 1).unwrap();
        let left: Vec<_> = all(&file).unwrap().into_iter().map(|r| r.sender).collect();
        assert_eq!(left, ["5", "6"]);
    }

    #[test]
    fn one_person_asks_once() {
        let mut file = json!({});
        put(&mut file, &request("5", NOW), NOW).unwrap();
        put(&mut file, &request("5", NOW + 1), NOW + 1).unwrap();
        assert_eq!(all(&file).unwrap(), [request("5", NOW + 1)]);
        touch(&mut file, "default", "5", NOW + 9);
        assert_eq!(all(&file).unwrap()[0].seen_at, NOW + 9);
        assert_eq!(all(&file).unwrap()[0].asked_at, NOW + 1);
    }

    #[test]
    fn who_was_sent_away_is_away_for_a_day_unless_welcomed() {
        let mut file = json!({ "version": 1 });
        put(&mut file, &request("5", NOW), NOW).unwrap();
        send_away(&mut file, "default", "5", NOW).unwrap();
        assert!(all(&file).unwrap().is_empty());
        assert!(is_away(&file, "default", "5", NOW + 23 * HOUR));
        assert!(!is_away(&file, "default", "5", NOW + 24 * HOUR));
        assert!(!is_away(&file, "other", "5", NOW));
        assert!(!is_away(&file, "default", "6", NOW));
        welcome(&mut file, "default", "5", NOW);
        assert!(!is_away(&file, "default", "5", NOW));
        for sender in 0..150 {
            send_away(&mut file, "default", &sender.to_string(), NOW).unwrap();
        }
        assert_eq!(file["rejected"].as_array().unwrap().len(), AWAY);
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        for file in [
            json!({ "requests": {} }),
            json!({ "requests": [1] }),
            json!({ "requests": [{ "id": "1", "createdAt": 5 }] }),
            json!({ "requests": [{ "id": "1", "code": "short", "createdAt": 5 }] }),
            json!({ "requests": [{ "id": "1", "code": "ABCD2345", "createdAt": "soon" }] }),
        ] {
            assert!(all(&file).is_err(), "{file}");
            assert!(
                put(&mut file.clone(), &request("5", NOW), NOW).is_err(),
                "{file}"
            );
        }
    }

    #[test]
    fn an_id_is_the_same_with_and_without_its_channel() {
        for written in ["123", "telegram:123", "TG:123", " tg: 123 "] {
            assert_eq!(bare(written), "123");
        }
        assert_eq!(bare("x:123"), "x:123");
    }
}
