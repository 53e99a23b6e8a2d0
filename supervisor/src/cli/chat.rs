//! `openclaw chat`: a conversation in the terminal, or over a pipe, one message a line.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "printing is what it is for"
)]

use super::conversation::Conversation;
use super::shown::Shown;
use super::{CliError, ExitCode, runtime};
use anyhow::Context as _;
use ipc::control::{ReplyStatus, Submit, ToSupervisor};
use ipc::id::{AgentId, SessionKey};
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;
use std::io::{BufRead as _, IsTerminal as _};
use std::path::Path;
use tokio::signal::unix::{SignalKind, signal};

/// Talk with an agent in the terminal.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which agent (default: the configured default agent).
    #[arg(long)]
    agent: Option<String>,
    /// Which session (default: the agent's main one), such as agent:main:main.
    #[arg(long)]
    session_key: Option<String>,
}

const HELP: &str = "\
/new    begin the session anew (its past is kept on disk)
/stop   stop what runs (Ctrl-C does the same while an answer is made)
/health how everything is
/quit   leave (Ctrl-D does the same)";

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let runtime = runtime()?;
    let mut conversation = runtime.block_on(Conversation::begin())?;
    let talk = Talk {
        agent: args.agent.clone().map(AgentId),
        session: args.session_key.clone().map(SessionKey),
    };
    let interactive = std::io::stdin().is_terminal();
    let mut lines = Lines::open(interactive, &conversation.paths().chat_history())?;
    if interactive {
        println!(
            "Talking with {}. /help shows what else can be typed.",
            talk.name()
        );
    }
    let mut worst = ExitCode::SUCCESS;
    while let Some(line) = lines.next()? {
        let line = line.trim();
        match line {
            "" => {}
            "/quit" | "/exit" => break,
            "/help" => println!("{HELP}"),
            _ => match runtime.block_on(talk.turn(&mut conversation, line)) {
                Ok(true) => {}
                Ok(false) => worst = ExitCode::FAILURE,
                Err(error @ (CliError::Refused(_) | CliError::Other(_))) => {
                    worst = error.report();
                }
                Err(error) => return Err(error),
            },
        }
    }
    lines.close();
    runtime.block_on(conversation.end());
    Ok(worst)
}

/// With whom.
struct Talk {
    agent: Option<AgentId>,
    session: Option<SessionKey>,
}

impl Talk {
    fn name(&self) -> &str {
        let agent = self.agent.as_ref().map(AgentId::as_str);
        self.session
            .as_ref()
            .map(SessionKey::as_str)
            .or(agent)
            .unwrap_or("the default agent")
    }

    /// The session's key, as far as we can tell without asking.
    fn key(&self) -> SessionKey {
        let agent = self.agent.as_ref().map_or("main", AgentId::as_str);
        self.session
            .clone()
            .unwrap_or_else(|| SessionKey(format!("agent:{agent}:main")))
    }

    /// One line of the person; `false` when it was not answered well.
    async fn turn(&self, conversation: &mut Conversation, line: &str) -> Result<bool, CliError> {
        match line {
            "/new" | "/reset" => {
                let message = conversation
                    .ask(&ToSupervisor::SessionsReset {
                        session: self.key(),
                    })
                    .await?;
                println!("{message}");
                return Ok(true);
            }
            "/stop" => {
                let message = conversation
                    .ask(&ToSupervisor::Stop {
                        session: self.key(),
                    })
                    .await?;
                println!("{message}");
                return Ok(true);
            }
            "/health" => {
                println!("{}", conversation.ask(&ToSupervisor::Health).await?);
                return Ok(true);
            }
            _ => {}
        }
        let submit = Submit {
            key: uuid::Uuid::new_v4().to_string(),
            agent: self.agent.clone(),
            session: self.session.clone(),
            text: line.to_owned(),
        };
        let paths = conversation.paths().clone();
        let key = self.key();
        let mut interrupted = signal(SignalKind::interrupt()).context("failed to hear Ctrl-C")?;
        let said = conversation.say(submit, Shown::Everything);
        tokio::pin!(said);
        loop {
            tokio::select! {
                reply = &mut said => return Ok(reply?.status == ReplyStatus::Ok),
                _ = interrupted.recv() => {
                    eprintln!("(stopping)");
                    Conversation::stop(&paths, key.clone()).await?;
                }
            }
        }
    }
}

/// Where lines come from.
enum Lines {
    Terminal(Box<DefaultEditor>, std::path::PathBuf),
    Pipe(std::io::Lines<std::io::StdinLock<'static>>),
}

impl Lines {
    fn open(interactive: bool, history: &Path) -> Result<Self, CliError> {
        if !interactive {
            return Ok(Self::Pipe(std::io::stdin().lock().lines()));
        }
        let mut editor = DefaultEditor::new().context("failed to open the terminal")?;
        // No history yet is no mistake.
        let _ = editor.load_history(history);
        Ok(Self::Terminal(Box::new(editor), history.to_owned()))
    }

    fn next(&mut self) -> Result<Option<String>, CliError> {
        match self {
            Self::Pipe(lines) => Ok(lines.next().transpose().context("failed to read a line")?),
            Self::Terminal(editor, _) => loop {
                match editor.readline("you> ") {
                    Ok(line) => {
                        let _ = editor.add_history_entry(&line);
                        return Ok(Some(line));
                    }
                    Err(ReadlineError::Interrupted) => {}
                    Err(ReadlineError::Eof) => return Ok(None),
                    Err(error) => return Err(anyhow::Error::new(error).into()),
                }
            },
        }
    }

    fn close(self) {
        if let Self::Terminal(mut editor, history) = self
            && let Err(error) = editor.save_history(&history)
        {
            eprintln!("openclaw: the history was not saved: {error}");
        }
    }
}
