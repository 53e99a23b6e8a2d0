//! Commands about the channel rather than about a session.

use super::Speaks;
use crate::channels::telegram::Origin;
use crate::channels::telegram::bot::Bot;
use crate::config::{Commands, TelegramAccount};
use crate::message::{Button, Said};
use crate::session::manual::{self, Known};

/// What may be said to the channel itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Own<'a> {
    /// `/start`, and what the link said that was followed; may be empty.
    Start(&'a str),
    /// `/help`, `/commands`.
    Help,
    /// `/whoami`.
    Whoami,
    /// `/activation`, and a word; may be empty.
    Activation(&'a str),
    /// `/restart`.
    Restart,
}

impl<'a> Own<'a> {
    /// Reads a message; `None` where it is for somebody else.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let (command, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = rest.trim();
        match command.to_ascii_lowercase().as_str() {
            "/start" => Some(Self::Start(rest)),
            "/activation" => Some(Self::Activation(rest)),
            // With more words these are sentences.
            "/help" | "/commands" if rest.is_empty() => Some(Self::Help),
            "/whoami" | "/id" if rest.is_empty() => Some(Self::Whoami),
            "/restart" if rest.is_empty() => Some(Self::Restart),
            _ => None,
        }
    }
}

/// The channel's own commands, for people and for menus.
pub(super) const KNOWN: [Known; 4] = [
    Known {
        name: "start",
        args: "",
        what: "say hello",
    },
    Known {
        name: "whoami",
        args: "",
        what: "who and where you are, for this gateway",
    },
    Known {
        name: "activation",
        args: "mention|always",
        what: "when I answer in this group",
    },
    Known {
        name: "restart",
        args: "",
        what: "begin the gateway again (its owner alone)",
    },
];

/// What is said to whoever may not begin the gateway again.
pub(super) const NO_RESTART: &str =
    "Only the owner of this gateway begins it again, and only where commands.restart lets them.";

/// Whether `/restart` is heard.
pub(super) fn may_restart(commands: &Commands, origin: &Origin) -> bool {
    commands.restart && origin.owner
}

/// What is said to a command that needs nobody but us.
pub(super) fn said(bot: &Bot, origin: &Origin, speaks: Speaks<'_>, own: Own<'_>) -> Said {
    match own {
        Own::Start(payload) => start(bot, origin, speaks, payload),
        Own::Help => help(&bot.account),
        Own::Whoami => whoami(bot, origin, speaks),
        Own::Activation(_) | Own::Restart => Said::default(),
    }
}

fn start(bot: &Bot, origin: &Origin, speaks: Speaks<'_>, payload: &str) -> Said {
    // A link may name what to begin with: t.me/our_bot?start=help.
    match payload {
        "help" | "commands" => return help(&bot.account),
        "whoami" => return whoami(bot, origin, speaks),
        _ => {}
    }
    let live = bot.services.live.load();
    let agent = live.config.agent(speaks.agent);
    let name = agent.map_or_else(|| speaks.agent.to_string(), |agent| agent.name.clone());
    let button = |label: &str, command: &str| Button {
        label: label.to_owned(),
        command: command.to_owned(),
    };
    Said {
        text: format!(
            "Hello. This is {}; write what you need. /help shows what else can be said.",
            code(&name)
        ),
        buttons: vec![vec![button("Status", "/status"), button("Model", "/model")]],
    }
}

fn help(account: &TelegramAccount) -> Said {
    let session = manual::KNOWN.iter();
    let mut text = manual::list(session.chain(KNOWN.iter().filter(|known| known.name != "start")));
    for custom in &account.custom_commands {
        text.push_str(&format!("\n`/{}`  {}", custom.command, custom.description));
    }
    Said::text(text)
}

fn whoami(bot: &Bot, origin: &Origin, speaks: Speaks<'_>) -> Said {
    let username = origin.username.as_ref();
    let username = username.map_or_else(String::new, |name| format!(" @{name}"));
    let topic = origin.place.thread;
    let topic = topic.map_or_else(String::new, |topic| format!("\nTopic: `{topic}`"));
    let owner = if origin.owner { "yes" } else { "no" };
    Said::text(format!(
        "You: {}{}\nUser id: `{}`\nChat id: `{}`{topic}\nBot: {} (account {})\nSession: `{}`\nAgent: {}\n\
         Owner: {owner}",
        code(&origin.name),
        code(&username),
        origin.sender,
        origin.place.chat,
        code(&format!("@{}", bot.me().username)),
        code(&bot.account.id),
        speaks.session,
        code(speaks.agent.as_str()),
    ))
}

/// Whatever strangers chose, where it can not be taken for markup.
fn code(text: &str) -> String {
    match text {
        "" => String::new(),
        text => format!("`{}`", text.replace('`', "'")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_channels_own_commands_are_read() {
        for (text, expected) in [
            ("/start", Some(Own::Start(""))),
            ("/start abc-1", Some(Own::Start("abc-1"))),
            ("/HELP", Some(Own::Help)),
            ("/commands", Some(Own::Help)),
            ("/whoami", Some(Own::Whoami)),
            ("/activation always", Some(Own::Activation("always"))),
            ("/restart", Some(Own::Restart)),
            ("/restart the server please", None),
            ("/help me", None),
            ("start", None),
        ] {
            assert_eq!(Own::read(text), expected, "{text}");
        }
    }

    #[test]
    fn a_name_is_no_markup() {
        assert_eq!(code("a`b` *c*"), "`a'b' *c*`");
        assert_eq!(code(""), "");
    }
}
