//! `openclaw doctor`: looks at everything a gateway stands on, says what is wrong and how it is
//! mended, and with `--fix` mends what can be mended without asking.

use super::{CliError, ExitCode, client::Client, on_one_thread, out};
use crate::broker::walls::high_enough;
use crate::config::{Config, Source, mend};
use crate::control::SocketPath;
use crate::model::ModelStack;
use crate::process::cgroup;
use crate::store::devices;
use crate::store::exec_approvals::ExecApprovals;
use crate::store::{Room, Store};
use ipc::control::ToSupervisor;
use nix::unistd::{AccessFlags, access};
use serde::Serialize;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Look for what is wrong.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Mend what can be mended.
    #[arg(long)]
    fix: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    ok: bool,
    detail: String,
}

impl Finding {
    fn good(what: &'static str, detail: impl Into<String>) -> Self {
        Self {
            what,
            ok: true,
            detail: detail.into(),
        }
    }

    fn bad(what: &'static str, detail: impl Into<String>) -> Self {
        Self {
            what,
            ok: false,
            detail: detail.into(),
        }
    }
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let source = Source::of_process();
    let folder = &source.paths().state_dir;
    let mut findings = vec![state_dir(folder, args.fix)];
    findings.extend(disk(folder));
    match source.load() {
        Ok(config) => {
            findings.push(configuration(&config));
            findings.extend(private_files(&config, args.fix));
            findings.push(database(&config));
            findings.push(approvals(&config));
            findings.push(devices(&config));
            findings.extend(telegram(&config));
            findings.push(programs(&config));
            findings.push(walls(&config));
            findings.push(workspaces(&config, args.fix));
            findings.push(on_one_thread(async { Ok(models(&config).await) })?);
            findings.push(on_one_thread(async { Ok(gateway(&config).await) })?);
        }
        Err(errors) => findings.push(Finding::bad("configuration", errors.to_string())),
    }
    let well = findings.iter().all(|finding| finding.ok);
    if args.json {
        out::line(&super::json(&findings)?)?;
    } else {
        for Finding { what, ok, detail } in &findings {
            out::line(&format!(
                "{} {what}: {detail}",
                if *ok { "ok " } else { "BAD" }
            ))?;
        }
    }
    Ok(if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn state_dir(path: &Path, fix: bool) -> Finding {
    const WHAT: &str = "state directory";
    let shown = path.display();
    match std::fs::metadata(path) {
        Ok(found) if !found.is_dir() => {
            Finding::bad(WHAT, format!("{shown}: {}", mend(&not_a_folder())))
        }
        Ok(_) => match may_write(path) {
            Ok(()) => private(WHAT, path, 0o700, fix),
            Err(error) => Finding::bad(WHAT, format!("{shown}: {}", mend(&error))),
        },
        Err(_) if path.is_symlink() => Finding::bad(
            WHAT,
            format!("{shown} is a link that leads nowhere; remove it"),
        ),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let above = path.ancestors().skip(1).find(|above| above.exists());
            match above.map(may_write) {
                Some(Err(error)) => {
                    Finding::bad(WHAT, format!("{shown} can not be made: {}", mend(&error)))
                }
                Some(Ok(())) | None => Finding::good(
                    WHAT,
                    format!("{shown} does not exist yet; the gateway makes it"),
                ),
            }
        }
        Err(error) => Finding::bad(WHAT, format!("{shown}: {}", mend(&error))),
    }
}

fn not_a_folder() -> io::Error {
    io::Error::from(io::ErrorKind::NotADirectory)
}

fn may_write(folder: &Path) -> io::Result<()> {
    Ok(access(folder, AccessFlags::W_OK | AccessFlags::X_OK)?)
}

/// Whether there is room for what is to be remembered.
fn disk(state_dir: &Path) -> Option<Finding> {
    const WHAT: &str = "disk";
    Some(match Room::of(state_dir)? {
        Room::Enough(mib) => Finding::good(WHAT, format!("{mib} MiB free")),
        Room::Scarce(kib) => Finding::bad(
            WHAT,
            format!(
                "only {kib} KiB are left where {} is; free some space",
                state_dir.display()
            ),
        ),
    })
}

/// Whether nobody else may look in.
fn private(what: &'static str, path: &Path, mode: u32, fix: bool) -> Finding {
    let shown = path.display();
    match std::fs::metadata(path) {
        Err(error) => Finding::bad(what, format!("{shown}: {error}")),
        Ok(found) if found.permissions().mode() & 0o077 == 0 => {
            Finding::good(what, shown.to_string())
        }
        Ok(_) if fix => match std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
        {
            Ok(()) => Finding::good(what, format!("{shown} was open to others; closed")),
            Err(error) => Finding::bad(
                what,
                format!("{shown} is open to others and stays so: {error}"),
            ),
        },
        Ok(_) => Finding::bad(
            what,
            format!("{shown} is open to others; run: chmod {mode:o} {shown}"),
        ),
    }
}

fn private_files(config: &Config, fix: bool) -> Vec<Finding> {
    let paths = &config.paths;
    let mut files = vec![
        paths.config_file.clone(),
        paths.exec_approvals(),
        paths.paired_devices(),
    ];
    files.extend(
        config
            .agents
            .iter()
            .map(|agent| paths.auth_profiles(&agent.id)),
    );
    let credentials = paths.credentials();
    let kept = std::fs::read_dir(&credentials).into_iter().flatten();
    files.extend(kept.filter_map(|entry| Some(entry.ok()?.path())));
    let folder = credentials.exists().then_some(credentials);
    let there = files.into_iter().filter(|file| file.exists());
    there
        .map(|file| private("private file", &file, 0o600, fix))
        .chain(folder.map(|folder| private("private folder", &folder, 0o700, fix)))
        .filter(|found| !found.ok || fix)
        .collect()
}

fn configuration(config: &Config) -> Finding {
    const WHAT: &str = "configuration";
    let file = config.paths.config_file.display();
    if config.warnings.is_empty() {
        return Finding::good(WHAT, file.to_string());
    }
    let warnings: Vec<String> = config
        .warnings
        .iter()
        .map(|warning| format!("\n    {warning}"))
        .collect();
    Finding::good(WHAT, format!("{file}, with remarks:{}", warnings.concat()))
}

fn database(config: &Config) -> Finding {
    const WHAT: &str = "database";
    let path = config.paths.database();
    if !path.exists() {
        return Finding::good(WHAT, "none yet");
    }
    match Store::open_to_read(&path) {
        Ok(_) => Finding::good(WHAT, path.display().to_string()),
        Err(error) => Finding::bad(WHAT, format!("failed to {error}")),
    }
}

fn approvals(config: &Config) -> Finding {
    const WHAT: &str = "exec approvals";
    match ExecApprovals::load(&config.paths.exec_approvals()) {
        Ok(_) => Finding::good(WHAT, config.paths.exec_approvals().display().to_string()),
        Err(error) => Finding::bad(
            WHAT,
            format!("failed to {error}; exec is denied until it is mended"),
        ),
    }
}

fn devices(config: &Config) -> Finding {
    const WHAT: &str = "devices";
    match devices::paired(&config.paths.paired_devices()) {
        Ok(paired) => Finding::good(WHAT, format!("{} paired", paired.len())),
        Err(error) => Finding::bad(WHAT, format!("failed to {error}")),
    }
}

fn telegram(config: &Config) -> Vec<Finding> {
    const WHAT: &str = "Telegram";
    let accounts = super::doctor_channels::accounts(config);
    let finding = |said| match said {
        Ok(well) => Finding::good(WHAT, well),
        Err(bad) => Finding::bad(WHAT, bad),
    };
    accounts.into_iter().map(finding).collect()
}

fn programs(config: &Config) -> Finding {
    let programs = &config.process.programs;
    let all = [&programs.agent, &programs.toolbox, &programs.jail];
    match all.into_iter().find(|program| !program.is_file()) {
        None => Finding::good("programs", "all there"),
        Some(missing) => Finding::bad("programs", format!("{} is missing", missing.display())),
    }
}

fn walls(config: &Config) -> Finding {
    const WHAT: &str = "walls";
    let probed = jail::probe::probe(&config.process.programs.jail, &std::env::temp_dir());
    let report = match probed {
        Err(error) => return Finding::bad(WHAT, format!("they could not be tried: {error}")),
        Ok(report) => report.with_cgroups(cgroup::check()),
    };
    match high_enough(&config.sandbox, &report) {
        Err(low) => Finding::bad(WHAT, low.to_string()),
        Ok(level) => {
            let missing = report.missing.map(|what| format!("; {what}"));
            Finding::good(
                WHAT,
                format!("level {level}{}", missing.unwrap_or_default()),
            )
        }
    }
}

fn workspaces(config: &Config, fix: bool) -> Finding {
    const WHAT: &str = "workspaces";
    for agent in &config.agents {
        let folder = &agent.workspace;
        let manual = folder.join(crate::config::MAIN_MANUAL);
        match std::fs::symlink_metadata(&manual) {
            Ok(found) if found.is_file() => {}
            Ok(_) => {
                let text = format!(
                    "{} is no plain file, and agents do without it; put one in its place",
                    manual.display()
                );
                return Finding::bad(WHAT, text);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && !fix => {
                let text = format!(
                    "{} has no AGENTS.md; the gateway lays it down at its start",
                    folder.display()
                );
                return Finding::good(WHAT, text);
            }
            Err(_) if fix => {
                if let Err(error) = crate::workspace::lay_out(folder) {
                    return Finding::bad(WHAT, format!("{}: {error}", folder.display()));
                }
            }
            Err(error) => return Finding::bad(WHAT, format!("{}: {error}", manual.display())),
        }
    }
    Finding::good(WHAT, "every manual is there")
}

async fn models(config: &Config) -> Finding {
    const WHAT: &str = "models";
    let report = ModelStack::new(config).report().await;
    let first = report.chain.iter().find(|model| model.usable);
    match first {
        Some(model) => Finding::good(WHAT, format!("{} ({})", model.model, model.detail)),
        None => {
            let all: Vec<String> = report
                .chain
                .iter()
                .map(|model| format!("{}: {}", model.model, model.detail))
                .collect();
            Finding::bad(WHAT, format!("none can be used: {}", all.join("; ")))
        }
    }
}

async fn gateway(config: &Config) -> Finding {
    const WHAT: &str = "gateway";
    match Client::connect(&config.paths).await {
        Err(CliError::NoGateway(text)) if is_heard(&config.paths.control_socket()) => {
            Finding::bad(WHAT, text)
        }
        Err(CliError::NoGateway(_)) => Finding::good(WHAT, "not running"),
        Err(error) => Finding::bad(WHAT, error.to_string()),
        Ok(mut client) => match client.ask(&ToSupervisor::Health).await {
            Ok(_) => Finding::good(WHAT, "running, and it answers"),
            Err(error) => Finding::bad(WHAT, error.to_string()),
        },
    }
}

/// Whether somebody listens there, be it without an answer.
fn is_heard(socket: &Path) -> bool {
    SocketPath::of(socket).is_ok_and(|path| path.is_heard())
}
