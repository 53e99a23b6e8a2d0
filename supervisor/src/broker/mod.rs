//! What the supervisor can do for an agent that asks: call a model, or answer from what it knows.
//!
//! | ask | here | who decides first |
//! |---|---|---|
//! | `Ask::Model` | [`model`] | `policy::TurnBudget` |
//! | `Ask::Tool` | `tool_host`, or [`status`] for tools that run in the supervisor | `policy::decide` |
//! | `Ask::Note` | the session's transcript | `session::permit` |

pub mod approvals;
pub mod model;
pub mod status;
pub mod walls;

use crate::audit::Audit;
use crate::config::Config;
use crate::config::Programs;
use crate::egress::Resolve;
use crate::meter::Meter;
use crate::model::ModelStack;
use crate::policy::HostPaths;
use crate::store::Store;
use crate::store::exec_approvals::ExecApprovals;
use arc_swap::ArcSwap;
use jail::probe::Report;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// What every session's driver works with.
#[derive(Debug)]
pub struct Services {
    /// The state database.
    pub store: Store,
    /// Where what happens is put on record.
    pub audit: Audit,
    /// Who counts what sessions use.
    pub meter: Meter,
    /// Who finds the addresses of names that tools want to reach.
    pub resolver: Arc<dyn Resolve>,
    /// What a reload replaces, all at once.
    pub live: ArcSwap<Live>,
    /// The children's programs.
    pub programs: Arc<Programs>,
    /// What the probe found of the walls; `None` until it has run.
    pub walls: watch::Receiver<Option<Report>>,
    /// Counts what was put into the outbox, or among the notices: channels look there when it moves.
    pub outgoing: watch::Sender<u64>,
    /// Commands that wait for a person's word.
    pub approvals: approvals::Approvals,
    /// What is wrong with the configuration on disk, while an older one is in force.
    pub complaint: Mutex<Option<String>>,
}

impl Services {
    /// Remembers what is wrong with the configuration on disk, for `health`; `None` when it is mended.
    pub fn complain(&self, what: Option<String>) {
        if let Ok(mut complaint) = self.complaint.lock() {
            *complaint = what;
        }
    }

    /// What is wrong with the configuration on disk.
    #[must_use]
    pub fn complaint(&self) -> Option<String> {
        self.complaint
            .lock()
            .ok()
            .and_then(|complaint| complaint.clone())
    }
}

/// A configuration and what was built from it.
#[derive(Debug)]
pub struct Live {
    /// The configuration.
    pub config: Arc<Config>,
    /// The models it names.
    pub models: ModelStack,
    /// The host's own word on `exec`; a person's *always* changes it at once.
    pub approvals: ArcSwap<ExecApprovals>,
    /// What is wrong with it, for `health`.
    pub approvals_complaint: Option<String>,
    /// Where this machine's toolchains are.
    pub host: HostPaths,
}
