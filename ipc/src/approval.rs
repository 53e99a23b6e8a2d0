//! Asking a person whether a command may run.

use crate::id::SessionKey;
use serde::{Deserialize, Serialize};

/// A command that waits for a person's word. Nothing runs until then, and silence is a no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalRequest {
    /// How it is named in an answer: a few letters and digits, unique while it waits.
    pub id: String,
    /// Whose command.
    pub session: SessionKey,
    /// The command, whole.
    pub command: String,
    /// Where it would run, relative to the workspace; empty for the workspace itself.
    pub workdir: String,
    /// Why a person is asked, in words.
    pub reason: String,
    /// Whether it would run in the wider walls of `tools.elevated`.
    pub elevated: bool,
    /// The program that an allow-always would put on the list; `None` where there is none to put
    /// there (a shell construct, several programs).
    pub program: Option<String>,
    /// When it was asked, milliseconds since 1970.
    pub asked_at: i64,
    /// When silence becomes a no, milliseconds since 1970.
    pub expires_at: i64,
}

/// A person's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApprovalDecision {
    /// This once.
    AllowOnce,
    /// This and whatever else runs the same program; written to `exec-approvals.json`.
    AllowAlways,
    /// No.
    Deny,
}

/// How an approval request ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalEnd {
    /// Which request.
    pub id: String,
    /// The word; `None` when nobody gave one in time, or the turn ended first.
    pub decision: Option<ApprovalDecision>,
    /// Who gave it: `cli`, or a channel's sender; empty when nobody did.
    pub by: String,
}
