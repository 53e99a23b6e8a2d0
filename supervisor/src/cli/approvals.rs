//! `openclaw approvals`: commands that wait for a person's word, and the word.

use super::{CliError, ExitCode, client::Client, on_one_thread, out, paths, request};
use ipc::approval::{ApprovalDecision, ApprovalRequest};
use ipc::control::{FromSupervisor, ToSupervisor};

/// Commands that wait for your word.
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
    /// What waits, the oldest first.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Let a command run.
    Approve {
        /// Which, or the beginning of its name.
        id: String,
        /// This program always, from now on: it is put on the allow-list of exec-approvals.json.
        #[arg(long)]
        always: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Do not let a command run.
    Deny {
        /// Which, or the beginning of its name.
        id: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    match &args.command {
        None => list(args.json),
        Some(Command::List { json }) => list(*json || args.json),
        Some(Command::Approve { id, always, json }) => {
            let decision = match always {
                true => ApprovalDecision::AllowAlways,
                false => ApprovalDecision::AllowOnce,
            };
            decide(id, decision, *json || args.json)
        }
        Some(Command::Deny { id, json }) => decide(id, ApprovalDecision::Deny, *json || args.json),
    }
}

fn ask(message: &ToSupervisor) -> Result<FromSupervisor, CliError> {
    on_one_thread(async { Client::connect(&paths()).await?.ask(message).await })
}

fn list(json: bool) -> Result<ExitCode, CliError> {
    let answer = ask(&ToSupervisor::Approvals)?;
    let FromSupervisor::Approvals { pending } = answer else {
        return Err(CliError::unexpected(&answer));
    };
    if json {
        out::line(&super::json(&pending)?)?;
    } else if pending.is_empty() {
        out::line("nothing waits for approval")?;
    } else {
        let now = jiff::Timestamp::now().as_millisecond();
        for request in &pending {
            out::line(&in_words(request, now))?;
        }
        out::line(HOW)?;
    }
    Ok(ExitCode::SUCCESS)
}

const HOW: &str = "openclaw approvals approve ID [--always], or openclaw approvals deny ID";

fn decide(id: &str, decision: ApprovalDecision, json: bool) -> Result<ExitCode, CliError> {
    let id = id.to_owned();
    let answer = ask(&ToSupervisor::Approve { id, decision })?;
    let FromSupervisor::Done { message } = answer else {
        return Err(CliError::unexpected(&answer));
    };
    if json {
        let done = serde_json::json!({ "decision": decision, "message": message });
        out::line(&super::json(&done)?)?;
    } else {
        out::line(&message)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A request as a person reads it in a list.
fn in_words(request: &ApprovalRequest, now: i64) -> String {
    let left = request.expires_at.saturating_sub(now).max(0) / 1000;
    format!(
        "{}  {}, {left} s left\n{}",
        request.id,
        request.session,
        request::what(request)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> ApprovalRequest {
        ApprovalRequest {
            id: "a1b2c3d4".to_owned(),
            session: "agent:main:main".into(),
            command: "rm x\ndeadbeef  agent:main:other, 9 s left".to_owned(),
            workdir: "sub".to_owned(),
            reason: "/usr/bin/rm is not on the allow-list".to_owned(),
            elevated: true,
            program: Some("/usr/bin/rm".to_owned()),
            asked_at: 0,
            expires_at: 120_000,
        }
    }

    #[test]
    fn a_request_says_all_there_is_to_decide_on() {
        let text = in_words(&request(), 20_000);
        for part in [
            "a1b2c3d4  agent:main:main, 100 s left",
            "| rm x",
            "in \"sub\"",
            "ELEVATED",
            "is not on the allow-list",
            "always would allow /usr/bin/rm",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn no_line_of_a_command_looks_like_ours() {
        let text = in_words(&request(), 0);
        let forged = text.lines().find(|line| line.contains("deadbeef"));
        assert!(forged.unwrap().starts_with("  | "), "{text}");
    }
}
