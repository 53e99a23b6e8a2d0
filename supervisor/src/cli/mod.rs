//! The command line: one file a subcommand. Speaks to the gateway over the control socket; holds no
//! session and no key of its own.

mod gateway;
mod agent;
mod chat;
mod health;
mod models;
mod sessions;
mod approvals;
mod channels;
mod pairing;
mod stats;
mod top;
mod logs;
mod config;
mod doctor;
mod doctor_channels;
mod sandbox;
mod completion;
mod conversation;
mod asking;
mod lines;
mod input;
mod shown;
mod request;
mod reach;
mod client;
mod log;
mod figures;
mod error;
mod out;

pub use error::CliError;

use crate::app;
use crate::config::{Config, Paths, Source};
use anyhow::Context as _;
use clap::{Parser, Subcommand};
use ipc::control::{FromSupervisor, ToSupervisor};
use serde::Serialize;
use std::future::Future;
use std::process::ExitCode;
use tokio::runtime::{Builder, Runtime};

/// A self-hosted AI agent gateway: every agent its own sealed process, every tool behind walls.
#[derive(Debug, Parser)]
#[command(name = "openclaw", version, max_term_width = 100, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0   done
  1   not done; the message says why
  2   the command line is wrong
  69  no gateway answers, and this command does not start one
  78  the configuration is wrong; every mistake is named with file, line and key
  130 interrupted: the answer was not waited for

Environment:
  OPENCLAW_STATE_DIR    where everything is kept (default ~/.openclaw)
  OPENCLAW_CONFIG_PATH  the configuration file (default openclaw.json in the state directory)
  OPENCLAW_LOG          what is logged: error, warn, info (default), debug, trace";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway in the foreground.
    Gateway(gateway::Args),
    /// Send one message to an agent and print its answer.
    Agent(agent::Args),
    /// Talk with an agent in the terminal.
    Chat(chat::Args),
    /// Show how everything is.
    Health(health::Args),
    /// Show the models and how their credentials are.
    Models(models::Args),
    /// Look at sessions.
    Sessions(sessions::Args),
    /// Commands that wait for your word.
    Approvals(approvals::Args),
    /// The ways people reach the gateway from outside.
    Channels(channels::Args),
    /// Who may write to the gateway from outside.
    Pairing(pairing::Args),
    /// Watch what sessions use, live.
    Top(top::Args),
    /// Show what was logged.
    Logs(logs::Args),
    /// Look at and change the configuration.
    Config(config::Args),
    /// Look at and try the walls around tools.
    Sandbox(sandbox::Args),
    /// Look for what is wrong, and mend it.
    Doctor(doctor::Args),
    /// Print a shell's completion script.
    Completion(completion::Args),
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    if let Err(error) = jail::harden() {
        return CliError::from(anyhow::Error::new(error)).report();
    }
    if let Err(error) = must_be_text() {
        return error.report();
    }
    let ran = match Cli::parse().command {
        Command::Gateway(args) => gateway::run(&args),
        Command::Agent(args) => agent::run(&args),
        Command::Chat(args) => chat::run(&args),
        Command::Health(args) => health::run(&args),
        Command::Models(args) => models::run(&args),
        Command::Sessions(args) => sessions::run(&args),
        Command::Approvals(args) => approvals::run(&args),
        Command::Channels(args) => channels::run(&args),
        Command::Pairing(args) => pairing::run(&args),
        Command::Top(args) => top::run(&args),
        Command::Logs(args) => logs::run(&args),
        Command::Config(args) => config::run(&args),
        Command::Sandbox(args) => sandbox::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Completion(args) => completion::run(&args),
    };
    match ran {
        Ok(code) => code,
        Err(error) => error.report(),
    }
}

/// What names our places must be text, since it is shown and written as such.
fn must_be_text() -> Result<(), CliError> {
    let names = [
        "HOME",
        "OPENCLAW_HOME",
        "OPENCLAW_STATE_DIR",
        "OPENCLAW_CONFIG_PATH",
    ];
    let is_wrong = |name: &&str| std::env::var_os(name).is_some_and(|v| v.to_str().is_none());
    match names.into_iter().find(is_wrong) {
        Some(name) => Err(anyhow::anyhow!("{name} is not UTF-8 text; name another place").into()),
        None => Ok(()),
    }
}

/// Where the state of this process's environment is.
fn paths() -> Paths {
    Source::of_process().paths().clone()
}

/// What a gateway runs on, with its folders made.
fn configured(source: &Source) -> Result<Config, CliError> {
    let config = source.load()?;
    if !app::lay_out(&config)? {
        return Ok(config);
    }
    // Each manual that was laid down is an agent.
    Ok(source.load()?)
}

/// The runtime of a gateway.
fn runtime() -> Result<Runtime, CliError> {
    let built = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    Ok(built.context("failed to start the runtime")?)
}

/// Runs a short command, on this thread alone.
fn on_one_thread<T>(work: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime
        .context("failed to start the runtime")?
        .block_on(work)
}

/// Tells the gateway one thing and prints its word.
fn tell(message: &ToSupervisor) -> Result<ExitCode, CliError> {
    let answer =
        on_one_thread(async { client::Client::connect(&paths()).await?.ask(message).await })?;
    let FromSupervisor::Done { message } = answer else {
        return Err(CliError::unexpected(&answer));
    };
    out::line(&message)?;
    Ok(ExitCode::SUCCESS)
}

/// A report as JSON.
fn json(report: &impl Serialize) -> Result<String, CliError> {
    Ok(serde_json::to_string_pretty(report).context("failed to write JSON")?)
}
