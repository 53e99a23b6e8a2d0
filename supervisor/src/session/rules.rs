//! What the configuration in force says of one session: its agent, its policy, its queue.

use super::state::Settings;
use crate::broker::Live;
use crate::config::{Agent, Config, QueueMode};
use crate::policy::{PolicyInput, SessionPolicy};
use ipc::id::{AgentId, SessionKey};
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

/// What the agent's tools may do in a session.
pub(super) fn policy(live: &Live, agent: &Agent, session: &SessionKey) -> SessionPolicy {
    SessionPolicy::new(PolicyInput {
        config: &live.config,
        agent,
        session,
        // The first of the chain; one that is chosen for a session alone has no rules of its own.
        model: agent.model.primary.as_ref(),
        approvals: &live.approvals,
        host: &live.host,
        is_program,
        resolve,
    })
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
