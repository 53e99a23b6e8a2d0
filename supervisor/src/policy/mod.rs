//! Decides: which tools an agent has, whether a call may run, in which jail, with what environment,
//! and when a turn has gone on for long enough.
//!
//! ```text
//!   config, approvals, host ──▶ SessionPolicy ──┬─ offered ──▶ what the model is shown
//!                                               ├─ decide ───▶ Allow(Place) | Deny(reason)
//!                                               ├─ exec_jail, files_jail ─▶ JailSpec
//!                                               └─ tool_start ▶ environment and bounds
//!   LoopGuard   the same call again and again       TurnBudget   calls, tokens, time
//! ```
//! Never touches a file, a process or a clock: whoever acts asks here first. Every reason is for
//! the model: what is not allowed, what would be, and which key of the configuration decides.

mod session;
mod loops;
mod budget;
mod patch;
mod exec;
mod command;
mod jail_spec;
mod env;
mod host;
mod private;
mod profile;
mod groups;

pub use budget::{TurnBudget, tokens};
pub use command::IsProgram;
pub use host::HostPaths;
pub use loops::{LoopGuard, Verdict};
pub use private::Resolve;
pub use session::{PolicyInput, SessionPolicy};

use ipc::id::JobId;
use ipc::tool_args::{ProcessAction, ProcessArgs, SessionStatusArgs, ToolArgs};

/// Whether a call may run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It may, there.
    Allow(Place),
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
    Exec,
    /// In the toolbox process of that background job.
    Job(JobId),
    /// Nowhere: it lists the background jobs.
    Jobs,
}

/// Decides about one call.
#[must_use]
pub fn decide(args: &ToolArgs, policy: &SessionPolicy) -> Decision {
    match place(args, policy) {
        Ok(place) => Decision::Allow(place),
        Err(reason) => Decision::Deny { reason },
    }
}

fn place(args: &ToolArgs, policy: &SessionPolicy) -> Result<Place, String> {
    policy.has_tool(args.name())?;
    match args {
        ToolArgs::Exec(args) => policy.may_run(args).map(|()| Place::Exec),
        ToolArgs::Process(args) => job(args),
        ToolArgs::Read(_) | ToolArgs::Write(_) | ToolArgs::Edit(_) | ToolArgs::Ls(_) => {
            policy.jails_are_open().map(|()| Place::Files)
        }
        ToolArgs::ApplyPatch(args) => policy.may_patch(&args.input).map(|()| Place::Files),
        ToolArgs::SessionStatus(args) => own_session(args, policy).map(|()| Place::Supervisor),
        ToolArgs::AgentsList(_) => Ok(Place::Supervisor),
    }
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
