//! What no provider would take, looked for in every request.

use super::seen::{CallSeen, Said, Seen};
use serde_json::Value;
use std::collections::BTreeSet;

/// Notes everything that is wrong with a request.
pub(super) fn check(seen: &Seen, keys: &[String], wrong: &mut Vec<String>) {
    match &seen.key {
        Some(key) if keys.is_empty() || keys.contains(key) => {}
        None if keys.is_empty() => {}
        Some(_) => wrong.push("the key is none of ours".to_owned()),
        None => wrong.push("there is no key".to_owned()),
    }
    if seen.model.is_empty() {
        wrong.push("no model is named".to_owned());
    }
    if seen.body["stream"] != Value::Bool(true) {
        wrong.push("it does not ask for a stream".to_owned());
    }
    if seen.system.trim().is_empty() {
        wrong.push("there is no system prompt".to_owned());
    }
    tools(&seen.tools, wrong);
    conversation(&seen.said, wrong);
}

fn tools(tools: &[(String, Value)], wrong: &mut Vec<String>) {
    let mut names = BTreeSet::new();
    for (name, schema) in tools {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
            wrong.push(format!("{name:?} is no name for a tool"));
        }
        if !names.insert(name) {
            wrong.push(format!("the tool {name} is offered twice"));
        }
        let closed =
            schema["type"] == "object" && schema["additionalProperties"] == Value::Bool(false);
        if !closed || !schema["properties"].is_object() {
            wrong.push(format!("the schema of {name} is no closed object"));
        }
    }
}

fn conversation(said: &[Said], wrong: &mut Vec<String>) {
    if !matches!(said.first(), Some(Said::User(_))) {
        wrong.push("the conversation does not begin with a person".to_owned());
    }
    if matches!(said.last(), Some(Said::Model { .. }) | None) {
        wrong.push("the conversation ends with the model, who is to speak".to_owned());
    }
    let mut open: Vec<&CallSeen> = Vec::new();
    let mut before: Option<&Said> = None;
    for word in said {
        match word {
            Said::Tool { id, output } => {
                match open.iter().position(|call| call.id == *id) {
                    Some(at) => drop(open.remove(at)),
                    None => wrong.push(format!(
                        "an output of {id}, which no call before it asked for"
                    )),
                }
                if output.is_empty() {
                    wrong.push(format!("an empty output of {id}"));
                }
            }
            Said::User(text) => {
                unanswered(&mut open, wrong);
                if text.trim().is_empty() {
                    wrong.push("a person says nothing".to_owned());
                }
                if matches!(before, Some(Said::User(_))) {
                    wrong.push(format!("a person speaks twice in a row: {text:?}"));
                }
            }
            Said::Model { text, calls } => {
                unanswered(&mut open, wrong);
                if matches!(before, Some(Said::Model { .. })) {
                    wrong.push("the model speaks twice in a row".to_owned());
                }
                if text.is_empty() && calls.is_empty() {
                    wrong.push("an answer of the model is empty".to_owned());
                }
                let ids: BTreeSet<_> = calls.iter().map(|call| &call.id).collect();
                if ids.len() != calls.len() {
                    wrong.push("two calls of one answer have the same id".to_owned());
                }
                open = calls.iter().collect();
            }
        }
        before = Some(word);
    }
    unanswered(&mut open, wrong);
}

fn unanswered(open: &mut Vec<&CallSeen>, wrong: &mut Vec<String>) {
    let open = std::mem::take(open);
    wrong.extend(
        open.into_iter()
            .map(|call| format!("the call {} of {} has no output", call.id, call.name)),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(said: &[Said]) -> String {
        let mut wrong = Vec::new();
        conversation(said, &mut wrong);
        wrong.join("; ")
    }

    fn user(text: &str) -> Said {
        Said::User(text.to_owned())
    }

    fn calls(ids: &[&str]) -> Said {
        let call = |id: &&str| CallSeen {
            id: (*id).to_owned(),
            name: "exec".into(),
            arguments: "{}".into(),
        };
        Said::Model {
            text: String::new(),
            calls: ids.iter().map(call).collect(),
        }
    }

    fn output(id: &str) -> Said {
        Said::Tool {
            id: id.to_owned(),
            output: "x".to_owned(),
        }
    }

    #[test]
    fn good_manners_are_not_complained_of() {
        let good = [
            user("a"),
            calls(&["1", "2"]),
            output("2"),
            output("1"),
            user("b"),
        ];
        assert_eq!(wrong(&good), "");
    }

    #[test]
    fn every_call_is_answered_once_and_at_once() {
        assert!(wrong(&[user("a"), calls(&["1"]), user("b")]).contains("has no output"));
        assert!(wrong(&[user("a"), calls(&["1"]), output("1"), output("1")]).contains("no call"));
        assert!(wrong(&[user("a"), output("1")]).contains("no call"));
        assert!(
            wrong(&[user("a"), calls(&["1", "1"]), output("1"), output("1")]).contains("same id")
        );
    }

    #[test]
    fn people_and_models_take_turns() {
        assert!(wrong(&[user("a"), user("b")]).contains("twice"));
        assert!(wrong(&[calls(&["1"]), output("1")]).contains("begin with a person"));
        assert!(wrong(&[user("a"), calls(&[])]).contains("ends with the model"));
    }
}
