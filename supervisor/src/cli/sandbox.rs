//! `openclaw sandbox`: what holds around an agent's tools, a command behind those walls, and the whole
//! escape table.

use super::reach::{self, Reached};
use super::{CliError, ExitCode, json, on_one_thread, out, runtime};
use crate::config::Source;
use anyhow::Context as _;
use ipc::control::{FromSupervisor, ToSupervisor};
use ipc::frame::FrameError;
use ipc::id::SessionKey;
use ipc::walls::WallsDetail;
use jail::attempts::{Outcome, Verdict, Walls};
use jail::probe::{Tried, escape, probe};
use serde::Serialize;

/// Look at and try the walls around tools.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Each wall around a session's tools: asked for, whether it holds, and how that was proven.
    Explain {
        /// Which session (default: the default agent's main one), such as agent:main:main.
        #[arg(long, alias = "session-key")]
        session: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Run a command behind a session's walls; its exit code is this one's.
    Exec {
        /// Which session (default: the default agent's main one), such as agent:main:main.
        #[arg(long, alias = "session-key")]
        session: Option<String>,
        /// The program and its arguments, after --.
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
    /// Try everything that is known to be tried, behind the walls that tools get here. Needs no
    /// gateway. Exit code 1 when a wall falls.
    Probe {
        /// Behind walls without namespaces, as in a container that gives none.
        #[arg(long)]
        plain: bool,
        /// Every attempt, not only those that are worth a word.
        #[arg(short, long)]
        verbose: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    match &args.command {
        Command::Explain { session, json } => explain(session.as_deref(), *json),
        Command::Exec { session, command } => exec(session.as_deref(), command),
        Command::Probe {
            plain,
            verbose,
            json,
        } => try_all(*plain, *verbose, *json),
    }
}

// === explain ===

fn explain(session: Option<&str>, as_json: bool) -> Result<ExitCode, CliError> {
    let message = ToSupervisor::Walls {
        session: session.map(SessionKey::from),
    };
    let detail = on_one_thread(async {
        let mut reached = reach::reach(&Source::of_process()).await?;
        let detail = proven(&mut reached, &message).await;
        if let Some(own) = reached.own {
            reach::leave(own).await;
        }
        detail
    })?;
    if as_json {
        out::line(&json(&detail)?)?;
    } else {
        out::print(&in_words(&detail))?;
    }
    Ok(
        if detail.level.is_some_and(|level| level >= detail.minimum) {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        },
    )
}

/// What the gateway says, once its probe has run: that takes milliseconds.
async fn proven(reached: &mut Reached, message: &ToSupervisor) -> Result<WallsDetail, CliError> {
    loop {
        let answer = reached.client.ask(message).await?;
        let FromSupervisor::Walls(detail) = answer else {
            return Err(CliError::unexpected(&answer));
        };
        if detail.level.is_some() {
            return Ok(*detail);
        }
        tokio::time::sleep(reach::LOOK_EVERY).await;
    }
}

fn in_words(detail: &WallsDetail) -> String {
    let level = detail.level.unwrap_or_default();
    let mut text = format!(
        "Walls of {}: level {level}; no tool runs below {}\n",
        detail.session, detail.minimum
    );
    for layer in &detail.layers {
        let holds = if layer.holds {
            "holds"
        } else {
            "DOES NOT HOLD"
        };
        let asked = if layer.asked { "" } else { " (not asked for)" };
        text += &format!("\n{}: {holds}{asked}\n  {}\n", layer.name, layer.proof);
        if let Some(mend) = &layer.mend {
            text += &format!("  to mend it: {mend}\n");
        }
    }
    text += "\n";
    if let Some(missing) = &detail.missing {
        text += &format!("For a higher level: {missing}\n");
    }
    let mut list = |what: &str, of: &[String]| {
        if !of.is_empty() {
            text += &format!("{what}: {}\n", of.join(", "));
        }
    };
    list("Reads and runs", &detail.read);
    list("Changes", &detail.write);
    list("Never changes", &detail.protect);
    list("Runs as", std::slice::from_ref(&detail.user));
    list("Network", std::slice::from_ref(&detail.network));
    list("Limits", &detail.limits);
    list("Commands", std::slice::from_ref(&detail.exec));
    list("Elevated commands", detail.elevated.as_slice());
    text
}

// === exec ===

fn exec(session: Option<&str>, command: &[String]) -> Result<ExitCode, CliError> {
    let message = ToSupervisor::Run {
        session: session.map(SessionKey::from),
        command: command.to_vec(),
    };
    runtime()?.block_on(async {
        let mut reached = reach::reach(&Source::of_process()).await?;
        let ended = tokio::select! {
            ended = follow(&mut reached, &message) => ended,
            _ = tokio::signal::ctrl_c() => Err(CliError::Interrupted),
        };
        // Closing the connection ends a command that still runs.
        drop(reached.client);
        if let Some(own) = reached.own {
            reach::leave(own).await;
        }
        ended
    })
}

/// Prints what comes until the command ends.
async fn follow(reached: &mut Reached, message: &ToSupervisor) -> Result<ExitCode, CliError> {
    let gone = |error: FrameError| CliError::NoGateway(format!("the gateway left: {error}"));
    reached.client.send(message).await.map_err(gone)?;
    loop {
        let heard = reached.client.recv().await.map_err(gone)?;
        if let FromSupervisor::Output { text } = heard {
            out::print(&text)?;
        } else if let FromSupervisor::Exited { code, reason } = heard {
            if let Some(reason) = reason {
                out::tell(&format!("openclaw: {reason}"));
            }
            return Ok(ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)));
        } else if let FromSupervisor::Refused(refusal) = heard {
            return Err(refusal.into());
        } else {
            return Err(CliError::unexpected(&heard));
        }
    }
}

// === probe ===

/// One row, for scripts.
#[derive(Debug, Serialize)]
struct Row<'a> {
    name: &'a str,
    wall: jail::attempts::Wall,
    verdict: &'static str,
    outcome: Option<&'a Outcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

fn try_all(plain: bool, verbose: bool, as_json: bool) -> Result<ExitCode, CliError> {
    let config = Source::of_process().load()?;
    let jail_program = &config.process.programs.jail;
    // What is not to be reached is laid in a folder there, and removed again.
    let folder = std::env::temp_dir();
    let report = probe(jail_program, &folder).context("failed to try the walls")?;
    let walls = match report.walls {
        Some(Walls::Full) if !plain => Walls::Full,
        Some(Walls::Full | Walls::Plain) | None => Walls::Plain,
    };
    let tried = escape(jail_program, &folder, walls).context("failed to try the walls")?;
    let rows: Vec<Row> = tried.iter().map(row).collect();
    let fell = rows.iter().filter(|row| row.verdict == "fell").count();
    if as_json {
        out::line(&json(&rows)?)?;
    } else {
        out::print(&table(&rows, verbose))?;
        out::line(&summary(&rows, walls, report.level))?;
    }
    Ok(if fell == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn row(tried: &Tried) -> Row<'_> {
    let (verdict, reason) = match tried.verdict {
        Verdict::Held => ("held", None),
        Verdict::Odd => ("held oddly", None),
        Verdict::Open(reason) => ("open", Some(reason)),
        Verdict::Absent => ("absent", None),
        Verdict::Fell => ("fell", None),
    };
    Row {
        name: tried.row.name,
        wall: tried.row.wall,
        verdict,
        outcome: tried.outcome.as_ref(),
        reason,
    }
}

/// What fell first, then what is known to be open.
fn table(rows: &[Row<'_>], verbose: bool) -> String {
    let worth_a_word = |row: &&Row<'_>| verbose || !matches!(row.verdict, "held" | "absent");
    let mut shown: Vec<_> = rows.iter().filter(worth_a_word).collect();
    shown.sort_by_key(|row| match row.verdict {
        "fell" => 0,
        "held oddly" => 1,
        "open" => 2,
        _ => 3,
    });
    let line = |row: &Row<'_>| {
        let said = match (row.outcome, row.reason) {
            (_, Some(reason)) => reason,
            (
                Some(
                    Outcome::Worked(said)
                    | Outcome::Refused { said, .. }
                    | Outcome::Failed(said)
                    | Outcome::Absent(said),
                ),
                None,
            ) => said,
            (Some(Outcome::Sent), None) => "sent",
            (None, None) => "nobody heard how it ended",
        };
        format!("{:<10}  {}: {said}\n", row.verdict.to_uppercase(), row.name)
    };
    shown.into_iter().map(line).collect()
}

fn summary(rows: &[Row<'_>], walls: Walls, level: u8) -> String {
    let count = |verdict: &str| rows.iter().filter(|row| row.verdict == verdict).count();
    let kind = match walls {
        Walls::Full => "with namespaces",
        Walls::Plain => "without namespaces",
    };
    format!(
        "{} attempts behind walls {kind} (this machine's level: {level}): {} held, {} open for a \
         known reason, {} with nothing here to try on, {} fell",
        rows.len(),
        count("held") + count("held oddly"),
        count("open"),
        count("absent"),
        count("fell"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipc::walls::LayerDetail;

    #[test]
    fn an_explanation_says_what_mends_what_does_not_hold() {
        let detail = WallsDetail {
            session: SessionKey::from("agent:main:main"),
            level: Some(2),
            minimum: 2,
            layers: vec![LayerDetail {
                name: "private root".into(),
                asked: true,
                holds: false,
                proof: "could not be built".into(),
                mend: Some("sysctl user.max_user_namespaces=15000".into()),
            }],
            missing: None,
            read: vec!["/usr".into()],
            write: vec![],
            protect: vec![],
            user: "uid 1000, the gateway's".into(),
            network: "nobody".into(),
            limits: vec!["memory: 4 GiB, sampled".into()],
            exec: "any command".into(),
            elevated: None,
        };
        let text = in_words(&detail);
        for part in [
            "level 2; no tool runs below 2",
            "private root: DOES NOT HOLD",
            "to mend it: sysctl",
            "Runs as: uid 1000",
            "Limits: memory: 4 GiB, sampled",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("Changes"), "{text}");
    }
}
