//! `openclaw config`.

use super::{CliError, ExitCode, out};
use crate::config::{self, ConfigErrors, EditError, Edited, KeyPath, Source, Warning};
use serde_json::Value;

/// Look at and change the configuration.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// What the file says at a key; everything without one. Secrets are not shown.
    Get {
        /// Such as agents.defaults.model.primary or agents.list[0].id.
        key: Option<String>,
        /// Print JSON even for a plain text.
        #[arg(long)]
        json: bool,
    },
    /// Write a value into the file; its remarks stay.
    Set {
        /// Such as agents.defaults.model.primary.
        key: String,
        /// JSON5, or plain text.
        value: String,
    },
    /// Take a key out of the file.
    Unset {
        /// Such as tools.exec.ask.
        key: String,
    },
    /// Read the file and name every mistake and every key that does nothing.
    Validate {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the JSON Schema of the file.
    Schema,
    /// Print where the file is.
    File,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let source = Source::of_process();
    match &args.command {
        Command::Get { key, json } => get(&source, key.as_deref(), *json),
        Command::Set { key, value } => {
            let key = path(key)?;
            let edited = config::set(
                &source.text().map_err(edit)?,
                &key,
                &config::parse_value(value),
            );
            save(&source, &edited.map_err(edit)?)
        }
        Command::Unset { key } => {
            let edited = config::unset(&source.text().map_err(edit)?, &path(key)?);
            save(&source, &edited.map_err(edit)?)
        }
        Command::Validate { json } => validate(&source, *json),
        Command::Schema => {
            out::line(&super::json(&config::schema())?)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::File => {
            out::line(&source.paths().config_file.display().to_string())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn path(key: &str) -> Result<KeyPath, CliError> {
    Ok(key.parse::<KeyPath>().map_err(anyhow::Error::new)?)
}

fn edit(error: EditError) -> CliError {
    match error {
        EditError::Wrong(errors) => CliError::Config(errors),
        other @ (EditError::Syntax(_) | EditError::Key { .. } | EditError::File { .. }) => {
            CliError::Other(anyhow::Error::new(other))
        }
    }
}

fn get(source: &Source, key: Option<&str>, json: bool) -> Result<ExitCode, CliError> {
    let shown = config::redact(&source.load()?.raw);
    let key = key.map(path).transpose()?.unwrap_or_default();
    match config::get(&shown, &key) {
        Some(Value::String(text)) if !json => out::line(text)?,
        Some(value) => out::line(&super::json(value)?)?,
        None => {
            return Err(
                anyhow::anyhow!("{key} is not set; what it defaults to is in the README").into(),
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn save(source: &Source, edited: &Edited) -> Result<ExitCode, CliError> {
    if !edited.kept {
        out::tell("openclaw: the file was written anew; remarks in it are gone");
    }
    let saved = source.save(edited).map_err(edit)?;
    let file = source.paths().config_file.display();
    out::line(&format!("{file} was written"))?;
    match saved {
        Ok(config) => config.warnings.iter().for_each(warn),
        Err(errors) => {
            out::tell(&format!(
                "openclaw: these mistakes were there before:\n{errors}"
            ));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn warn(warning: &Warning) {
    out::tell(&format!("openclaw: warning: {warning}"));
}

fn validate(source: &Source, json: bool) -> Result<ExitCode, CliError> {
    let loaded = source.load();
    if json {
        let report = match &loaded {
            Ok(config) => {
                serde_json::json!({ "ok": true, "errors": [], "warnings": words(&config.warnings) })
            }
            Err(ConfigErrors(errors)) => {
                serde_json::json!({ "ok": false, "errors": words(errors), "warnings": [] })
            }
        };
        out::line(&super::json(&report)?)?;
        return Ok(if loaded.is_ok() {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(78)
        });
    }
    let config = loaded?;
    config.warnings.iter().for_each(warn);
    let file = source.paths().config_file.display();
    out::line(&format!("{file} is right"))?;
    Ok(ExitCode::SUCCESS)
}

fn words(things: &[impl ToString]) -> Vec<String> {
    things.iter().map(ToString::to_string).collect()
}
