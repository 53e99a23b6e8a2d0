//! Who may speak to a bot, and what becomes of what they say. Pure: it is given what the
//! configuration, the pairing desk and the chat say.
//!
//! | where | who | what becomes of it |
//! |---|---|---|
//! | private | listed, approved, or anyone where it is open | answered |
//! | private | a stranger, where people are paired | asked to be let in |
//! | group that is listed | listed for groups; being approved in private is not enough | answered when the bot is named, else heard |
//! | anywhere | bots, and everybody else | ignored |
//!
//! Of a topic, its group, the group `*` and the account the first one that says something counts.

use crate::channels::pairing::{Standing, is_owner};
use crate::config::{DmPolicy, GroupPolicy, GroupRules, TelegramAccount, TopicRules};

/// The number under which the general topic of a forum is configured.
const GENERAL: &str = "1";
/// Anyone, or any chat.
const ANY: &str = "*";

/// What becomes of what somebody says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It is answered.
    Admit {
        /// Whether they may do what only the owner of the gateway may.
        owner: bool,
    },
    /// A stranger, who may ask to be let in.
    Pair,
    /// It was not said to the bot; it may know of it when somebody speaks to it next.
    Hear,
    /// It is as if it had not been said, for this reason.
    Ignore(&'static str),
}

/// Somebody says something.
#[derive(Debug, Clone)]
pub(crate) struct Speaking<'a> {
    /// The bot it is said to.
    pub(crate) account: &'a TelegramAccount,
    /// The user's number; a chat's, which is negative, where one speaks in its own name: an
    /// anonymous administrator of a group, a channel.
    pub(crate) sender: i64,
    /// Whether it is a bot.
    pub(crate) is_bot: bool,
    /// Where.
    pub(crate) room: Room,
    /// Whether the bot is named: by its @name, a pattern, a command, or as who is replied to.
    pub(crate) named: bool,
    /// Whether it is a command for another bot.
    pub(crate) elsewhere: bool,
    /// What the pairing desk knows of the sender.
    pub(crate) standing: Standing,
    /// What was said with `/activation` there.
    pub(crate) activation: Option<Activation>,
}

/// Where something is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// To the bot alone.
    Private,
    /// Where others read along.
    Group {
        /// The group.
        chat: i64,
        /// The number it had before it became a supergroup, where that is known.
        formerly: Option<i64>,
        /// Its topic; `None` for the general one.
        thread: Option<i32>,
    },
}

/// When a bot answers in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activation {
    /// When it is named.
    Mention,
    /// Always.
    Always,
}

impl Activation {
    /// What `/activation` knows.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        match word.trim() {
            "mention" => Some(Self::Mention),
            "always" => Some(Self::Always),
            _ => None,
        }
    }
}

/// Decides it.
pub(crate) fn admit(speaking: &Speaking<'_>) -> Admission {
    // A chat that speaks in its own name is a person behind it, whatever the server calls it.
    if speaking.is_bot && speaking.sender > 0 {
        return Admission::Ignore("it is a bot");
    }
    match speaking.room {
        Room::Private => alone(speaking),
        Room::Group { .. } if speaking.elsewhere => {
            Admission::Ignore("it is a command for another bot")
        }
        Room::Group {
            chat,
            formerly,
            thread,
        } => together(
            speaking,
            Rules::of(speaking.account, chat, formerly, thread),
        ),
    }
}

fn alone(speaking: &Speaking<'_>) -> Admission {
    let account = speaking.account;
    let owner = is_owner(account, &speaking.sender.to_string(), speaking.standing);
    let known = is_listed(&account.allow_from, speaking.sender) || speaking.standing.paired;
    match account.dm_policy {
        DmPolicy::Disabled => Admission::Ignore("private chats are disabled"),
        DmPolicy::Open => Admission::Admit { owner },
        DmPolicy::Pairing | DmPolicy::Allowlist if known => Admission::Admit { owner },
        DmPolicy::Pairing => Admission::Pair,
        DmPolicy::Allowlist => Admission::Ignore("the sender is not listed"),
    }
}

fn together(speaking: &Speaking<'_>, rules: Option<Rules<'_>>) -> Admission {
    let Some(rules) = rules else {
        return Admission::Ignore("the group is not listed");
    };
    if !rules.enabled {
        return Admission::Ignore("the group or topic is disabled");
    }
    match rules.policy {
        GroupPolicy::Disabled => return Admission::Ignore("groups are disabled"),
        GroupPolicy::Open if rules.own_senders.is_none() => {}
        // A list of the group's own holds also where the account is open.
        GroupPolicy::Open | GroupPolicy::Allowlist => {
            let account = speaking.account;
            let usual = account.group_allow_from.as_ref();
            let usual = usual.unwrap_or(&account.allow_from);
            if !is_listed(rules.own_senders.unwrap_or(usual), speaking.sender) {
                return Admission::Ignore("the sender is not listed for groups");
            }
        }
    }
    let must_name = match speaking.activation {
        Some(Activation::Mention) => true,
        Some(Activation::Always) => false,
        None => rules.require_mention,
    };
    if must_name && !speaking.named {
        return Admission::Hear;
    }
    let owner = is_owner(
        speaking.account,
        &speaking.sender.to_string(),
        speaking.standing,
    );
    Admission::Admit { owner }
}

fn is_listed(list: &[String], sender: i64) -> bool {
    list.iter().any(|id| id == ANY || is(id, sender))
}

fn is(id: &str, sender: i64) -> bool {
    id.parse() == Ok(sender)
}

/// What holds in one topic of one group.
#[derive(Debug)]
struct Rules<'a> {
    enabled: bool,
    require_mention: bool,
    /// Who may speak, where group or topic says so itself.
    own_senders: Option<&'a [String]>,
    policy: GroupPolicy,
}

impl<'a> Rules<'a> {
    /// `None` in a group that is not among those that are listed.
    fn of(
        account: &'a TelegramAccount,
        chat: i64,
        formerly: Option<i64>,
        thread: Option<i32>,
    ) -> Option<Self> {
        let layers = layers(account, chat, formerly, thread);
        let listed = account.groups.is_empty() || layers.any_group();
        let senders = layers.topics.iter().map(|topic| &topic.allow_from);
        let senders = senders.chain(layers.groups.iter().map(|group| &group.allow_from));
        let policies = layers.topics.iter().map(|topic| topic.group_policy);
        let policies = policies.chain(layers.groups.iter().map(|group| group.group_policy));
        let mentions = layers.topics.iter().map(|topic| topic.require_mention);
        let mentions = mentions.chain(layers.groups.iter().map(|group| group.require_mention));
        listed.then_some(Self {
            enabled: layers.enabled(),
            require_mention: mentions.flatten().next().unwrap_or(true),
            own_senders: senders.flatten().next().map(Vec::as_slice),
            policy: policies.flatten().next().unwrap_or(account.group_policy),
        })
    }
}

/// Who has a say on a topic of a group, the most specific first.
#[derive(Debug)]
pub(super) struct Layers<'a> {
    /// The topic, and any topic of the group.
    pub(super) topics: Vec<&'a TopicRules>,
    /// The group, and any group.
    pub(super) groups: Vec<&'a GroupRules>,
}

/// Who has a say there.
pub(super) fn layers(
    account: &TelegramAccount,
    chat: i64,
    formerly: Option<i64>,
    thread: Option<i32>,
) -> Layers<'_> {
    let by_id = |id: i64| account.groups.get(&id.to_string());
    let own = by_id(chat).or_else(|| by_id(formerly?));
    let groups: Vec<_> = own.into_iter().chain(account.groups.get(ANY)).collect();
    let number = thread.map_or_else(|| GENERAL.to_owned(), |thread| thread.to_string());
    let topics = groups.iter().flat_map(|group| {
        let here = group.topics.get(&number);
        here.into_iter().chain(group.topics.get(ANY))
    });
    Layers {
        topics: topics.collect(),
        groups,
    }
}

impl Layers<'_> {
    fn any_group(&self) -> bool {
        !self.groups.is_empty()
    }

    /// Who is most specific decides, of topics and of groups: a topic of a disabled group is.
    fn enabled(&self) -> bool {
        let topic = self.topics.first().is_none_or(|topic| topic.enabled);
        topic && self.groups.first().is_none_or(|group| group.enabled)
    }
}

#[cfg(test)]
mod tests;
