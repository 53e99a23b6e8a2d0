//! `openclaw chat`: a conversation in the terminal, or over a pipe, one message a line.

use super::conversation::Conversation;
use super::input::InputError;
use super::lines::{Lines, Wanted};
use super::shown::Shown;
use super::{CliError, ExitCode, out, runtime};
use crate::session::manual;
use ipc::control::{ReplyStatus, ToSupervisor};
use std::io::IsTerminal as _;

/// Talk with an agent in the terminal.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which agent (default: the configured default agent).
    #[arg(long)]
    agent: Option<String>,
    /// Which session (default: the agent's main one), such as agent:main:main.
    #[arg(long, alias = "session")]
    session_key: Option<String>,
}

const HELP: &str = "\
/new    begin the session anew (its past is kept on disk)
/stop   stop what runs (Ctrl-C does the same while an answer is made)
/health how everything is
/quit   leave (Ctrl-D does the same)";

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    runtime()?.block_on(async {
        let (agent, session) = (args.agent.as_deref(), args.session_key.as_deref());
        let mut conversation = Conversation::begin(agent, session).await?;
        let talked = talk(&mut conversation).await;
        conversation.end().await;
        talked
    })
}

async fn talk(conversation: &mut Conversation) -> Result<ExitCode, CliError> {
    let interactive = std::io::stdin().is_terminal();
    let mut lines = Lines::open(interactive, &conversation.paths().chat_history())?;
    if interactive {
        let session = conversation.session();
        out::line(&format!(
            "Talking with {session}. /help shows what else can be typed."
        ))?;
    }
    let mut worst = ExitCode::SUCCESS;
    loop {
        if interactive {
            // Where a turn had just ended, Ctrl-C was meant for that.
            conversation.forget_interrupts();
        }
        let line = tokio::select! {
            line = lines.next(Wanted::Message) => line,
            () = conversation.interrupted() => return Err(CliError::Interrupted),
        };
        let said = match line {
            Ok(None) => return Ok(worst),
            Ok(Some(line)) => match line.trim() {
                "" => Ok(true),
                "/quit" | "/exit" => return Ok(worst),
                line => {
                    let person = interactive.then_some(&mut lines);
                    turn(conversation, line, person).await
                }
            },
            Err(error @ InputError::Io(_)) => return Err(anyhow::Error::new(error).into()),
            Err(error @ (InputError::TooLong | InputError::NotText(_))) => {
                Err(anyhow::Error::new(error)
                    .context("a line was not sent")
                    .into())
            }
        };
        match said {
            Ok(true) => {}
            // Whoever sits there has seen it; a script goes by the code.
            Ok(false) if interactive => {}
            Ok(false) => worst = ExitCode::FAILURE,
            Err(error @ (CliError::Refused(_) | CliError::Other(_))) => worst = error.report(),
            Err(error) => return Err(error),
        }
    }
}

/// One line of the person; `false` when it was not answered well.
async fn turn(
    conversation: &mut Conversation,
    line: &str,
    person: Option<&mut Lines>,
) -> Result<bool, CliError> {
    let session = conversation.session().clone();
    let command = match line {
        "/help" => {
            out::line(HELP)?;
            let here = ["new", "stop", "help"];
            let known = manual::KNOWN.iter();
            let others = known.filter(|known| !here.contains(&known.name));
            out::line(&manual::list(others))?;
            return Ok(true);
        }
        "/new" | "/reset" => ToSupervisor::SessionsReset { session },
        "/stop" => ToSupervisor::Stop { session },
        "/health" => ToSupervisor::Health,
        _ => {
            let key = uuid::Uuid::new_v4().to_string();
            let said = conversation.say(key, line.to_owned(), Shown::Everything, person);
            return Ok(said.await?.status == ReplyStatus::Ok);
        }
    };
    out::line(&conversation.ask(&command).await?)?;
    Ok(true)
}
