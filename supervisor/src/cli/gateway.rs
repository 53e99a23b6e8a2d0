//! `openclaw gateway`.

use super::{CliError, out, reach};
use crate::config::{Config, Source};
use anyhow::Context as _;
use ipc::control::Stay;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// Run the gateway in the foreground.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to do with it.
    #[arg(value_enum, default_value = "run")]
    action: Action,
}

/// What to do with the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Action {
    /// Run it until it is told to stop.
    Run,
    /// Tell a running one to stop.
    Stop,
    /// Tell a running one to read its configuration again.
    Reload,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    match args.action {
        Action::Run => serve(),
        Action::Stop => super::tell(&ipc::control::ToSupervisor::Shutdown),
        Action::Reload => super::tell(&ipc::control::ToSupervisor::Reload),
    }
}

fn serve() -> Result<ExitCode, CliError> {
    let mut source = Source::of_process();
    let config = super::configured(&source)?;
    super::log::of_gateway(config.logging.level);
    super::runtime()?.block_on(async move {
        let mut config = config;
        while again(config, source.clone()).await? {
            tracing::info!("starting again");
            source = Source::of_process();
            config = super::configured(&source)?;
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// One life of the gateway; whether there is to be another.
async fn again(config: Config, source: Source) -> Result<bool, CliError> {
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let socket = config.paths.control_socket();
    let app = reach::start(config, source, Stay::Service).await?;
    let version = env!("CARGO_PKG_VERSION");
    out::tell(&format!(
        "openclaw gateway {version} is listening on {}",
        socket.display()
    ));
    let mut terminated = signal(SignalKind::terminate()).context("failed to hear SIGTERM")?;
    let mut interrupted = signal(SignalKind::interrupt()).context("failed to hear SIGINT")?;
    let mut hangup = signal(SignalKind::hangup()).context("failed to hear SIGHUP")?;
    let again = loop {
        tokio::select! {
            again = app.ended() => break again,
            _ = terminated.recv() => break false,
            _ = interrupted.recv() => break false,
            _ = hangup.recv() => app.reload(),
        }
    };
    tracing::info!("stopping");
    app.drain().await;
    Ok(again)
}
