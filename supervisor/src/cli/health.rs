//! `openclaw health`.

use super::{CliError, client::Client, on_one_thread, out, paths};
use ipc::control::{FromSupervisor, HealthReport, ToSupervisor, WallsReport};
use std::process::ExitCode;

/// Show how everything is.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let answer = on_one_thread(async {
        Client::connect(&paths())
            .await?
            .ask(&ToSupervisor::Health)
            .await
    })?;
    let FromSupervisor::Health(report) = answer else {
        return Err(CliError::unexpected(&answer));
    };
    if args.json {
        out::line(&super::json(&report)?)?;
    } else {
        out::print(&in_words(&report))?;
    }
    Ok(if report.ok {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

pub(super) fn in_words(report: &HealthReport) -> String {
    let mut text = String::new();
    for channel in &report.channels {
        text += &format!("{}: {}\n", channel.name, channel.detail);
    }
    let agents: Vec<String> = (0..)
        .zip(&report.agents)
        .map(|(i, agent)| {
            if i == 0 {
                format!("{agent} (default)")
            } else {
                agent.to_string()
            }
        })
        .collect();
    text += &format!("Agents: {}\n", agents.join(", "));
    text += &format!("Models: {}\n", report.models.join(", then "));
    text += &walls(&report.walls);
    text += &format!(
        "Sessions: {} on disk, {} live\nGateway: {} pid {}, up {} s, state in {}\n",
        report.sessions,
        report.live_agents,
        report.version,
        report.pid,
        report.uptime_ms / 1000,
        report.state_dir,
    );
    for notice in &report.notices {
        text += &format!("! {notice}\n");
    }
    text
}

fn walls(walls: &WallsReport) -> String {
    let Some(level) = walls.level else {
        return "Walls: being probed\n".to_owned();
    };
    let layers: Vec<String> = walls
        .layers
        .iter()
        .map(|layer| {
            if layer.ok {
                layer.name.clone()
            } else {
                format!("NOT {}", layer.name)
            }
        })
        .collect();
    format!(
        "Walls: level {level} ({}), tools' network: {}\n",
        layers.join(", "),
        walls.network
    )
}
