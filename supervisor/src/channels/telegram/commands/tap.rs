//! A button is tapped: its command is said for whoever taps it.

use super::own::Own;
use super::{Speaks, activation, origin_of, questions, say, value};
use crate::channels::telegram::admission::Admission;
use crate::channels::telegram::bot::Bot;
use crate::channels::telegram::chat::{CHANNEL, Notice};
use crate::channels::telegram::convert::Tap;
use crate::message::Said;
use crate::session;
use crate::store::{NewNotice, StoreError};
use ipc::id::{AgentId, SessionKey};
use serde_json::json;
use std::time::Duration;

/// Whoever taps sees within this time that it was heard, whether it is done by then or not.
const HEARD_WITHIN: Duration = Duration::from_millis(120);

/// The longest words shown to whoever taps, in characters.
const MAX_SHOWN: usize = 200;

/// The longest command a button has, in bytes.
const MAX_DATA: usize = 64;

/// What a button may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command<'a> {
    /// To the channel.
    Activation(&'a str),
    /// `/approve ID …`: to the session, and the question is answered once.
    Approve {
        /// Which question.
        id: &'a str,
    },
    /// `/stop`: what it stops says so itself.
    Stop,
    /// Anything else for a session, whose answer takes the button's place.
    Other,
}

impl<'a> Command<'a> {
    /// Reads what a button carries; `None` for what no button of ours does.
    fn read(data: &'a str) -> Option<Self> {
        if data.len() > MAX_DATA || !data.starts_with('/') || data.contains(char::is_control) {
            return None;
        }
        if let Some(own) = Own::read(data) {
            return match own {
                Own::Activation(word) => Some(Self::Activation(word)),
                Own::Start(_) | Own::Help | Own::Whoami | Own::Restart => None,
            };
        }
        let mut words = data.split_whitespace();
        let (command, first) = (words.next()?, words.next());
        match (command, first) {
            ("/approve", Some(id)) => Some(Self::Approve { id }),
            // For good or for one message: that is typed, not tapped.
            ("/approve" | "/elevated" | "/elev", _) => None,
            ("/stop" | "/abort", _) => Some(Self::Stop),
            _ => session::is_directive(data).then_some(Self::Other),
        }
    }
}

/// Says a button's command for whoever tapped it; what is to be said to that. The tap is answered in
/// any case.
///
/// # Errors
/// Only what the disk says; the tap was answered all the same.
pub(crate) async fn tapped(
    bot: &Bot,
    tap: &Tap,
    admission: Admission,
    (agent, session): (&AgentId, &SessionKey),
) -> Result<Vec<NewNotice>, StoreError> {
    let Some(command) = Command::read(&tap.data) else {
        answer(bot, tap, "", false).await;
        return Ok(Vec::new());
    };
    let owner = match admission {
        Admission::Admit { owner } => owner,
        Admission::Pair | Admission::Hear | Admission::Ignore(_) => {
            answer(bot, tap, "This button is not yours to tap.", true).await;
            return Ok(Vec::new());
        }
    };
    let group = tap.place.chat < 0;
    let origin = origin_of(&tap.from, &tap.place, (tap.message, group), owner);
    let from = value(&origin);
    let commands = bot.services.live.load().config.commands.clone();
    if !session::may_command(&commands, CHANNEL, &from) {
        answer(bot, tap, "Commands are not yours to give here.", true).await;
        return Ok(Vec::new());
    }
    let speaks = Speaks {
        owner,
        agent,
        session,
    };
    match command {
        Command::Approve { .. } if !owner => {
            let text = "Only the owner of this gateway gives approvals.";
            answer(bot, tap, text, true).await;
            Ok(Vec::new())
        }
        Command::Approve { id } => approve(bot, tap, (speaks, &from), id).await,
        Command::Stop => {
            let said = say(bot, speaks, &tap.data, &from).await;
            let text = match &said {
                Ok(Some(said)) if !said.text.is_empty() => said.text.as_str(),
                Ok(_) => "Stopped.",
                Err(_) => "That failed; say /stop.",
            };
            answer(bot, tap, text, false).await;
            said.map(|_| Vec::new())
        }
        Command::Activation(word) => {
            let said = activation::said(bot, &origin, tap.from.id, session, word);
            let said = Box::pin(answered(bot, tap, said)).await?;
            Ok(instead(bot, tap, said))
        }
        Command::Other => {
            let said = Box::pin(say(bot, speaks, &tap.data, &from));
            let said = Box::pin(answered(bot, tap, said)).await?;
            Ok(said.map_or_else(Vec::new, |said| instead(bot, tap, said)))
        }
    }
}

/// A word on a question. Its message changes when the question ends; one that ended before this
/// gateway began is put right now.
async fn approve(
    bot: &Bot,
    tap: &Tap,
    (speaks, from): (Speaks<'_>, &serde_json::Value),
    id: &str,
) -> Result<Vec<NewNotice>, StoreError> {
    let waiting = bot.services.approvals.waiting(Some(speaks.session));
    let waits = waiting.iter().any(|request| request.id == id);
    let said = say(bot, speaks, &tap.data, from).await;
    let text = match &said {
        Ok(said) => said.as_ref().map_or("", |said| said.text.as_str()),
        Err(_) => "That failed; tap again.",
    };
    answer(bot, tap, text, !waits).await;
    said?;
    match waits {
        true => Ok(Vec::new()),
        false => {
            let void = questions::void(bot, id, Some(&tap.place)).await?;
            Ok(void.into_iter().collect())
        }
    }
}

/// Waits for what is said to a command, but lets nobody who tapped wait for long.
async fn answered<T>(
    bot: &Bot,
    tap: &Tap,
    said: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let mut said = Box::pin(said);
    let early = tokio::time::timeout(HEARD_WITHIN, &mut said).await;
    let failed = matches!(early, Ok(Err(_)));
    let text = if failed {
        "That failed; tap again."
    } else {
        ""
    };
    answer(bot, tap, text, failed).await;
    match early {
        Ok(done) => done,
        Err(_) => said.await,
    }
}

/// What is said takes the place of the message that was tapped, whose buttons are spent.
fn instead(bot: &Bot, tap: &Tap, said: Said) -> Vec<NewNotice> {
    if said.text.is_empty() {
        return Vec::new();
    }
    let mut notice = Notice::said(tap.place.clone(), None, said);
    notice.edit = Some(tap.message).filter(|message| *message > 0);
    // Tapped twice, it is the same.
    let key = format!(
        "tap:{}:{}:{}:{}",
        bot.id, tap.place.chat, tap.message, tap.data
    );
    vec![notice.to_new(key)]
}

/// Tells the client that its tap was heard, or it spins. Where that fails there is nothing to mend:
/// the query is too old, or the person looks again.
async fn answer(bot: &Bot, tap: &Tap, text: &str, alert: bool) {
    let shown: String = text.chars().take(MAX_SHOWN).collect();
    let mut answer = json!({ "callback_query_id": tap.id });
    if !shown.is_empty()
        && let Some(answer) = answer.as_object_mut()
    {
        answer.insert("text".to_owned(), shown.into());
        answer.insert("show_alert".to_owned(), alert.into());
    }
    if let Err(error) = bot.api.call_named("answerCallbackQuery", &answer).await {
        tracing::debug!(account = bot.account.id, "a tap was not answered: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_button_of_ours_carries_is_read() {
        for (data, expected) in [
            (
                "/approve ab12 allow-once",
                Some(Command::Approve { id: "ab12" }),
            ),
            ("/stop", Some(Command::Stop)),
            ("/model openai/gpt-5", Some(Command::Other)),
            ("/status", Some(Command::Other)),
            ("/kill job-1", Some(Command::Other)),
            ("/activation always", Some(Command::Activation("always"))),
        ] {
            assert_eq!(Command::read(data), expected, "{data}");
        }
    }

    #[test]
    fn every_button_of_a_question_fits_and_is_read() {
        let request = questions::sample("rm x");
        let row = questions::buttons(&request, true).remove(0);
        assert_eq!(row.len(), 3);
        for button in row {
            let id = &request.id;
            assert_eq!(
                Command::read(&button.command),
                Some(Command::Approve { id })
            );
        }
    }

    #[test]
    fn what_none_of_ours_carries_does_nothing() {
        let long = format!("/model {}", "x".repeat(64));
        for data in [
            "",
            "hello",
            "stop",
            "/restart",
            "/elevated full",
            "/elevated full rm -rf /",
            "/new",
            "/start x",
            "/approve",
            "/whatever",
            "/status\nand more",
            "/status of it",
            long.as_str(),
            "approve ab12 allow-once",
        ] {
            assert_eq!(Command::read(data), None, "{data:?}");
        }
    }

    proptest! {
        #[test]
        fn any_data_is_read_or_left_alone(data in "\\PC{0,80}") {
            if let Some(command) = Command::read(&data) {
                prop_assert!(data.starts_with('/') && data.len() <= MAX_DATA, "{:?}", command);
            }
        }
    }
}
