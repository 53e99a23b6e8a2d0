//! What the configuration in force says of one session: its agent, its policy, its queue.

use super::state::Settings;
use crate::broker::Live;
use crate::config::{Agent, Config, QueueMode};
use crate::policy::{Person, PolicyInput, Sender, SessionPolicy};
use ipc::id::{AgentId, SessionKey};
use serde_json::Value;
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
const OWN_CHANNEL: &str = "cli";
/// Who speaks there.
const OPERATOR: &str = "local";

/// Who says something: the operator of this machine, or whoever a channel says it is.
pub(super) fn sender(channel: &str, origin: &Value) -> Sender {
    let said = origin.get("sender").and_then(Value::as_str);
    let own = if channel == OWN_CHANNEL { OPERATOR } else { "" };
    Sender {
        channel: channel.to_owned(),
        id: said.unwrap_or(own).to_owned(),
    }
}

/// `cli:local`.
pub(super) fn in_words(sender: &Sender) -> String {
    format!("{}:{}", sender.channel, sender.id)
}

/// Whether a sender's word on a question counts. Whoever writes to an agent is not who owns the
/// machine it runs on.
pub(super) fn may_approve(sender: &Sender) -> bool {
    sender.channel == OWN_CHANNEL
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

/// How a session goes about messages of a channel.
pub(super) fn settings(live: &Live, channel: &str) -> Settings {
    let config = &live.config;
    Settings {
        mode: mode(config, channel),
        debounce: config.queue.debounce,
        idle: config.process.idle,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_the_operator_gives_approvals() {
        let operator = sender("cli", &Value::Null);
        assert_eq!(in_words(&operator), "cli:local");
        assert!(may_approve(&operator));
        let other = sender("telegram", &json!({ "sender": "7" }));
        assert_eq!(in_words(&other), "telegram:7");
        assert!(!may_approve(&other));
        assert_eq!(sender("telegram", &Value::Null).id, "");
    }

    #[test]
    fn where_nobody_speaks_nobody_is_asked() {
        assert_eq!(person("cli"), Person::There);
        assert_eq!(person("cron"), Person::Away);
        assert_eq!(person(""), Person::Away);
    }
}
