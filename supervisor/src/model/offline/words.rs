//! What the offline responder says.

use super::commands::Command;
use crate::model::Context;
use ipc::tool::ToolOutcome;
use ipc::transcript::TranscriptItem;

/// Said in its first answer of a session; `why` no model serves, where there is more to say than that
/// none is configured.
pub(super) fn who(why: &str) -> String {
    let why = if why.is_empty() {
        "no model is configured"
    } else {
        why
    };
    format!(
        "I am OpenClaw's built-in offline responder, not a language model: {why}. Say help for what I \
         can do and how to add a model."
    )
}

/// Most of an outcome that is repeated, in bytes.
const MAX_SHOWN: usize = 20_000;
/// Longest digest, in bytes.
const MAX_DIGEST: usize = 8_000;

/// What it can do, and how to have a model instead.
pub(super) fn help() -> String {
    format!(
        "I am OpenClaw's built-in offline responder, not a language model. I understand, one a line or joined by \"and then\":

run COMMAND · background COMMAND · jobs · poll JOB · kill JOB
read PATH [from LINE] · list [PATH] · write TEXT to PATH · append TEXT to PATH
remember TEXT · status · agents · help

{MEND}"
    )
}

const MEND: &str = "To talk to a real model, set OPENAI_API_KEY, ANTHROPIC_API_KEY or OPENROUTER_API_KEY in the environment \
and name a model in agents.defaults.model.primary of openclaw.json (such as openai/gpt-4o), sign in with codex for \
openai-codex/gpt-5.3-codex, or start Ollama, LM Studio, llama.cpp or vLLM on this machine. openclaw models shows what is found.";

/// The answer to what is no command.
pub(super) fn unknown(first: bool) -> String {
    if first {
        format!(
            "I am OpenClaw's built-in offline responder, not a language model, so I can not answer that: I only understand \
commands such as run echo hi, read PATH, write TEXT to PATH, list, remember TEXT and help. {MEND}"
        )
    } else {
        "I am only the offline responder and did not understand that. Say help for what I can do."
            .to_owned()
    }
}

/// The answer to a picture, a file, or anything else that is no words.
pub(super) fn blind() -> String {
    "I am only the offline responder: I see no pictures and hear no recordings. What you sent is in \
     the workspace (list inbox)."
        .to_owned()
}

/// Whether a step that waits for this one may go on.
pub(super) fn is_success(outcome: &ToolOutcome) -> bool {
    match outcome {
        ToolOutcome::Exited { code, .. } => *code == 0,
        ToolOutcome::Text { .. } | ToolOutcome::Running { .. } => true,
        ToolOutcome::Signaled { .. }
        | ToolOutcome::TimedOut { .. }
        | ToolOutcome::Denied { .. }
        | ToolOutcome::Cancelled { .. }
        | ToolOutcome::Stopped { .. }
        | ToolOutcome::Interrupted
        | ToolOutcome::Failed { .. } => false,
    }
}

/// What came of a command.
pub(super) fn of_outcome(command: &Command, outcome: &ToolOutcome) -> String {
    let shown = command.shown();
    match outcome {
        ToolOutcome::Exited { code: 0, output } => well(command, &printed(output)),
        ToolOutcome::Exited { code, output } => ended(
            &format!("{shown} failed with exit code {code}."),
            &printed(output),
        ),
        ToolOutcome::Signaled { signal, output } => ended(
            &format!("{shown} was ended by signal {signal}."),
            &printed(output),
        ),
        ToolOutcome::TimedOut { after_ms, output } => ended(
            &format!(
                "{shown} ran longer than {} s and was killed.",
                after_ms.div_ceil(1000)
            ),
            &printed(output),
        ),
        ToolOutcome::Running { job, output } => ended(
            &format!(
                "{shown} goes on in the background as {job}: poll {job} shows more, kill {job} ends it."
            ),
            &printed(output),
        ),
        ToolOutcome::Text { text } => well(command, text),
        ToolOutcome::Denied { reason } => format!("I may not {shown}: {reason}"),
        ToolOutcome::Stopped { reason, output } => {
            ended(&format!("{shown} was stopped: {reason}."), &printed(output))
        }
        ToolOutcome::Cancelled { output } => {
            ended(&format!("{shown} was cancelled."), &printed(output))
        }
        ToolOutcome::Interrupted => format!(
            "{shown} was interrupted: the process that ran it died. I did not run it again; its effect is not known."
        ),
        ToolOutcome::Failed { reason } => format!("I could not {shown}: {reason}"),
    }
}

fn well(command: &Command, text: &str) -> String {
    match command {
        Command::Run { .. } if text.trim().is_empty() => "Done; it printed nothing.".to_owned(),
        Command::Run { .. } => block("It printed:", text),
        Command::Remember { .. } => "I wrote it down in today's file under memory/.".to_owned(),
        Command::Append { path, .. } => format!("I appended it to {path}."),
        Command::Read { path, .. } if text.is_empty() => format!("{path} is empty."),
        Command::Read { path, .. } => block(&format!("{path} says:"), text),
        Command::List { path } => block(
            &format!("In {}:", path.as_deref().unwrap_or("the workspace")),
            text,
        ),
        Command::Write { path, .. } if text.is_empty() => format!("I wrote {path}."),
        Command::Background { .. }
        | Command::Jobs
        | Command::Poll { .. }
        | Command::Kill { .. }
        | Command::Write { .. }
        | Command::Status
        | Command::Agents
        | Command::Help
        | Command::Incomplete { .. }
        | Command::Unknown => shortened(text.trim_end()).into_owned(),
    }
}

fn ended(how: &str, output: &str) -> String {
    if output.trim().is_empty() {
        how.to_owned()
    } else {
        block(&format!("{how} It printed:"), output)
    }
}

/// A text after a lead: on the same line where it is one line, else fenced.
fn block(lead: &str, text: &str) -> String {
    let text = text.trim_end();
    if !text.contains('\n') && text.len() <= 200 {
        return format!("{lead} {text}");
    }
    let fence = if text.contains("```") { "~~~~" } else { "```" };
    format!("{lead}\n{fence}\n{}\n{fence}", shortened(text))
}

fn printed(output: &ipc::tool::Capture) -> String {
    // The outcome's own wording of a success is the output, with what was dropped told in its place.
    let text = ToolOutcome::Exited {
        code: 0,
        output: output.clone(),
    }
    .to_text();
    if output.head.is_empty() && output.dropped == 0 {
        String::new()
    } else {
        text
    }
}

fn shortened(text: &str) -> std::borrow::Cow<'_, str> {
    if text.len() <= MAX_SHOWN {
        return text.into();
    }
    let end = text.floor_char_boundary(MAX_SHOWN);
    format!("{}\n[… {} more bytes …]", &text[..end], text.len() - end).into()
}

/// A mechanical summary: what was asked and what came of it, newest kept where it grows too long.
pub(super) fn digest(context: &Context) -> String {
    let lines: Vec<String> = context
        .items
        .iter()
        .filter_map(|(_, item)| line_of(item))
        .collect();
    let mut room = MAX_DIGEST;
    let kept = lines
        .iter()
        .rev()
        .take_while(|line| {
            let fits = line.len() < room;
            room = room.saturating_sub(line.len() + 1);
            fits
        })
        .count();
    let dropped = lines.len() - kept;
    let lead = if dropped > 0 {
        format!("(mechanical digest; {dropped} older lines left out)")
    } else {
        "(mechanical digest)".to_owned()
    };
    std::iter::once(lead)
        .chain(lines.into_iter().skip(dropped))
        .collect::<Vec<_>>()
        .join("\n")
}

fn line_of(item: &TranscriptItem) -> Option<String> {
    match item {
        TranscriptItem::User { text, .. } => Some(format!("- The user said: {}", first(text, 300))),
        TranscriptItem::Summary { text, .. } => Some(first(text, MAX_DIGEST / 2)),
        TranscriptItem::Outcome { tool, outcome, .. } => {
            Some(format!("- {tool} gave: {}", first(&outcome.to_text(), 200)))
        }
        TranscriptItem::Answer { text, .. } if !text.is_empty() => {
            Some(format!("- The answer was: {}", first(text, 200)))
        }
        TranscriptItem::Answer { .. } | TranscriptItem::Note { .. } => None,
    }
}

/// The beginning of a text, on one line.
fn first(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let end = line.floor_char_boundary(most);
    let more = if end < line.len() { "…" } else { "" };
    format!("{}{more}", &line[..end])
}
