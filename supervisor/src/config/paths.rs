//! Where everything is on disk. Pure: names paths, opens none.

use ipc::id::AgentId;
use std::path::{Component, Path, PathBuf};

/// The places of one state directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// `~/.openclaw`, or `OPENCLAW_STATE_DIR`. Absolute.
    pub state_dir: PathBuf,
    /// `<state>/openclaw.json`, or `OPENCLAW_CONFIG_PATH`. Absolute; need not exist.
    pub config_file: PathBuf,
    /// What `~` stands for in the configuration: `OPENCLAW_HOME`, or `HOME`.
    pub home: PathBuf,
}

impl Paths {
    /// The places under `state_dir`, with the configuration file in its usual spot.
    #[must_use]
    pub fn under(state_dir: impl Into<PathBuf>) -> Self {
        let state_dir = state_dir.into();
        Self {
            config_file: state_dir.join("openclaw.json"),
            home: state_dir.parent().unwrap_or(&state_dir).to_owned(),
            state_dir,
        }
    }

    /// Sessions, transcripts, inbox, outbox, usage.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.state_dir.join("state").join("openclaw.sqlite")
    }

    /// Pictures that came with messages.
    #[must_use]
    pub fn media(&self) -> PathBuf {
        self.state_dir.join("media")
    }

    /// The socket the command line speaks to the gateway through.
    #[must_use]
    pub fn control_socket(&self) -> PathBuf {
        self.state_dir.join("state").join("control.sock")
    }

    /// What happened, on record: one line of JSON each.
    #[must_use]
    pub fn audit_log(&self) -> PathBuf {
        self.state_dir.join("logs").join("audit.jsonl")
    }

    /// The gateway's log, where none is configured.
    #[must_use]
    pub fn log_file(&self) -> PathBuf {
        self.state_dir.join("logs").join("gateway.log")
    }

    /// Variables for this state directory, in the form of a shell's `NAME=value` lines.
    #[must_use]
    pub fn env_file(&self) -> PathBuf {
        self.state_dir.join(".env")
    }

    /// The default agent's workspace, where none is configured.
    #[must_use]
    pub fn workspace(&self) -> PathBuf {
        self.state_dir.join("workspace")
    }

    /// The home of one agent's own state.
    #[must_use]
    pub fn agent_dir(&self, agent: &AgentId) -> PathBuf {
        self.state_dir
            .join("agents")
            .join(agent.as_str())
            .join("agent")
    }

    /// One agent's credentials, in OpenClaw's format.
    #[must_use]
    pub fn auth_profiles(&self, agent: &AgentId) -> PathBuf {
        self.agent_dir(agent).join("auth-profiles.json")
    }

    /// OpenClaw's own transcripts of one agent: `sessions.json` and JSONL files. Only ever read.
    #[must_use]
    pub fn old_sessions(&self, agent: &AgentId) -> PathBuf {
        self.state_dir
            .join("agents")
            .join(agent.as_str())
            .join("sessions")
    }

    /// Approvals of `exec`, in OpenClaw's format.
    #[must_use]
    pub fn exec_approvals(&self) -> PathBuf {
        self.state_dir.join("exec-approvals.json")
    }

    /// Paired devices.
    #[must_use]
    pub fn devices(&self) -> PathBuf {
        self.state_dir.join("devices")
    }

    /// `devices/paired.json`.
    #[must_use]
    pub fn paired_devices(&self) -> PathBuf {
        self.devices().join("paired.json")
    }

    /// `devices/pending.json`.
    #[must_use]
    pub fn pending_devices(&self) -> PathBuf {
        self.devices().join("pending.json")
    }

    /// Pairing requests and approved senders of channels.
    #[must_use]
    pub fn credentials(&self) -> PathBuf {
        self.state_dir.join("credentials")
    }

    /// What the terminal chat remembers of typed lines.
    #[must_use]
    pub fn chat_history(&self) -> PathBuf {
        self.state_dir.join("state").join("chat-history")
    }

    /// A path as the person wrote it: `~` is home, anything relative is relative to `base`.
    #[must_use]
    pub fn resolve(&self, written: &str, base: &Path) -> PathBuf {
        plain(&match written.strip_prefix('~') {
            Some("") => self.home.clone(),
            Some(rest) if rest.starts_with('/') => self.home.join(&rest[1..]),
            Some(_) | None => base.join(written),
        })
    }
}

/// The path without `.` and `..`, taken as a shell takes them: by name.
pub(super) fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            // Above the root is the root.
            Component::ParentDir => drop(plain.pop()),
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => plain.push(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tilde_is_home_and_only_at_the_front() {
        let paths = Paths::under("/h/.openclaw");
        let base = Path::new("/base");
        assert_eq!(paths.resolve("~", base), Path::new("/h"));
        assert_eq!(paths.resolve("~/w", base), Path::new("/h/w"));
        assert_eq!(paths.resolve("~w", base), Path::new("/base/~w"));
        assert_eq!(paths.resolve("a/~", base), Path::new("/base/a/~"));
        assert_eq!(paths.resolve("/abs", base), Path::new("/abs"));
        assert_eq!(paths.resolve("~/../w/.", base), Path::new("/w"));
        assert_eq!(paths.resolve("../../../w/./x/", base), Path::new("/w/x"));
    }
}
