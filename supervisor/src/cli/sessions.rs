//! `openclaw sessions`.

use super::{CliError, ExitCode, client::Client, on_one_thread, out, paths, stats};
use crate::app::AppError;
use crate::config::{ModelRef, Source};
use crate::control::{days, report};
use crate::model::price;
use crate::store::Store;
use crate::store::export::to_jsonl;
use anyhow::Context as _;
use ipc::control::{FromSupervisor, SessionDetail, SessionSummary, ToSupervisor};
use ipc::id::SessionKey;
use std::collections::HashMap;
use std::path::PathBuf;

/// Look at sessions.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// All sessions, the last used first.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// One session's transcript.
    Show {
        /// Its key, such as agent:main:main.
        session: String,
        /// Only this many of its last items.
        #[arg(long)]
        limit: Option<u32>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write a session's transcript in OpenClaw's JSONL form.
    Export {
        /// Its key, such as agent:main:main.
        session: String,
        /// The file to write; standard output when absent.
        #[arg(short, long)]
        output: Option<PathBuf>,
    },
    /// Begin a session anew; its past is kept on disk.
    Reset {
        /// Its key, such as agent:main:main.
        session: String,
    },
    /// What was used per day (UTC) and agent.
    Stats(stats::Args),
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    match args
        .command
        .as_ref()
        .unwrap_or(&Command::List { json: false })
    {
        Command::List { json } => list(*json),
        Command::Show {
            session,
            limit,
            json,
        } => show(session, *limit, *json),
        Command::Export { session, output } => export(session, output.as_ref()),
        Command::Reset { session } => super::tell(&ToSupervisor::SessionsReset {
            session: SessionKey::from(session.as_str()),
        }),
        Command::Stats(args) => args.print(&ask(&args.asks())?),
    }
}

/// The gateway's word, which knows what is live; without one, what is on disk.
fn ask(message: &ToSupervisor) -> Result<FromSupervisor, CliError> {
    on_one_thread(async {
        match Client::connect(&paths()).await {
            Ok(mut client) => client.ask(message).await,
            Err(CliError::NoGateway(_)) => from_disk(message).await,
            Err(other) => Err(other),
        }
    })
}

async fn from_disk(message: &ToSupervisor) -> Result<FromSupervisor, CliError> {
    let live = HashMap::new();
    let read = match (stored()?, message) {
        (None, ToSupervisor::SessionsShow { session, .. }) => Ok(report::no_session(session)),
        (None, ToSupervisor::Stats { .. }) => Ok(FromSupervisor::Stats { days: Vec::new() }),
        (None, _) => Ok(FromSupervisor::Sessions {
            sessions: Vec::new(),
        }),
        (Some(store), ToSupervisor::SessionsShow { session, limit }) => {
            report::session(&store, &live, session, *limit).await
        }
        (Some(store), ToSupervisor::Stats { days }) => {
            // A configuration that is wrong names no prices.
            let config = Source::of_process().load().ok();
            let price = |model: &ModelRef, usage| price(&config.as_ref()?.providers, model, usage);
            days::told(&store, *days, price).await
        }
        (Some(store), _) => report::sessions(&store, &live).await,
    };
    let answer = read.map_err(AppError::from)?;
    if let FromSupervisor::Refused(refusal) = answer {
        return Err(refusal.into());
    }
    Ok(answer)
}

/// What is on disk, if anything is.
fn stored() -> Result<Option<Store>, CliError> {
    let database = paths().database();
    if !database.exists() {
        return Ok(None);
    }
    let store = Store::open_to_read(&database).map_err(AppError::from)?;
    Ok(Some(store))
}

fn list(json: bool) -> Result<ExitCode, CliError> {
    let answer = ask(&ToSupervisor::SessionsList)?;
    let FromSupervisor::Sessions { sessions } = answer else {
        return Err(CliError::unexpected(&answer));
    };
    if json {
        out::line(&super::json(&sessions)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    if sessions.is_empty() {
        out::line("no sessions yet")?;
    }
    for session in &sessions {
        out::line(&line(session))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn line(session: &SessionSummary) -> String {
    let at = jiff::Timestamp::from_millisecond(session.updated_at).unwrap_or_default();
    let at = at
        .to_zoned(jiff::tz::TimeZone::system())
        .strftime("%Y-%m-%d %H:%M")
        .to_string();
    format!(
        "{:<40} {:<8} {at}  {:>5} items  {:>8} tokens in  {:>7} out",
        session.session.as_str(),
        session.state,
        session.items,
        session.usage.input,
        session.usage.output,
    )
}

fn show(session: &str, limit: Option<u32>, json: bool) -> Result<ExitCode, CliError> {
    let answer = ask(&ToSupervisor::SessionsShow {
        session: SessionKey::from(session),
        limit,
    })?;
    let FromSupervisor::Session(detail) = answer else {
        return Err(CliError::unexpected(&answer));
    };
    if json {
        out::line(&super::json(&detail)?)?;
    } else {
        out::print(&in_words(&detail))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn in_words(detail: &SessionDetail) -> String {
    let mut text = line(&detail.summary) + "\n";
    for stored in &detail.items {
        let (id, item) = (&stored["id"], &stored["item"]);
        let field = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
        let kind = field("type");
        let said = match kind.as_str() {
            "outcome" => format!("{}: {}", field("tool"), item["outcome"]),
            "answer" => {
                let calls = item["tool_calls"].as_array().into_iter().flatten();
                let calls: Vec<String> = calls
                    .map(|call| {
                        format!(
                            "\n    → {} {}",
                            call["name"].as_str().unwrap_or_default(),
                            call["arguments"].as_str().unwrap_or_default()
                        )
                    })
                    .collect();
                field("text") + &calls.concat()
            }
            _ => field("text"),
        };
        text += &format!("{id:>4} {kind:<8} {said}\n");
    }
    text
}

/// Read from the database itself: a transcript is to be had without a gateway, too.
fn export(session: &str, output: Option<&PathBuf>) -> Result<ExitCode, CliError> {
    let text = on_one_thread(async {
        let key = SessionKey::from(session);
        let shown = match stored()? {
            Some(store) => store.show(&key, None).await.map_err(AppError::from)?,
            None => None,
        };
        match shown {
            Some(shown) => Ok(to_jsonl(&shown)),
            None => Err(report::unknown(&key).into()),
        }
    })?;
    match output {
        Some(path) => {
            std::fs::write(path, &text)
                .with_context(|| format!("failed to write {}", path.display()))?;
            out::tell(&format!("wrote {}", path.display()));
        }
        None => out::print(&text)?,
    }
    Ok(ExitCode::SUCCESS)
}
