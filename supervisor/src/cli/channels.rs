//! `openclaw channels`: the ways people reach the gateway from outside, and how they are.

use super::{CliError, ExitCode, client::Client, on_one_thread, out, paths};
use crate::config::{DmPolicy, GroupPolicy, Source, TelegramAccount};
use crate::control::channel_line;
use ipc::control::{ChannelStatus, FromSupervisor, ToSupervisor};
use serde::Serialize;

/// The ways people reach the gateway from outside.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// How each account is.
    Status {
        /// Ask each server now, instead of telling what was last seen.
        #[arg(long)]
        probe: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// What is configured; needs no gateway.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    match &args.command {
        None => status(false, args.json),
        Some(Command::Status { probe, json }) => status(*probe, *json || args.json),
        Some(Command::List { json }) => list(*json || args.json),
    }
}

const NONE: &str = "no channel is set up; set TELEGRAM_BOT_TOKEN, or channels.telegram.botToken: \
                    @BotFather gives tokens";

fn status(probe: bool, json: bool) -> Result<ExitCode, CliError> {
    let message = ToSupervisor::Channels { probe };
    let answer = on_one_thread(async { Client::connect(&paths()).await?.ask(&message).await })?;
    let FromSupervisor::Channels { channels } = answer else {
        return Err(CliError::unexpected(&answer));
    };
    if json {
        out::line(&super::json(&channels)?)?;
    } else if channels.is_empty() {
        out::line(NONE)?;
    } else {
        let now = jiff::Timestamp::now().as_millisecond();
        for channel in &channels {
            out::print(&in_words(channel, now))?;
        }
    }
    Ok(match channels.iter().all(|channel| channel.ok) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// An account as a person reads it.
fn in_words(status: &ChannelStatus, now: i64) -> String {
    let line = channel_line(status);
    let mut text = format!("{}: {}\n", line.name, line.detail);
    text += &match (status.mode.as_str(), status.polled_at) {
        ("polling", Some(at)) => format!("  polling, last heard {} ago\n", ago(now, at)),
        (mode, _) => format!("  {mode}\n"),
    };
    let oldest = match status.waiting {
        0 => String::new(),
        _ => format!(" (the oldest for {})", long(status.lag_ms / 1000)),
    };
    text += &format!(
        "  {} waiting{oldest}, {} held of people not let in yet, {} to send, {} unreadable\n",
        status.waiting, status.held, status.unsent, status.unreadable
    );
    if let Some((at, error)) = &status.last_error {
        let error = out::one_line(error);
        text += &format!("  last error {} ago: {error}\n", ago(now, *at));
    }
    if let Some((at, reason)) = &status.last_undelivered {
        let (count, reason) = (status.undelivered, out::one_line(reason));
        text += &format!(
            "  {count} could not be delivered since the start, the last {} ago: {reason}\n",
            ago(now, *at)
        );
    }
    text
}

fn ago(now: i64, at: i64) -> String {
    long(u64::try_from(now.saturating_sub(at)).unwrap_or(0) / 1000)
}

/// Seconds, in the largest unit that tells something.
pub(super) fn long(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// An account as it is configured.
#[derive(Debug, Serialize)]
struct Listed<'a> {
    channel: &'static str,
    account: &'a str,
    name: &'a str,
    default: bool,
    mode: &'static str,
    dm_policy: &'static str,
    group_policy: &'static str,
    /// Ids of the groups that are listed.
    groups: Vec<&'a str>,
}

fn list(json: bool) -> Result<ExitCode, CliError> {
    let config = Source::of_process().load()?;
    let accounts: Vec<_> = config.telegram.iter().map(listed).collect();
    if json {
        out::line(&super::json(&accounts)?)?;
    } else if accounts.is_empty() {
        out::line(NONE)?;
    }
    for account in accounts.iter().filter(|_| !json) {
        let default = if account.default { " (default)" } else { "" };
        out::line(&format!(
            "Telegram {}{default}: {}, {}; in private: {}; in groups: {}, {} listed",
            account.account,
            account.name,
            account.mode,
            account.dm_policy,
            account.group_policy,
            account.groups.len(),
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn listed(account: &TelegramAccount) -> Listed<'_> {
    Listed {
        channel: "telegram",
        account: &account.id,
        name: &account.name,
        default: account.is_default,
        mode: match account.webhook {
            Some(_) => "webhook",
            None => "polling",
        },
        dm_policy: match account.dm_policy {
            DmPolicy::Pairing => "pairing",
            DmPolicy::Allowlist => "allowlist",
            DmPolicy::Open => "open",
            DmPolicy::Disabled => "disabled",
        },
        group_policy: match account.group_policy {
            GroupPolicy::Open => "open",
            GroupPolicy::Allowlist => "allowlist",
            GroupPolicy::Disabled => "disabled",
        },
        groups: account.groups.keys().map(String::as_str).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> ChannelStatus {
        ChannelStatus {
            channel: "telegram".into(),
            account: "default".into(),
            ok: true,
            name: "@bot".into(),
            mode: "polling".into(),
            detail: "ok".into(),
            polled_at: Some(7_000),
            lag_ms: 0,
            waiting: 0,
            held: 0,
            unreadable: 0,
            unsent: 0,
            last_error: None,
            undelivered: 0,
            last_undelivered: None,
        }
    }

    #[test]
    fn an_account_says_all_that_tells_whether_it_works() {
        let said = in_words(&status(), 10_000);
        assert!(
            said.starts_with("Telegram: ok (@bot)\n  polling, last heard 3 s ago\n"),
            "{said}"
        );
        assert!(!said.contains("delivered"), "{said}");
        let behind = ChannelStatus {
            account: "work".into(),
            ok: false,
            detail: "another program polls this token".into(),
            waiting: 3,
            lag_ms: 200_000,
            unsent: 2,
            last_error: Some((9_000, "another\nprogram".into())),
            undelivered: 2,
            last_undelivered: Some((8_000, "Forbidden: bot was\nblocked".into())),
            ..status()
        };
        let said = in_words(&behind, 10_000);
        for part in [
            "Telegram work: failing (another program polls this token)\n",
            "3 waiting (the oldest for 3 min)",
            "2 to send",
            "last error 1 s ago: another program\n",
            "2 could not be delivered since the start, the last 2 s ago: Forbidden: bot was blocked\n",
        ] {
            assert!(said.contains(part), "{part} in {said}");
        }
    }

    #[test]
    fn a_time_is_told_in_a_unit_that_fits() {
        let said = [0, 119, 120, 7_199, 7_200, 172_800].map(long);
        assert_eq!(said, ["0 s", "119 s", "2 min", "119 min", "2 h", "2 days"]);
    }
}
