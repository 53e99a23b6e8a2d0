//! `openclaw agent`: one message, one answer.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use super::conversation::Conversation;
use super::shown::{Shown, without_controls};
use super::{CliError, ExitCode, runtime};
use anyhow::Context as _;
use ipc::control::{FinalReply, ReplyStatus, Submit};
use ipc::id::{AgentId, SessionKey};
use std::borrow::Cow;
use std::io::{IsTerminal as _, Read as _};

/// Send one message to an agent and print its answer.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The message; read from standard input when it is `-` or absent.
    #[arg(short, long)]
    message: Option<String>,
    /// Which agent (default: the configured default agent).
    #[arg(long)]
    agent: Option<String>,
    /// Which session (default: the agent's main one), such as agent:main:main.
    #[arg(long)]
    session_key: Option<String>,
    /// Idempotency key: the same key is answered once, and a second call prints that answer.
    #[arg(long)]
    idempotency_key: Option<String>,
    /// Print the reply as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let text = message(args)?;
    let submit = Submit {
        key: args
            .idempotency_key
            .clone()
            .unwrap_or_else(|| uuid::Uuid::new_v4().to_string()),
        agent: args.agent.clone().map(AgentId),
        session: args.session_key.clone().map(SessionKey),
        text,
    };
    let reply = runtime()?.block_on(async {
        let mut conversation = Conversation::begin().await?;
        let shown = if args.json {
            Shown::Nothing
        } else {
            Shown::Notices
        };
        let reply = conversation.say(submit, shown).await;
        conversation.end().await;
        reply
    })?;
    print(&reply, args.json)
}

fn message(args: &Args) -> Result<String, CliError> {
    match args.message.as_deref() {
        Some(text) if text != "-" => return Ok(text.to_owned()),
        None if std::io::stdin().is_terminal() => {
            return Err(
                anyhow::anyhow!("no message: give one with -m TEXT, or pipe one in").into(),
            );
        }
        Some(_) | None => {}
    }
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .context("failed to read the message")?;
    Ok(text)
}

fn print(reply: &FinalReply, json: bool) -> Result<ExitCode, CliError> {
    if json {
        println!("{}", super::json(reply)?);
    } else if !reply.text.is_empty() {
        let plain = std::io::stdout().is_terminal();
        let text = if plain {
            without_controls(&reply.text)
        } else {
            Cow::Borrowed(&*reply.text)
        };
        println!("{text}");
    }
    Ok(match reply.status {
        ReplyStatus::Ok => ExitCode::SUCCESS,
        ReplyStatus::Cancelled | ReplyStatus::Failed => ExitCode::FAILURE,
    })
}
