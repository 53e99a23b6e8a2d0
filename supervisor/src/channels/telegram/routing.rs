//! Which agent answers, and in which session. Pure.
//!
//! Who answers in a group: what its topic says, what it says itself, a binding of just this chat,
//! what every group says. Everywhere: a binding of the chat, of the account, of any account; else
//! the default agent. Of two that say as much the first one counts.

use super::admission::layers;
use crate::config::{Binding, BoundAccount, Config, DmScope, PeerKind, Scope, TelegramAccount};
use ipc::id::{AgentId, SessionKey};

/// The channel, as bindings and session keys name it.
const CHANNEL: &str = "telegram";
/// Any chat of a kind.
const ANY: &str = "*";

/// Where something is said, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spot {
    /// The chat.
    pub(crate) chat: i64,
    /// The number it had before it became a supergroup, where that is known: its session stays.
    pub(crate) formerly: Option<i64>,
    /// The topic; `None` for the general one, and where there are none.
    pub(crate) thread: Option<i32>,
    /// Whether others read along.
    pub(crate) group: bool,
    /// Who speaks.
    pub(crate) sender: i64,
}

/// Where what is said goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    /// Who answers.
    pub(crate) agent: AgentId,
    /// In which session.
    pub(crate) session: SessionKey,
}

/// Which agent answers, and in which session.
pub(crate) fn route(config: &Config, account: &TelegramAccount, spot: &Spot) -> Route {
    let agent = agent(config, account, spot).clone();
    let session = session(config, account, spot, &agent);
    Route { agent, session }
}

fn agent<'a>(config: &'a Config, account: &'a TelegramAccount, spot: &Spot) -> &'a AgentId {
    let bound = |tier: Tier| bound(config, account, spot, tier);
    let everywhere = || {
        let tiers = [Tier::AnyChat, Tier::Account, Tier::AnyAccount];
        tiers.into_iter().find_map(bound)
    };
    let default = &config.default_agent().id;
    if !spot.group {
        let agent = bound(Tier::Chat).or_else(everywhere);
        return agent.unwrap_or(default);
    }
    let layers = layers(account, spot.chat, spot.formerly, spot.thread);
    let topic = layers.topics.iter().find_map(|topic| topic.agent.as_ref());
    // The last layer may be what is said of every group.
    let (own, every) = match account.groups.get(ANY) {
        Some(every) => (layers.groups.len() > 1, every.agent.as_ref()),
        None => (!layers.groups.is_empty(), None),
    };
    let own = layers.groups.first().filter(|_| own);
    topic
        .or_else(|| own?.agent.as_ref())
        .or_else(|| bound(Tier::Topic))
        .or_else(|| bound(Tier::Chat))
        .or(every)
        .or_else(everywhere)
        .unwrap_or(default)
}

/// How much a binding says, the most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tier {
    /// This topic.
    Topic,
    /// This chat.
    Chat,
    /// Any chat of this kind.
    AnyChat,
    /// This account.
    Account,
    /// The channel.
    AnyAccount,
}

fn bound<'a>(
    config: &'a Config,
    account: &TelegramAccount,
    spot: &Spot,
    tier: Tier,
) -> Option<&'a AgentId> {
    let says = |binding: &&Binding| {
        binding.channel == CHANNEL
            && is_of(&binding.account, account)
            && tier_of(binding, spot) == Some(tier)
    };
    let found = config.bindings.iter().find(says);
    found.map(|binding| &binding.agent)
}

fn is_of(bound: &BoundAccount, account: &TelegramAccount) -> bool {
    match bound {
        BoundAccount::Default => account.is_default,
        BoundAccount::Any => true,
        BoundAccount::Named(id) => *id == account.id,
    }
}

/// How much a binding says of this spot; `None` where it is of another one.
fn tier_of(binding: &Binding, spot: &Spot) -> Option<Tier> {
    let Some(peer) = &binding.peer else {
        return Some(match binding.account {
            BoundAccount::Default | BoundAccount::Named(_) => Tier::Account,
            BoundAccount::Any => Tier::AnyAccount,
        });
    };
    let is_kind = match peer.kind {
        PeerKind::Direct => !spot.group,
        PeerKind::Group => spot.group,
        // No bot is spoken to in a channel.
        PeerKind::Channel => false,
    };
    if !is_kind {
        return None;
    }
    if peer.id == ANY {
        return Some(Tier::AnyChat);
    }
    let chats = if spot.group {
        [Some(spot.chat), spot.formerly]
    } else {
        [Some(spot.sender), None]
    };
    let here = |id: &str| chats.iter().flatten().any(|chat| id.parse() == Ok(*chat));
    match peer.id.split_once(":topic:") {
        None => here(&peer.id).then_some(Tier::Chat),
        Some((chat, topic)) => {
            let thread = spot.thread.unwrap_or(1);
            (here(chat) && topic.parse() == Ok(thread)).then_some(Tier::Topic)
        }
    }
}

fn session(config: &Config, account: &TelegramAccount, spot: &Spot, agent: &AgentId) -> SessionKey {
    let key = if spot.group {
        let chat = spot.formerly.unwrap_or(spot.chat);
        let topic = spot.thread.map(|thread| format!(":topic:{thread}"));
        format!("{CHANNEL}:group:{chat}{}", topic.unwrap_or_default())
    } else {
        let thread = spot.thread;
        let thread = thread.map(|thread| format!(":thread:{}:{thread}", spot.chat));
        format!(
            "{}{}",
            private(config, account, spot),
            thread.unwrap_or_default()
        )
    };
    SessionKey(format!("agent:{agent}:{key}"))
}

fn private(config: &Config, account: &TelegramAccount, spot: &Spot) -> String {
    let session = &config.session;
    let peer = identity(config, spot.sender);
    match (session.scope, session.dm_scope) {
        (Scope::Global, _) | (Scope::PerSender, DmScope::Main) => session.main_key.clone(),
        (Scope::PerSender, DmScope::PerPeer) => format!("dm:{peer}"),
        (Scope::PerSender, DmScope::PerChannelPeer) => format!("{CHANNEL}:dm:{peer}"),
        (Scope::PerSender, DmScope::PerAccountChannelPeer) => {
            format!("{CHANNEL}:{}:dm:{peer}", account.id)
        }
    }
}

/// The name under which somebody is known in every channel; their number where there is none.
fn identity(config: &Config, sender: i64) -> String {
    let is_them = |written: &String| {
        let written = written.trim().to_ascii_lowercase();
        let id = written.strip_prefix("telegram:");
        let id = id
            .or_else(|| written.strip_prefix("tg:"))
            .unwrap_or(&written);
        id.parse() == Ok(sender)
    };
    let links = &config.session.identity_links;
    let link = links.iter().find(|(_, who)| who.iter().any(is_them));
    match link {
        Some((name, _)) => name.trim().to_ascii_lowercase().replace([':', ' '], "-"),
        None => sender.to_string(),
    }
}

#[cfg(test)]
mod tests;
