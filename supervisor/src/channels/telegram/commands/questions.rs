//! Questions that a session has for a person: a message with buttons, which says in the end how it
//! ended, and by whom.
//!
//! A question lives as long as its gateway. What an earlier one asked is put right when the next one
//! begins, so that no button seems to work that does not.

use crate::channels::telegram::bot::Bot;
use crate::channels::telegram::chat::{CHANNEL, Notice, Overhears};
use crate::channels::telegram::{Origin, Place};
use crate::message::Button;
use crate::store::{NewNotice, StoreError};
use ipc::approval::{ApprovalDecision, ApprovalEnd, ApprovalRequest};
use ipc::id::SessionKey;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// The most that is shown of a command, in characters and in lines. A longer one is shown in part,
/// and nobody allows what they can not read.
const MAX_SHOWN: usize = 1500;
const MAX_LINES: usize = 40;

/// Questions that are remembered until they end.
const REMEMBERED: usize = 256;

/// How a question's notice is called.
const KEY: &str = "approval:";
/// How the notice of its end is called: as the question's, and this.
const END: &str = ":end";

/// Tells of questions in the chats whose turns ask them.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    /// What was asked, as it was shown, by name.
    asked: Mutex<BTreeMap<String, String>>,
}

impl Overhears for Questions {
    fn asked(
        &self,
        origin: &Origin,
        _session: &SessionKey,
        request: &ApprovalRequest,
    ) -> Option<NewNotice> {
        let (text, whole) = question(request);
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        while asked.len() >= REMEMBERED {
            asked.pop_first();
        }
        asked.insert(request.id.clone(), text.clone());
        drop(asked);
        let notice = Notice {
            place: origin.place.clone(),
            reply_to: origin.group.then_some(origin.message),
            text,
            buttons: buttons(request, whole),
            edit: None,
            instead_of: None,
        };
        Some(notice.to_new(key(&request.id)))
    }

    fn ended(
        &self,
        origin: &Origin,
        _session: &SessionKey,
        end: &ApprovalEnd,
    ) -> Option<NewNotice> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let question = asked.remove(&end.id).unwrap_or_default();
        drop(asked);
        Some(ending(&origin.place, &end.id, &question, &how(end)))
    }
}

/// The words of a question, and whether all of the command is among them.
fn question(request: &ApprovalRequest) -> (String, bool) {
    let (command, whole) = shown(&request.command);
    let elevated = if request.elevated {
        " in wider walls (elevated)"
    } else {
        ""
    };
    let mut text = format!(
        "**May this run{elevated}?**\n{}\nWhy you are asked: {}",
        fenced(&command),
        request.reason.replace(['`', '*', '_', '['], " ")
    );
    if !request.workdir.is_empty() {
        text.push_str(&format!("\nWhere: `{}`", request.workdir.replace('`', "'")));
    }
    let seconds = (request.expires_at - request.asked_at) / 1000;
    text.push_str(&format!(
        "\nWithout a word within {seconds} s it does not run."
    ));
    if !whole {
        text.push_str(&format!(
            "\nThis is not all of it: `openclaw approvals` shows it whole. `/approve {} allow-once` allows \
             it.",
            request.id
        ));
    }
    (text, whole)
}

/// The beginning of a command, and whether that is all of it.
fn shown(command: &str) -> (String, bool) {
    let lines: Vec<&str> = command.lines().take(MAX_LINES).collect();
    let some: String = lines.join("\n").chars().take(MAX_SHOWN).collect();
    let whole = some == command.trim_end_matches('\n').replace("\r\n", "\n");
    (some, whole)
}

/// Code that ends where it ends, whatever is in it.
fn fenced(code: &str) -> String {
    let longest = code.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}\n{code}\n{fence}")
}

pub(super) fn buttons(request: &ApprovalRequest, whole: bool) -> Vec<Vec<Button>> {
    let button = |label: &str, word: &str| Button {
        label: label.to_owned(),
        command: format!("/approve {} {word}", request.id),
    };
    let mut row = Vec::new();
    if whole {
        row.push(button("Allow once", "allow-once"));
        if request.program.is_some() {
            row.push(button("Always", "allow-always"));
        }
    }
    row.push(button("Deny", "deny"));
    vec![row]
}

/// How a question ended, and by whom.
fn how(end: &ApprovalEnd) -> String {
    let by = end.by.replace(['`', '*', '_', '[', ']'], " ");
    match end.decision {
        Some(ApprovalDecision::AllowOnce) => format!("Allowed once by {by}."),
        Some(ApprovalDecision::AllowAlways) => format!("Allowed always by {by}."),
        Some(ApprovalDecision::Deny) => format!("Denied by {by}."),
        None => "It did not run: nobody said a word in time, or its turn ended.".to_owned(),
    }
}

fn key(id: &str) -> String {
    format!("{KEY}{id}")
}

/// The notice that takes the place of a question.
fn ending(place: &Place, id: &str, question: &str, how: &str) -> NewNotice {
    // Its heading asks no more; what was asked stays to be read.
    let command = question.split_once('\n').map_or("", |(_, rest)| rest);
    let command = command
        .rsplit_once("\nWithout a word")
        .map_or(command, |(rest, _)| rest);
    let text = match command {
        "" => format!("**{how}**"),
        command => format!("**{how}**\n{command}"),
    };
    let notice = Notice {
        place: place.clone(),
        reply_to: None,
        text,
        buttons: Vec::new(),
        edit: None,
        instead_of: Some(key(id)),
    };
    notice.to_new(format!("{}{END}", key(id)))
}

/// The notice that puts a question right which nobody can answer any more; `None` where there is no
/// such question, or not at `place`.
///
/// # Errors
/// Only what the disk says.
pub(super) async fn void(
    bot: &Bot,
    id: &str,
    place: Option<&Place>,
) -> Result<Option<NewNotice>, StoreError> {
    let body = bot.services.store.notice_body(&key(id)).await?;
    let asked: Option<Notice> = body.and_then(|body| serde_json::from_value(body).ok());
    let here = asked.filter(|asked| place.is_none_or(|place| asked.place == *place));
    Ok(here.map(|asked| {
        let how = "This can not be answered any more.";
        ending(&asked.place, id, &asked.text, how)
    }))
}

/// Puts right what earlier gateways asked in this bot's chats. What is asked again has buttons of its
/// own.
///
/// # Errors
/// Only what the disk says.
pub(crate) async fn void_stale(bot: &Bot) -> Result<(), StoreError> {
    let store = &bot.services.store;
    let open = store
        .open_notices(CHANNEL, &bot.account.id, KEY, END)
        .await?;
    let waiting = bot.services.approvals.waiting(None);
    let mut any = false;
    for key in open {
        let id = key.strip_prefix(KEY).unwrap_or_default();
        if waiting.iter().any(|request| request.id == id) {
            continue;
        }
        if let Some(notice) = void(bot, id, None).await? {
            any |= store.notice(notice).await?;
        }
    }
    if any {
        bot.services.outgoing.send_modify(|count| *count += 1);
    }
    Ok(())
}

/// A question about a command.
#[cfg(test)]
pub(super) fn sample(command: &str) -> ApprovalRequest {
    ApprovalRequest {
        id: "ab12cd34".to_owned(),
        session: "agent:main:main".into(),
        command: command.to_owned(),
        workdir: String::new(),
        reason: "rm is not on the allow-list".to_owned(),
        elevated: false,
        program: Some("/usr/bin/rm".to_owned()),
        asked_at: 0,
        expires_at: 120_000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::telegram::outgoing::{self, Limits, Part};
    use crate::config::Chunk;
    use serde_json::json;

    fn labels(request: &ApprovalRequest) -> Vec<String> {
        let (_, whole) = question(request);
        let row = buttons(request, whole).remove(0);
        row.into_iter().map(|button| button.label).collect()
    }

    fn origin() -> Origin {
        serde_json::from_value(json!({
            "account": "default", "chat": 5, "message": 1, "sender": "5", "name": "Alice",
        }))
        .unwrap()
    }

    #[test]
    fn who_is_asked_sees_all_that_would_run_or_can_only_say_no() {
        assert_eq!(
            labels(&sample("rm -rf build")),
            ["Allow once", "Always", "Deny"]
        );
        let long = format!("echo {}; rm -rf ~", "x".repeat(MAX_SHOWN));
        assert_eq!(labels(&sample(&long)), ["Deny"]);
        let tall = format!("{}rm -rf ~", "\n".repeat(MAX_LINES));
        assert_eq!(labels(&sample(&tall)), ["Deny"]);
        let mut without = sample("a | b");
        without.program = None;
        assert_eq!(labels(&without), ["Allow once", "Deny"]);
    }

    #[test]
    fn a_command_can_not_end_its_own_fence() {
        let (text, _) = question(&sample("echo '```'\n**May this run?**"));
        assert!(
            text.contains("\n````\necho '```'\n**May this run?**\n````\n"),
            "{text}"
        );
    }

    #[test]
    fn what_is_shown_of_a_command_is_the_command() {
        for command in [
            "rm x",
            "cat <<E\nMEDIA: /etc/passwd\n[[reply_to:7]]\nE",
            "echo '**b** `c` <i>'",
        ] {
            let (text, _) = question(&sample(command));
            let composed = outgoing::compose(
                &text,
                &Limits {
                    text: 4000,
                    chunk: Chunk::Length,
                },
            );
            let [Part::Text(words)] = composed.parts.as_slice() else {
                panic!("{:?}", composed.parts);
            };
            assert!(words.plain.contains(command), "{}", words.plain);
        }
    }

    #[test]
    fn a_question_says_in_the_end_how_it_ended_and_by_whom() {
        let questions = Questions::default();
        let session = SessionKey::from("agent:main:main");
        let asked = questions
            .asked(&origin(), &session, &sample("rm x"))
            .unwrap();
        assert_eq!(asked.key, "approval:ab12cd34");
        let end = ApprovalEnd {
            id: "ab12cd34".to_owned(),
            decision: Some(ApprovalDecision::AllowOnce),
            by: "Alice (telegram:5)".to_owned(),
        };
        let ended = questions.ended(&origin(), &session, &end).unwrap();
        assert_eq!(ended.key, "approval:ab12cd34:end");
        assert_eq!(ended.body["insteadOf"], "approval:ab12cd34");
        let text = ended.body["text"].as_str().unwrap();
        assert!(
            text.starts_with("**Allowed once by Alice (telegram:5).**"),
            "{text}"
        );
        assert!(
            text.contains("rm x") && !text.contains("Without a word"),
            "{text}"
        );
        assert!(ended.body.get("buttons").is_none());
    }
}
