//! What the configuration in force says of one session: its agent, its policy, its queue.

use super::state::{Settings, Whence};
use crate::broker::Live;
use crate::config::{Agent, Commands, Config, QueueMode};
use crate::policy::{Person, PolicyInput, Sender, SessionPolicy};
use ipc::id::{AgentId, SessionKey};
use serde_json::Value;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The agent as configured; one that is gone from the configuration is served by the default one.
pub(super) fn configured(live: &Live, agent: &AgentId) -> Agent {
    let config = &live.config;
    config
        .agent(agent)
        .unwrap_or_else(|| config.default_agent())
        .clone()
}

/// A regular file that somebody may execute.
fn is_program(path: &Path) -> bool {
    std::fs::metadata(path)
        .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// Where a path leads; what is not there yet is where the folder above it leads.
fn resolve(path: &Path) -> PathBuf {
    let mut above = path.ancestors();
    let real = above.find_map(|above| Some((above, above.canonicalize().ok()?)));
    let resolved = real.and_then(|(above, real)| Some(real.join(path.strip_prefix(above).ok()?)));
    // An empty rest leaves a slash at the end.
    resolved.map_or_else(|| path.to_owned(), |path| path.components().collect())
}

/// What an agent's tools may do in a session, live or not.
pub(crate) fn policy_of(live: &Live, agent: &AgentId, session: &SessionKey) -> SessionPolicy {
    policy(live, &configured(live, agent), session)
}

/// What the agent's tools may do in a session.
pub(super) fn policy(live: &Live, agent: &Agent, session: &SessionKey) -> SessionPolicy {
    SessionPolicy::new(PolicyInput {
        config: &live.config,
        agent,
        session,
        // The first of the chain; one that is chosen for a session alone has no rules of its own.
        model: agent.model.primary.as_ref(),
        approvals: &live.approvals.load(),
        host: &live.host,
        is_program,
        resolve,
    })
}

/// The channel of the control socket. Only our own user, or root, is heard there.
pub(super) const OWN_CHANNEL: &str = "cli";
/// Who speaks there.
const OPERATOR: &str = "local";

/// Whoever says something, with what its channel knows of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Speaker {
    /// The operator of this machine, or whoever a channel says it is.
    pub(super) sender: Sender,
    /// For people: `cli`, `Alice (telegram:7)`.
    pub(super) by: String,
    /// Whether they may do what only the owner of the gateway may.
    pub(super) owner: bool,
    /// Whether others read along.
    pub(super) group: bool,
    /// Where they speak.
    pub(super) from: Whence,
}

/// Who says something, and where.
pub(super) fn speaker(channel: &str, origin: &Value) -> Speaker {
    let is = |what: &str| origin.get(what).and_then(Value::as_bool) == Some(true);
    let sender = sender(channel, origin);
    let name = origin.get("name").and_then(Value::as_str);
    let by = match name.filter(|name| !name.is_empty()) {
        Some(name) => format!("{name} ({})", in_words(&sender)),
        None if channel == OWN_CHANNEL => channel.to_owned(),
        None => in_words(&sender),
    };
    Speaker {
        by,
        sender,
        // Only our own user, or root, is heard at the control socket.
        owner: channel == OWN_CHANNEL || is("owner"),
        group: is("group"),
        from: whence(channel, origin),
    }
}

/// Who says something: the operator of this machine, or whoever a channel says it is.
pub(super) fn sender(channel: &str, origin: &Value) -> Sender {
    let said = origin.get("sender").and_then(Value::as_str);
    let own = if channel == OWN_CHANNEL { OPERATOR } else { "" };
    Sender {
        channel: channel.to_owned(),
        id: said.unwrap_or(own).to_owned(),
    }
}

/// Where something was said: the channel, and the bot, the chat and the topic in it. Who it was and
/// in which message makes no difference: one answer reaches them all.
pub(super) fn whence(channel: &str, origin: &Value) -> Whence {
    let mut hasher = DefaultHasher::new();
    channel.hash(&mut hasher);
    for part in ["account", "chat", "thread"] {
        origin.get(part).map(Value::to_string).hash(&mut hasher);
    }
    Whence(hasher.finish())
}

/// `cli:local`.
pub(super) fn in_words(sender: &Sender) -> String {
    format!("{}:{}", sender.channel, sender.id)
}

/// Whether a speaker's word on a question counts. Whoever writes to an agent is not yet who owns
/// the machine it runs on.
pub(super) fn may_approve(speaker: &Speaker) -> bool {
    speaker.owner
}

/// Whether what somebody says may be a command: `commands.text`, `commands.native` and
/// `commands.allowFrom`. The operator of this machine always may, unless commands are off.
pub(super) fn may_command(commands: &Commands, speaker: &Speaker) -> bool {
    let Sender { channel, id } = &speaker.sender;
    let own = channel == OWN_CHANNEL;
    // A channel's menu of commands is no use where they are not heard.
    if !commands.text && (own || !commands.native) {
        return false;
    }
    let Some(allowed) = commands.allow_from.as_ref().filter(|_| !own) else {
        return true;
    };
    let names = [channel.as_str(), "*"];
    let lists = names.iter().filter_map(|name| allowed.get(*name));
    lists.flatten().any(|name| is_named(name, channel, id))
}

/// The same, of whoever says something by a channel.
pub(crate) fn may_command_from(commands: &Commands, channel: &str, origin: &Value) -> bool {
    may_command(commands, &speaker(channel, origin))
}

/// Whether an entry of a list names somebody: `*`, `123` or `telegram:123`.
fn is_named(entry: &str, channel: &str, id: &str) -> bool {
    let entry = entry.trim();
    let bare = match entry.split_once(':') {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(channel) => rest,
        Some(("tg", rest)) if channel == "telegram" => rest,
        Some(_) | None => entry,
    };
    bare == "*" || (!id.is_empty() && bare == id)
}

/// Whether somebody can be asked about a turn that came by this channel: where a person speaks there
/// is one, and where a clock does, or nobody, there is none.
pub(super) fn person(channel: &str) -> Person {
    match channel {
        "" | "cron" | "heartbeat" | "hook" => Person::Away,
        _ => Person::There,
    }
}

/// What a message of a channel does that arrives during a turn.
pub(super) fn mode(config: &Config, channel: &str) -> QueueMode {
    let queue = &config.queue;
    queue.by_channel.get(channel).copied().unwrap_or(queue.mode)
}

/// How a session goes about messages of a channel; `chosen` is what was said with `/queue`.
pub(super) fn settings(live: &Live, channel: &str, chosen: Option<QueueMode>) -> Settings {
    let config = &live.config;
    Settings {
        mode: chosen.unwrap_or_else(|| mode(config, channel)),
        debounce: config.queue.debounce,
        idle: config.process.idle,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_operator_and_owners_give_approvals() {
        let operator = speaker("cli", &Value::Null);
        assert_eq!(in_words(&operator.sender), "cli:local");
        assert!(may_approve(&operator));
        let other = speaker("telegram", &json!({ "sender": "7", "group": true }));
        assert_eq!(in_words(&other.sender), "telegram:7");
        assert!(!may_approve(&other) && other.group);
        let owner = json!({ "sender": "7", "owner": true });
        assert!(may_approve(&speaker("telegram", &owner)));
        let forged = json!({ "sender": "7", "owner": "true" });
        assert!(!may_approve(&speaker("telegram", &forged)));
        assert_eq!(sender("telegram", &Value::Null).id, "");
    }

    #[test]
    fn an_answer_reaches_a_chat_and_a_topic_and_nobody_else() {
        let at = |chat: i64, thread: Option<i32>, sender: &str, account: &str| {
            let origin = json!({
                "account": account, "chat": chat, "thread": thread, "sender": sender, "message": sender.len(),
            });
            whence("telegram", &origin)
        };
        let here = at(-5, Some(7), "1", "default");
        assert_eq!(here, at(-5, Some(7), "22", "default"));
        for other in [
            at(-5, None, "1", "default"),
            at(-5, Some(8), "1", "default"),
            at(-6, Some(7), "1", "default"),
            at(-5, Some(7), "1", "work"),
            whence("cli", &Value::Null),
        ] {
            assert_ne!(here, other);
        }
    }

    #[test]
    fn who_may_command_is_configured() {
        let alice = speaker("telegram", &json!({ "sender": "7" }));
        let own = speaker("cli", &Value::Null);
        let mut commands = Commands::default();
        assert!(may_command(&commands, &alice) && may_command(&commands, &own));
        for (list, holds) in [
            (vec!["7"], true),
            (vec!["tg:7"], true),
            (vec!["telegram:7"], true),
            (vec!["*"], true),
            (vec!["8"], false),
            (vec![], false),
        ] {
            let list = list.into_iter().map(str::to_owned).collect();
            commands.allow_from = Some([("telegram".to_owned(), list)].into());
            assert_eq!(may_command(&commands, &alice), holds, "{commands:?}");
            assert!(may_command(&commands, &own));
        }
        commands.allow_from = Some([("*".to_owned(), vec!["7".to_owned()])].into());
        assert!(may_command(&commands, &alice));
        commands = Commands {
            text: false,
            ..Commands::default()
        };
        assert!(may_command(&commands, &alice) && !may_command(&commands, &own));
        commands.native = false;
        assert!(!may_command(&commands, &alice));
    }

    #[test]
    fn where_nobody_speaks_nobody_is_asked() {
        assert_eq!(person("cli"), Person::There);
        assert_eq!(person("cron"), Person::Away);
        assert_eq!(person(""), Person::Away);
    }
}
