//! Decides: which tools an agent has, whether a call may run, in which jail, with what environment,
//! and when a turn has gone on for long enough.
//!
//! ```text
//!   config, approvals, host ──▶ SessionPolicy ──┬─ offered ──▶ what the model is shown
//!                                               ├─ decide ───▶ Allow | Confirm | Deny
//!                                               ├─ exec_jail, files_jail, elevated_jail ─▶ JailSpec
//!                                               └─ tool_start ▶ environment and bounds
//!   LoopGuard   the same call again and again       TurnBudget   calls, tokens, time
//! ```
//! Never touches a file, a process or a clock: whoever acts asks here first. Every reason is for
//! the model: what is not allowed, what would be, and which key of the configuration decides.

mod session;
mod loops;
mod budget;
mod patch;
mod elevated;
mod exec;
mod command;
mod jail_spec;
mod env;
mod host;
mod private;
mod minimum;
mod profile;
mod groups;

pub use budget::{TurnBudget, tokens};
pub use command::{IsProgram, Used};
pub use elevated::{Circumstances, Sender};
pub use exec::Person;
pub use host::HostPaths;
pub use loops::{LoopGuard, Verdict};
pub use minimum::{TooLow, high_enough, in_container, level, minimum};
pub use private::{Resolve, is_private};
pub use session::{PolicyInput, SessionPolicy};

use elevated::Elevation;
use exec::{Grant, Question};
use ipc::id::JobId;
use ipc::tool_args::{ExecArgs, ProcessAction, ProcessArgs, SessionStatusArgs, ToolArgs};
use std::path::PathBuf;

/// Whether a call may run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It may, there.
    Allow(Place),
    /// It may, there, once a person has said so. Until then nothing of it is begun.
    Confirm {
        /// Where it runs then.
        place: Place,
        /// Why a person is asked, in words.
        reason: String,
        /// The program that would have to be on the allow-list for nobody to be asked.
        program: Option<PathBuf>,
    },
    /// It may not.
    Deny {
        /// For the model.
        reason: String,
    },
}

/// Where a call runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the supervisor: it only tells what is known there.
    Supervisor,
    /// In the session's file worker.
    Files,
    /// In a toolbox process of its own.
    Exec {
        /// Whether it has the wider walls of `tools.elevated`, which are its own.
        elevated: bool,
    },
    /// In the toolbox process of that background job.
    Job(JobId),
    /// Nowhere: it lists the background jobs.
    Jobs,
}

/// Decides about one call.
#[must_use]
pub fn decide(args: &ToolArgs, policy: &SessionPolicy, who: &Circumstances<'_>) -> Decision {
    match decision(args, policy, who) {
        Ok(decision) => decision,
        Err(reason) => Decision::Deny { reason },
    }
}

fn decision(
    args: &ToolArgs,
    policy: &SessionPolicy,
    who: &Circumstances<'_>,
) -> Result<Decision, String> {
    policy.has_tool(args.name())?;
    let place = match args {
        ToolArgs::Exec(args) => return exec(args, policy, who),
        ToolArgs::Process(args) => return process(args, policy, who),
        ToolArgs::Read(_) | ToolArgs::Write(_) | ToolArgs::Edit(_) | ToolArgs::Ls(_) => {
            policy.jails_are_open().map(|()| Place::Files)?
        }
        ToolArgs::ApplyPatch(args) => policy.may_patch(&args.input).map(|()| Place::Files)?,
        ToolArgs::SessionStatus(args) => own_session(args, policy).map(|()| Place::Supervisor)?,
        ToolArgs::AgentsList(_) => Place::Supervisor,
    };
    Ok(Decision::Allow(place))
}

fn exec(
    args: &ExecArgs,
    policy: &SessionPolicy,
    who: &Circumstances<'_>,
) -> Result<Decision, String> {
    let elevated = args.elevated;
    let place = Place::Exec { elevated };
    let elevation = match elevated {
        true => policy.elevated().decide(who)?,
        false => Elevation::Free(who.person),
    };
    let asked = |question: Question| Decision::Confirm {
        place: place.clone(),
        reason: question.reason,
        program: question.program,
    };
    Ok(match elevation {
        Elevation::Free(person) => match policy.may_run(args, person)? {
            Grant::Free => Decision::Allow(place),
            Grant::Asked(question) => asked(question),
        },
        Elevation::Asked => {
            policy.may_run(args, who.person)?;
            asked(Question {
                reason: "it wants the wider walls, and /elevated is ask".to_owned(),
                program: None,
            })
        }
    })
}

/// A shell in the wider walls does what it is told: to speak to it is to run a command there.
fn process(
    args: &ProcessArgs,
    policy: &SessionPolicy,
    who: &Circumstances<'_>,
) -> Result<Decision, String> {
    let place = job(args)?;
    let speaks = match args.action {
        ProcessAction::Write
        | ProcessAction::SendKeys
        | ProcessAction::Submit
        | ProcessAction::Paste => true,
        ProcessAction::List
        | ProcessAction::Poll
        | ProcessAction::Log
        | ProcessAction::Kill
        | ProcessAction::Clear
        | ProcessAction::Remove => false,
    };
    let is_wider = matches!(&place, Place::Job(job) if who.wider.contains(job));
    if !(speaks && is_wider) {
        return Ok(Decision::Allow(place));
    }
    Ok(match policy.elevated().decide(who)? {
        Elevation::Free(_) => Decision::Allow(place),
        Elevation::Asked => Decision::Confirm {
            place,
            reason: "it speaks to an elevated command, and /elevated is ask".to_owned(),
            program: None,
        },
    })
}

fn job(args: &ProcessArgs) -> Result<Place, String> {
    let named = args.session_id.as_deref().map(str::trim);
    match (args.action, named.filter(|id| !id.is_empty())) {
        (ProcessAction::List, _) => Ok(Place::Jobs),
        (_, Some(id)) => Ok(Place::Job(id.into())),
        (_, None) => Err(
            "this action of process needs sessionId, the name exec gave the \
                          background command; process with action list shows them"
                .to_owned(),
        ),
    }
}

fn own_session(args: &SessionStatusArgs, policy: &SessionPolicy) -> Result<(), String> {
    let own = policy.session().as_str();
    match args.session_key.as_deref().map(str::trim) {
        None | Some("" | "current") => Ok(()),
        Some(key) if key == own => Ok(()),
        Some(key) => Err(format!(
            "session_status shows only the session it is called in, {own}, not {key}; leave \
             sessionKey out"
        )),
    }
}

#[cfg(test)]
mod tests;
