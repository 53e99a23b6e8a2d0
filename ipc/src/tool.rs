//! What a supervisor and a toolbox process say to each other, and how a tool call can end.

use crate::hello::Hello;
use crate::id::{CallId, JobId};
use crate::tool_args::ToolArgs;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What the supervisor tells a toolbox process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToTool {
    /// First frame: where to work and with what. The process is jailed already.
    Start(ToolStart),
    /// Run one call. An `exec` toolbox gets one `exec`, then any number of `process` calls about it;
    /// a `files` toolbox gets any number of file calls, also several at once.
    Run {
        /// Names the call in the answers.
        call: CallId,
        /// What to do.
        args: ToolArgs,
    },
    /// Abandon a call: its process group is ended; answered by [`FromTool::Done`].
    Cancel {
        /// Which call.
        call: CallId,
    },
}

/// What a toolbox process says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromTool {
    /// Speaks our version and is ready for [`ToTool::Start`].
    Hello(Hello),
    /// Output as it comes, for whoever watches; coalesced and bounded, the outcome has it all.
    Output {
        /// Which call.
        call: CallId,
        /// New text.
        text: String,
    },
    /// The call ended, or (with [`ToolOutcome::Running`]) went to the background.
    Done {
        /// Which call.
        call: CallId,
        /// How.
        outcome: ToolOutcome,
    },
    /// A background job ended by itself; its output is still to be had through `process`.
    JobEnded {
        /// How, without output.
        outcome: ToolOutcome,
    },
}

/// Where a toolbox works and with what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolStart {
    /// The session's workspace; paths in arguments are relative to it, and may not leave it unless
    /// `files_anywhere`.
    pub workspace: PathBuf,
    /// The whole environment of commands; nothing is inherited.
    pub env: BTreeMap<String, String>,
    /// The name a job gets when it goes to the background.
    pub job: JobId,
    /// Defaults and bounds of `exec`.
    pub exec: ExecDefaults,
    /// File tools may name paths outside the workspace (the jail still bounds them):
    /// `tools.fs.workspaceOnly: false`.
    pub files_anywhere: bool,
}

/// Defaults and bounds of `exec`. Times in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecDefaults {
    /// To the background after this long (`tools.exec.backgroundMs`, 10 000).
    pub yield_ms: u64,
    /// Killed after this long (`tools.exec.timeoutSec`, 1 800 s).
    pub timeout_ms: u64,
    /// Bytes of output kept: half head, half tail (200 000).
    pub output_bytes: usize,
    /// All output is shown as it comes, and the command waits for whoever watches; else what comes
    /// too fast is not shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shows_all: bool,
}

/// Every way a tool call can end. None of these is an `Err`: the model reads them all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToolOutcome {
    /// The command ended by itself.
    Exited {
        /// Its exit code.
        code: i32,
        /// What it printed.
        output: Capture,
    },
    /// A signal ended the command.
    Signaled {
        /// Which.
        signal: i32,
        /// What it printed.
        output: Capture,
    },
    /// It ran longer than it may and was killed, with all it had started.
    TimedOut {
        /// After how many milliseconds.
        after_ms: u64,
        /// What it printed.
        output: Capture,
    },
    /// It goes on in the background.
    Running {
        /// How `process` names it.
        job: JobId,
        /// What it printed so far.
        output: Capture,
    },
    /// A tool's own answer.
    Text {
        /// The answer.
        text: String,
    },
    /// Policy said no.
    Denied {
        /// Why, and what would be allowed.
        reason: String,
    },
    /// It was ended because its session was over a limit, or an operator ended it.
    Stopped {
        /// The limit or the word: `2.0 GiB memory limit`.
        reason: String,
        /// What it printed.
        output: Capture,
    },
    /// The turn was cancelled.
    Cancelled {
        /// What it had printed.
        output: Capture,
    },
    /// It was begun, and how it ended is not known: a process died. It was not run again.
    Interrupted,
    /// It could not be done.
    Failed {
        /// Why.
        reason: String,
    },
}

/// Bounded output: the first and the last of it, and how much was dropped between.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Capture {
    /// The first part, or all of it.
    pub head: String,
    /// Bytes dropped after `head`.
    pub dropped: u64,
    /// The last part, where something was dropped.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tail: String,
}

impl Capture {
    /// Output that was kept whole.
    pub fn whole(text: impl Into<String>) -> Self {
        Self {
            head: text.into(),
            ..Self::default()
        }
    }

    fn add_line(&mut self, line: &str) {
        let end = match self.dropped {
            0 => &mut self.head,
            _ => &mut self.tail,
        };
        if !end.is_empty() && !end.ends_with('\n') {
            end.push('\n');
        }
        end.push_str(line);
        end.push('\n');
    }

    fn write_to(&self, text: &mut String) {
        text.push_str(&self.head);
        if self.dropped > 0 {
            if !self.head.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(&format!("[… {} bytes dropped …]\n", self.dropped));
            text.push_str(&self.tail);
        }
    }
}

impl ToolOutcome {
    /// The outcome as the model reads it: output first, then one bracketed line on how it ended
    /// where that was not a plain success.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let verdict = match self {
            Self::Exited { code, output } => {
                output.write_to(&mut text);
                match code {
                    0 if text.is_empty() => "no output".to_owned(),
                    0 => return text,
                    code => format!("exit code {code}"),
                }
            }
            Self::Signaled { signal, output } => {
                output.write_to(&mut text);
                format!("ended by signal {signal}")
            }
            Self::TimedOut { after_ms, output } => {
                output.write_to(&mut text);
                format!(
                    "killed: ran longer than its timeout of {}",
                    seconds(*after_ms)
                )
            }
            Self::Running { job, output } => {
                output.write_to(&mut text);
                format!(
                    "still running in the background as sessionId {job}; use process to poll, write or kill it"
                )
            }
            Self::Text { text } => return text.clone(),
            Self::Denied { reason } => format!("denied: {reason}"),
            Self::Stopped { reason, output } => {
                output.write_to(&mut text);
                format!("stopped: {reason}")
            }
            Self::Cancelled { output } => {
                output.write_to(&mut text);
                "cancelled".to_owned()
            }
            Self::Interrupted => {
                "interrupted: the process that ran this call died, so its effect is not known; \
                 it was not run again. Look at the state of things before you repeat it"
                    .to_owned()
            }
            Self::Failed { reason } => format!("failed: {reason}"),
        };
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push('[');
        text.push_str(&verdict);
        text.push(']');
        text
    }

    /// Adds a line of ours to what it printed; to what has no output, nothing.
    pub fn add_line(&mut self, line: &str) {
        match self {
            Self::Exited { output, .. }
            | Self::Signaled { output, .. }
            | Self::TimedOut { output, .. }
            | Self::Running { output, .. }
            | Self::Stopped { output, .. }
            | Self::Cancelled { output } => output.add_line(line),
            Self::Text { .. } | Self::Denied { .. } | Self::Interrupted | Self::Failed { .. } => {}
        }
    }

    /// About how long [`Self::to_text`] is, in bytes, without making it.
    #[must_use]
    pub fn text_len(&self) -> usize {
        match self {
            Self::Text { text } => text.len(),
            Self::Denied { reason } | Self::Failed { reason } => reason.len() + 16,
            Self::Interrupted => 160,
            Self::Exited { output, .. }
            | Self::Signaled { output, .. }
            | Self::TimedOut { output, .. }
            | Self::Running { output, .. }
            | Self::Stopped { output, .. }
            | Self::Cancelled { output } => output.head.len() + output.tail.len() + 64,
        }
    }

    /// The outcome without its captured output or text: what an agent process needs of it.
    #[must_use]
    pub fn without_output(&self) -> Self {
        let output = Capture::default();
        match self {
            Self::Exited { code, .. } => Self::Exited {
                code: *code,
                output,
            },
            Self::Signaled { signal, .. } => Self::Signaled {
                signal: *signal,
                output,
            },
            Self::TimedOut { after_ms, .. } => Self::TimedOut {
                after_ms: *after_ms,
                output,
            },
            Self::Running { job, .. } => Self::Running {
                job: job.clone(),
                output,
            },
            Self::Text { .. } => Self::Text {
                text: String::new(),
            },
            Self::Stopped { reason, .. } => Self::Stopped {
                reason: reason.clone(),
                output,
            },
            Self::Cancelled { .. } => Self::Cancelled { output },
            Self::Denied { .. } | Self::Interrupted | Self::Failed { .. } => self.clone(),
        }
    }
}

fn seconds(ms: u64) -> String {
    if ms.is_multiple_of(1000) {
        format!("{} s", ms / 1000)
    } else {
        format!("{ms} ms")
    }
}
