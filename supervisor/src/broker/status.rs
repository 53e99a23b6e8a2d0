//! Tools that are answered from what the supervisor knows: no process, no file.

use crate::config::{Agent, Config};
use ipc::model::Usage;
use ipc::tool::ToolOutcome;

/// What `session_status` tells.
#[derive(Debug)]
pub struct SessionFacts<'a> {
    /// The session's key.
    pub session: &'a str,
    /// Its agent.
    pub agent: &'a str,
    /// Models in the order they are tried.
    pub chain: Vec<String>,
    /// Whether the first one was chosen for this session alone.
    pub pinned: bool,
    /// Tokens in the context, estimated.
    pub context_tokens: u64,
    /// The model's window.
    pub context_window: u32,
    /// Used by the session in all.
    pub usage: Usage,
    /// Model calls of this turn, and how many it may make.
    pub model_calls: (u32, u32),
    /// The walls' level, once it is known.
    pub level: Option<u8>,
    /// `none`, `proxy` or `host`.
    pub network: &'static str,
    /// How elevated commands stand: `on`; `None` where nobody can have them.
    pub elevated: Option<&'static str>,
}

/// `session_status`.
#[must_use]
pub fn session_status(facts: &SessionFacts<'_>) -> ToolOutcome {
    let pinned = if facts.pinned {
        " (chosen for this session)"
    } else {
        ""
    };
    let level = facts
        .level
        .map_or_else(|| "not probed yet".to_owned(), |level| level.to_string());
    let elevated = facts.elevated.map(|mode| format!("elevated: {mode}\n"));
    let text = format!(
        "session: {}\nagent: {}\nmodels: {}{pinned}\ncontext: about {} of {} tokens\n\
         used: {} tokens in ({} cached), {} out\nthis turn: {} of {} model calls\n\
         walls: level {level}, network {}\n{}",
        facts.session,
        facts.agent,
        facts.chain.join(", then "),
        facts.context_tokens,
        facts.context_window,
        facts.usage.input,
        facts.usage.cached,
        facts.usage.output,
        facts.model_calls.0,
        facts.model_calls.1,
        facts.network,
        elevated.unwrap_or_default(),
    );
    ToolOutcome::Text { text }
}

/// `agents_list`.
#[must_use]
pub fn agents_list(config: &Config) -> ToolOutcome {
    let line = |agent: &Agent| {
        let default = if agent.is_default { " (default)" } else { "" };
        let name = if agent.name == agent.id.as_str() {
            ""
        } else {
            agent.name.as_str()
        };
        format!("{}{default}  {}  {name}\n", agent.id, agent.manual)
    };
    ToolOutcome::Text {
        text: config.agents.iter().map(line).collect(),
    }
}
