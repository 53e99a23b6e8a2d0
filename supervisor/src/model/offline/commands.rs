//! The commands the offline responder understands, and the tool call each becomes.
//!
//! ```text
//! run COMMAND              background COMMAND      jobs      poll JOB      kill JOB
//! read PATH [from N]       write TEXT to PATH      append TEXT to PATH     list [PATH]
//! remember TEXT            status                  agents                  help
//! ```
//! One a line, or joined by "and then". `write to PATH:` takes all lines that follow as the text.

use serde_json::{Value, json};

/// What one line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// `run COMMAND`.
    Run { command: String },
    /// `background COMMAND`.
    Background { command: String },
    /// `jobs`.
    Jobs,
    /// `poll JOB`: what a background command printed since.
    Poll { job: String },
    /// `kill JOB`.
    Kill { job: String },
    /// `read PATH [from N]`.
    Read { path: String, from: Option<u64> },
    /// `write TEXT to PATH`.
    Write { text: String, path: String },
    /// `append TEXT to PATH`.
    Append { text: String, path: String },
    /// `list [PATH]`.
    List { path: Option<String> },
    /// `remember TEXT`.
    Remember { text: String },
    /// `status`.
    Status,
    /// `agents`.
    Agents,
    /// `help`.
    Help,
    /// One of the above, without what it needs.
    Incomplete { usage: &'static str },
    /// Anything else.
    Unknown,
}

impl Command {
    /// The tool it calls and with what, if any.
    pub(super) fn call(&self) -> Option<(&'static str, Value)> {
        Some(match self {
            Self::Run { command } => ("exec", json!({ "command": command })),
            Self::Background { command } => {
                ("exec", json!({ "command": command, "background": true }))
            }
            Self::Jobs => ("process", json!({ "action": "list" })),
            Self::Poll { job } => ("process", json!({ "action": "poll", "sessionId": job })),
            Self::Kill { job } => ("process", json!({ "action": "kill", "sessionId": job })),
            Self::Read { path, from: None } => ("read", json!({ "path": path })),
            Self::Read {
                path,
                from: Some(line),
            } => ("read", json!({ "path": path, "offset": line })),
            Self::Write { text, path } => ("write", json!({ "path": path, "content": text })),
            Self::Append { text, path } => {
                ("exec", json!({ "command": append(text, &quoted(path)) }))
            }
            Self::List { path: None } => ("ls", json!({})),
            Self::List { path: Some(path) } => ("ls", json!({ "path": path })),
            // The day is the shell's to know: this is a pure function.
            Self::Remember { text } => {
                let file = "\"memory/$(date +%F).md\"";
                let command = format!(
                    "mkdir -p memory && {}",
                    append(&format!("- {text}\n"), file)
                );
                ("exec", json!({ "command": command }))
            }
            Self::Status => ("session_status", json!({})),
            Self::Agents => ("agents_list", json!({})),
            Self::Help | Self::Incomplete { .. } | Self::Unknown => return None,
        })
    }

    /// Whether its answer says who speaks anyway.
    pub(super) fn tells_who_it_is(&self) -> bool {
        matches!(self, Self::Help | Self::Unknown)
    }

    /// The command as it may be shown.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Run { command } => format!("run {command}"),
            Self::Background { command } => format!("background {command}"),
            Self::Jobs => "jobs".to_owned(),
            Self::Poll { job } => format!("poll {job}"),
            Self::Kill { job } => format!("kill {job}"),
            Self::Read { path, .. } => format!("read {path}"),
            Self::Write { path, .. } => format!("write to {path}"),
            Self::Append { path, .. } => format!("append to {path}"),
            Self::List { path } => format!("list {}", path.as_deref().unwrap_or(".")),
            Self::Remember { .. } => "remember".to_owned(),
            Self::Status => "status".to_owned(),
            Self::Agents => "agents".to_owned(),
            Self::Help => "help".to_owned(),
            Self::Incomplete { usage } => (*usage).to_owned(),
            Self::Unknown => "that".to_owned(),
        }
    }
}

fn append(text: &str, shell_file: &str) -> String {
    format!("printf '%s' {} >> {shell_file}", quoted(text))
}

/// As one word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_in_remembered_text_stays_text() {
        let text = "it's $(me)".to_owned();
        let (tool, args) = Command::Remember { text }.call().unwrap();
        assert_eq!(tool, "exec");
        let command = args["command"].as_str().unwrap();
        assert!(command.contains(r"'- it'\''s $(me)"), "{command}");
    }
}
