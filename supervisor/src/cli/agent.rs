//! `openclaw agent`: one message, one answer.

use super::conversation::Conversation;
use super::shown::Shown;
use super::{CliError, ExitCode, input, out, runtime};
use ipc::control::{FinalReply, ReplyStatus};
use std::io::IsTerminal as _;

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
    #[arg(long, alias = "session")]
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
    let key = args.idempotency_key.clone();
    let key = key.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    let shown = if args.json {
        Shown::Nothing
    } else {
        Shown::Notices
    };
    runtime()?.block_on(async {
        let (agent, session) = (args.agent.as_deref(), args.session_key.as_deref());
        let mut conversation = Conversation::begin(agent, session).await?;
        let reply = conversation.say(key, text, shown, None).await;
        // Before the end: that may have to wait for others.
        let printed = reply.and_then(|reply| print(&reply, args.json));
        conversation.end().await;
        printed
    })
}

fn message(args: &Args) -> Result<String, CliError> {
    match args.message.as_deref() {
        Some(text) if text != "-" => Ok(text.to_owned()),
        None if std::io::stdin().is_terminal() => {
            Err(anyhow::anyhow!("no message: give one with -m TEXT, or pipe one in").into())
        }
        Some(_) | None => {
            let read = input::read_message(&mut std::io::stdin().lock());
            Ok(read.map_err(anyhow::Error::new)?)
        }
    }
}

fn print(reply: &FinalReply, json: bool) -> Result<ExitCode, CliError> {
    if json {
        out::line(&super::json(reply)?)?;
    } else if !reply.text.is_empty() {
        out::line(&reply.text)?;
    }
    Ok(match reply.status {
        ReplyStatus::Ok => ExitCode::SUCCESS,
        ReplyStatus::Cancelled | ReplyStatus::Failed => ExitCode::FAILURE,
    })
}
