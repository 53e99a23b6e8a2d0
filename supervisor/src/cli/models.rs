//! `openclaw models`.

use super::{CliError, ExitCode, client::Client, on_one_thread, out};
use crate::config::Source;
use crate::model::ModelStack;
use ipc::control::{FromSupervisor, ModelsReport, ToSupervisor};

/// Show the models and how their credentials are.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to show.
    #[arg(value_enum, default_value = "status")]
    what: What,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// The models, one a line.
    List,
    /// The models and the credentials, with how long they are good.
    Status,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let report = on_one_thread(report())?;
    if args.json {
        out::line(&super::json(&report)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    match args.what {
        What::List => {
            for model in &report.chain {
                out::line(&model.model)?;
            }
        }
        What::Status => out::print(&in_words(&report))?,
    }
    let usable = report.chain.iter().any(|model| model.usable);
    Ok(if usable {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The gateway's word where one runs, since it knows what is cooling down; else what the files say.
async fn report() -> Result<ModelsReport, CliError> {
    let source = Source::of_process();
    match Client::connect(source.paths()).await {
        Ok(mut client) => {
            let answer = client.ask(&ToSupervisor::Models).await?;
            let FromSupervisor::Models(report) = answer else {
                return Err(CliError::unexpected(&answer));
            };
            Ok(report)
        }
        Err(CliError::NoGateway(_)) => Ok(ModelStack::new(&source.load()?).report().await),
        Err(other) => Err(other),
    }
}

fn in_words(report: &ModelsReport) -> String {
    let mut text = String::new();
    for (i, model) in (0..).zip(&report.chain) {
        let place = if i == 0 {
            "Default".to_owned()
        } else {
            format!("Fallback {i}")
        };
        let mark = if model.usable { "" } else { "NOT USABLE, " };
        text += &format!(
            "{place}: {} ({mark}{}, {} tokens)\n",
            model.model, model.detail, model.context_window
        );
    }
    for (agent, chain) in &report.agents {
        text += &format!("{agent}: {}\n", chain.join(", then "));
    }
    if report.profiles.is_empty() {
        text += "Credentials: none\n";
    }
    for profile in &report.profiles {
        text += &format!(
            "{} [{}] {} ({})\n",
            profile.id, profile.kind, profile.status, profile.source
        );
    }
    text
}
